"""Let many managers watch everything in one process: `fleet '<errand as JSON>'`.

Each has `tls=True`, by the authorities of the system and one more, and a logon and
connections of its own. One server stands for all of theirs.
"""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import attrs

from benchmarks.affinity import cores, pin
from benchmarks.certificate import write_into
from benchmarks.memory import peak
from benchmarks.watching.server import Setting
from benchmarks.watching.serving import Service, serving
from veeam_async import EnterpriseManager
from veeam_async.models import BackupJobSession
from veeam_async.watch.watch import Watch

_SETTLED = 2
"""Looks of each watch before the clock starts: all is open, and code is warm."""


@attrs.frozen(kw_only=True)
class Errand:
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


def main() -> None:
    """Watch, and print what it came to."""
    errand = Errand(**json.loads(sys.argv[1]))
    ours, servers = cores()
    pin(ours)
    with tempfile.TemporaryDirectory() as folder:
        pem = write_into(Path(folder))
        os.environ["SSL_CERT_FILE"] = str(_trusted(pem.with_name("ca.pem")))
        setting = Setting(
            sessions=errand.sessions, interval=errand.interval, certificate=str(pem)
        )
        with serving(setting, servers) as service:
            print(json.dumps(attrs.asdict(asyncio.run(watch_all(errand, service)))))


def _trusted(ca: Path) -> Path:
    """Write the authorities of the system and one more to trust, beside it."""
    system = ssl.get_default_verify_paths().cafile
    together = ca.with_name("trusted.pem")
    others = Path(system).read_bytes() if system else b""
    together.write_bytes(others + b"\n" + ca.read_bytes())
    return together


async def watch_all(errand: Errand, service: Service) -> Fleet:
    """Make the managers, let all of them watch, and take the time of some rounds."""
    await _warm(service)
    before, began = peak(), time.process_time()
    managers = [
        EnterpriseManager(service.url, username="bench", password="bench", tls=True)
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


async def _warm(service: Service) -> None:
    """Let one look and be gone: what all share is no cost of a manager's own."""
    async with EnterpriseManager(service.url, username="bench", password="bench") as em:
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
                group.create_task(_take(watch))
            yield watches
            for watch in watches:
                watch.stop()


async def _take(watch: Watch[BackupJobSession]) -> None:
    async for _ in watch:
        pass


if __name__ == "__main__":
    main()
