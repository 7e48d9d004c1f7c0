"""Let a week pass, or an hour in which the server is away, on a fake clock."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Coroutine, Iterator
from statistics import median
from typing import Any, TypeVar
from uuid import UUID

import attrs
import looptime

from benchmarks.process import resident
from benchmarks.watching.world import Ledger, Run, World

R = TypeVar("R")

_HOUR = 3600.0
_STRIDE = 7919
"""A prime: with it the durations of sessions in a row have nothing in common."""

_KEPT = 2048
_LOOKS = 9
_WEEK_SHORTEST, _WEEK_LONGEST = 60, 600
_AWAY_SHORTEST, _AWAY_MEAN = 600, 3600
_STARTS_UNTIL = 3 * _HOUR
_AFTERWARDS = 1200.0


@attrs.frozen(kw_only=True)
class WeekErrand:
    """So many *days* of so many seconds, with so many *sessions* in each.

    *interval* is that of the watch, in seconds.
    """

    days: int
    day: float
    sessions: int
    interval: float


@attrs.frozen(kw_only=True)
class Memory:
    """Bytes *resident*, 0 where the system does not tell, and *blocks* of the watch.

    Blocks are what Python's allocator has given out since the watch began, under which
    nothing can hide. (tracemalloc would take five times as long to tell the same.)
    """

    resident: float
    blocks: float


@attrs.frozen(kw_only=True)
class Passed:
    """The memory after the first day and at the end.

    Of all *sessions*, *once* were found once and ended once.
    """

    first: Memory
    last: Memory
    sessions: int
    once: int
    requests: int


@attrs.frozen(kw_only=True)
class AwayErrand:
    """So many *sessions* run at any time, and are looked at each *interval* seconds.

    *everything*: watch those that start as well, not only those that run at first.
    """

    sessions: int
    interval: float
    everything: bool


@attrs.frozen(kw_only=True)
class Survived:
    """The requests of the hour before and of the hour *away*.

    Of the *sessions* to tell of, *once* were found once and ended once.
    """

    healthy: int
    away: int
    sessions: int
    once: int


def pass_a_week(errand: WeekErrand) -> Passed:
    """Watch everything until all sessions of the last day must have been told."""
    return _on_a_fake_clock(_week(errand))


def pass_an_hour_away(errand: AwayErrand) -> Survived:
    """Watch until every session must have been told as ended.

    The server is healthy for an hour, and then away for one.
    """
    return _on_a_fake_clock(_away(errand))


def _on_a_fake_clock(passing: Coroutine[Any, Any, R]) -> R:
    with asyncio.Runner(loop_factory=looptime.new_event_loop) as runner:
        return runner.run(passing)


async def _week(errand: WeekErrand) -> Passed:
    # An hour more, so that the load does not fade.
    step, count = errand.day / errand.sessions, errand.days * errand.sessions
    total = count + int(_HOUR / step)
    runs = _runs(total, step, 0.0, _WEEK_SHORTEST, _WEEK_LONGEST)
    world, ledger = World(runs, kept=_KEPT), Ledger(total)
    gc.collect()
    before = sys.getallocatedblocks()
    watch = world.watch(None, errand.interval)
    async with asyncio.TaskGroup() as group:
        group.create_task(ledger.keep(watch))
        first = await _memory_at(errand.day, errand.interval, before)
        last = await _memory_at(errand.days * errand.day, errand.interval, before)
        await asyncio.sleep(_WEEK_LONGEST + 2 * errand.interval)
        watch.stop()
    return Passed(
        first=first,
        last=last,
        sessions=count,
        once=ledger.once(range(count)),
        requests=world.requests,
    )


async def _memory_at(seconds: float, interval: float, before: int) -> Memory:
    """Give the memory in use then: the medians of some looks between rounds.

    So many blocks there were *before* the watch.
    """
    now = asyncio.get_running_loop().time()
    await asyncio.sleep(seconds - (_LOOKS - 0.5) * interval - now)
    taken, blocks = [], []
    for _ in range(_LOOKS):
        gc.collect()
        taken.append(resident())
        blocks.append(sys.getallocatedblocks() - before)
        await asyncio.sleep(interval)
    return Memory(resident=median(taken), blocks=median(blocks))


async def _away(errand: AwayErrand) -> Survived:
    # Half an interval late: the hours begin and end between two rounds.
    begin = _HOUR + errand.interval / 2
    step, oldest = _AWAY_MEAN / errand.sessions, 2 * _AWAY_MEAN - _AWAY_SHORTEST
    total = int((oldest + _STARTS_UNTIL) / step)
    # About as many run at any time, until no more start.
    runs = _runs(total, step, -oldest, _AWAY_SHORTEST, oldest)
    world = World(runs, kept=4 * errand.sessions, away=(begin, begin + _HOUR))
    due = [
        number
        for number, (created, ended) in enumerate(world.runs())
        if ended > 0 and (errand.everything or created <= 0)
    ]
    ids = None if errand.everything else [UUID(int=number) for number in due]
    ledger, watch = Ledger(total), world.watch(ids, errand.interval)
    async with asyncio.TaskGroup() as group:
        group.create_task(ledger.keep(watch))
        await asyncio.sleep(begin)
        healthy = world.requests
        await asyncio.sleep(_HOUR)
        away = world.requests - healthy
        await asyncio.sleep(
            max(ended for _, ended in world.runs()) + _AFTERWARDS - begin
        )
        watch.stop()
    return Survived(
        healthy=healthy, away=away, sessions=len(due), once=ledger.once(due)
    )


def _runs(
    count: int, step: float, start: float, shortest: int, longest: int
) -> Iterator[Run]:
    """Begin a session each *step* seconds from *start*; durations are spread."""
    for number in range(count):
        created = start + number * step
        spread = number * _STRIDE % (longest - shortest + 1)
        yield created, created + shortest + spread
