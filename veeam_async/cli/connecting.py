"""The logon of a command that takes its time: a terminal shows that it goes on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from veeam_async import EnterpriseManager
from veeam_async.cli.options import Server
from veeam_async.cli.render.progress import signs_of_life


@asynccontextmanager
async def logged_on(server: Server) -> AsyncIterator[EnterpriseManager]:
    """A manager of *server* in the block; a line shows until then that it logs on."""
    async with AsyncExitStack() as stack:
        async with signs_of_life(f"Logging on to {server.url}") as life:
            life.doing("")  # it says so itself
            em = server.connect(on_request=life.on_request)
            await stack.enter_async_context(em)
        yield em
