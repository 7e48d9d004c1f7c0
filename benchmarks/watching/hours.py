"""Let a week pass, or an hour in which the server is away, on a fake clock."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Iterator
from statistics import median
from uuid import UUID

import looptime

from benchmarks.process import resident
from benchmarks.watching.server import Figures
from benchmarks.watching.world import Ledger, Run, World

_HOUR = 3600.0
_STRIDE = 7919
"""A prime: with it the durations of sessions in a row have nothing in common."""

_KEPT = 2048
_LOOKS = 9
_WEEK_SHORTEST, _WEEK_LONGEST = 60, 600
_AWAY_SHORTEST, _AWAY_MEAN = 600, 3600
_STARTS_UNTIL = 3 * _HOUR
_AFTERWARDS = 1200.0


def pass_a_week(days: int, day: float, sessions: int, interval: float) -> Figures:
    """Watch everything until all sessions of the last day must have been told.

    A day has so many seconds, and so many sessions start in it. Given are the memory
    after the *first* day and at the end (see `_memory_at`), and how many of all
    sessions were found *once* and ended once.
    """
    with asyncio.Runner(loop_factory=looptime.new_event_loop) as runner:
        return runner.run(_week(days, day, sessions, interval))


def pass_an_hour_away(sessions: int, interval: float, everything: bool) -> Figures:  # noqa: FBT001 - a part's argument
    """Watch until every session must have been told as ended.

    The server is *healthy* for an hour, and then *away* for one: given are the requests
    in both, and how many sessions were found *once* and ended once. So many run at any
    time. *everything*: watch those that start as well, not only the first ones.
    """
    with asyncio.Runner(loop_factory=looptime.new_event_loop) as runner:
        return runner.run(_away(sessions, interval, everything=everything))


async def _week(days: int, day: float, sessions: int, interval: float) -> Figures:
    step, count = day / sessions, days * sessions
    total = count + int(_HOUR / step)  # so that the load does not fade
    runs = _runs(total, step, 0.0, _WEEK_SHORTEST, _WEEK_LONGEST)
    world, ledger = World(runs, kept=_KEPT), Ledger(total)
    gc.collect()
    before = sys.getallocatedblocks()
    watch = world.watch(None, interval)
    async with asyncio.TaskGroup() as group:
        group.create_task(ledger.keep(watch))
        first, first_blocks = await _memory_at(day, interval, before)
        last, last_blocks = await _memory_at(days * day, interval, before)
        await asyncio.sleep(_WEEK_LONGEST + 2 * interval)
        watch.stop()
    return {
        "first_resident": first,
        "first_blocks": first_blocks,
        "last_resident": last,
        "last_blocks": last_blocks,
        "sessions": count,
        "once": ledger.once(range(count)),
    }


async def _memory_at(
    seconds: float, interval: float, before: int
) -> tuple[float, float]:
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
        taken.append(resident())
        blocks.append(sys.getallocatedblocks() - before)
        await asyncio.sleep(interval)
    return median(taken), median(blocks)


async def _away(sessions: int, interval: float, *, everything: bool) -> Figures:
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


def _runs(
    count: int, step: float, start: float, shortest: int, longest: int
) -> Iterator[Run]:
    """Begin a session each *step* seconds from *start*; durations are spread."""
    for number in range(count):
        created = start + number * step
        spread = number * _STRIDE % (longest - shortest + 1)
        yield created, created + shortest + spread
