"""Wall times as text, in checkpoints and saved runs: ISO 8601, in UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import overload


@overload
def to_text(time: datetime) -> str: ...
@overload
def to_text(time: None) -> None: ...
@overload
def to_text(time: datetime | None) -> str | None: ...
def to_text(time: datetime | None) -> str | None:
    """An aware time as text; None stays None."""
    return None if time is None else time.astimezone(UTC).isoformat()


@overload
def from_text(text: str) -> datetime: ...
@overload
def from_text(text: None) -> None: ...
@overload
def from_text(text: str | None) -> datetime | None: ...
def from_text(text: str | None) -> datetime | None:
    """The time that *text* is, in UTC.

    Raises ValueError where it has no time zone, or lies beyond the calendar in UTC.
    """
    if text is None:
        return None
    time = datetime.fromisoformat(text)
    # Saved by one process and read by another, which may sit in another zone.
    if time.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    try:
        return time.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{text!r} is in no year of UTC") from None
