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
from veeam_async.watch.tracker.watermark import (
    OVERLAP,
    REMEMBERED,
    ServerMark,
    Since,
    Watermarks,
    earliest,
    real,
)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""A time before any session's."""

_LOOK_BACK_EVERY = 60.0
"""Seconds between two looks that go back as far as `lookback`."""

_MOMENT = timedelta(microseconds=1)

_LONGEST = 30 * 24 * 3600.0
"""Seconds: the server lists no older sessions (page "GET /backupSessions")."""


@attrs.frozen(kw_only=True)
class Scope:
    """What a look at everything asks for.

    It asks for sessions that *where* selects and that run, or were created or have
    ended *since* a time. *since* is None while the server's time is not known: then
    `start` counts *lookback* from the newest session of each backup server, and goes
    back to *least* where that is earlier.
    """

    where: str | None
    since: Since | None
    lookback: timedelta
    least: Since | None = None

    def start(
        self, newest: Collection[Session], date: datetime | None, wall: datetime
    ) -> Since:
        """From when to ask, given the newest session of each backup server, if any.

        They came in an answer of that *date*, if it told one, at a *wall* time.
        """
        marks = Watermarks()
        for session in newest:
            marks.see(session)
        marks.complete(date, wall, self.lookback)
        since = marks.since(self.lookback, self.lookback)
        if since is None or not newest:
            return Since(EPOCH)
        return since if self.least is None else earliest([since, self.least]) or since


@attrs.frozen(kw_only=True)
class DiscoveryResult:
    """How a look at everything ended: all was seen, or an *error* cut it short.

    *asked_at* is in monotonic seconds, *at* the moment of its end. *listed* are the
    sessions that the server lists, where it has no query that would show them; *random*
    and *again_by* are as in `Observation`. *date* is the server's own time of the first
    answer, where that told it. *is_old*: the server was asked before, and nothing says
    that it answers now.
    """

    asked_at: float
    at: Moment
    error: VeeamError | None = None
    random: float = 0.0
    again_by: float = inf
    listed: Collection[UUID] | None = None
    date: datetime | None = None
    is_old: bool = False


def lookback_of(seconds: float) -> timedelta:
    """Seconds as a look-back; ValueError where they can be none."""
    if not 0 <= seconds <= _LONGEST:
        raise ValueError("lookback is a number of seconds, at least 0, 30 days at most")
    return timedelta(seconds=seconds)


@attrs.define
class Discovery:
    """The state of watching everything.

    *begun*: a first look is complete, so that other sessions that have ended are news;
    *began* is the server's time then, None where it had no session: that of the backup
    servers which had none, and the others have theirs in *marks*, beside the newest
    time seen in complete looks. *called* is when the first look was asked for, where
    that failed and none was complete since. *is_of_one*: the one mark is that of 0.1.0,
    for all servers, until a look has shown which there are. *due* (monotonic seconds),
    *looking* and *health* belong to the looks at everything, as in `TrackedSession` to
    a session's.
    """

    where: str | None
    lookback: timedelta
    marks: Watermarks = attrs.field(factory=Watermarks)
    begun: bool = False
    began: datetime | None = None
    called: Moment | None = None
    is_of_one: bool = False
    due: float = float("-inf")
    looking: bool = False
    health: Health = attrs.field(factory=Health)
    _looked_back_at: float = float("-inf")
    _looks_back: bool = True

    def take_due(self, now: float) -> Scope | None:
        """What to ask for now, None while nothing is due."""
        if self.looking or self.due > now:
            return None
        self.looking = True
        self._looks_back = now - self._looked_back_at >= _LOOK_BACK_EVERY
        back = self.lookback if self._looks_back else min(OVERLAP, self.lookback)
        since = self.marks.since(back, self.lookback)
        if since is None and self.begun:
            since = Since(EPOCH)  # there was no session at all: each one is news
        if self.is_of_one:
            least = self.marks.since(self.lookback, self.lookback)
            return Scope(
                where=self.where, since=None, lookback=self.lookback, least=least
            )
        return Scope(where=self.where, since=since, lookback=self._reach(now))

    def _reach(self, now: float) -> timedelta:
        """How far a first look goes back: to when it was called, at least."""
        if self.called is None:
            return self.lookback
        return max(self.lookback, self._away(now) + OVERLAP)

    def _away(self, now: float) -> timedelta:
        """For how long the server did not answer a first look, none if it did."""
        if self.called is None:
            return timedelta()
        seconds = min(now - self.called.monotonic, _LONGEST)
        return timedelta(seconds=max(0.0, seconds))

    def is_news(self, session: Session) -> bool:
        """Whether a session that is not watched yet gives events."""
        # 1. Whatever runs is news.
        if not session.is_stopped:
            return True
        # 2. Its tombstone would have expired: it may have been told already, and only
        #    another watch, which looks further back, brought it up again.
        mark = self.marks.marks.get(self.marks.key_of(session))
        ended = session.end_time or session.creation_time
        forgotten = self._expiry(mark)
        if forgotten is not None and ended < forgotten:
            return False
        # 3. It ended after the watch began.
        began = self.began if mark is None or mark.began is None else mark.began
        return self.begun and (began is None or ended >= began)

    def is_undecided(self, session: Session) -> bool:
        """Whether only the end of this look tells if a session is news."""
        return session.is_stopped and (self.called is not None or self.is_of_one)

    def is_later(self, session: Session) -> bool:
        """Whether a session is news by the server's own time."""
        return self.began is not None and self.is_news(session)

    def tombstone(self, session: Session | None) -> tuple[str, datetime | None]:
        """Whose, and of which time, is the tombstone of a session, as far as known."""
        marks = self.marks
        if marks.is_one or session is None:
            return "", marks.seen_newest
        key, time = marks.key_of(session), session.end_time or session.creation_time
        mark = marks.marks.get(key)
        newest = None if mark is None else mark.newest
        return key, time if newest is None else max(time, newest)

    def expiries(self) -> dict[str, datetime]:
        """By server, its time before which ends are forgotten.

        That of "" is for all others.
        """
        found = {key: self._expiry(mark) for key, mark in self.marks.marks.items()}
        known = {key: time for key, time in found.items() if time is not None}
        return {"": min(known.values()), **known} if known else {}

    def _expiry(self, mark: ServerMark | None) -> datetime | None:
        if mark is None or mark.newest is None:
            return None
        expiry = mark.newest - self.lookback - REMEMBERED
        return expiry if mark.held is None else max(expiry, mark.held)

    @property
    def knows_began(self) -> bool:
        """True where the servers themselves have told when the watch began."""
        marks = self.marks.marks.values()
        return self.began is not None and any(mark.began for mark in marks)

    @property
    def forgets(self) -> bool:
        """True when it is time to look for tombstones that have expired."""
        return self._looks_back or self.marks.is_one

    def see(self, session: Session, *, is_new: bool = False) -> None:
        """Note the times of a session; they count once all has been seen."""
        self.marks.see(session, is_new=is_new)

    def fail(self, result: DiscoveryResult) -> None:
        """Note that a look was cut short."""
        self.marks.fail()
        if self.called is None and not (self.begun or self.marks.is_one):
            waited = timedelta(seconds=result.at.monotonic - result.asked_at)
            self.called = Moment(result.asked_at, result.at.wall - waited)

    def complete(self, result: DiscoveryResult) -> None:
        """Let the marks follow: the look has seen all there is."""
        if self._looks_back:
            self._looked_back_at = result.asked_at
            self._learn()
        old = None
        if self.is_of_one and result.listed is None:  # references tell no servers
            old, self.is_of_one = self.marks.marks.pop("", None), False
        self.marks.complete(result.date, result.at.wall, self.lookback)
        if old is not None:
            self._share_out(old)
        if any(mark.held is not None for mark in self.marks.marks.values()):
            self._looked_back_at = float("-inf")
        if not self.begun:
            self._begin(result)

    def _learn(self) -> None:
        """Let go what was held back: whatever was dated before is known by now."""
        for mark in self.marks.marks.values():
            mark.held = None

    def _share_out(self, old: ServerMark) -> None:
        """Give each server a mark of its own, where all had an *old* one."""
        known = None if old.newest is None else old.newest - self.lookback
        for mark in self.marks.marks.values():
            if mark.newest is None or known is None or mark.newest >= known:
                mark.began = max(real(old.began, known), default=None)
            else:
                # It was never listed: all that it shows as yet can be old.
                mark.began = mark.newest + _MOMENT
        if not self.marks.marks:
            self.marks.marks[""] = old

    def _begin(self, result: DiscoveryResult) -> None:
        self.begun, self.began = True, self.marks.least(self.lookback)
        for mark in self.marks.marks.values():
            mark.began = mark.newest
        if self.called is not None:
            away = self._away(result.at.monotonic)
            self._begin_at((self.marks.now or result.at.wall) - away)
        self.called = None

    def _begin_at(self, called: datetime) -> None:
        """Begin when the watch was called, which the server did not see."""
        now = self.marks.now or called
        self.began = min(self.began or called, called)
        for mark in self.marks.marks.values():
            if mark.newest is not None:
                # Its clock is ahead where its sessions are; else it is taken for right.
                mark.began = called + (max(now, mark.newest) - now)

    def settle(self) -> None:
        """Judge no more by when the watch was called: all that was listed is known.

        A clock that is behind may show that time only now.
        """
        for mark in self.marks.marks.values():
            if mark.began is not None and mark.newest is not None:
                mark.began = min(mark.began, mark.newest)
