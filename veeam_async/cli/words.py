"""Values as words for people: times, spans, sizes, states; safe for a terminal."""

from __future__ import annotations

from datetime import datetime, timedelta

_MINUTE = 60
_HOUR = 3600
_DAY = 86_400
_KILO = 1024
_UNITS = ("B", "KB", "MB", "GB", "TB")


def one_line(text: str) -> str:
    """Put *text* on one line, without characters that steer a terminal."""
    return plain(" ".join(text.split()))


def plain(text: str) -> str:
    """Replace what is not printable: a server's names are not ours to execute."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else "�" for char in text)


def when(time: datetime | None) -> str:
    """Give a time in this machine's own zone, to the minute."""
    return f"{time.astimezone():%Y-%m-%d %H:%M}" if time else ""


def clock(time: datetime) -> str:
    """Give the time of day in this machine's own zone."""
    return f"{time.astimezone():%H:%M:%S}"


def span(length: timedelta | None) -> str:
    """Give a length of time in its two largest units, such as `2h 05m`."""
    if length is None:
        return ""
    seconds = max(0, round(length.total_seconds()))
    if seconds < _MINUTE:
        return f"{seconds}s"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE}m {seconds % _MINUTE:02}s"
    if seconds < _DAY:
        return f"{seconds // _HOUR}h {seconds % _HOUR // _MINUTE:02}m"
    return f"{seconds // _DAY}d {seconds % _DAY // _HOUR:02}h"


def seconds(length: float) -> str:
    """Give a number of seconds with as many digits as tell something."""
    return f"{length:.2f} s" if length < 1 else f"{length:.1f} s"


def rate(many: int, length: float) -> str:
    """Give how many a second."""
    each = many / length if length > 0 else 0.0
    return f"{each:,.1f}/s" if each < 10 else f"{each:,.0f}/s"  # noqa: PLR2004 - below ten a digit more tells something


def size(many: int) -> str:
    """Give a number of bytes in its largest unit."""
    power = min(max(many.bit_length() - 1, 0) // 10, len(_UNITS) - 1)
    digits = 1 if power else 0
    return f"{many / _KILO**power:.{digits}f} {_UNITS[power]}"


def count(many: int, noun: str) -> str:
    """Give a number with its noun: `1 session`, `2,000 sessions`."""
    return f"{many:,} {noun}" if many == 1 else f"{many:,} {noun}s"
