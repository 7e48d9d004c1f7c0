"""The newest time that a server has told: from there on it is asked for changes.

It comes from the sessions alone, never from the client's clock, which can be wrong.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import attrs

from veeam_async.models import Session

OVERLAP = timedelta(seconds=30)
"""How far before the newest time each query asks: rows do not come in order."""

_REAL_YEARS = range(1970, 9000)
"""A .NET server's first and last times, in the years 1 and 9999, mean "never"; a
watermark that rose to the last would hide all later sessions."""


@attrs.define
class Watermark:
    """The *newest* creation or end of any session seen, None while none was."""

    newest: datetime | None = None

    @classmethod
    def at(cls, time: datetime | None) -> Watermark:
        """A watermark that has risen to that time."""
        mark = cls()
        mark.rise(time)
        return mark

    def see(self, session: Session) -> None:
        """Rise to the times of a session."""
        self.rise(session.creation_time)
        self.rise(session.end_time)

    def see_all(self, sessions: Iterable[Session]) -> None:
        """Rise to the times of many sessions."""
        for session in sessions:
            # Spares the call for nearly every row: a list comes oldest first, and of
            # ten thousand rows few are newer than all before.
            if self.newest is None or session.creation_time > self.newest:
                self.rise(session.creation_time)
            if session.end_time is not None:
                self.rise(session.end_time)

    def rise(self, time: datetime | None) -> None:
        """Rise to that time, where it is newer and real."""
        if time is None or time.year not in _REAL_YEARS:
            return
        if self.newest is None or time > self.newest:
            self.newest = time

    def since(self, back: timedelta = OVERLAP) -> datetime | None:
        """The time to ask from, None while no time is known."""
        return None if self.newest is None else self.newest - back
