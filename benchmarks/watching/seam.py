"""Where the engine of a watch is put on a world without a wire: the one place."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Sequence
from math import inf
from uuid import UUID

from benchmarks.watching.question import Selection
from benchmarks.watching.world import PAGE_SIZE, World, second
from veeam_async.clock import Clock
from veeam_async.codec import from_dict, to_saved
from veeam_async.models import BackupJobSession, Page, PagingInfo
from veeam_async.watch.options import WatchFactory, WatchOptions
from veeam_async.watch.polling.request import Listing, PollSource
from veeam_async.watch.polling.strategy import SharedPoller
from veeam_async.watch.tracker.schedule import Rules
from veeam_async.watch.tracker.watermark import BackupServer, Since
from veeam_async.watch.watch import Watch

_AT_ONCE = 16


def watch_world(
    world: World, ids: Iterable[UUID] | None, interval: float
) -> Watch[BackupJobSession]:
    """Watch these sessions of a *world*, or everything; by query in both cases."""
    clock = Clock(wall=world.now)
    poller = SharedPoller(source_of(world), concurrency=_AT_ONCE, clock=clock)
    watches: WatchFactory[BackupJobSession] = WatchFactory(
        kind=BackupJobSession,
        poll=poller.poll,
        load=lambda data: from_dict(BackupJobSession, data),
        dump=to_saved,
        clock=clock,
    )
    rules = Rules(interval=interval, phase=0.0)
    return watches.watch(WatchOptions(rules=rules, ids=ids, strategy="query"))


def source_of(world: World) -> PollSource[BackupJobSession]:
    """Give the ways to look at a *world*; each answer takes a turn of the loop."""

    async def get(session_id: UUID) -> BackupJobSession:
        await asyncio.sleep(0)
        return world.get(session_id)

    async def page(
        _: str | None, since: Since | None, number: int
    ) -> Listing[BackupJobSession]:
        await asyncio.sleep(0)
        start = inf if since is None else second(since.rest)
        rows, count = world.page(Selection(start, start), number)
        paging = PagingInfo(page_num=number, page_size=PAGE_SIZE, pages_count=count)
        return Listing(Page(rows=tuple(rows), paging=paging), world.now())

    async def newest(
        _: str | None, __: Sequence[BackupServer]
    ) -> Listing[BackupJobSession]:
        await asyncio.sleep(0)
        return Listing(Page(rows=tuple(world.newest())), world.now())

    async def references() -> Collection[UUID]:
        await asyncio.sleep(0)
        return world.references()

    return PollSource(
        get=get,
        page=page,
        newest=newest,
        references=references,
        control=references,
        is_fatal=lambda _: False,
    )
