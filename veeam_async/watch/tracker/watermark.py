"""The newest time that each backup server has told: from there on it is asked for more.

Sessions are dated by their backup server, whose clock can be hours off those of others
and of Enterprise Manager; and one of them can be dated a year ahead. So each server has
a mark of its own, and no time is believed that lies ahead of the answer's, except where
the server's new sessions show, look after look, that its clock does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from operator import itemgetter
from typing import TypeAlias

import attrs

from veeam_async.models import Session

OVERLAP = timedelta(seconds=30)
"""How far before the newest time each query asks: rows do not come in order."""

MOST_PARTS = 20
"""Backup servers with a part of the filter: an URL has an end."""

_REAL_YEARS = range(1970, 9000)
"""A .NET server's first and last times, in the years 1 and 9999, mean "never"; a
watermark that rose to the last would hide all later sessions."""

_SLACK = timedelta(minutes=1)
_DATELESS_SLACK = timedelta(days=1)
"""How far ahead a time is believed: of the answer's Date, else of this machine's."""

_AGREEING = timedelta(minutes=2)
"""Clocks that two looks show are one where they differ by no more than that."""

_MANY = 3
"""Sessions that are dated ahead by no mistake: so many, and more than are not."""

REMEMBERED = timedelta(hours=1)
"""How long, beyond the look-back, an ended session is remembered: some servers send an
older state after a newer one."""

_NONE = timedelta()


@attrs.frozen
class BackupServer:
    """A backup server, as the Up link of its sessions names it."""

    id: str
    name: str = attrs.field(default="", eq=False)


def server_of(session: Session) -> BackupServer | None:
    """The backup server of a session, None where no link tells."""
    for link in session.links:
        if link.type == "BackupServerReference" and link.rel == "Up":
            server_id = link.href.partition("?")[0].rpartition("/")[2].lower()
            return BackupServer(server_id, link.name or "")
    return None


@attrs.frozen
class Since:
    """From when a list asks: of each server in *parts* since its time, else *rest*."""

    rest: datetime
    parts: dict[BackupServer, datetime] = attrs.field(factory=dict)

    def of(self, server: BackupServer) -> datetime:
        """The time from which it asks for the sessions of a server."""
        return self.parts.get(server, self.rest)


def earliest(times: Sequence[Since]) -> Since | None:
    """What asks for all that each of *times* asks for; None where there is none."""
    if len(times) <= 1:
        return times[0] if times else None
    servers = dict.fromkeys(server for since in times for server in since.parts)
    asked = [(min(since.of(each) for since in times), each) for each in servers]
    rest = min(since.rest for since in times)
    return Since(*_shared_out(asked, rest))


_Asked: TypeAlias = tuple[datetime, BackupServer]


def _shared_out(
    asked: Sequence[_Asked], rest: datetime
) -> tuple[datetime, dict[BackupServer, datetime]]:
    """The time of the *rest* and the parts of a filter, which can be too few.

    The rest are those whose times lie closest together: the earliest of these lists
    hardly more of the others than their own would, and loses none.
    """
    known = sorted(asked, key=itemgetter(0), reverse=True)
    left = len(known) - MOST_PARTS
    if left > 0:
        spread = [
            known[at][0] - known[at + left - 1][0]
            for at in range(len(known) - left + 1)
        ]
        start = spread.index(min(spread))
        rest = min(rest, known[start + left - 1][0])
        del known[start : start + left]
    return rest, {server: time for time, server in known}


@attrs.frozen
class Now:
    """The *time* of an answer, and the *latest* time that is believed in it."""

    time: datetime
    latest: datetime

    @classmethod
    def of(cls, date: datetime | None, wall: datetime) -> Now:
        """Of an answer with that header Date, which came at a *wall* time."""
        if date is None:
            return cls(wall, wall + _DATELESS_SLACK)
        return cls(date, date + _SLACK)


def real(*times: datetime | None) -> list[datetime]:
    """Those of *times* that a clock can have shown."""
    return [time for time in times if time is not None and time.year in _REAL_YEARS]


def real_or_none(time: datetime | None) -> datetime | None:
    """The *time*, where a clock can have shown it."""
    return next(iter(real(time)), None)


@attrs.define
class ServerMark:
    """What is known of the time of one backup *server*, None for sessions without one.

    *newest* is the newest creation or end that is believed, and *began* what that was
    when the watch began. *drift* is how far the clock is ahead of the answers' Date, at
    least, by its new sessions, the last of them seen at *heard*; None while there was
    none. A time is believed that is no more than *ahead* of what else would be.
    *doubt* is how far new sessions were ahead of that at the last look. What ended
    before *held* is no news at the next look, which learns what was told long ago.
    """

    server: BackupServer | None = None
    newest: datetime | None = None
    began: datetime | None = None
    drift: timedelta | None = None
    heard: datetime | None = None
    ahead: timedelta = _NONE
    doubt: timedelta | None = None
    held: datetime | None = None

    def rise(self, times: Iterable[datetime]) -> None:
        """Rise to the newest of *times*, where it is newer."""
        for time in times:
            if self.newest is None or time > self.newest:
                self.newest = time

    def take(
        self,
        seen: Sequence[tuple[list[datetime], bool]],
        now: Now,
        lookback: timedelta,
    ) -> None:
        """Update from a look: the times of each session, and whether that is new."""
        new = [max(times) for times, is_new in seen if times and is_new]
        if new:
            self._hear([time - now.time for time in new], now, lookback)
        elif self.heard is None:
            self._guess([max(times) for times, _ in seen if times], now, lookback)
        latest = now.latest + self.ahead
        self.rise(time for times, _ in seen for time in times if time <= latest)

    def floor(self, now: datetime, lookback: timedelta) -> datetime | None:
        """The mark, raised to *lookback* before what its clock shows *now*."""
        if self.newest is None:
            return None
        return max(self.newest, now + (self.drift or _NONE) - lookback)

    def follow(self, now: Now, lookback: timedelta) -> None:
        """Go back with the answers' own time, where that was set back.

        Nothing was believed that lay ahead of it: else all that is dated anew would be
        out of sight until it has caught up.
        """
        latest = now.latest + self.ahead + lookback + _SLACK
        if self.newest is not None and self.newest > latest:
            self._go_back(now.time + (self.drift or _NONE), lookback)
            self.heard = self.heard and min(self.heard, now.time)

    def _guess(self, ends: list[datetime], now: Now, lookback: timedelta) -> None:
        """Take a clock for ahead where most sessions are, before any of them is new.

        If that is wrong, the first new one shows it; if it is right, not all of them
        are listed again and again until then.
        """
        ahead = sorted(time - now.latest for time in ends if time > now.latest)
        first = now.time - lookback
        others = sum(first <= time <= now.latest for time in ends)
        if len(ahead) >= max(_MANY, others + 1):
            self.ahead = ahead[-_MANY]

    def _hear(self, offsets: list[timedelta], now: Now, lookback: timedelta) -> None:
        most = self.ahead + (now.latest - now.time)
        credible = [offset for offset in offsets if offset <= most]
        # 1. Nothing is wrong with its clock, or it was set back.
        if credible:
            self.doubt = None
            self._agree(max(credible), now, lookback)
            return
        # 2. One session that is dated ahead says nothing. Two looks in a row that show
        #    none but such, ahead by as much, tell of a clock.
        ahead = min(offsets)
        doubt, self.doubt = self.doubt, ahead
        if doubt is not None and abs(ahead - doubt) <= _AGREEING:
            self.ahead = self.drift = max(ahead, doubt)
            self.doubt, self.heard = None, now.time

    def _agree(self, offset: timedelta, now: Now, lookback: timedelta) -> None:
        time, since = now.time + offset, self.heard or now.time
        if self.newest is not None and time < self.newest - lookback - _SLACK:
            # All that it has dated since it was last heard is to be asked for.
            self._go_back(since + offset, lookback)
            self.ahead = self.drift = offset
        elif self.drift is None or offset > self.drift:
            self.drift = offset
        self.heard = now.time

    def _go_back(self, time: datetime, lookback: timedelta) -> None:
        """Ask from an earlier *time* on, and hold back what may have been told."""
        if self.newest is None:
            return
        # What it had dated so long before is remembered no more.
        self.held = self.newest - lookback - REMEMBERED
        if self.began is not None:
            self.held = max(self.held, self.began - lookback)
            self.began = min(self.began, time)
        self.newest = time


_Seen: TypeAlias = tuple[BackupServer | None, datetime, datetime | None, bool]
"""A session's server, creation and end, and whether it is new."""


@attrs.define
class Watermarks:
    """The marks of all backup servers, by their ids; "" is that of other sessions.

    *now* is the time of the last answer. What is seen counts once a look is complete:
    one that breaks off would hide the rows that it did not reach. *is_one*: by the
    rules of 0.1.0 there is one mark for all, and any time is believed.
    """

    marks: dict[str, ServerMark] = attrs.field(factory=dict)
    now: datetime | None = None
    is_one: bool = False
    # One object for each session that changed; few do from one look to the next. Not
    # the session: each look shows again all that ended of late, and would keep it.
    _seen: list[_Seen] = attrs.field(factory=list)
    _servers: dict[str, BackupServer] = attrs.field(factory=dict)

    def see(self, session: Session, *, is_new: bool = False) -> None:
        """Note a session; *is_new*: since the last look it has begun or ended."""
        server = None if self.is_one else server_of(session)
        if server is not None:
            server = self._one_of(server)
        times = session.creation_time, session.end_time
        self._seen.append((server, *times, is_new))

    def _one_of(self, server: BackupServer) -> BackupServer:
        """One object for all sessions of a server, unless it was renamed."""
        known = self._servers.get(server.id)
        if known is None or known.name != server.name:
            self._servers[server.id] = known = server
        return known

    def fail(self) -> None:
        """Note that the look was cut short: the next one dates what it saw too late."""
        self._seen = [(*noted[:3], False) for noted in self._seen]

    def complete(
        self, date: datetime | None, wall: datetime, lookback: timedelta
    ) -> None:
        """Let the marks follow, by an answer's Date, if any, or a *wall* time."""
        seen, self._seen = self._seen, []
        self._servers.clear()
        now = Now.of(date, wall)
        self.now = now.time
        for mark in () if self.is_one else self.marks.values():
            mark.follow(now, lookback)
        for mark, found in self._by_mark(seen):
            if self.is_one:
                mark.rise(time for times, _ in found for time in times)
            else:
                mark.take(found, now, lookback)

    def _by_mark(
        self, seen: Sequence[_Seen]
    ) -> Iterator[tuple[ServerMark, list[tuple[list[datetime], bool]]]]:
        groups: dict[str, list[tuple[list[datetime], bool]]] = {}
        for server, created, ended, is_new in seen:
            key = "" if server is None else server.id
            mark = self.marks.setdefault(key, ServerMark(server))
            mark.server = server  # it may have been renamed
            groups.setdefault(key, []).append((real(created, ended), is_new))
        for key, group in groups.items():
            yield self.marks[key], group

    def key_of(self, session: Session) -> str:
        """The key of a session's mark."""
        server = None if self.is_one else server_of(session)
        return "" if server is None else server.id

    @property
    def seen_newest(self) -> datetime | None:
        """The newest time of all, looks that are not complete included."""
        times = [time for _, *each, _ in self._seen for time in real(*each)]
        return max(times + real(self.newest), default=None)

    @property
    def newest(self) -> datetime | None:
        """The newest time of all servers."""
        return max(real(*(mark.newest for mark in self.marks.values())), default=None)

    def least(self, lookback: timedelta) -> datetime | None:
        """The smallest mark, each raised to *lookback* before its server's time."""
        now = min(real(self.newest, self.now), default=None)
        if len(self.marks) == 1 or self.now is None or now is None:
            return min(
                real(*(mark.newest for mark in self.marks.values())), default=None
            )
        floors = [
            # Of a clock that no new session has shown, the servers' own time is enough.
            mark.floor(now if mark.drift is None else self.now, lookback)
            for mark in self.marks.values()
        ]
        return min(real(*floors), default=None)

    def since(self, back: timedelta, lookback: timedelta) -> Since | None:
        """From when to ask, *back* from the marks; None while no time is known."""
        least, marks = self.least(lookback), list(self.marks.values())
        # Of a server whose times are all ahead nothing is known.
        if self.now is not None and any(mark.newest is None for mark in marks):
            least = min(real(least, self.now))
        if least is None:
            return None
        return Since(*_shared_out(self._asked(back), least - back))

    def _asked(self, back: timedelta) -> list[_Asked]:
        # A server may find no row without a server's name to be of another name.
        if len(self.marks) == 1 or "" in self.marks:
            return []
        return [
            (mark.newest - back, mark.server)
            for mark in self.marks.values()
            if mark.newest is not None and mark.server is not None
        ]
