"""The fetch engine: many ids are worked on at once, and their results iterated.

Each worker draws an id, gets it and stores the result, again and again; `Fetch` hands
the results to the caller. Workers refer to a `_WorkerPool`, never to the `Fetch`: when
that is dropped it can be freed, and cancels them. Nothing here knows HTTP.
"""

from __future__ import annotations

import asyncio
from collections.abc import (
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Iterable,
    Iterator,
)
from contextlib import suppress
from contextvars import copy_context
from itertools import count
from typing import Generic, Self, TypeAlias, TypeVar

import attrs

from veeam_async.brief import id_of, line
from veeam_async.closable import Closable
from veeam_async.errors import VeeamError
from veeam_async.ids import Id, check_many
from veeam_async.loops import can_wait, check_here, running_loop
from veeam_async.models import Identified, standing, title
from veeam_async.thaw import thawed

_ALONE = 8
"""Requests that are made alone after one that none could follow."""

A = TypeVar("A")
S = TypeVar("S")

Answered: TypeAlias = tuple[Id, A | None, VeeamError | None]
"""An id with its answer, which is not decoded yet, or with its error."""

Drawn: TypeAlias = tuple[int, Id]
"""An id with its number, from 0."""


@attrs.frozen(kw_only=True, repr=False)
class Fetched(Generic[S]):
    """What came of one id: the *session*, or the *error* that it met.

    *id* is the id as the caller gave it.
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

    def __repr__(self) -> str:
        if isinstance(self.session, Identified):
            id_text = id_of(self.session.uid)
            return line(
                self, standing(self.session), id_text, title=title(self.session)
            )
        what = None if self.error is None else type(self.error).__name__
        return line(self, what, before=id_of(self.id), said=self.error or self.session)


_new_fetched = thawed(Fetched)


class Fetch(Closable, Generic[S]):
    """An async iterator of `Fetched`; leave it any way, nothing stays behind.

    *get* requests an id, and *finish* decodes its answer into a session; that is put
    off until the caller takes the result. *ids* are drawn one by one, as workers become
    free. At most *concurrency* calls of *get* run at once, and no id is drawn while as
    many results wait for the caller. *get_on* is called in place of *get* by who can go
    on from one id to the next: it answers the id at which its `Line` stands at last.

    Results come as they arrive; with *ordered*, in the order of the ids. A VeeamError
    is the result of its id, unless *is_fatal* accepts it: then, as any other exception
    does, it ends the fetch and is raised once the results that are ready are taken.
    Making one raises ValueError for a *concurrency* below 1 and for a single id.

    It is iterated once. A loop that was left by `break` can be gone on with by another;
    one over a fetch that has ended, or was closed, is a RuntimeError.
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
        get_on: Callable[[Line[A]], Awaitable[A]] | None = None,
    ) -> None:
        given: object = concurrency
        if not isinstance(given, int) or given < 1:
            raise ValueError("concurrency is a whole number, at least 1")
        check_many(ids)
        self._workers = _WorkerPool(
            get_on or _one_by_one(get),
            finish,
            _IdSource(ids),
            concurrency=concurrency,
            is_fatal=is_fatal,
            results=_Results(ordered=ordered, most=concurrency),
        )

    def __aiter__(self) -> Self:
        if self._workers.is_over:
            raise RuntimeError(
                "this fetch has ended, or was closed, and gives nothing any more: make "
                "another one with fetch(ids), or keep what it gives in a list"
            )
        return self

    def __anext__(self) -> Coroutine[None, None, Fetched[S]]:
        return self._workers.take()

    def __repr__(self) -> str:
        if not hasattr(self, "_workers"):
            return "<Fetch refused>"  # a tool that shows variables asks
        state = "over" if self._workers.is_over else "open"
        return f"<Fetch {state}, {self._workers.taken} results taken>"

    async def aclose(self) -> None:
        """Stop: cancel what is under way and wait until it has ended."""
        await self._workers.close()

    def _abandon(self) -> None:
        self._workers.abandon()

    def __del__(self) -> None:
        # Where __init__ raised there are no workers yet.
        if hasattr(self, "_workers"):
            self._workers.abandon()


class _WorkerPool(Generic[A, S]):
    """The workers of a fetch, and the *results* that they store for the caller.

    Decoding (*finish*) is left to the caller's side, so that a worker sends its next
    request first.
    """

    def __init__(
        self,
        get: Callable[[Line[A]], Awaitable[A]],
        finish: Callable[[A], S],
        source: _IdSource,
        *,
        concurrency: int,
        is_fatal: Callable[[VeeamError], bool],
        results: _Results[A],
    ) -> None:
        self._get = get
        self._finish = finish
        self._source = source
        self._concurrency = concurrency
        self._is_fatal = is_fatal
        self._results = results
        self._workers: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._spawned = 0
        self._failure: BaseException | None = None
        self._cancelled = False
        self._closed = False

    @property
    def is_over(self) -> bool:
        """Whether no result comes any more."""
        return self._closed

    @property
    def taken(self) -> int:
        """How many results the caller has."""
        return self._results.taken

    async def take(self) -> Fetched[S]:
        """The next result; raises what ended the fetch, else StopAsyncIteration."""
        while not self._closed:
            if self._loop is None:
                self._loop = running_loop()
                self._spawn_worker()
            if (answered := self._results.take()) is not None:
                return self._fetched(*answered)
            if self._failure is not None or not self._workers:
                await self._end()
            else:
                check_here(self._loop, "Fetch")
                await self._results.wait_for_news()
        raise StopAsyncIteration

    def _fetched(
        self, given: Id, answer: A | None, error: VeeamError | None
    ) -> Fetched[S]:
        session: S | None = None
        if answer is not None:
            try:
                session = self._finish(answer)
            except VeeamError as bad:
                error = bad
        made = _new_fetched()
        made.id, made.session, made.error = given, session, error
        made.__class__ = Fetched
        fetched: Fetched[S] = made
        return fetched

    async def close(self) -> None:
        """Cancel the workers and wait for their end; no result is handed out then."""
        are_lost = bool(self._workers) and not can_wait(self._loop, "Fetch")
        self._closed = True
        if are_lost:
            return
        self._results.tell()
        self._cancel()
        await self._wait_for_workers()

    def abandon(self) -> None:
        """Cancel the workers without waiting; callable from any thread."""
        self._closed = True
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop is closed, and all ended with it
                self._loop.call_soon_threadsafe(self._cancel)

    async def _end(self) -> None:
        await self._wait_for_workers()
        # Only now: a caller that is cancelled above meets the failure at its next call.
        self._closed = True
        if self._failure is not None:
            raise self._failure

    async def _wait_for_workers(self) -> None:
        if self._workers:
            await asyncio.wait(self._workers)

    def _cancel(self) -> None:
        # Only once: a second cancel would interrupt workers that are cleaning up.
        if not self._cancelled:
            self._cancelled = True
            for worker in self._workers:
                worker.cancel()

    # ------------------------------------------------------------ the workers

    def _spawn_worker(self) -> None:
        """Start one more worker, up to *concurrency* of them."""
        if self._spawned < self._concurrency:
            self._spawned += 1
            worker = asyncio.create_task(self._work())
            worker.add_done_callback(self._ended)
            self._workers.add(worker)

    def _ended(self, worker: asyncio.Task[None]) -> None:
        self._workers.discard(worker)
        # A worker that somebody else cancelled has lost its id: that is a failure too.
        ended = asyncio.CancelledError() if worker.cancelled() else worker.exception()
        if ended is not None:
            self._failure = self._failure or ended
            self._cancel()
        self._results.tell()

    async def _work(self) -> None:
        """Draw ids and store their results, until there are no more."""
        source, results = self._source, self._results
        line = Line(source, results)
        spawned = False
        while True:
            # A plain iterable needs no coroutine, which would cost something per id.
            drawn = line.drawn or (
                source.draw()
                if source.is_plain and results.have_room
                else await self._draw()
            )
            if drawn is None:
                return
            line.stand_at(drawn)
            # Only a worker that found an id starts the next one: three ids start
            # no more than four workers, whatever the concurrency.
            if not spawned:
                spawned = True
                self._spawn_worker()
            try:
                answer = await self._get(line)
                answered: Answered[A] = line.id, answer, None
            except VeeamError as error:
                if self._is_fatal(error):
                    raise
                answered = line.id, None, error
            results.put(line.number, answered)
            if line.failure is not None:
                raise line.failure

    async def _draw(self) -> Drawn | None:
        """The next id, once there is room for its result; None after the last."""
        await self._results.wait_for_room()
        if self._source.is_plain:
            return self._source.draw()
        return await self._source.draw_async(self._results.wait_for_room)


def _one_by_one(
    get: Callable[[Id], Awaitable[A]],
) -> Callable[[Line[A]], Awaitable[A]]:
    return lambda line: get(line.id)


class Line(Generic[A]):
    """The ids of one worker, in a line: it stands at `id`, which is asked for.

    Whoever asks can go on to the next one as soon as the answer is there, which saves
    the worker's waking up. `drawn` is an id that the worker still has to turn to,
    `failure` what the ids' iterable has raised.
    """

    id: Id
    number: int

    def __init__(self, source: _IdSource, results: _Results[A]) -> None:
        self._source = source
        self._results = results
        # An async iterable has to be waited for.
        self._most = results.most if source.is_plain else 0
        # The caller's iterable is drawn from in its own context, wherever that happens.
        self._context = copy_context()
        self._alone = 0
        self.drawn: Drawn | None = None
        self.failure: BaseException | None = None

    def stand_at(self, drawn: Drawn) -> None:
        """Turn to the id that was *drawn*."""
        self.number, self.id = drawn
        self.drawn = None

    @property
    def may_begin(self) -> bool:
        """Whether a request that others may follow is worth its while.

        Not where the last one was followed by none: in order, each answer may find as
        many waiting for the one before them.
        """
        if self._alone > 0:
            self._alone -= 1
            return False
        return self.may_move_on()

    def stays(self) -> None:
        """Note that nothing has followed."""
        self._alone = _ALONE

    def may_move_on(self) -> bool:
        """False where the next id has to be waited for, or room for its result."""
        return len(self._results.waiting) + 1 < self._most

    def move_on(self, answer: A, ask: Callable[[Id], object]) -> bool:
        """Store the *answer* to this id, and turn to the next one, which is to *ask*.

        It is for who `may_move_on`. False stores nothing: the worker does so, and goes
        on by itself. So it is where no id is left, or *ask* raises.
        """
        try:
            self.drawn = self._context.run(self._source.draw)
        except BaseException as failure:  # noqa: BLE001 - raised where the worker is
            self.failure = failure
            return False
        if self.drawn is None:
            return False
        try:
            ask(self.drawn[1])
        except Exception:  # noqa: BLE001 - the worker asks again, and meets it there
            return False  # it is that id's own, and not the answer's
        self._results.put(self.number, (self.id, answer, None))
        (self.number, self.id), self.drawn = self.drawn, None
        return True


class _Results(Generic[A]):
    """The results that are `waiting` for the caller, by their ids' order or arrival.

    They have room while there are fewer than *most*.
    """

    def __init__(self, *, ordered: bool, most: int) -> None:
        self._arrivals = None if ordered else count()
        self.waiting: dict[int, Answered[A]] = {}
        self.most = most
        self._next = 0
        # Hardly ever does anybody wait, so that it is cheaper to know that beforehand.
        self._news = asyncio.Event()
        self._are_awaited = False
        self._room = asyncio.Event()
        self._are_in_the_way = False

    @property
    def taken(self) -> int:
        """How many were taken out."""
        return self._next

    def put(self, number: int, answered: Answered[A]) -> None:
        """Store the result of the id that was drawn as *number*, from 0."""
        place = number if self._arrivals is None else next(self._arrivals)
        self.waiting[place] = answered
        # In order, most of those that come are not the one that is waited for.
        if self._are_awaited and place == self._next:
            self.tell()

    def tell(self) -> None:
        """Wake those who wait for news: a result, or the end of whoever stores them."""
        self._are_awaited = False
        self._news.set()

    async def wait_for_news(self) -> None:
        """Return once something is told."""
        self._are_awaited = True
        self._news.clear()
        await self._news.wait()

    @property
    def have_room(self) -> bool:
        """Whether another one may be on its way."""
        return len(self.waiting) < self.most

    async def wait_for_room(self) -> None:
        """Return once there is room."""
        while not self.have_room:
            self._are_in_the_way = True
            self._room.clear()
            await self._room.wait()

    def take(self) -> Answered[A] | None:
        """Take out the next one, None while it has not come."""
        answered = self.waiting.pop(self._next, None)
        if answered is None:
            return None
        self._next += 1
        if self._are_in_the_way:
            self._are_in_the_way = False
            self._room.set()
        return answered


class _IdSource:
    """Ids one by one, numbered, from an iterable of either kind; each is drawn once.

    A plain iterable (*is_plain*) is drawn from without waiting; an async one by one
    worker at a time. An iterable that has ended or raised is not asked again.
    """

    def __init__(self, ids: Iterable[Id] | AsyncIterable[Id]) -> None:
        self.is_plain: bool = not isinstance(ids, AsyncIterable)
        self._numbered: Iterator[Drawn] = (
            iter(()) if isinstance(ids, AsyncIterable) else enumerate(ids)
        )
        self._async: AsyncIterator[Id] | None = (
            aiter(ids) if isinstance(ids, AsyncIterable) else None
        )
        self._numbers = count()
        self._drawing = asyncio.Lock()
        self._exhausted = False

    def draw(self) -> Drawn | None:
        """Draw from a plain iterable; None after the last."""
        if not self._exhausted:
            self._exhausted = True  # unless it gives one more
            for drawn in self._numbered:
                self._exhausted = False
                return drawn
        return None

    async def draw_async(self, room: Callable[[], Awaitable[None]]) -> Drawn | None:
        """Draw from an async iterable, once there is *room*; None after the last."""
        async with self._drawing:
            await room()
            if self._exhausted or self._async is None:
                return None
            self._exhausted = True  # unless it gives one more
            try:
                drawn = next(self._numbers), await anext(self._async)
            except StopAsyncIteration:
                return None
            self._exhausted = False
            return drawn
