"""Clients for scripted servers: they log on, and do not wait long to try again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from tests.support.bodies import behind_logon, once_each
from tests.support.fault_server import Act, Asked, FaultServer, Script
from veeam_async import EnterpriseManager, Retry

FAST = Retry(attempts=5, wait_initial=0.001, wait_max=0.002)


def open_em(server: FaultServer, **settings: Any) -> EnterpriseManager:
    """Make a client of *server* that does not wait long between attempts."""
    defaults: dict[str, Any] = {"username": "EM\\operator", "password": "s3cret"}
    return EnterpriseManager(server.url, **({"retry": FAST} | defaults | settings))


@asynccontextmanager
async def talking(
    script: Script, **settings: Any
) -> AsyncIterator[tuple[EnterpriseManager, FaultServer]]:
    """Give a client that has logged on to a server which plays *script*."""
    async with FaultServer(script) as server, open_em(server, **settings) as em:
        yield em, server


def gets(*acts: Act) -> Callable[[Asked], Act]:
    """Play *acts* for whatever is asked between logon and logout."""
    return behind_logon(once_each(*acts))
