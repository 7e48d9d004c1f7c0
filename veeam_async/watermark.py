"""The newest time that a server has told: from where on to ask for what changed.

It comes from the sessions alone, never from the client's clock, which can be wrong.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import attrs

from veeam_async.models import Session

OVERLAP = timedelta(seconds=30)
"""How far behind the newest time to look each time: rows do not come in order."""

_FIRST_YEAR_OF_NEVER = 9000
"""A .NET server's last time is in 9999; as a watermark it would hide all that comes."""


@attrs.define
class Watermark:
    """The *newest* creation or end of any session seen, None while none was."""

    newest: datetime | None = None

    def see(self, session: Session) -> None:
        """Take in the times of *session*."""
        self.rise(session.creation_time)
        self.rise(session.end_time)

    def see_all(self, sessions: Iterable[Session]) -> None:
        """Take in the times of many."""
        for session in sessions:
            if self.newest is None or session.creation_time > self.newest:
                self.rise(session.creation_time)
            if session.end_time is not None:
                self.rise(session.end_time)

    def rise(self, time: datetime | None) -> None:
        """Rise to *time*, where that is newer."""
        if time is None or time.year >= _FIRST_YEAR_OF_NEVER:
            return
        if self.newest is None or time > self.newest:
            self.newest = time

    def since(self, back: timedelta = OVERLAP) -> datetime | None:
        """Give the time to ask from, None while nothing is known."""
        return None if self.newest is None else self.newest - back
