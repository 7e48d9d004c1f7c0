"""Refuse a room that the import contracts forget."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
APART = {"__init__", "__main__", "__pycache__", "simulator"}
"""What is no room of the client."""

STARTERS = {"veeam_async.cli", "veeam_async.plugin"}
"""The rooms that may start the simulator."""


def forgotten() -> list[str]:
    """Name the rooms that a contract about all of them does not list."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    found = []
    for contract in settings["tool"]["importlinter"]["contracts"]:
        container = contract.get("containers", ["veeam_async"])[0]
        if contract["name"] == "The simulator shares no code with the client":
            listed = set(contract["forbidden_modules"])
        elif contract["name"] == "Only command line and plugin start the simulator":
            listed = {*contract["source_modules"], *STARTERS}
        elif contract["type"] == "layers":
            listed = _layers(container, contract["layers"])
        else:
            continue
        missing = sorted(_rooms(container) - listed)
        found += [f"{contract['name']}: {room} is missing" for room in missing]
    return found


def _rooms(container: str) -> set[str]:
    """Give the modules and packages of a package."""
    folder = ROOT.joinpath(*container.split("."))
    names = {path.stem for path in folder.iterdir() if path.suffix in ("", ".py")}
    return {f"{container}.{name}" for name in names - APART}


def _layers(container: str, layers: list[str]) -> set[str]:
    return {
        f"{container}.{name.strip()}" for layer in layers for name in layer.split("|")
    }


def main() -> int:
    """Print what is wrong; give the exit status."""
    wrong = forgotten()
    for line in wrong:
        sys.stderr.write(f"{line}\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
