"""Keep the checkpoint of a watch in a file while it goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeAlias

from veeam_async import CheckpointFile, Watch
from veeam_async.errors import Json

Checkpoint: TypeAlias = dict[str, Json]

_PAUSE_SECONDS = 1.0
"""The least time between two saves."""


class Keeper:
    """Save what *watch* has told, once it was dealt with, to *file*.

    Whoever deals with an event holds the lock *dealing* meanwhile: the checkpoint
    counts an event as told as soon as it is handed out.
    """

    def __init__(self, watch: Watch[Any], file: CheckpointFile) -> None:
        self.dealing = asyncio.Lock()
        self._watch = watch
        self._file = file
        self._news = asyncio.Event()

    def note(self) -> None:
        """Take in that there is something new to save."""
        self._news.set()

    async def save(self) -> None:
        """Save now. Without a deadline: the next run of the command sets its own."""
        checkpoint = {**self._watch.checkpoint(), "deadline": None}
        await asyncio.to_thread(self._file.save, checkpoint)

    async def run(self) -> None:
        """Save whenever there is something new, at most once a second."""
        while True:
            await self._news.wait()
            async with self.dealing:
                self._news.clear()
                checkpoint = {**self._watch.checkpoint(), "deadline": None}
            await asyncio.to_thread(self._file.save, checkpoint)
            await asyncio.sleep(_PAUSE_SECONDS)


@asynccontextmanager
async def kept(
    watch: Watch[Any], file: CheckpointFile | None
) -> AsyncIterator[Keeper | None]:
    """Save the checkpoint of *watch* in the background, and at the end of the block.

    Not at an end in the middle of an event: that one is to be told again.
    """
    if file is None:
        yield None
        return
    keeper = Keeper(watch, file)
    saving = asyncio.create_task(keeper.run())
    try:
        yield keeper
    finally:
        saving.cancel()
        with suppress(asyncio.CancelledError):
            await saving
        if not keeper.dealing.locked():
            await keeper.save()
