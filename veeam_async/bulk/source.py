"""Ids one by one, numbered, from an iterable of either kind."""

from __future__ import annotations

import asyncio
from collections.abc import (
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Iterator,
)
from itertools import count

from veeam_async.ids import Id


class Source:
    """Give the ids of *ids* to whoever asks, each once.

    A plain iterable (*is_plain*) is drawn from without waiting; an async one by one
    drawer at a time. One that has ended, or failed, gives nothing any more.
    """

    def __init__(self, ids: Iterable[Id] | AsyncIterable[Id]) -> None:
        self.is_plain = not isinstance(ids, AsyncIterable)
        self._plain: Iterator[Id] = (
            iter(()) if isinstance(ids, AsyncIterable) else iter(ids)
        )
        self._async: AsyncIterator[Id] | None = (
            aiter(ids) if isinstance(ids, AsyncIterable) else None
        )
        self._numbers = count()
        self._drawing = asyncio.Lock()
        self._exhausted = False

    def draw(self) -> tuple[int, Id]:
        """Give the next id of a plain iterable; StopAsyncIteration after the last."""
        if not self._exhausted:
            self._exhausted = True  # unless it gives one more
            for given in self._plain:
                self._exhausted = False
                return next(self._numbers), given
        raise StopAsyncIteration

    async def drawn(self, room: Callable[[], Awaitable[None]]) -> tuple[int, Id]:
        """Give the next id of an async iterable, once there is *room* for it."""
        async with self._drawing:
            await room()
            if self._exhausted or self._async is None:
                raise StopAsyncIteration
            self._exhausted = True  # unless it gives one more
            drawn = next(self._numbers), await anext(self._async)
            self._exhausted = False
            return drawn
