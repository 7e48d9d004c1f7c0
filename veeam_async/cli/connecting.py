"""The logon of a command: where it takes its time, a terminal shows that it goes on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from veeam_async import EnterpriseManager
from veeam_async.cli.options import Server
from veeam_async.cli.render.progress import life_after

_PROMPT_SECONDS = 0.7
"""A logon that takes no longer needs no line, which would only flicker."""


@asynccontextmanager
async def logged_on(server: Server) -> AsyncIterator[EnterpriseManager]:
    """A manager of *server* in the block; a line shows until then that it logs on."""
    async with AsyncExitStack() as stack:
        # It listens to no requests, each of which would be one by itself then.
        async with life_after(_PROMPT_SECONDS, f"Logging on to {server.url}"):
            em = await stack.enter_async_context(server.connect())
        yield em
