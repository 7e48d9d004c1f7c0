"""Send out looks when the tracker wants them, and hand it what they saw.

The looks are tasks of the lookout, which knows the tracker and a callable but never the
`Watch` in the caller's hand, so that they end with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Generic, TypeVar

from veeam_async.clock import Clock
from veeam_async.models import Session
from veeam_async.tracker.observation import Observation
from veeam_async.tracker.recording import Recorder
from veeam_async.tracker.schedule import Due
from veeam_async.tracker.scope import Swept
from veeam_async.tracker.tracker import Tracker
from veeam_async.watch.ask import Ask, Observe, Strategy, Tally
from veeam_async.watch.clock import Limit

S = TypeVar("S", bound=Session)

_TICK = 0.001
"""Seconds by which a look may come early: a sleep can end a rounding error too soon."""


class Lookout(Generic[S]):
    """Send out looks when the tracker wants them, and hand it what they saw."""

    def __init__(
        self,
        observe: Observe[S],
        tracker: Tracker[S],
        *,
        strategy: Strategy,
        limit: Limit,
        clock: Clock,
        recorder: Recorder[S],
    ) -> None:
        self._recorder = recorder
        self._observe = observe
        self._tracker = tracker
        self._strategy: Strategy = strategy
        self._limit = limit
        self._clock = clock
        self._until: float | None = None
        self.deadline = limit.time
        self.failure: BaseException | None = None
        self.news = asyncio.Event()
        self.wake = asyncio.Event()
        self.tally = Tally()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._asked: dict[Ask[S], float] = {}

    def start(self) -> None:
        """Begin to look, once."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            self._until, self.deadline = self._limit.begin(self._clock.moment())
            self._recorder.begin(self._tracker, self._clock.moment())
            self._spawn(self._drive())

    def is_late(self) -> bool:
        """Tell whether the time is up."""
        if self._until is not None:
            return self._clock.monotonic() >= self._until
        return self.deadline is not None and self._clock.wall() >= self.deadline

    def behind(self) -> float:
        """Give by how many seconds the look that is the most overdue is."""
        interval = self._tracker.rules.interval
        late = [self._clock.monotonic() - at for at in self._asked.values()]
        return max(0.0, max(late, default=0.0) - interval)

    async def wait_for_news(self) -> None:
        """Wait until there may be something to tell, or the time is up."""
        self.news.clear()
        await self.news.wait()

    def announce(self) -> None:
        """Wake whoever waits for news, from wherever this is called."""
        self._in_loop(self.news.set)

    async def close(self) -> None:
        """Cancel every look and wait for its end."""
        self.news.set()
        if tasks := self._cancel():
            await asyncio.wait(tasks)

    def abandon(self) -> None:
        """Cancel every look, from wherever this is called."""
        if self._tasks:
            self._in_loop(self._cancel)
            self._in_loop(self.news.set)

    def _in_loop(self, call: Callable[[], object]) -> None:
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop is closed: all ended with it
                self._loop.call_soon_threadsafe(call)

    def _cancel(self) -> set[asyncio.Task[None]]:
        tasks = set(self._tasks)
        for task in tasks:
            task.cancel()
        return tasks

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.failure = self.failure or error
        self.news.set()
        self.wake.set()

    async def _drive(self) -> None:
        """Send looks out when they are due, until the time is up."""
        while not self.is_late():
            self.wake.clear()
            self._send_out()
            await self._pause()
        self.news.set()

    def _send_out(self) -> None:
        due = self._tracker.take_due(self._clock.monotonic() + _TICK)
        if due is not None:
            self._spawn(self._look(due))

    async def _pause(self) -> None:
        """Sleep until the next look or the deadline, unless something wakes it."""
        seconds = self._seconds_to_sleep()
        if seconds is None:
            await self.wake.wait()
            return
        sleeping = asyncio.ensure_future(self._clock.sleep(seconds))
        waking = asyncio.ensure_future(self.wake.wait())
        try:
            await asyncio.wait((sleeping, waking), return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeping.cancel()
            waking.cancel()

    def _seconds_to_sleep(self) -> float | None:
        """Give the time until something is to be done, None while nothing is."""
        now, waits = self._clock.moment(), []
        due = self._tracker.next_due()
        if due is not None:
            waits.append(due - now.monotonic)
        if self._until is not None:
            waits.append(self._until - now.monotonic)
        elif self.deadline is not None:
            waits.append((self.deadline - now.wall).total_seconds())
        return max(0.0, min(waits)) if waits else None

    async def _look(self, due: Due) -> None:
        """Have what is due looked at; the tracker decides what comes of it."""
        ask = Ask(
            strategy=self._strategy,
            ids=due.ids,
            in_doubt=due.in_doubt,
            scope=due.scope,
            deliver=self._deliver,
            sweep=self._sweep,
            tally=self.tally,
        )
        self.tally.polls += 1
        self._asked[ask] = self._clock.monotonic()
        try:
            await self._observe(ask)
        finally:
            del self._asked[ask]

    def _deliver(self, observations: Sequence[Observation[S]]) -> None:
        for seen in observations:
            if self._recorder.is_on:
                self._recorder.seen(seen)
            self._tracker.note(seen)
        self._heard()

    def _sweep(self, swept: Swept) -> None:
        self._recorder.swept(swept)
        self._tracker.sweep(swept)
        self._heard()

    def _heard(self) -> None:
        self.wake.set()
        if self._tracker.has_news or self._tracker.is_over or self._recorder.failure:
            self.news.set()
