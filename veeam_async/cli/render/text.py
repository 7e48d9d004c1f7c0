"""Values as short texts for people: times, sizes, sessions, events; safe to print."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from rich.text import Text

from veeam_async import (
    BackupJobSession,
    BackupTaskSession,
    EventKind,
    HealthChanged,
    ReplicaJobSession,
    RestoreSession,
    SessionChanged,
    WatchEvent,
)
from veeam_async.models import Session

AnySession = BackupJobSession | ReplicaJobSession | RestoreSession
Event: TypeAlias = WatchEvent[Any]

GONE = "Gone"
"""The outcome of a session that the server does not know (any more)."""
SEPARATOR = " · "
"""Put between two counts on a line."""

_MINUTE = 60
_HOUR = 3600
_DAY = 86_400
_KILO = 1024
_UNITS = ("B", "KB", "MB", "GB", "TB")
_STYLES = {
    "Success": "green",
    "Warning": "yellow",
    "Failed": "bold red",
    "Working": "cyan",
    "InProgress": "cyan",
    GONE: "magenta",
}
_FINAL_OUTCOMES = ("Success", "Warning", "Failed", GONE)
_STATUS_WIDTH = 14
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


# ---------------------------------------------------------------- sessions


def outcome(session: AnySession | BackupTaskSession) -> str:
    """The result of a session that has ended, else its state."""
    has_ended = (
        session.is_completed
        if isinstance(session, BackupTaskSession)
        else session.is_stopped
    )
    # A result may be missing for a moment after the end: the state stands in for it.
    return printable(str((session.result if has_ended else None) or session.state))


def styled(word: str) -> Text:
    """A state or a result in its colour."""
    return Text(word, style=_STYLES.get(word, ""))


def status(session: AnySession) -> Text:
    """The outcome, with a percentage for a session that works."""
    text = styled(outcome(session))
    if not session.is_stopped and session.progress:
        text.append(f" {session.progress}%")
    return text


def title(session: AnySession) -> str:
    """The name people know a session by: its job, or the machine that is restored."""
    if isinstance(session, RestoreSession):
        return printable(session.vm_display_name or session.name)
    return printable(session.job_name or session.name)


def failure_reason(failed: Session) -> str:
    """Why a session failed, on one line."""
    return one_line(failed.failure_message or "no reason given")


def outcome_counts(counts: Mapping[str, int]) -> list[Text]:
    """An item such as `3 Working` for each outcome: what runs comes first."""
    final = [word for word in _FINAL_OUTCOMES if counts.get(word)]
    others = sorted(word for word in counts if word not in _FINAL_OUTCOMES)
    return [
        Text(f"{counts[word]:,} ").append_text(styled(word))
        for word in (*others, *final)
    ]


def summary(counts: Mapping[str, int]) -> Text:
    """All outcomes with their counts, on one line."""
    return Text(SEPARATOR).join(outcome_counts(counts))


# ---------------------------------------------------------------- events


def event_line(event: Event) -> Text:
    """An event on one line: time, kind, status, id and name."""
    text = Text(f"{time_of_day(event.observed_at)}  {event.kind:<10}  ")
    if isinstance(event, HealthChanged):
        return text.append_text(health_text(event))
    if isinstance(event, SessionChanged):
        text.append_text(_padded(status(event.session)))
    else:
        text.append_text(_padded(styled(GONE)))
    name = title(event.session) if event.session else "(never seen)"
    return text.append(f"{event.id}  {name}")


def health_text(event: HealthChanged) -> Text:
    """Who does not answer, or answers again."""
    who = "the server" if event.id is None else str(event.id)
    if event.kind is EventKind.RECOVERED:
        return Text(f"{who} answers again", style="green")
    return no_answer(who, event.since)


def no_answer(who: str, since: datetime, verb: str = "has") -> Text:
    """The sentence for *who* that does not answer."""
    return Text(f"{who} {verb} not answered since {time_of_day(since)}", style="red")


def _padded(word: Text) -> Text:
    word.pad_right(max(2, _STATUS_WIDTH - word.cell_len))
    return word
