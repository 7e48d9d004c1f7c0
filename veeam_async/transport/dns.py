"""The addresses of a host, asked for once by all who connect at once."""

from __future__ import annotations

import asyncio
import socket

from aiohappyeyeballs import AddrInfoType


class Resolver:
    """A resolver of *host*, for connections to *port*. Make it in the loop."""

    # A loop asks for names in a few threads, one after the other in each. Where a name
    # server takes seconds, a question for each of many connections would make them
    # late; hence one look-up, for which they all wait.

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._loop = asyncio.get_running_loop()
        self._lookup: asyncio.Task[list[AddrInfoType]] | None = None

    async def resolve(self) -> list[AddrInfoType]:
        """Look the addresses up as they are now; OSError where there are none."""
        if self._lookup is None:
            self._lookup = asyncio.create_task(self._look_up())
            self._lookup.add_done_callback(self._looked_up)
        return await asyncio.shield(self._lookup)

    async def close(self) -> None:
        """End the look-up under way; nobody may be waiting for it."""
        if self._lookup is not None:
            self._lookup.cancel()
            await asyncio.wait([self._lookup])

    async def _look_up(self) -> list[AddrInfoType]:
        return list(
            await self._loop.getaddrinfo(
                self._host, self._port, type=socket.SOCK_STREAM
            )
        )

    def _looked_up(self, lookup: asyncio.Task[list[AddrInfoType]]) -> None:
        self._lookup = None
        if not lookup.cancelled():
            # Marks its exception as seen, in case that nobody waits any more: asyncio
            # would log it.
            lookup.exception()
