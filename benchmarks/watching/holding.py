"""What watches hold in memory: many sessions of one, and those of many managers."""

from __future__ import annotations

import asyncio
import os
import ssl
import tempfile
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

from benchmarks.process import CLIENT_CORE, in_loop, memory, pin
from benchmarks.serving import Figures, running, write_certificate
from benchmarks.watching.server import serve_sessions
from veeam_async import EnterpriseManager
from veeam_async.models import BackupJobSession
from veeam_async.watch.watch import Watch

_PATIENCE = 240.0
_GLANCE = 0.1
_MOST = 0.95
"""Of the sessions that have to be found: some end before they are looked at."""

_SETTLED = 2
"""Looks of each watch before the clock starts: all is open, and code is warm."""


@in_loop()
async def hold(
    sessions: int, interval: float, looks: int, *, everything: bool
) -> Figures:
    """Give the *peak* of memory when each of the *sessions* was looked at so often.

    *everything*: without naming them, and not by their ids. The caller keeps nothing.
    """
    with running(
        serve_sessions, core=None, sessions=sessions, interval=interval
    ) as place:
        ids = None if everything else iter(place.json("ids"))
        found = await _hold(place.url, ids, interval, looks * sessions)
    if found < _MOST * sessions:
        raise RuntimeError(f"{found} of {sessions} sessions were found")
    return {"peak": memory("VmHWM"), "found": found}


async def _hold(url: str, ids: Iterator[str] | None, interval: float, rows: int) -> int:
    async with EnterpriseManager(url, username="bench", password="bench") as em:
        watch = em.backup_sessions.watch(ids, interval=interval)
        async with asyncio.TaskGroup() as group:
            counting = group.create_task(_count(watch))
            async with asyncio.timeout(_PATIENCE):
                while watch.stats.rows < rows:  # noqa: ASYNC110 - a watch sets no event
                    await asyncio.sleep(_GLANCE)
            watch.stop()
    return counting.result()


async def _count(watch: Watch[BackupJobSession]) -> int:
    """Count the sessions found, while all events are taken."""
    return sum([event.kind == "FOUND" async for event in watch])


@in_loop()
async def watch_as_a_fleet(
    managers: int, sessions: int, interval: float, rounds: int
) -> Figures:
    """Let many managers watch all their sessions; one server stands for all of theirs.

    Each has `tls=True`, by the authorities of the system and one more, and a logon and
    connections of its own. Given are the seconds of processor to make them, the *share*
    of the time that they took of it, the bytes of each, and how often they looked.
    """
    pin(CLIENT_CORE)
    with tempfile.TemporaryDirectory() as folder:
        pem = write_certificate(Path(folder))
        os.environ["SSL_CERT_FILE"] = str(_trusted(pem.with_name("ca.pem")))
        with running(
            serve_sessions, certificate=pem, sessions=sessions, interval=interval
        ) as place:
            return await _fleet(place.url, managers, interval, rounds)


def _trusted(ca: Path) -> Path:
    """Write the authorities of the system and one more to trust, beside it."""
    system = ssl.get_default_verify_paths().cafile
    together = ca.with_name("trusted.pem")
    others = Path(system).read_bytes() if system else b""
    together.write_bytes(others + b"\n" + ca.read_bytes())
    return together


async def _fleet(url: str, count: int, interval: float, rounds: int) -> Figures:
    """Make the managers, let all of them watch, and take the time of some rounds."""
    # One looks before and is gone: what all share is no cost of a manager's own.
    async with EnterpriseManager(url, username="bench", password="bench") as em:
        async for _ in em.backup_sessions.watch():
            break
    before, began = memory("VmHWM"), time.process_time()
    managers = [
        EnterpriseManager(url, username="bench", password="bench", tls=True)
        for _ in range(count)
    ]
    made = time.process_time() - began
    async with AsyncExitStack() as stack:
        for em in managers:
            await stack.enter_async_context(em)
        watches = [em.backup_sessions.watch(interval=interval) for em in managers]
        async with asyncio.TaskGroup() as group:
            for watch in watches:
                group.create_task(_count(watch))
            share, looks = await _share(watches, interval, rounds)
            for watch in watches:
                watch.stop()
    each = (memory("VmHWM") - before) / count
    return {"made": made, "share": share, "each": each, "looks": looks}


async def _share(
    watches: list[Watch[BackupJobSession]], interval: float, rounds: int
) -> tuple[float, int]:
    """Give the share of the processor within some rounds, and the looks in them."""
    while min(watch.stats.polls for watch in watches) < _SETTLED:  # noqa: ASYNC110 - a watch sets no event
        await asyncio.sleep(interval / 10)
    cpu, wall = time.process_time(), time.monotonic()
    before = [watch.stats.polls for watch in watches]
    await asyncio.sleep(rounds * interval)
    looks = sum(watch.stats.polls for watch in watches) - sum(before)
    share = (time.process_time() - cpu) / (time.monotonic() - wall)
    return share, looks
