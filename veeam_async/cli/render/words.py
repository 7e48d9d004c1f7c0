"""Values as short words for people: times, sizes, outcomes; safe to print."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from veeam_async import (
        BackupJobSession,
        BackupTaskSession,
        HealthChanged,
        ReplicaJobSession,
        RestoreSession,
        VeeamError,
        WatchEvent,
    )
    from veeam_async.models import Session

# Texts, since `say` needs this module, and nothing else of the client.
AnySession: TypeAlias = "BackupJobSession | ReplicaJobSession | RestoreSession"
Event: TypeAlias = "WatchEvent[Any]"

GONE = "Gone"
"""The outcome of a session that the server does not know (any more)."""

_MINUTE = 60
_HOUR = 3600
_DAY = 86_400
_KILO = 1024
_AHEAD = timedelta(minutes=-1)
"""How far a backup server's clock may be ahead and still be taken for right."""
_UNITS = ("B", "KB", "MB", "GB", "TB")
_INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""What Unicode calls printable, and no terminal shows."""

# ---------------------------------------------------------------- strings


def one_line(text: str) -> str:
    """*text* on a single line, without characters that steer a terminal."""
    return printable(" ".join(text.split()))


def printable(text: str) -> str:
    """*text* with a replacement character for each that is not printable."""
    # A job may be called "\x1b[2J": its name is the server's, not ours to execute.
    if text.isprintable() and _INVISIBLE.isdisjoint(text):
        return text
    return "".join(char if _is_shown(char) else "�" for char in text)


def escaped(text: str) -> str:
    """JSON *text* with an escape for each character that is not printable, but LF."""
    if text.isascii() and "\x7f" not in text:  # JSON has escaped those below the space
        return text
    return "".join(
        char if char == "\n" or _is_shown(char) else json.dumps(char)[1:-1]
        for char in text.replace("\x7f", "\\u007f")
    )


def _is_shown(char: str) -> bool:
    return char.isprintable() and char not in _INVISIBLE


def id_text(row: Any) -> str:
    """The UUID of a row; of a machine, whose UID ends in none, the whole UID."""
    try:
        return str(row.id)
    except ValueError:
        return printable(row.uid)


def count(number: int, noun: str) -> str:
    """A number with its noun: `1 session`, `2,000 sessions`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


# ---------------------------------------------------------------- times and sizes


def date_time(time: datetime | None) -> str:
    """A time to the minute, in the zone of this machine; empty for None."""
    if time is None:
        return ""
    return f"{_here(time):%Y-%m-%d %H:%M}"


def zoned(time: datetime) -> str:
    """A time as `date_time` shows it, with its zone: `2026-11-27 18:00 UTC+1`."""
    return f"{date_time(time)} {zone([time])}"


def short_date_time(time: datetime | None) -> str:
    """As `date_time`, without the year: EM shows what is younger than 30 days."""
    return date_time(time)[5:]


def zone(times: Iterable[datetime | None]) -> str:
    """The zone in which `date_time` shows *times*, such as `UTC+1`.

    Two of them, `UTC+1/+2`, where the clocks were put forward or back in between.
    """
    shown = [time for time in times if time is not None] or [datetime.now(UTC)]
    offsets = sorted({_here(time).utcoffset() or timedelta() for time in shown})
    if not any(offsets):
        return "UTC"
    return f"UTC{'/'.join(map(_offset, offsets))}"


def _offset(offset: timedelta) -> str:
    minutes = round(offset.total_seconds() / _MINUTE)
    hours, rest = divmod(abs(minutes), _MINUTE)
    return f"{'-' if minutes < 0 else '+'}{hours}{f':{rest:02}' if rest else ''}"


def time_of_day(time: datetime) -> str:
    """A time to the second, in the zone of this machine, without its date."""
    return f"{_here(time):%H:%M:%S}"


def _here(time: datetime) -> datetime:
    """A time in the zone of this machine, or as it is at the edge of the calendar."""
    try:
        return time.astimezone()
    except (OverflowError, ValueError, OSError):
        return time


def duration(length: timedelta | None) -> str:
    """A duration in its two largest units, such as `2h 05m`; empty for None."""
    if length is None:
        return ""
    # Negative where the backup server's clock was set back during the session.
    total = max(0, round(length.total_seconds()))
    if total < _MINUTE:
        return f"{total}s"
    if total < _HOUR:
        return f"{total // _MINUTE}m {total % _MINUTE:02}s"
    if total < _DAY:
        return f"{total // _HOUR}h {total % _HOUR // _MINUTE:02}m"
    return f"{total // _DAY}d {total % _DAY // _HOUR:02}h"


def seconds(length: float) -> str:
    """Seconds with one decimal, two below a second."""
    return f"{length:.2f} s" if length < 1 else f"{length:.1f} s"


def rate(number: int, length: float) -> str:
    """How many a second, when *number* took *length* seconds."""
    # A clock of 16 ms, as on Windows, measures nothing for what is faster.
    per_second = number / length if length > 0 else 0.0
    return f"{per_second:,.1f}/s" if per_second < 10 else f"{per_second:,.0f}/s"  # noqa: PLR2004 - below ten a digit more tells something


def byte_size(number: int) -> str:
    """A number of bytes in its largest unit, such as `1.5 KB`."""
    power = min(max(number.bit_length() - 1, 0) // 10, len(_UNITS) - 1)
    digits = 1 if power else 0
    return f"{number / _KILO**power:.{digits}f} {_UNITS[power]}"


# ---------------------------------------------------------------- health

_OUTAGES = {
    "server": ("the server has not answered", "the server answers again"),
    "discovery": ("new sessions have been out of sight", "new sessions are seen again"),
    "list": ("no list of sessions has worked", "lists of sessions work again"),
}
"""The words for an outage of a scope and for its end; a session has others."""


def outage(scope: str, since: datetime) -> str:
    """The sentence for an outage of *scope*."""
    what, _ = _OUTAGES.get(scope, _OUTAGES["server"])
    return f"{what} since {time_of_day(since)}"


def health(event: HealthChanged) -> str:
    """Who does not answer and since when, or who answers again."""
    is_over = event.kind == "RECOVERED"
    if event.id is None:
        _, end = _OUTAGES.get(event.scope, _OUTAGES["server"])
        return end if is_over else outage(event.scope, event.since)
    if is_over:
        return f"{event.id} answers again"
    return f"{event.id} has not answered since {time_of_day(event.since)}"


def health_news(event: HealthChanged) -> str:
    """The same on a line of its own, with the reason."""
    reason = "" if event.kind == "RECOVERED" else why(event.error)
    return f"{health(event)}{reason}"


def why(error: VeeamError | str | None) -> str:
    """The reason to add to a sentence, in few words: a URL would fill the line."""
    status = getattr(error, "status", None)
    if status is not None:
        message = getattr(error, "message", None)
        return one_line(f": HTTP {status}" + (f", {message}" if message else ""))
    return "" if error is None else f": {one_line(str(error))}"


# ---------------------------------------------------------------- sessions


def outcome(session: AnySession | BackupTaskSession) -> str:
    """The result of a session that has ended, else its state."""
    # A result may be missing for a moment after the end: the state stands in for it.
    result = session.result if has_ended(session) else None
    return printable(str(result or session.state))


def has_ended(session: AnySession | BackupTaskSession) -> bool:
    """Whether the work has ended, be it of a job or on one machine."""
    from veeam_async import BackupTaskSession  # noqa: PLC0415 - as above

    if isinstance(session, BackupTaskSession):
        return session.is_completed
    return session.is_stopped


def took(session: AnySession | BackupTaskSession, now: datetime | None = None) -> str:
    """How long a session took; of one that runs, how long it has been running.

    *now* is the server's time, this machine's by default.
    """
    if has_ended(session) or session.end_time is not None:
        return duration(session.duration)
    so_far = (now or datetime.now(UTC)) - session.creation_time
    return duration(so_far) if so_far > _AHEAD else ""


def title(session: AnySession) -> str:
    """The name people know a session by: its job, or the machine that is restored."""
    from veeam_async import RestoreSession  # noqa: PLC0415 - as above

    if isinstance(session, RestoreSession):
        return printable(session.vm_display_name or session.name)
    return printable(session.job_name or session.name)


def failure_reason(failed: Session) -> str:
    """Why a session failed, on one line."""
    return one_line(failed.failure_message or "no reason given")
