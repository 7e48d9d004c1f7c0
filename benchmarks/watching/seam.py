"""Where the engine of a watch is put on a world without a wire: the one place."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from math import inf
from uuid import UUID

from benchmarks.watching.question import Selection
from benchmarks.watching.world import PAGE_SIZE, World, second
from veeam_async.clock import Clock
from veeam_async.codec import to_dict
from veeam_async.models import BackupJobSession, Page, PagingInfo
from veeam_async.observer.looks import Looks
from veeam_async.observer.observer import Observer
from veeam_async.tracker.census import Census
from veeam_async.tracker.recording import Recorder
from veeam_async.tracker.rules import Rules
from veeam_async.tracker.tracker import Tracker
from veeam_async.watch.clock import Limit
from veeam_async.watch.watch import Watch

_AT_ONCE = 16
_LOOKBACK = timedelta(minutes=15)


def watch_world(
    world: World, ids: Iterable[UUID] | None, interval: float
) -> Watch[BackupJobSession]:
    """Watch these sessions of a *world*, or everything; by query in both cases."""
    clock = Clock(wall=world.now)
    observer = Observer(looks_at(world), concurrency=_AT_ONCE, moment=clock.moment)
    census = Census(where=None, lookback=_LOOKBACK) if ids is None else None
    return Watch(
        observer.observe,
        Tracker(ids or (), Rules(interval=interval, phase=0.0), census=census),
        dump=to_dict,
        strategy="query",
        limit=Limit(),
        clock=clock,
        recorder=Recorder(None, to_dict, BackupJobSession.__name__),
    )


def looks_at(world: World) -> Looks[BackupJobSession]:
    """Give the ways to look at a *world*; each answer takes a turn of the loop."""

    async def get(one: UUID) -> BackupJobSession:
        await asyncio.sleep(0)
        return world.get(one)

    async def page(
        _: str | None, since: datetime | None, number: int
    ) -> Page[BackupJobSession]:
        await asyncio.sleep(0)
        start = inf if since is None else second(since)
        rows, count = world.page(Selection(start, start), number)
        paging = PagingInfo(page_num=number, page_size=PAGE_SIZE, pages_count=count)
        return Page(rows=tuple(rows), paging=paging)

    async def newest(_: str | None) -> datetime | None:
        await asyncio.sleep(0)
        return world.newest()

    async def references() -> Collection[UUID]:
        raise NotImplementedError("a world is watched by query")

    return Looks(
        get=get,
        page=page,
        newest=newest,
        references=references,
        is_fatal=lambda _: False,
    )
