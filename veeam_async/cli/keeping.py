"""Keep the checkpoint of a watch in a file while it goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeAlias

from veeam_async import CheckpointFile, Watch
from veeam_async.cli.exits import explain
from veeam_async.cli.screen import warn
from veeam_async.errors import Json

Checkpoint: TypeAlias = dict[str, Json]

_PAUSE_SECONDS = 1.0
"""The least time between two saves."""


class Keeper:
    """Save what *watch* has told, once it was dealt with, to *file*.

    A checkpoint counts an event as told as soon as it is handed out: so none is taken
    in the middle of `dealing`, and none after one that was broken off.
    """

    def __init__(self, watch: Watch[Any], file: CheckpointFile) -> None:
        self._watch = watch
        self._file = file
        self._lock = asyncio.Lock()
        self._is_dealing = False
        self._news = asyncio.Event()
        self._ending = asyncio.Event()

    @asynccontextmanager
    async def dealing(self) -> AsyncIterator[None]:
        """Deal with an event in the block."""
        async with self._lock:
            self._is_dealing = True
            yield
            self._is_dealing = False  # not where it was broken off
        self._news.set()

    async def run(self) -> None:
        """Save whenever there is something new, at most once a second, until `end`."""
        while not self._ending.is_set():
            await self._news.wait()
            async with self._lock:
                self._news.clear()
                if self._ending.is_set():
                    return
                saving = self._save()
            try:
                await saving
            except OSError as error:
                warn(f"warning: the checkpoint could not be saved: {explain(error)}")
            with suppress(TimeoutError):
                async with asyncio.timeout(_PAUSE_SECONDS):
                    await self._ending.wait()

    def end(self) -> None:
        """Let `run` end, after the save that is under way."""
        self._ending.set()
        self._news.set()

    async def save_last(self) -> None:
        """Save once more, unless an event was broken off: that is to be told again."""
        if not self._is_dealing:
            await self._save()

    def _save(self) -> Awaitable[None]:
        """Take the checkpoint now, and save it when this is awaited.

        Without a deadline: the next run of the command sets its own.
        """
        checkpoint = {**self._watch.checkpoint(), "deadline": None}
        return asyncio.to_thread(self._file.save, checkpoint)


@asynccontextmanager
async def kept(
    watch: Watch[Any], file: CheckpointFile | None
) -> AsyncIterator[Keeper | None]:
    """Save the checkpoint of *watch* in the background, and at the end of the block."""
    if file is None:
        yield None
        return
    keeper = Keeper(watch, file)
    saving = asyncio.create_task(keeper.run())
    try:
        yield keeper
    finally:
        keeper.end()
        await saving
        await keeper.save_last()
