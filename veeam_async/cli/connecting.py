"""The logon of a command, and what it reads then.

Where that takes its time, a terminal shows that it goes on.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
)

from veeam_async import EnterpriseManager
from veeam_async.cli.options import Server
from veeam_async.cli.render.progress import life_after

_PROMPT_SECONDS = 0.7
"""What takes no longer needs no line, which would only flicker."""


@asynccontextmanager
async def logged_on(server: Server) -> AsyncIterator[EnterpriseManager]:
    """A manager of *server* in the block; a line shows until then that it logs on."""
    async with AsyncExitStack() as stack:
        # It listens to no requests, each of which would be one by itself then.
        async with life_after(_PROMPT_SECONDS, f"Logging on to {server.url}"):
            em = await stack.enter_async_context(server.connect())
        yield em


def reading(
    server: Server, *, hidden: bool = False
) -> AbstractAsyncContextManager[Callable[[], object]]:
    """A line that shows during the block that *server* is asked.

    What it gives is to be called for each row, since that is an answer.
    """
    return life_after(_PROMPT_SECONDS, f"Reading from {server.url}", hidden=hidden)
