"""Run Python with coverage of all its processes; fail where too little is covered.

`python .ci/coverage.py -m pytest` says what is covered only where that is too little.
"""

from __future__ import annotations

import subprocess
import sys


def coverage(*command: str, quietly: bool = True) -> subprocess.CompletedProcess[str]:
    """Run coverage; what it prints is kept if *quietly*."""
    return subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "coverage", *command],
        capture_output=quietly,
        text=True,
        check=False,
    )


def main() -> int:
    """Give the exit status: 1 where less is covered than pyproject.toml asks for."""
    coverage("erase")
    ran = coverage("run", *sys.argv[1:], quietly=False)
    coverage("combine", "--quiet")
    report = coverage("report")
    if report.returncode:
        sys.stderr.write(report.stdout + report.stderr)
    return ran.returncode or report.returncode


if __name__ == "__main__":
    sys.exit(main())
