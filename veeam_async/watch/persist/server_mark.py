"""The mark of a backup server as plain JSON types, and back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from veeam_async.errors import Json
from veeam_async.saved_times import from_text, to_text
from veeam_async.watch.tracker.watermark import BackupServer, ServerMark, real_or_none

_LONGEST = 1e9
"""Seconds, some thirty years: what lies beyond them is no clock."""


def saved_mark(mark: ServerMark) -> dict[str, Json]:
    """A mark as it stands in a checkpoint."""
    server = mark.server
    return {
        "server": None if server is None else {"id": server.id, "name": server.name},
        "newest": to_text(mark.newest),
        "began": to_text(mark.began),
        "heard": to_text(mark.heard),
        "drift": _seconds(mark.drift),
        "ahead": _seconds(mark.ahead),
        "doubt": _seconds(mark.doubt),
        "held": to_text(mark.held),
    }


def loaded_mark(saved: dict[str, Any]) -> ServerMark:
    """The mark that was saved; ValueError where it is none."""
    server = saved["server"]
    return ServerMark(
        server=None if server is None else _server(server),
        newest=real_or_none(from_text(saved["newest"])),
        began=real_or_none(from_text(saved["began"])),
        heard=real_or_none(from_text(saved["heard"])),
        drift=_duration(saved["drift"]),
        ahead=_duration(saved["ahead"]) or timedelta(),
        doubt=_duration(saved["doubt"]),
        held=from_text(saved["held"]),
    )


def _server(saved: dict[str, Any]) -> BackupServer:
    name = str(saved["name"])
    name.encode()  # UnicodeEncodeError, a ValueError, for what no filter can hold
    return BackupServer(str(saved["id"]), name)


def _seconds(duration: timedelta | None) -> float | None:
    return None if duration is None else duration.total_seconds()


def _duration(seconds: object) -> timedelta | None:
    if seconds is None:
        return None
    if not isinstance(seconds, int | float) or not abs(seconds) <= _LONGEST:
        raise ValueError(f"{seconds!r} is no difference between clocks")
    return timedelta(seconds=seconds)
