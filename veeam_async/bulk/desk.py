"""Where the workers of a fetch put results down and the caller takes them up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from itertools import count
from typing import Generic, TypeAlias, TypeVar

import attrs

from veeam_async.bulk.source import Source
from veeam_async.errors import VeeamError
from veeam_async.ids import Id

A = TypeVar("A")
S = TypeVar("S")
Landed: TypeAlias = tuple[Id, A | None, VeeamError | None]
"""What came of an id, as it came: what was answered, or the error."""


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


class Ready(Generic[A]):
    """Results that wait: in the order of their ids, or of their arrival."""

    def __init__(self, *, ordered: bool) -> None:
        self._arrivals = None if ordered else count()
        self._waiting: dict[int, Landed[A]] = {}
        self._next = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, number: int, landed: Landed[A]) -> None:
        """Put down what came of the id that was drawn as *number*."""
        place = number if self._arrivals is None else next(self._arrivals)
        self._waiting[place] = landed

    def take(self) -> Landed[A] | None:
        """Give the next one, None while it has not come."""
        landed = self._waiting.pop(self._next, None)
        self._next += landed is not None
        return landed


class Desk(Generic[A, S]):
    """Workers on one side, the caller on the other, results between them.

    *finish* makes of an answer what the caller takes up, when it does: the workers send
    their next requests first, and what is finished then is finished in a row.
    """

    def __init__(
        self,
        get: Callable[[Id], Awaitable[A]],
        finish: Callable[[A], S],
        source: Source,
        *,
        concurrency: int,
        is_fatal: Callable[[VeeamError], bool],
        ready: Ready[A],
    ) -> None:
        self._get = get
        self._finish_one = finish
        self._source = source
        self._concurrency = concurrency
        self._is_fatal = is_fatal
        self._ready = ready
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._workers: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._hired = 0
        self._failure: BaseException | None = None
        self._cancelled = False
        self._closed = False

    async def take(self) -> Fetched[S]:
        """Give the next result, StopAsyncIteration after the last."""
        while not self._closed:
            if self._loop is None:
                self._start()
            if (landed := self._ready.take()) is not None:
                self._room.set()
                return self._fetched(*landed)
            if self._failure is not None or not self._workers:
                await self._finish()
            else:
                self._news.clear()
                await self._news.wait()
        raise StopAsyncIteration

    def _fetched(
        self, given: Id, answer: A | None, error: VeeamError | None
    ) -> Fetched[S]:
        """Finish what came of an id; what cannot be finished is its error."""
        if answer is None:
            return Fetched(id=given, error=error)
        try:
            return Fetched(id=given, session=self._finish_one(answer))
        except VeeamError as bad:
            return Fetched(id=given, error=bad)

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
        self._hire()

    def _hire(self) -> None:
        """Let one more work, as long as there are ids and room for one more."""
        if self._hired < self._concurrency:
            self._hired += 1
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
        source, is_new = self._source, True
        while True:
            if len(self._ready) >= self._concurrency:
                await self._wait_for_room()
            try:
                if source.is_plain:
                    number, given = source.draw()
                else:
                    number, given = await source.drawn(self._wait_for_room)
            except StopAsyncIteration:
                return
            if is_new:
                is_new = False
                self._hire()
            landed: Landed[A]
            try:
                landed = given, await self._get(given), None
            except VeeamError as error:
                if self._is_fatal(error):
                    raise
                landed = given, None, error
            self._ready.put(number, landed)
            self._news.set()

    async def _wait_for_room(self) -> None:
        while len(self._ready) >= self._concurrency:
            self._room.clear()
            await self._room.wait()
