"""The client that was released as 0.1.0, unpacked from the history: what to gain on."""

from __future__ import annotations

import subprocess
import sys
from io import BytesIO
from pathlib import Path
from typing import Any

_COMMIT = "c3e869ad915967adf1219f6eec1b47c9c72ee6b4"
_ROOT = Path(__file__).parent.parent

PLACE = Path(sys.prefix) / "veeam_async-0.1.0"
"""In the environment of this process, with which it goes."""


def is_unpacked() -> bool:
    """Whether it can take part."""
    return (PLACE / "veeam_async").is_dir()


def unpack(place: Path = PLACE) -> bool:
    """Take it from the history; False where that does not reach so far."""
    import tarfile  # noqa: PLC0415 - see cold.py

    command = ["git", "-C", str(_ROOT), "archive", _COMMIT, "veeam_async"]
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
