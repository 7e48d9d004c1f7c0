"""The fetch engine: from many ids, one callable and a number to a stream of results.

A fixed number of workers draw ids as they become free and put down what they get; the
`Fetch` in the caller's hand takes it up. The workers know the desk between them, never
the `Fetch`, so that they end with it: when it is closed, or once nothing refers to it.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Awaitable, Callable, Coroutine, Iterable
from typing import Generic, Self, TypeVar

from veeam_async.bulk.desk import Desk, Fetched, Ready
from veeam_async.bulk.source import Source
from veeam_async.closable import Closable
from veeam_async.errors import VeeamError
from veeam_async.ids import Id, check_many

A = TypeVar("A")
S = TypeVar("S")

__all__ = ["Fetch", "Fetched"]


class Fetch(Closable, Generic[S]):
    """An async iterator of `Fetched`; leave it any way, nothing stays behind.

    *get* asks for an id, *finish* makes the session of what it gives, when the caller
    takes it; *ids* are drawn one by one, as workers become free. At most *concurrency*
    calls of *get* are under way, and no id is drawn while as many results wait for the
    caller. With *ordered* the results come in the order of the ids. An error that
    *is_fatal* accepts ends the whole fetch, any other VeeamError is the result of its
    id.
    """

    def __init__(
        self,
        get: Callable[[Id], Awaitable[A]],
        ids: Iterable[Id] | AsyncIterable[Id],
        *,
        concurrency: int,
        ordered: bool = False,
        is_fatal: Callable[[VeeamError], bool],
        finish: Callable[[A], S],
    ) -> None:
        given: object = concurrency
        if not isinstance(given, int) or given < 1:
            raise ValueError("concurrency is a whole number, at least 1")
        check_many(ids)
        self._desk = Desk(
            get,
            finish,
            Source(ids),
            concurrency=concurrency,
            is_fatal=is_fatal,
            ready=Ready(ordered=ordered),
        )

    def __aiter__(self) -> Self:
        return self

    def __anext__(self) -> Coroutine[None, None, Fetched[S]]:
        return self._desk.take()

    async def aclose(self) -> None:
        """Stop: cancel what is under way and wait until it has ended."""
        await self._desk.clear()

    def abandon(self) -> None:
        """Stop without waiting: cancel what is under way, from wherever this is."""
        self._desk.abandon()

    def __del__(self) -> None:
        if hasattr(self, "_desk"):
            self._desk.abandon()
