"""Clients for scripted servers: they log on, and do not wait long to try again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.support.bodies import behind_logon
from tests.support.fault_server import Act, Asked, FaultServer, Script
from veeam_async import EnterpriseManager, Retry
from veeam_async.clock import Clock
from veeam_async.manager import MAX_BODY_SIZE
from veeam_async.pool.client import POOL_CLOCK, Pool
from veeam_async.pool.endpoint import Endpoint
from veeam_async.pool.settings import Settings
from veeam_async.transport.tls import Tls, trust_of

FAST = Retry(attempts=5, wait_initial=0.001, wait_max=0.002)


LOGON: dict[str, Any] = {"username": "EM\\operator", "password": "s3cret"}


def open_em(server: FaultServer, **settings: Any) -> EnterpriseManager:
    """Make a client of *server* that does not wait long between attempts."""
    return EnterpriseManager(server.url, **({"retry": FAST} | LOGON | settings))


def clocked_em(
    server: FaultServer, clock: Clock, *, lazy: bool = False, **logon: Any
) -> EnterpriseManager:
    """Make a client of *server* that goes by *clock*; *logon* as another user."""
    given = {"retry": FAST} | LOGON | logon
    return pooled_em(server.url, clock=clock, lazy=lazy, **given)[0]


def pooled_em(
    url: str,
    *,
    clock: Clock | None = None,
    lazy: bool = False,
    tls: Tls = True,
    **settings: Any,
) -> tuple[EnterpriseManager, Pool]:
    """Make a client, and show its pool; either goes by *clock*."""
    given = {
        "accept": "json",
        "api_version": "latest",
        "max_connections": 16,
        "timeout": None,
        "retry": None,
        "max_body_size": MAX_BODY_SIZE,
        "transport": "auto",
        "proxy": None,
        "on_request": None,
    }
    endpoint = Endpoint.parse(url)
    trust = trust_of(tls) if endpoint.is_tls else None
    made = Settings.checked(**(given | settings))
    pool = made.pool(endpoint, trust, clock=clock or POOL_CLOCK)
    return EnterpriseManager._over(pool, clock or Clock(), lazy=lazy), pool


def hurried(times: float) -> Clock:
    """Make a clock on which everything is over so many times as fast."""
    start = datetime.now(UTC)

    def monotonic() -> float:
        return asyncio.get_running_loop().time() * times

    return Clock(
        monotonic=monotonic,
        wall=lambda: start + timedelta(seconds=monotonic()),
        sleep=lambda seconds: asyncio.sleep(seconds / times),
    )


class Time:
    """A time that passes only when it is told to, or slept through.

    What a busy machine takes for its work is nothing on it, unlike on a hurried one.
    """

    def __init__(self) -> None:
        start = datetime.now(UTC)
        self.now = 1000.0
        self.clock = Clock(
            monotonic=lambda: self.now,
            wall=lambda: start + timedelta(seconds=self.now - 1000.0),
            sleep=self.sleep,
            random=lambda: 0.5,
        )

    async def sleep(self, seconds: float) -> None:
        """Let so much of it pass, and everybody else go on."""
        until = self.now + seconds
        await asyncio.sleep(0.001)
        self.now = max(self.now, until)


@asynccontextmanager
async def talking(
    script: Script, **settings: Any
) -> AsyncIterator[tuple[EnterpriseManager, FaultServer]]:
    """Give a client that has logged on to a server which plays *script*."""
    async with FaultServer(script) as server, open_em(server, **settings) as em:
        yield em, server


def gets(*acts: Act) -> Callable[[Asked], Act]:
    """Play *acts* for whatever is asked between logon and logout."""
    return behind_logon(acts)
