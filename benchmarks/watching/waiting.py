"""Count the requests of many `wait`s at once, and of as many lone loops.

Each kind has a server of its own, with the sessions that it waits for and no others, so
that both run at the same time.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from benchmarks.serving import Place, running
from benchmarks.watching.server import Figures, serve_sessions
from veeam_async import EnterpriseManager

_SETTLE = 1.5
"""Intervals after which a wait must have returned."""


def wait(waits: int, interval: float, rounds: int) -> Figures:
    """Run so many waits of both kinds for so many intervals.

    The requests of waits and of *loops*; how many sessions of waits *ended* in good
    time, and how many of their waits have not returned.
    """
    serving = partial(running, serve_sessions, sessions=waits, interval=interval)
    with serving() as one, serving() as other:
        return asyncio.run(_both(one, other, interval, rounds))


async def _both(one: Place, other: Place, interval: float, rounds: int) -> Figures:
    ours, loops = await asyncio.gather(
        _count(one, _wait, interval, rounds), _count(other, _loop, interval, rounds)
    )
    return {**ours, "loops": loops["requests"]}


async def _count(
    place: Place,
    way: Callable[[EnterpriseManager, str, float], Coroutine[Any, Any, None]],
    interval: float,
    rounds: int,
) -> Figures:
    async with EnterpriseManager(place.url, username="bench", password="bench") as em:
        ids = place.json("ids")
        tasks = {one: asyncio.create_task(way(em, one, interval)) for one in ids}
        await asyncio.sleep(rounds * interval)
        due = time.time() - _SETTLE * interval
        returned = {one for one, task in tasks.items() if task.done()}
        counts = place.json("counts")
        for task in tasks.values():
            task.cancel()
        await asyncio.gather(*tasks.values(), return_exceptions=True)
    ended = {
        one
        for one, kind, at in place.json("changes")
        if kind == "ended" and one in tasks and at < due
    }
    missing = len(ended - returned)
    return {"requests": counts["requests"], "ended": len(ended), "missing": missing}


async def _wait(em: EnterpriseManager, session_id: str, interval: float) -> None:
    await em.backup_sessions.wait(session_id, interval=interval)


async def _loop(em: EnterpriseManager, session_id: str, interval: float) -> None:
    """Wait as one does without a watch."""
    while True:
        session = await em.backup_sessions.get(session_id)
        if session.is_stopped:
            return
        await asyncio.sleep(interval)
