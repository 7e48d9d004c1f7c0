"""Refuse a module above 250 lines, unless its reason stands here."""

from __future__ import annotations

import sys
from pathlib import Path

LIMIT = 250
REASONS: dict[str, str] = {}
"""A module's path to the reason why it may be longer."""


def main() -> int:
    """Print the modules that are too long; give the exit status."""
    root = Path(__file__).parent.parent
    status = 0
    for path in sorted((root / "veeam_async").rglob("*.py")):
        name = path.relative_to(root).as_posix()
        lines = len(path.read_text(encoding="utf-8").splitlines())
        if lines > LIMIT and name not in REASONS:
            sys.stderr.write(f"{name} has {lines} lines: what does it really hold?\n")
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
