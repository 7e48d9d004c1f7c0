"""Discovery, in a watch of everything: what to ask for, and which sessions are news.

The query asks for what runs and for what was created or has ended since a time; that
time follows the server's own. A session can be shown late, with an older time, since
Enterprise Manager collects from the backup servers as it finds the time: so once a
minute the query looks back further.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from math import inf
from uuid import UUID

import attrs

from veeam_async.clock import Moment
from veeam_async.errors import VeeamError
from veeam_async.models import Session
from veeam_async.watch.tracker.health import Health
from veeam_async.watch.tracker.watermark import OVERLAP, Watermark

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""A time before any session's."""

_LOOK_BACK_EVERY = 60.0
"""Seconds between two looks that go back as far as `lookback`."""

_LONGEST = 30 * 24 * 3600.0
"""Seconds: the server lists no older sessions (page "GET /backupSessions")."""

_REMEMBERED = timedelta(hours=1)
"""How long, beyond the look-back, an ended session is remembered: some servers send an
older state after a newer one."""


@attrs.frozen(kw_only=True)
class Scope:
    """What a look at everything asks for.

    It asks for sessions that *where* selects and that run, or were created or have
    ended *since* a time. *since* is None while the server's time is not known: then
    `start` counts *lookback* from the server's newest session.
    """

    where: str | None
    since: datetime | None
    lookback: timedelta

    def start(self, newest: datetime | None) -> datetime:
        """The time to ask from, given that of the server's newest session, if any."""
        return Watermark.at(newest).since(self.lookback) or EPOCH


@attrs.frozen(kw_only=True)
class DiscoveryResult:
    """How a look at everything ended: all was seen, or an *error* cut it short.

    *asked_at* is in monotonic seconds, *at* the moment of its end. *listed* are the
    sessions that the server lists, where it has no query that would show them; *random*
    and *again_by* are as in `Observation`.
    """

    asked_at: float
    at: Moment
    error: VeeamError | None = None
    random: float = 0.0
    again_by: float = inf
    listed: Collection[UUID] | None = None


def lookback_of(seconds: float) -> timedelta:
    """Seconds as a look-back; ValueError where they can be none."""
    if not 0 <= seconds <= _LONGEST:
        raise ValueError("lookback is a number of seconds, at least 0, 30 days at most")
    return timedelta(seconds=seconds)


@attrs.define
class Discovery:
    """The state of watching everything.

    *begun*: a first look is complete, so that other sessions that have ended are news;
    *began* is the server's time then, None where it had no session. *mark* is the
    newest time seen in complete looks. *due* (monotonic seconds), *looking* and
    *health* belong to the looks at everything, as in `TrackedSession` to a session's.
    """

    where: str | None
    lookback: timedelta
    mark: Watermark = attrs.field(factory=Watermark)
    begun: bool = False
    began: datetime | None = None
    due: float = float("-inf")
    looking: bool = False
    health: Health = attrs.field(factory=Health)
    # Rises while a look is under way; `mark` follows only once all has been seen, else
    # a look that breaks off would hide the rows that it did not reach.
    _seen: Watermark = attrs.field(factory=Watermark)
    _looked_back_at: float = float("-inf")
    _looks_back: bool = True

    def take_due(self, now: float) -> Scope | None:
        """What to ask for now, None while nothing is due."""
        if self.looking or self.due > now:
            return None
        self.looking = True
        self._looks_back = now - self._looked_back_at >= _LOOK_BACK_EVERY
        back = self.lookback if self._looks_back else min(OVERLAP, self.lookback)
        since = self.mark.since(back)
        if since is None and self.begun:
            since = EPOCH  # there was no session at all: each one is news
        return Scope(where=self.where, since=since, lookback=self.lookback)

    def is_news(self, session: Session) -> bool:
        """Whether a session that is not watched yet gives events."""
        # 1. Whatever runs is news.
        if not session.is_stopped:
            return True
        # 2. Its tombstone would have expired: it may have been told already, and only
        #    another watch, which looks further back, brought it up again.
        ended, forgotten = session.end_time or session.creation_time, self.expiry
        if forgotten is not None and ended < forgotten:
            return False
        # 3. It ended after the watch began.
        return self.begun and (self.began is None or ended >= self.began)

    def is_later(self, session: Session) -> bool:
        """Whether a session is news by the server's own time."""
        return self.began is not None and self.is_news(session)

    @property
    def latest(self) -> datetime | None:
        """The newest time of the server, looks that are not complete included."""
        known = (self._seen.newest, self.mark.newest)
        return max((time for time in known if time is not None), default=None)

    @property
    def expiry(self) -> datetime | None:
        """The server's time before which ends are forgotten, None while unknown."""
        newest = self.mark.newest
        return None if newest is None else newest - self.lookback - _REMEMBERED

    def see(self, session: Session) -> None:
        """Note the times of a session; they count once all has been seen."""
        self._seen.see(session)

    def complete(self, asked_at: float) -> None:
        """Let the mark follow: the look has seen all there is."""
        if self._looks_back:
            self._looked_back_at = asked_at
        self.mark.rise(self._seen.newest)
        if not self.begun:
            self.begun, self.began = True, self.mark.newest
