"""Let a week pass, or an hour in which the server is away, on a fake clock.

The server has no wire: its sessions run as they are scripted.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from math import inf
from statistics import median
from typing import TypeAlias
from uuid import UUID

import looptime

from benchmarks.process import in_loop, memory
from benchmarks.serving import Figures
from veeam_async.clock import Clock
from veeam_async.codec import from_dict, to_saved
from veeam_async.errors import ConnectionFailed, NotFound
from veeam_async.models import BackupJobSession, Page, PagingInfo
from veeam_async.watch.options import WatchFactory, WatchOptions
from veeam_async.watch.polling.request import Listing, PollSource
from veeam_async.watch.polling.strategy import SharedPoller
from veeam_async.watch.tracker.schedule import Rules
from veeam_async.watch.tracker.watermark import BackupServer, Since
from veeam_async.watch.watch import Watch

_HOUR = 3600.0
_STRIDE = 7919
"""A prime: with it the durations of sessions in a row have nothing in common."""

_KEPT = 2048
_LOOKS = 9
_WEEK_SHORTEST, _WEEK_LONGEST = 60, 600
_AWAY_SHORTEST, _AWAY_MEAN = 600, 3600
_STARTS_UNTIL = 3 * _HOUR
_AFTERWARDS = 1200.0


@in_loop(looptime.new_event_loop)
async def pass_a_week(days: int, day: float, sessions: int, interval: float) -> Figures:
    """Watch everything until all sessions of the last day must have been told.

    A day has so many seconds, and so many sessions start in it. Given are the memory
    after the *first* day and at the end (see `_memory_at`), and how many of all
    sessions were found *once* and ended once.
    """
    step, count = day / sessions, days * sessions
    total = count + int(_HOUR / step)  # so that the load does not fade
    runs = _runs(total, step, 0.0, _WEEK_SHORTEST, _WEEK_LONGEST)
    world, ledger = World(runs, kept=_KEPT), Ledger(total)
    gc.collect()
    before = sys.getallocatedblocks()
    watch = world.watch(None, interval)
    async with asyncio.TaskGroup() as group:
        group.create_task(ledger.keep(watch))
        first = await _memory_at("first", day, interval, before)
        last = await _memory_at("last", days * day, interval, before)
        await asyncio.sleep(_WEEK_LONGEST + 2 * interval)
        watch.stop()
    once = ledger.once(range(count))
    return {**first, **last, "sessions": count, "once": once}


@in_loop(looptime.new_event_loop)
async def pass_an_hour_away(
    sessions: int, interval: float, *, everything: bool
) -> Figures:
    """Watch until every session must have been told as ended.

    The server is *healthy* for an hour, and then *away* for one: given are the requests
    in both, and how many sessions were found *once* and ended once. So many run at any
    time. *everything*: watch those that start as well, not only the first ones.
    """
    # Half an interval late: the hours begin and end between two rounds.
    begin = _HOUR + interval / 2
    step, oldest = _AWAY_MEAN / sessions, 2 * _AWAY_MEAN - _AWAY_SHORTEST
    total = int((oldest + _STARTS_UNTIL) / step)
    # About as many run at any time, until no more start.
    runs = _runs(total, step, -oldest, _AWAY_SHORTEST, oldest)
    world = World(runs, kept=4 * sessions, away=(begin, begin + _HOUR))
    due = [
        number
        for number, (created, ended) in enumerate(world.runs())
        if ended > 0 and (everything or created <= 0)
    ]
    ids = None if everything else [UUID(int=number) for number in due]
    ledger, watch = Ledger(total), world.watch(ids, interval)
    async with asyncio.TaskGroup() as group:
        group.create_task(ledger.keep(watch))
        await asyncio.sleep(begin)
        healthy = world.requests
        await asyncio.sleep(_HOUR)
        away = world.requests - healthy
        last = max(ended for _, ended in world.runs())
        await asyncio.sleep(last + _AFTERWARDS - begin)
        watch.stop()
    once = ledger.once(due)
    return {"healthy": healthy, "away": away, "sessions": len(due), "once": once}


async def _memory_at(
    name: str, seconds: float, interval: float, before: int
) -> Figures:
    """Give the memory in use then: the medians of some looks between rounds.

    Bytes that are resident, and blocks that Python's allocator has given out since
    there were so many *before*, under which nothing can hide. (tracemalloc would take
    five times as long to tell the same.)
    """
    now = asyncio.get_running_loop().time()
    await asyncio.sleep(seconds - (_LOOKS - 0.5) * interval - now)
    taken, blocks = [], []
    for _ in range(_LOOKS):
        gc.collect()
        taken.append(memory("VmRSS"))
        blocks.append(sys.getallocatedblocks() - before)
        await asyncio.sleep(interval)
    return {f"{name}_resident": median(taken), f"{name}_blocks": median(blocks)}


def _runs(
    count: int, step: float, start: float, shortest: int, longest: int
) -> Iterator[Run]:
    """Begin a session each *step* seconds from *start*; durations are spread."""
    for number in range(count):
        created = start + number * step
        spread = number * _STRIDE % (longest - shortest + 1)
        yield created, created + shortest + spread


_EPOCH = datetime(2026, 3, 2, tzinfo=UTC)
"""When the fake clock, which counts seconds, stood at 0."""

_PAGE_SIZE = 100

Run: TypeAlias = tuple[float, float]
"""A session's creation and its end, in seconds of the fake clock."""


class World:
    """A server whose sessions run as *runs* says, in the order of their creation.

    Its answers are what a client would have decoded; *requests* counts what it was
    asked. Within *away*, from one second to another, it does not answer. The models
    given last are *kept*: as many as a list has rows.
    """

    def __init__(
        self, runs: Iterable[Run], *, kept: int, away: Run = (0.0, 0.0)
    ) -> None:
        self.requests = 0
        # Sixteen bytes a session: there may be hundreds of thousands.
        self._created, self._ended = array("d"), array("d")
        for created, ended in runs:
            self._created.append(round(created, 6))
            self._ended.append(round(ended, 6))
        self._longest = max(ended - created for created, ended in self.runs())
        self._away = away
        self._model = lru_cache(maxsize=kept)(self._made)
        # The pages of a list that come in one moment need no selection each.
        self._chosen = lru_cache(maxsize=1)(self._select)

    def runs(self, first: int = 0, last: int | None = None) -> Iterable[Run]:
        """Give the runs of some numbers in a row."""
        return zip(self._created[first:last], self._ended[first:last], strict=True)

    def watch(
        self, ids: Iterable[UUID] | None, interval: float
    ) -> Watch[BackupJobSession]:
        """Watch these sessions, or everything; by query in both cases."""
        clock = Clock(wall=lambda: _moment(_now()))
        source = PollSource(
            get=self._get,
            page=self._page,
            newest=self._newest,
            references=self._references,
            control=self._references,
            is_fatal=lambda _: False,
        )
        watches: WatchFactory[BackupJobSession] = WatchFactory(
            kind=BackupJobSession,
            poll=SharedPoller(source, concurrency=16, clock=clock).poll,
            load=lambda data: from_dict(BackupJobSession, data),
            dump=to_saved,
            clock=clock,
        )
        rules = Rules(interval=interval, phase=0.0)
        return watches.watch(WatchOptions(rules=rules, ids=ids, strategy="query"))

    async def _get(self, session_id: UUID) -> BackupJobSession:
        now = await self._asked()
        number = session_id.int
        if number >= bisect_right(self._created, now):
            url = f"https://em/api/backupSessions/{session_id}"
            raise NotFound(status=404, message="no", method="GET", url=url)
        return self._see(number, now)

    async def _page(
        self, _: str | None, since: Since | None, number: int
    ) -> Listing[BackupJobSession]:
        now = await self._asked()
        rest = inf if since is None else (since.rest - _EPOCH).total_seconds()
        chosen = self._chosen(rest, now)
        first = (number - 1) * _PAGE_SIZE
        rows = [self._see(one, now) for one in chosen[first : first + _PAGE_SIZE]]
        last = max(1, -(-len(chosen) // _PAGE_SIZE))
        paging = PagingInfo(page_num=number, page_size=_PAGE_SIZE, pages_count=last)
        return Listing(Page(rows=tuple(rows), paging=paging), _moment(now))

    async def _newest(
        self, _: str | None, __: Sequence[BackupServer]
    ) -> Listing[BackupJobSession]:
        now = await self._asked()
        count = bisect_right(self._created, now)
        rows = [self._see(count - 1, now)] if count else []
        return Listing(Page(rows=tuple(rows)), _moment(now))

    async def _references(self) -> Collection[UUID]:
        now = await self._asked()
        return [UUID(int=one) for one in range(bisect_right(self._created, now))]

    async def _asked(self) -> float:
        """Take a turn of the loop; the time, or ConnectionFailed while it is away."""
        await asyncio.sleep(0)
        self.requests += 1
        now = _now()
        if self._away[0] <= now < self._away[1]:
            raise ConnectionFailed("the server is away")
        return now

    def _select(self, since: float, now: float) -> list[int]:
        """Give the numbers of the sessions selected, in the order of their creation."""
        first = bisect_left(self._created, min(now, since) - self._longest)
        runs = self.runs(first, bisect_right(self._created, now))
        return [
            number
            for number, (created, ended) in enumerate(runs, first)
            if ended > now or ended >= since or created >= since
        ]

    def _see(self, number: int, now: float) -> BackupJobSession:
        return self._model(number, self._ended[number] <= now)

    def _made(self, number: int, is_stopped: bool) -> BackupJobSession:  # noqa: FBT001 - a cache's key
        return BackupJobSession(
            uid=f"urn:veeam:BackupJobSession:{UUID(int=number)}",
            name=f"Mail servers {number}",
            job_type="Backup",
            creation_time=_moment(self._created[number]),
            end_time=_moment(self._ended[number]) if is_stopped else None,
            state="Stopped" if is_stopped else "Working",
            result="Success" if is_stopped else None,
        )


def _now() -> float:
    return asyncio.get_running_loop().time()


def _moment(seconds: float) -> datetime:
    """Give the wall time of a second of the fake clock."""
    return _EPOCH + timedelta(seconds=seconds)


class Ledger:
    """How often each of *count* sessions was told as found, and as ended.

    It takes no more memory with time.
    """

    def __init__(self, count: int) -> None:
        self._found, self._ended = bytearray(count), bytearray(count)

    async def keep(self, watch: Watch[BackupJobSession]) -> None:
        """Take in all that a watch tells, until it ends."""
        counts = {"FOUND": self._found, "STOPPED": self._ended, "GONE": self._ended}
        async for event in watch:
            if event.id is not None and event.kind in counts:
                count, number = counts[event.kind], event.id.int
                count[number] = min(255, count[number] + 1)

    def once(self, numbers: Iterable[int]) -> int:
        """Count those of the sessions that were found once and ended once."""
        return sum(self._found[one] == 1 == self._ended[one] for one in numbers)
