"""Let the server be away for an hour of a fake clock: `away '<its errand as JSON>'`."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from uuid import UUID

import attrs
import looptime

from benchmarks.watching.ledger import Ledger
from benchmarks.watching.seam import watch_world
from benchmarks.watching.world import Run, Script, World

_HOUR = 3600.0
_SHORTEST, _MEAN = 600, 3600
_STRIDE = 7919
_STARTS_UNTIL = 3 * _HOUR
_AFTERWARDS = 1200.0


@attrs.frozen(kw_only=True)
class Errand:
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


def main() -> None:
    """Let the time pass, and print what it came to."""
    errand = Errand(**json.loads(sys.argv[1]))
    with asyncio.Runner(loop_factory=looptime.new_event_loop) as runner:
        print(json.dumps(attrs.asdict(runner.run(measure(errand)))))


async def measure(errand: Errand) -> Survived:
    """Watch until every session must have been told as ended.

    The server is healthy for an hour, and then away for one.
    """
    # Half an interval late: the hours begin and end between two rounds.
    begin = _HOUR + errand.interval / 2
    script = Script(_runs(errand))
    ledger = Ledger(len(script))
    world = World(
        script,
        asyncio.get_running_loop().time,
        kept=4 * errand.sessions,
        away=(begin, begin + _HOUR),
    )
    runs = enumerate(script.between(0, len(script)))
    due = [number for number, run in runs if _is_due(run, errand)]
    ids = None if errand.everything else [UUID(int=number) for number in due]
    watch = watch_world(world, ids, errand.interval)
    async with asyncio.TaskGroup() as group:
        group.create_task(ledger.keep(watch))
        await asyncio.sleep(begin)
        healthy = world.requests
        await asyncio.sleep(_HOUR)
        away = world.requests - healthy
        await asyncio.sleep(max(script.ended) + _AFTERWARDS - begin)
        watch.stop()
    return Survived(
        healthy=healthy, away=away, sessions=len(due), once=ledger.once(due)
    )


def _runs(errand: Errand) -> Iterator[Run]:
    """Give sessions so that about as many run at any time, until no more start."""
    step = _MEAN / errand.sessions
    oldest = 2 * _MEAN - _SHORTEST
    for number in range(int((oldest + _STARTS_UNTIL) / step)):
        spread = number * _STRIDE % (2 * (_MEAN - _SHORTEST) + 1)
        created = number * step - oldest
        yield created, created + _SHORTEST + spread


def _is_due(run: Run, errand: Errand) -> bool:
    """Tell whether the session is watched: it runs at the start, or starts later."""
    created, ended = run
    return ended > 0 and (errand.everything or created <= 0)


if __name__ == "__main__":
    main()
