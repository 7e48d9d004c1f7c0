"""Combine the coverage of all processes; say nothing unless it is too low."""

from __future__ import annotations

import subprocess
import sys


def coverage(*command: str) -> subprocess.CompletedProcess[str]:
    """Run coverage and keep what it prints."""
    return subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "coverage", *command],
        capture_output=True,
        text=True,
        check=False,
    )


def main() -> int:
    """Give the exit status: 1 where less is covered than pyproject.toml asks for."""
    coverage("combine", "--quiet")
    report = coverage("report")
    if report.returncode:
        sys.stderr.write(report.stdout + report.stderr)
    return report.returncode


if __name__ == "__main__":
    sys.exit(main())
