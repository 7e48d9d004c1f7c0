"""The fetch engine: from many ids, one callable and a number to a stream of results.

A fixed number of workers draw ids as they become free and put down what they get; the
`Fetch` in the caller's hand takes it up. The workers know the desk between them, never
the `Fetch`, so that they end with it: when it is closed, or once nothing refers to it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable
from contextlib import suppress
from itertools import count
from types import TracebackType
from typing import Generic, Self, TypeVar

import attrs

from veeam_async.errors import VeeamError
from veeam_async.ids import Id

S = TypeVar("S")


@attrs.frozen(kw_only=True)
class Fetched(Generic[S]):
    """What came of one id: the *session*, or the *error* that it met.

    *id* is what the caller gave.
    """

    id: Id
    session: S | None = None
    error: VeeamError | None = None

    def result(self) -> S:
        """Give the session, or raise the error."""
        if self.error is not None:
            raise self.error
        assert self.session is not None  # noqa: S101 - one of the two is always there
        return self.session


class Fetch(Generic[S]):
    """An async iterator of `Fetched`; leave it any way, nothing stays behind.

    *get* gives the session of an id; *ids* are drawn one by one, as workers become
    free. At most *concurrency* calls of *get* are under way, and no id is drawn while
    as many results wait for the caller. With *ordered* the results come in the order of
    the ids. An error that *is_fatal* accepts ends the whole fetch, any other VeeamError
    is the result of its id.
    """

    def __init__(
        self,
        get: Callable[[Id], Awaitable[S]],
        ids: Iterable[Id] | AsyncIterable[Id],
        *,
        concurrency: int,
        ordered: bool = False,
        is_fatal: Callable[[VeeamError], bool],
    ) -> None:
        if concurrency < 1:
            raise ValueError("concurrency must be at least 1")
        if isinstance(ids, str):
            raise ValueError("fetch takes many ids: put a single one in a list")  # noqa: TRY004 - misuse is ValueError throughout
        self._desk = _Desk(get, ids, concurrency, is_fatal, _Ready(ordered=ordered))

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Fetched[S]:
        return await self._desk.take()

    async def aclose(self) -> None:
        """Stop: cancel what is under way and wait until it has ended."""
        await self._desk.clear()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    def __del__(self) -> None:
        desk = getattr(self, "_desk", None)
        if desk is not None:
            desk.abandon()


class _Ready(Generic[S]):
    """Results that wait: in the order of their ids, or of their arrival."""

    def __init__(self, *, ordered: bool) -> None:
        self._arrivals = None if ordered else count()
        self._waiting: dict[int, Fetched[S]] = {}
        self._next = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, number: int, fetched: Fetched[S]) -> None:
        """Put down what came of the id that was drawn as *number*."""
        place = number if self._arrivals is None else next(self._arrivals)
        self._waiting[place] = fetched

    def take(self) -> Fetched[S] | None:
        """Give the next one, None while it has not come."""
        fetched = self._waiting.pop(self._next, None)
        self._next += fetched is not None
        return fetched


class _Desk(Generic[S]):
    """Where the workers put results down and the caller takes them up."""

    def __init__(
        self,
        get: Callable[[Id], Awaitable[S]],
        ids: Iterable[Id] | AsyncIterable[Id],
        concurrency: int,
        is_fatal: Callable[[VeeamError], bool],
        ready: _Ready[S],
    ) -> None:
        self._get = get
        self._next = _next_of(ids)
        self._numbers = count()
        self._exhausted = False
        self._concurrency = concurrency
        self._is_fatal = is_fatal
        self._ready = ready
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._drawing = asyncio.Lock()
        self._workers: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._failure: BaseException | None = None
        self._cancelled = False
        self._closed = False

    async def take(self) -> Fetched[S]:
        """Give the next result, StopAsyncIteration after the last."""
        while not self._closed:
            if self._loop is None:
                self._start()
            if (fetched := self._ready.take()) is not None:
                self._room.set()
                return fetched
            if self._failure is not None or not self._workers:
                await self._finish()
            else:
                self._news.clear()
                await self._news.wait()
        raise StopAsyncIteration

    async def clear(self) -> None:
        """Cancel the workers, wait for their end, and give nothing any more."""
        self._closed = True
        self._news.set()
        self._cancel()
        await self._end()

    def abandon(self) -> None:
        """Cancel the workers from wherever the last reference was dropped."""
        self._closed = True
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop is closed, and all ended with it
                self._loop.call_soon_threadsafe(self._cancel)

    def _start(self) -> None:
        self._loop = asyncio.get_running_loop()
        for _ in range(self._concurrency):
            worker = asyncio.create_task(self._work())
            worker.add_done_callback(self._ended)
            self._workers.add(worker)

    def _ended(self, worker: asyncio.Task[None]) -> None:
        self._workers.discard(worker)
        # Cancelled by somebody else it has lost an id: that is a failure too.
        ended = asyncio.CancelledError() if worker.cancelled() else worker.exception()
        if ended is not None:
            self._failure = self._failure or ended
            self._cancel()
        self._news.set()

    async def _finish(self) -> None:
        await self._end()
        self._closed = True  # only now: who is cancelled above meets the failure later
        if self._failure is not None:
            raise self._failure

    async def _end(self) -> None:
        if self._workers:
            await asyncio.wait(self._workers)

    def _cancel(self) -> None:
        # Once: a second time would disturb those that are closing what they hold.
        if not self._cancelled:
            self._cancelled = True
            for worker in self._workers:
                worker.cancel()

    async def _work(self) -> None:
        """Draw ids and put down what comes of them, until there are none."""
        while True:
            try:
                number, given = await self._draw()
            except StopAsyncIteration:
                return
            self._ready.put(number, await self._fetch(given))
            self._news.set()

    async def _draw(self) -> tuple[int, Id]:
        """Draw one id at a time, and only while there is room for what comes of it."""
        async with self._drawing:
            while len(self._ready) >= self._concurrency:
                self._room.clear()
                await self._room.wait()
            if self._exhausted:
                raise StopAsyncIteration
            self._exhausted = True  # unless it gives one more
            drawn = next(self._numbers), await self._next()
            self._exhausted = False
            return drawn

    async def _fetch(self, given: Id) -> Fetched[S]:
        try:
            return Fetched(id=given, session=await self._get(given))
        except VeeamError as error:
            if self._is_fatal(error):
                raise
            return Fetched(id=given, error=error)


def _next_of(ids: Iterable[Id] | AsyncIterable[Id]) -> Callable[[], Awaitable[Id]]:
    if isinstance(ids, AsyncIterable):
        return aiter(ids).__anext__
    iterator = iter(ids)

    async def draw() -> Id:
        for given in iterator:
            return given
        raise StopAsyncIteration

    return draw
