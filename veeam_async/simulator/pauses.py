"""Seconds in, a wait that closing ends at once: no request holds up the end."""

import asyncio
import contextlib


class Pauses:
    """All waits of one simulator."""

    def __init__(self) -> None:
        self._is_over = asyncio.Event()

    async def wait(self, seconds: float) -> None:
        """Wait for so many real seconds, or until the end."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._is_over.wait()

    def end(self) -> None:
        """End all waits, those to come too."""
        self._is_over.set()
