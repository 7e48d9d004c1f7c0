"""Times as users say them: `24h`, `yesterday 18:00`, a date, an ISO time."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta

from veeam_async.cli.exits import Refusal
from veeam_async.cli.render.words import one_line

_AGO = re.compile(
    r"(\d{1,9}(?:\.\d{1,9})?)\s*"
    r"(?:(s|secs?|seconds?)|(m|mins?|minutes?)|(h|hours?)|(d|days?)|(w|weeks?))"
    r"(?:\s+ago)?",
    re.IGNORECASE | re.ASCII,
)
_UNITS = ("seconds", "minutes", "hours", "days", "weeks")
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_CLOCK = re.compile(r"\d{1,2}:\d\d(?::\d\d)?", re.ASCII)


def parse_since(text: str, now: datetime | None = None) -> datetime:
    """The time that *text* says, aware; a time without a zone is this machine's.

    Raises Refusal for what says none. *now* is for tests.
    """
    here = (now or datetime.now(UTC)).astimezone()
    try:
        found = _ago(text.strip(), here) or _of_a_day(text.strip().lower(), here)
        return found or datetime.fromisoformat(text.strip()).astimezone()
    except (OverflowError, OSError, ValueError):
        raise Refusal(
            "--since takes 24h, 30m or 7d, yesterday, monday, 18:00, "
            f'"yesterday 18:00", 2026-11-27 or an ISO time, not {one_line(text)!r}'
        ) from None


def _ago(text: str, here: datetime) -> datetime | None:
    match = _AGO.fullmatch(text)
    if match is None:
        return None
    number, *units = match.groups()
    unit = next(name for name, given in zip(_UNITS, units, strict=True) if given)
    return here - timedelta(**{unit: float(number)})


def _of_a_day(text: str, here: datetime) -> datetime | None:
    """The time of a day with a name, or the last time that a clock showed *text*."""
    if _CLOCK.fullmatch(text):
        found = _at(here, text)
        return found if found <= here else _at(_days_before(here, 1), text)
    day, _, clock = text.partition(" ")
    if day not in ("now", "today", "yesterday", *_DAYS):
        return None
    if day == "now" and not clock:
        return here
    if day in _DAYS:
        back = (here.weekday() - _DAYS.index(day)) % len(_DAYS)
    else:
        back = int(day == "yesterday")
    return _at(_days_before(here, back), clock.strip() or "00:00")


def _days_before(here: datetime, days: int) -> datetime:
    return here - timedelta(days=days)


def _at(day: datetime, clock: str) -> datetime:
    """The time *clock* on a *day*, in the zone of this machine on that day."""
    at = time.fromisoformat(clock.zfill(5) if clock.count(":") == 1 else clock)
    # Naive first: on another day the clocks may have been in another zone.
    return datetime.combine(day.date(), at).astimezone()
