"""Install the clients to compare with, those that can be: `python -m benchmarks.peers`.

All at once where that works, else one by one; and 0.1.0 of this one, from the history.
The report names what is missing.
"""

from __future__ import annotations

import subprocess
import sys
from io import BytesIO
from pathlib import Path
from typing import Any

_RELEASED = "c3e869ad915967adf1219f6eec1b47c9c72ee6b4"
_ROOT = Path(__file__).parent.parent

PLACE = Path(sys.prefix) / "veeam_async-0.1.0"
"""Where 0.1.0 lies: in the environment of this process, with which it goes."""


def main() -> None:
    """Install what the dependency group `bench` lists, and unpack 0.1.0."""
    import tomllib  # noqa: PLC0415 - see cold.py

    if not unpack():
        print("left out, since the history here lacks it: 0.1.0", file=sys.stderr)
    wanted = tomllib.loads((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    peers: list[str] = wanted["dependency-groups"]["bench"]
    if _install(*peers):
        return
    for peer in peers:
        if not _install(peer):
            print(f"left out, since it does not install here: {peer}", file=sys.stderr)


def _install(*packages: str) -> bool:
    command = [sys.executable, "-m", "pip", "install", "--quiet", *packages]
    return not subprocess.run(command, check=False).returncode  # noqa: S603 - our own list


def unpack(place: Path = PLACE) -> bool:
    """Take 0.1.0 from the history; False where that does not reach so far."""
    import tarfile  # noqa: PLC0415 - see cold.py

    command = ["git", "-C", str(_ROOT), "archive", _RELEASED, "veeam_async"]
    try:
        packed = subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - a fixed command
    except (OSError, subprocess.CalledProcessError):
        return False
    with tarfile.open(fileobj=BytesIO(packed.stdout)) as archive:
        # Python before 3.11.4 has no filters; what our own history holds needs none.
        has_filters = hasattr(tarfile, "data_filter")
        how: dict[str, Any] = {"filter": "data"} if has_filters else {}
        archive.extractall(place, **how)  # noqa: S202 - it is our own history
    return True


if __name__ == "__main__":
    main()
