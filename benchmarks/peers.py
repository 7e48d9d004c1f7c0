"""Install the clients to compare with, those that can be: `python -m benchmarks.peers`.

All at once where that works, else one by one; and 0.1.0 of this one, from the history.
The report names what is missing.
"""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

from benchmarks import released

_PROJECT = Path(__file__).parent.parent / "pyproject.toml"


def main() -> None:
    """Install what the dependency group `bench` lists, and unpack 0.1.0."""
    if not released.unpack():
        print("left out, since the history here lacks it: 0.1.0", file=sys.stderr)
    wanted = tomllib.loads(_PROJECT.read_text(encoding="utf-8"))
    peers: list[str] = wanted["dependency-groups"]["bench"]
    if _install(*peers):
        return
    for peer in peers:
        if not _install(peer):
            print(f"left out, since it does not install here: {peer}", file=sys.stderr)


def _install(*packages: str) -> bool:
    command = [sys.executable, "-m", "pip", "install", "--quiet", *packages]
    return not subprocess.run(command, check=False).returncode  # noqa: S603 - our own list


if __name__ == "__main__":
    main()
