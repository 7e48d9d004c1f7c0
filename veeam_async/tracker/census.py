"""Watching everything: which sessions are news, from when on to ask, whom to forget.

The query asks for what runs and for what was created or has ended since a time; that
time follows the server's own. A session can be shown late, with an older time, since
Enterprise Manager collects from the backup servers as it finds the time: so once a
minute the query looks back further.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

import attrs

from veeam_async.models import Session
from veeam_async.tracker.ended import Ended
from veeam_async.tracker.health import Health
from veeam_async.tracker.scope import EPOCH, Scope
from veeam_async.tracker.watermark import OVERLAP, Watermark

_LOOK_BACK_EVERY = 60.0
"""Seconds between two looks that go back as far as `lookback`."""

_LONGEST = 30 * 24 * 3600.0
"""Seconds: the server lists no older sessions (page "GET /backupSessions")."""

_REMEMBERED = timedelta(hours=1)
"""For how long, beyond the look-back, an ended session is known: some servers' answers
go back in time."""


def span(seconds: float) -> timedelta:
    """Give *seconds* as a look-back; ValueError where they can be none."""
    if not 0 <= seconds <= _LONGEST:
        raise ValueError("lookback is a number of seconds, at least 0, 30 days at most")
    return timedelta(seconds=seconds)


@attrs.define
class Census:
    """The state of watching everything.

    *begun*: what had ended before the watch is known, so that whatever else has ended
    is news; *began* is the server's time then. *due*, *looking*, *failures* and
    *health* are those of the looks at everything, as a session's are of its own.
    """

    where: str | None
    lookback: timedelta
    mark: Watermark = attrs.field(factory=Watermark)
    begun: bool = False
    began: datetime | None = None
    due: float = float("-inf")
    looking: bool = False
    failures: int = 0
    health: Health = attrs.field(factory=Health)
    _seen: Watermark = attrs.field(factory=Watermark)
    _looked_back_at: float = float("-inf")
    _looks_back: bool = True

    def scope(self, now: float) -> Scope:
        """Give what to ask for *now*."""
        self._looks_back = now - self._looked_back_at >= _LOOK_BACK_EVERY
        back = self.lookback if self._looks_back else min(OVERLAP, self.lookback)
        since = self.mark.since(back)
        if since is None and self.begun:
            since = EPOCH  # there was no session at all: each one is news
        return Scope(where=self.where, since=since, lookback=self.lookback)

    def is_news(self, session: Session) -> bool:
        """Tell whether *session*, seen for the first time, is to be told of."""
        if not session.is_stopped:
            return True
        ended, forgotten = session.end_time or session.creation_time, self._forgotten
        if forgotten is not None and ended < forgotten:
            return False  # it may have been told: another watch looks further back
        return self.begun and (self.began is None or ended >= self.began)

    def is_later(self, session: Session) -> bool:
        """Tell whether *session* is news by the server's own time."""
        return self.began is not None and self.is_news(session)

    @property
    def latest(self) -> datetime | None:
        """The newest time of the server, also of what was seen only in part."""
        known = (self._seen.newest, self.mark.newest)
        return max((time for time in known if time is not None), default=None)

    def see(self, session: Session) -> None:
        """Take in the times of a session; they count once all has been seen."""
        self._seen.see(session)

    def complete(self, asked_at: float) -> None:
        """Take in that all there is has been seen."""
        if self._looks_back:
            self._looked_back_at = asked_at
        self.mark.rise(self._seen.newest)
        if not self.begun:
            self.begun, self.began = True, self.mark.newest
        self.failures = 0

    def forget(self, ended: Ended, listed: Collection[UUID] | None) -> None:
        """Forget what ended so long ago that it can be shown no more."""
        if self._forgotten is not None:
            ended.forget(self._forgotten, listed or ())

    @property
    def _forgotten(self) -> datetime | None:
        """Before when an end is too long ago to be remembered."""
        newest = self.mark.newest
        return None if newest is None else newest - self.lookback - _REMEMBERED
