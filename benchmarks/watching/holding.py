"""Measure the memory of watched sessions, in a fresh process: `holding '<errand>'`."""

from __future__ import annotations

import asyncio
import json
import sys

import attrs

from benchmarks.memory import peak
from benchmarks.watching.server import Setting
from benchmarks.watching.serving import Service, serving
from veeam_async import EnterpriseManager
from veeam_async.models import BackupJobSession
from veeam_async.watch.watch import Watch

_PATIENCE = 240.0
_GLANCE = 0.1
_MOST = 0.95
"""Of the sessions that have to be found: some end before they are looked at."""


@attrs.frozen(kw_only=True)
class Errand:
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


def main() -> None:
    """Watch, and print what it came to."""
    errand = Errand(**json.loads(sys.argv[1]))
    setting = Setting(sessions=errand.sessions, interval=errand.interval)
    with serving(setting) as service:
        found = asyncio.run(hold(errand, service))
    if found < _MOST * errand.sessions:
        raise RuntimeError(f"{found} of {errand.sessions} sessions were found")
    print(json.dumps(attrs.asdict(Held(peak=peak(), found=found))))


async def hold(errand: Errand, service: Service) -> int:
    """Watch until all have been looked at so often; gives how many were found."""
    ids = None if errand.everything else iter(service.ids())
    async with EnterpriseManager(service.url, username="bench", password="bench") as em:
        watch = em.backup_sessions.watch(ids, interval=errand.interval)
        async with asyncio.TaskGroup() as group:
            counting = group.create_task(_count(watch))
            async with asyncio.timeout(_PATIENCE):
                while watch.stats.rows < errand.looks * errand.sessions:  # noqa: ASYNC110 - a watch sets no event
                    await asyncio.sleep(_GLANCE)
            watch.stop()
    return counting.result()


async def _count(watch: Watch[BackupJobSession]) -> int:
    return sum([event.kind == "FOUND" async for event in watch])


if __name__ == "__main__":
    main()
