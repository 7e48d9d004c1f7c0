"""Clients of a simulated server, and jobs of it that can be started."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from tests.support.clients import pooled_em
from veeam_async import EnterpriseManager
from veeam_async.clock import Clock
from veeam_async.pool.client import Pool
from veeam_async.simulator import Simulator

SPEED = 600
"""Simulated seconds in a real one: a session of minutes is over in half a second."""

SOON = 0.02
"""Real seconds between two looks."""

QUICK = [("Working", 30.0)]
ENDLESS = [("Working", math.inf)]
"""What the session of a run goes through."""


@asynccontextmanager
async def simulated(
    *, accept: Any = "json", clock: Clock | None = None, **settings: Any
) -> AsyncIterator[tuple[EnterpriseManager, Simulator, UUID]]:
    """Give a client, its server without sessions, and a backup job of it.

    The client goes by *clock*, where there is one.
    """
    given = {"sessions": 0, "running": 0, "speed": SPEED} | settings
    async with Simulator(**given) as server:
        em, _ = pooled_client(server, accept=accept, clock=clock)
        async with em:
            yield em, server, server.job_ids[0]


@asynccontextmanager
async def time_passing(server: Simulator) -> AsyncIterator[None]:
    """Let time pass in a server whose own stands still, from here on and not before."""

    async def passing() -> None:
        while True:
            await asyncio.sleep(SOON)
            server.advance(SOON * SPEED)

    task = asyncio.create_task(passing())
    try:
        yield
    finally:
        task.cancel()


def client(server: Simulator, **settings: Any) -> EnterpriseManager:
    """Make a client of a simulated server; *settings* may log on as somebody else."""
    logon: dict[str, Any] = {"username": server.username, "password": server.password}
    return EnterpriseManager(server.url, **(logon | settings))


def pooled_client(server: Simulator, **settings: Any) -> tuple[EnterpriseManager, Pool]:
    """Make a client of a simulated server, and show its pool."""
    return pooled_em(
        server.url, username=server.username, password=server.password, **settings
    )
