"""Count the requests of many `wait`s at once, and of as many lone loops.

Each kind has a server of its own, with the sessions that it waits for and no others, so
that both run at the same time.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import TypeAlias

import attrs

from benchmarks.serving import Place, running
from benchmarks.watching.server import Setting, changes, counts, serve_sessions
from veeam_async import EnterpriseManager

Wait: TypeAlias = Callable[[EnterpriseManager, str, float], Coroutine[None, None, None]]

_SETTLE = 1.5
"""Intervals after which a wait must have returned."""


@attrs.frozen(kw_only=True)
class Errand:
    """How many *waits* with which *interval*, and for how many *rounds* of that."""

    waits: int
    interval: float
    rounds: int


@attrs.frozen(kw_only=True)
class Counted:
    """The *requests* of one kind. So many of its sessions *ended* in good time.

    *missing* are the waits of these that have not returned.
    """

    requests: int
    ended: int
    missing: int


@attrs.frozen(kw_only=True)
class Waited:
    """What both kinds came to within the same time."""

    waits: Counted
    loops: Counted


def wait(errand: Errand) -> Waited:
    """Run both kinds for the same time."""
    setting = Setting(sessions=errand.waits, interval=errand.interval)
    with (
        running(serve_sessions, setting) as one,
        running(serve_sessions, setting) as other,
    ):
        return asyncio.run(_both(errand, one, other))


async def _both(errand: Errand, one: Place, other: Place) -> Waited:
    waits, loops = await asyncio.gather(
        _count(errand, one, _wait), _count(errand, other, _loop)
    )
    return Waited(waits=waits, loops=loops)


async def _count(errand: Errand, place: Place, wait_for: Wait) -> Counted:
    async with EnterpriseManager(place.url, username="bench", password="bench") as em:
        tasks = {
            id_: asyncio.create_task(wait_for(em, id_, errand.interval))
            for id_ in place.json("ids")
        }
        await asyncio.sleep(errand.rounds * errand.interval)
        due = time.time() - _SETTLE * errand.interval
        returned = {id_ for id_, task in tasks.items() if task.done()}
        requests = counts(place).requests
        for task in tasks.values():
            task.cancel()
        await asyncio.gather(*tasks.values(), return_exceptions=True)
    ended = {
        id_
        for id_, kind, at in changes(place)
        if kind == "ended" and id_ in tasks and at < due
    }
    return Counted(requests=requests, ended=len(ended), missing=len(ended - returned))


async def _wait(em: EnterpriseManager, id_: str, interval: float) -> None:
    await em.backup_sessions.wait(id_, interval=interval)


async def _loop(em: EnterpriseManager, id_: str, interval: float) -> None:
    """Wait as one does without a watch."""
    while True:
        session = await em.backup_sessions.get(id_)
        if session.is_stopped:
            return
        await asyncio.sleep(interval)
