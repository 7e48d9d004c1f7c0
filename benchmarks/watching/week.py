"""Watch everything for a week of a fake clock: `week '<its errand as JSON>'`.

Memory is measured twice, after a collection: what is resident, in which everything is
but also the interpreter, and the blocks that Python's allocator has given out since the
watch began, under which nothing can hide. (tracemalloc would take five times as long
to tell the same.)
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import attrs
import looptime

from benchmarks.watching.ledger import Ledger
from benchmarks.watching.seam import watch_world
from benchmarks.watching.world import Run, Script, World

_SHORTEST, _LONGEST = 60, 600
_STRIDE = 7919
"""A prime: with it the durations of sessions in a row have nothing in common."""

_KEPT = 2048
_LOOKS = 9
_STATUS = Path("/proc/self/status")


@attrs.frozen(kw_only=True)
class Errand:
    """So many *days* of so many seconds, with so many *sessions* in each.

    *interval* is that of the watch, in seconds.
    """

    days: int
    day: float
    sessions: int
    interval: float


@attrs.frozen(kw_only=True)
class Memory:
    """Bytes *resident*, 0 where the system does not tell, and *blocks* of the watch."""

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


def main() -> None:
    """Let the time pass, and print what it came to."""
    errand = Errand(**json.loads(sys.argv[1]))
    with asyncio.Runner(loop_factory=looptime.new_event_loop) as runner:
        print(json.dumps(attrs.asdict(runner.run(measure(errand)))))


async def measure(errand: Errand) -> Passed:
    """Watch until all sessions of the last day must have been told."""
    script = Script(_runs(errand))
    ledger = Ledger(len(script))
    world = World(script, asyncio.get_running_loop().time, kept=_KEPT)
    gc.collect()
    before = sys.getallocatedblocks()
    watch = watch_world(world, None, errand.interval)
    async with asyncio.TaskGroup() as group:
        group.create_task(ledger.keep(watch))
        first = await _memory_at(errand.day, errand.interval, before)
        last = await _memory_at(errand.days * errand.day, errand.interval, before)
        await asyncio.sleep(_LONGEST + 2 * errand.interval)
        watch.stop()
    count = errand.days * errand.sessions
    return Passed(
        first=first,
        last=last,
        sessions=count,
        once=ledger.once(range(count)),
        requests=world.requests,
    )


def _runs(errand: Errand) -> Iterator[Run]:
    """Give the sessions of all days, and of an hour more: the load does not fade."""
    step = errand.day / errand.sessions
    for number in range(errand.days * errand.sessions + int(3600 / step)):
        spread = number * _STRIDE % (_LONGEST - _SHORTEST + 1)
        created = number * step
        yield created, created + _SHORTEST + spread


async def _memory_at(seconds: float, interval: float, before: int) -> Memory:
    """Give the memory in use then: the medians of some looks between rounds.

    So many blocks there were *before* the watch.
    """
    now = asyncio.get_running_loop().time()
    await asyncio.sleep(seconds - (_LOOKS - 0.5) * interval - now)
    resident, blocks = [], []
    for _ in range(_LOOKS):
        gc.collect()
        resident.append(_resident())
        blocks.append(sys.getallocatedblocks() - before)
        await asyncio.sleep(interval)
    return Memory(resident=median(resident), blocks=median(blocks))


def _resident() -> int:
    """Give the resident bytes of this process."""
    if not _STATUS.exists():
        return 0
    lines = _STATUS.read_text().splitlines()
    return next(int(x.split()[1]) * 1024 for x in lines if x.startswith("VmRSS"))


if __name__ == "__main__":
    main()
