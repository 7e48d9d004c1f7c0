"""A server in memory, on the loop's own time: sessions come, run, end, hide and fail.

Times are seconds after `START`, as the loop counts them.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple, TypeVar
from uuid import UUID

import attrs
import looptime
import pytest

from tests.support.bodies import uuid_of
from tests.support.watching import (
    BUSY,
    CLOCK,
    START,
    not_found,
    now,
    poller,
    refusal,
    watches,
)
from veeam_async import (
    BackupJobSession,
    HealthChanged,
    Watch,
    WatchEvent,
)
from veeam_async.errors import Json
from veeam_async.models import Link, Page, PagingInfo, UnreadableRow
from veeam_async.watch.options import WatchOptions
from veeam_async.watch.polling.request import Listing, Strategy
from veeam_async.watch.polling.strategy import SharedPoller
from veeam_async.watch.tracker.schedule import Rules
from veeam_async.watch.tracker.watermark import BackupServer, Since, server_of

FOR_EVER = float("inf")
EM = "em"
"""The name of Enterprise Manager's own clock."""

R = TypeVar("R")


def _right(_: float) -> float:
    """Tell by how much a clock is off that is right."""
    return 0.0


ON_ITS_TIME = pytest.mark.looptime(noop_cycles=0)
"""For what comes from memory alone: no time is given to what may come from outside."""

new_loop = partial(looptime.new_event_loop, noop_cycles=0)
"""The same, where it is no test that runs on it."""


@attrs.frozen(kw_only=True)
class Life:
    """When a session was *created*, has *ended*, is *shown* and *hidden* again.

    Its result arrives *late* seconds after its end. It begins Working, or goes through
    *states*, each with the seconds after its creation. It is dated by the clock of its
    *server*, if it tells one, and *dated* seconds ahead of that.
    """

    created: float = 0.0
    ended: float = FOR_EVER
    shown: float = float("-inf")
    hidden: Sequence[tuple[float, float]] = ()
    late: float = 0.0
    name: str = "Mail"
    states: Sequence[tuple[float, str]] = ()
    server: str | None = None
    dated: float = 0.0

    def state(self, at: float) -> str:
        """Give its state then."""
        if at >= self.ended:
            return "Stopped"
        passed = [state for since, state in self.states if at >= self.created + since]
        return passed[-1] if passed else "Working"

    def is_shown(self, at: float) -> bool:
        """Tell whether the server shows it."""
        if at < self.created or at < self.shown:
            return False
        return not any(since <= at < until for since, until in self.hidden)


class _Seen(NamedTuple):
    """What a session looks like, besides what its life says of all its time."""

    state: str
    is_over: bool
    has_result: bool
    clock: Callable[[float], float]
    name: str | None


@attrs.define
class World:
    """The sessions of *lives* by their numbers, on pages of *page_size* rows.

    What *errors* has for a kind of request meets it instead of an answer; *delay* is
    how many seconds each takes. *broken_page* fails, *strange* adds a row whose UID
    names no UUID; the rows of *unreadable* cannot be read. *asked* counts the
    requests, *got* are the ids of the GETs, *listed* counts the rows.

    *clocks* tells by how many seconds a backup server's clock is ahead at a time, and
    that of `EM`. Answers are dated *date* seconds ahead of this, None for none.
    *without_parts*: the server does not take a filter by backup server.
    """

    lives: dict[int, Life] = attrs.field(factory=dict)
    page_size: int = 100
    errors: dict[str, Exception] = attrs.field(factory=dict)
    broken_page: int | None = None
    strange: bool = False
    unreadable: Collection[int] = ()
    delay: float = 0.0
    asked: Counter[str] = attrs.field(factory=Counter)
    got: list[UUID] = attrs.field(factory=list)
    since: list[datetime | None] = attrs.field(factory=list)
    clocks: dict[str, Callable[[float], float]] = attrs.field(factory=dict)
    names: dict[str, str] = attrs.field(factory=dict)
    date: float | None = 0.0
    without_parts: bool = False
    listed: int = 0
    _rows: dict[int, tuple[Life, _Seen, BackupJobSession]] = attrs.field(factory=dict)
    _numbers: dict[UUID, int] = attrs.field(factory=dict)

    def see(self, number: int, life: Life, at: float) -> BackupJobSession:
        """Give a session as it is *at* a time."""
        server = life.server
        seen = _Seen(
            life.state(at),
            is_over=at >= life.ended,
            has_result=at >= life.ended + life.late,
            clock=self.clocks.get(server or "", _right),
            name=server and self.names.get(server, server),
        )
        # Most of them look as they did the last time, and a law sees millions.
        of, known, row = self._rows.get(number, (None, None, None))
        if row is None or of is not life or known != seen:
            row = self._row(number, life, seen)
            self._rows[number] = life, seen, row
        return row

    def _row(self, number: int, life: Life, seen: _Seen) -> BackupJobSession:
        def dated(time: float) -> datetime:
            return START + timedelta(seconds=time + (seen.clock(time) + life.dated))

        return BackupJobSession(
            uid=f"urn:veeam:BackupJobSession:{uuid_of(number)}",
            name=life.name,
            job_type="Backup",
            creation_time=dated(life.created),
            end_time=dated(life.ended) if seen.is_over else None,
            state=seen.state,
            result="Success" if seen.has_result else None,
            links=() if life.server is None else (self._up(life.server),),
        )

    def _up(self, server: str) -> Link:
        return Link(
            rel="Up",
            href=f"https://em/api/backupServers/{server}",
            name=self.names.get(server, server),
            type="BackupServerReference",
        )

    def shown(self, where: str | None = None) -> list[BackupJobSession]:
        """Give what is shown now of what has the name *where*, oldest first."""
        at = now()
        rows = [
            self.see(number, life, at)
            for number, life in self.lives.items()
            if life.is_shown(at) and where in (None, life.name)
        ]
        return sorted(rows, key=lambda row: row.creation_time)

    def number_of(self, session_id: UUID) -> int:
        """Give the number of a session, -1 where there never was one."""
        if session_id not in self._numbers:
            self._numbers = {uuid_of(number): number for number in self.lives}
        return self._numbers.get(session_id, -1)

    async def get(self, session_id: UUID) -> BackupJobSession:
        """Answer a GET."""
        self.got.append(session_id)
        number = self.number_of(session_id)
        return await self._answered("get", lambda: self._one(number), number)

    def _one(self, number: int) -> BackupJobSession:
        life = self.lives.get(number)
        if life is None or not life.is_shown(now()):
            raise not_found()
        return self.see(number, life, now())

    async def page(
        self, where: str | None, since: Since | None, number: int
    ) -> Listing[BackupJobSession]:
        """Answer a query."""
        self.since.append(None if since is None else since.rest)
        kind = self._kind_of(since)
        page = await self._answered(
            kind, lambda: self._page(kind, where, since, number)
        )
        self.listed += len(page.rows)
        return Listing(page, self._date())

    def _date(self) -> datetime | None:
        if self.date is None:
            return None
        ahead = self.clocks.get(EM, _right)(now()) + self.date
        return (START + timedelta(seconds=now() + ahead)).replace(microsecond=0)

    def _page(
        self, kind: str, where: str | None, since: Since | None, number: int
    ) -> Page[BackupJobSession]:
        if self.without_parts and since is not None and since.parts:
            raise refusal()
        if number == self.broken_page:
            raise BUSY
        left_out, bad = uids(self._left_out()), uids(self._unreadable())
        found = selected(self.shown(where), since)
        rows = [row for row in found if row.uid not in left_out]
        if self.strange:
            rows.append(attrs.evolve(rows[0], uid="urn:veeam:BackupJobSession:none"))
        count = max(1, -(-len(rows) // self.page_size))
        number = self._turned_to(kind, number, count)
        first = (number - 1) * self.page_size
        page = list(enumerate(rows[first : first + self.page_size]))
        return Page(
            rows=tuple(row for _, row in page if row.uid not in bad),
            unreadable=tuple(
                UnreadableRow(index=index, uid=row.uid, reason="bad")
                for index, row in page
                if row.uid in bad
            ),
            paging=PagingInfo(
                page_num=number, page_size=self.page_size, pages_count=count
            ),
        )

    async def newest(
        self, where: str | None, but: Sequence[BackupServer]
    ) -> Listing[BackupJobSession]:
        """Give the newest session, of none of those servers."""
        rows = await self._answered("newest", lambda: self._newest(where, but))
        return Listing(Page(rows=rows), self._date())

    def _newest(
        self, where: str | None, but: Sequence[BackupServer]
    ) -> tuple[BackupJobSession, ...]:
        if self.without_parts and but:
            raise refusal()
        rows = self.shown(where)
        return tuple([row for row in rows if server_of(row) not in but][-1:])

    async def references(self) -> Collection[UUID]:
        """List all sessions."""
        return await self._answered(
            "references", lambda: [row.id for row in self.shown()]
        )

    async def control(self) -> None:
        """Answer what the server must know."""
        await self._answered("control", lambda: None)

    # ------------------------------------------------------------ how it answers

    def _kind_of(self, _since: Since | None) -> str:
        return "page"

    def _left_out(self) -> Collection[int]:
        return ()

    def _unreadable(self) -> Collection[int]:
        return self.unreadable

    def _turned_to(self, _kind: str, number: int, _count: int) -> int:
        return number

    async def _answered(
        self,
        kind: str,
        look: Callable[[], R],
        number: int | None = None,
    ) -> R:
        """Give what a request finds once it is looked at."""
        await self._answer(kind)
        return look()

    async def _answer(self, kind: str) -> None:
        self.asked[kind] += 1
        await asyncio.sleep(self.delay)
        error = self.errors.get(kind)
        if error is not None:
            raise error

    # ------------------------------------------------------------ who looks at it

    def refuse(self, status: int = 400) -> None:
        """Take no queries."""
        self.errors["page"] = self.errors["newest"] = refusal(status)

    def poller(self, *, collect: float = 0.0) -> SharedPoller[BackupJobSession]:
        """Make a poller of this world."""
        return poller(
            self.get,
            page=self.page,
            newest=self.newest,
            references=self.references,
            control=self.control,
            collect=collect,
        )

    def watch(
        self,
        ids: Sequence[int] | None = None,
        *,
        by: SharedPoller[BackupJobSession] | None = None,
        strategy: Strategy = "auto",
        where: str | None = None,
        lookback: float = 900.0,
        interval: float = 5.0,
        rules: Rules | None = None,
        timeout: float | None = None,
        resume: Json = None,
    ) -> Watch[BackupJobSession]:
        """Watch the sessions of these numbers, or everything."""
        options = WatchOptions(
            rules=rules or Rules(interval=interval, phase=0.0),
            ids=None if ids is None else [uuid_of(number) for number in ids],
            where=where,
            strategy=strategy,
            lookback=lookback,
            timeout=timeout,
            resume=resume,
        )
        return watches((by or self.poller()).poll, CLOCK).watch(options)


def uids(numbers: Collection[int]) -> set[str]:
    """Give the UIDs of the sessions of these numbers."""
    return {f"urn:veeam:BackupJobSession:{uuid_of(number)}" for number in numbers}


def selected(
    rows: Sequence[BackupJobSession], since: Since | None
) -> list[BackupJobSession]:
    """Give those that the filter of a watch selects."""
    if since is None:
        return [row for row in rows if not row.is_stopped]
    rest = since.rest
    # By the name alone: that is what a filter compares.
    named = {server.name: time for server, time in since.parts.items()}

    def is_late(row: BackupJobSession) -> bool:
        time = rest
        if named:
            time = named.get((server_of(row) or BackupServer("")).name, rest)
        return row.creation_time >= time or (row.end_time or time) >= time

    return [row for row in rows if not row.is_stopped or is_late(row)]


async def heard(
    watch: Watch[BackupJobSession], until: float
) -> list[WatchEvent[BackupJobSession]]:
    """Listen until a time, or the end, and leave the watch open."""
    events = []
    try:
        async with asyncio.timeout_at(until):
            async for event in watch:
                events.append(event)  # noqa: PERF401 - what came counts, whatever ends it
    except TimeoutError:
        pass
    return events


def told(events: Sequence[WatchEvent[BackupJobSession]], number: int) -> list[str]:
    """Give the kinds of what was told of a session, health aside."""
    return [
        str(event.kind)
        for event in events
        if event.id == uuid_of(number) and not isinstance(event, HealthChanged)
    ]
