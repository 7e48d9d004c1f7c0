"""What watches hold in memory: many sessions of one, and those of many managers."""

from __future__ import annotations

import asyncio
import os
import ssl
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import attrs

from benchmarks.process import CLIENT_CORE, peak, pin
from benchmarks.serving import Place, running, write_certificate
from benchmarks.watching.server import Setting, serve_sessions
from veeam_async import EnterpriseManager
from veeam_async.models import BackupJobSession
from veeam_async.watch.watch import Watch

_PATIENCE = 240.0
_GLANCE = 0.1
_MOST = 0.95
"""Of the sessions that have to be found: some end before they are looked at."""

_SETTLED = 2
"""Looks of each watch before the clock starts: all is open, and code is warm."""


@attrs.frozen(kw_only=True)
class HoldErrand:
    """How many *sessions* are watched, and how often each has to be looked at.

    *everything*: without naming them, and not by their ids. The caller keeps nothing.
    """

    sessions: int
    everything: bool
    interval: float
    looks: int


@attrs.frozen(kw_only=True)
class Held:
    """The *peak* of resident memory in bytes, when so many were *found*."""

    peak: float
    found: int


@attrs.frozen(kw_only=True)
class FleetErrand:
    """How many *managers* watch so many *sessions* each, for how many *rounds*."""

    managers: int
    sessions: int
    interval: float
    rounds: int


@attrs.frozen(kw_only=True)
class Fleet:
    """What they took: seconds of processor to make, its share to watch, bytes for each.

    *looks* is how often they looked while their share was measured.
    """

    made: float
    share: float
    each: float
    looks: int


def hold(errand: HoldErrand) -> Held:
    """Watch until all have been looked at so often."""
    setting = Setting(sessions=errand.sessions, interval=errand.interval)
    with running(serve_sessions, setting, core=None) as place:
        found = asyncio.run(_hold(errand, place))
    if found < _MOST * errand.sessions:
        raise RuntimeError(f"{found} of {errand.sessions} sessions were found")
    return Held(peak=peak(), found=found)


async def _hold(errand: HoldErrand, place: Place) -> int:
    ids = None if errand.everything else iter(place.json("ids"))
    async with EnterpriseManager(place.url, username="bench", password="bench") as em:
        watch = em.backup_sessions.watch(ids, interval=errand.interval)
        async with asyncio.TaskGroup() as group:
            counting = group.create_task(_count(watch))
            async with asyncio.timeout(_PATIENCE):
                while watch.stats.rows < errand.looks * errand.sessions:  # noqa: ASYNC110 - a watch sets no event
                    await asyncio.sleep(_GLANCE)
            watch.stop()
    return counting.result()


async def _count(watch: Watch[BackupJobSession]) -> int:
    """Count the sessions found, while all events are taken."""
    return sum([event.kind == "FOUND" async for event in watch])


def watch_as_a_fleet(errand: FleetErrand) -> Fleet:
    """Let many managers watch everything; one server stands for all of theirs.

    Each has `tls=True`, by the authorities of the system and one more, and a logon and
    connections of its own.
    """
    pin(CLIENT_CORE)
    with tempfile.TemporaryDirectory() as folder:
        pem = write_certificate(Path(folder))
        os.environ["SSL_CERT_FILE"] = str(_trusted(pem.with_name("ca.pem")))
        setting = Setting(
            sessions=errand.sessions, interval=errand.interval, certificate=str(pem)
        )
        with running(serve_sessions, setting) as place:
            return asyncio.run(_fleet(errand, place))


def _trusted(ca: Path) -> Path:
    """Write the authorities of the system and one more to trust, beside it."""
    system = ssl.get_default_verify_paths().cafile
    together = ca.with_name("trusted.pem")
    others = Path(system).read_bytes() if system else b""
    together.write_bytes(others + b"\n" + ca.read_bytes())
    return together


async def _fleet(errand: FleetErrand, place: Place) -> Fleet:
    """Make the managers, let all of them watch, and take the time of some rounds."""
    await _warm(place)
    before, began = peak(), time.process_time()
    managers = [
        EnterpriseManager(place.url, username="bench", password="bench", tls=True)
        for _ in range(errand.managers)
    ]
    made = time.process_time() - began
    async with _watched(managers, errand.interval) as watches:
        while min(watch.stats.polls for watch in watches) < _SETTLED:  # noqa: ASYNC110 - a watch sets no event
            await asyncio.sleep(errand.interval / 10)
        looks, cpu, wall = _looks(watches), time.process_time(), time.monotonic()
        await asyncio.sleep(errand.rounds * errand.interval)
        cpu, wall = time.process_time() - cpu, time.monotonic() - wall
        looks = _looks(watches) - looks
    each = (peak() - before) / errand.managers
    return Fleet(made=made, share=cpu / wall, each=each, looks=looks)


async def _warm(place: Place) -> None:
    """Let one look and be gone: what all share is no cost of a manager's own."""
    async with EnterpriseManager(place.url, username="bench", password="bench") as em:
        async for _ in em.backup_sessions.watch():
            break


def _looks(watches: list[Watch[BackupJobSession]]) -> int:
    return sum(watch.stats.polls for watch in watches)


@asynccontextmanager
async def _watched(
    managers: list[EnterpriseManager], interval: float
) -> AsyncIterator[list[Watch[BackupJobSession]]]:
    """Lend a watch of everything by each of them, whose events are taken."""
    async with AsyncExitStack() as stack:
        for em in managers:
            await stack.enter_async_context(em)
        watches = [em.backup_sessions.watch(interval=interval) for em in managers]
        async with asyncio.TaskGroup() as group:
            for watch in watches:
                group.create_task(_count(watch))
            yield watches
            for watch in watches:
                watch.stop()
