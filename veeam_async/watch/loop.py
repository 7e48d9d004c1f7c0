"""The poll loop: start the looks that are due, hand the tracker what they saw.

The looks are tasks of the loop. It refers to the tracker and to a callable, never to
the `Watch`: when the caller drops that, it can be freed, and cancels them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from veeam_async.clock import Clock
from veeam_async.errors import VeeamError
from veeam_async.loops import can_wait, check_here, running_loop
from veeam_async.models import Session
from veeam_async.watch.persist.recording import Recorder
from veeam_async.watch.polling.list_streak import ListStreak
from veeam_async.watch.polling.request import Poll, PollCost, PollRequest, Strategy
from veeam_async.watch.tracker.discovery import DiscoveryResult
from veeam_async.watch.tracker.health import ListResult
from veeam_async.watch.tracker.proof import ControlResult
from veeam_async.watch.tracker.session import Observation
from veeam_async.watch.tracker.tracker import Due, Tracker

S = TypeVar("S", bound=Session)

_TICK = 0.001
"""Seconds by which a look may come early: a sleep can end a rounding error too soon."""

_AWAY_INTERVALS = 3
_AWAY_SECONDS = 60.0
"""How long nobody may ask for an event, at least, before there are no more looks."""

_FOR_EVER = 1e9
"""Seconds, some thirty years: what lies beyond them is beyond the calendar too."""


class PollLoop(Generic[S]):
    """Start the looks that are due in *tracker*, and hand it what they saw.

    It runs for *timeout* seconds from its start, or until *deadline* (aware), or until
    it is closed. A *recorder* is handed everything that the tracker is.
    """

    def __init__(
        self,
        poll: Poll[S],
        tracker: Tracker[S],
        *,
        strategy: Strategy,
        timeout: float | None,
        deadline: datetime | None,
        clock: Clock,
        recorder: Recorder[S] | None,
    ) -> None:
        self._poll = poll
        self._tracker = tracker
        self._strategy: Strategy = strategy
        self._timeout = timeout
        self._clock = clock
        self._recorder = recorder
        self._until: float | None = None
        self.deadline = deadline
        self.failure: BaseException | None = None
        self.cost: PollCost = PollCost()
        self._lists = ListStreak()
        self.last_look: datetime | None = None
        self.last_error: VeeamError | None = None
        self._news = asyncio.Event()
        self._wake = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._under_way: dict[PollRequest[S], float] = {}
        self._has_looked = False
        self._away_since: float | None = None
        self._is_paused = False

    def start(self) -> None:
        """Begin to look; a second call does nothing."""
        if self._loop is None:
            self._loop = running_loop()
            now = self._clock.moment()
            if self._timeout is not None:
                seconds = min(self._timeout, _FOR_EVER)
                # Kept by the monotonic clock, shown by the wall clock.
                self._until = now.monotonic + seconds
                self.deadline = now.wall + timedelta(seconds=seconds)
            if self._recorder is not None:
                self._recorder.begin(self._tracker, now)
            self._spawn(self._drive())

    def ask(self) -> None:
        """Note that somebody waits for an event: looks go on, with what is due."""
        self._away_since = None
        if self._is_paused:
            self._is_paused = False
            self.wake()

    def leave(self, *, for_good: bool = False) -> None:
        """Note that nobody waits any more; *for_good*, as where waiting was cancelled.

        Looks go on for a while then, or for good not at all, until somebody asks again.
        """
        self._away_since = self._clock.monotonic()
        self._is_paused = self._is_paused or for_good

    def wake(self) -> None:
        """Ask the tracker again what is due, since it has changed."""
        self._wake.set()

    def is_late(self) -> bool:
        """Whether the time is up."""
        if self._until is not None:
            return self._clock.monotonic() >= self._until and not self._owes_a_look
        return self.deadline is not None and self._clock.wall() >= self.deadline

    @property
    def _owes_a_look(self) -> bool:
        """Whether the time does not count yet: with none at all there is one look."""
        return self._timeout == 0 and not self._has_looked

    def behind(self) -> float:
        """Seconds by which the oldest look under way exceeds the interval, 0 else."""
        interval = self._tracker.rules.interval
        late = [self._clock.monotonic() - at for at in self._under_way.values()]
        return max(0.0, max(late, default=0.0) - interval)

    async def wait_for_news(self) -> None:
        """Wait until there may be something to tell, or the time is up."""
        check_here(self._loop, "Watch")
        self._news.clear()
        await self._news.wait()

    def announce(self) -> None:
        """Wake whoever waits for news; callable from any thread."""
        self._in_loop(self._news.set)

    async def close(self) -> None:
        """Cancel every look and wait for its end."""
        are_lost = bool(self._tasks) and not can_wait(self._loop, "Watch")
        if are_lost:
            return
        self._news.set()
        if tasks := self._cancel():
            await asyncio.wait(tasks)

    def abandon(self) -> None:
        """Cancel every look without waiting; callable from any thread."""
        if self._tasks:
            self._in_loop(self._cancel)
            # A caller that waits for news would wait for ever.
            self._in_loop(self._news.set)

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
        # The first failure counts: those after it are often only its consequences.
        if not task.cancelled() and (error := task.exception()) is not None:
            self.failure = self.failure or error
        self._news.set()
        self._wake.set()

    # ------------------------------------------------------------ when to look

    async def _drive(self) -> None:
        """Start looks when they are due, until the time is up."""
        while not self.is_late():
            self._wake.clear()
            if self._is_asked_for():
                due = self._tracker.take_due(self._clock.monotonic() + _TICK)
                if due is not None:
                    self._spawn(self._look(due))
            await self._pause()
        self._news.set()

    def _is_asked_for(self) -> bool:
        """Whether somebody waits for what is seen, or did a short while ago."""
        if not self._is_paused and self._away_since is not None:
            interval = self._tracker.rules.interval
            longest = max(_AWAY_INTERVALS * interval, _AWAY_SECONDS)
            away = self._clock.monotonic() - self._away_since
            self._is_paused = away >= longest
        return not self._is_paused

    async def _pause(self) -> None:
        """Sleep until the next look or the deadline, unless something wakes it."""
        seconds = self._seconds_to_sleep()
        if seconds is None:
            await self._wake.wait()
            return
        # Not wait_for: the sleep is the clock's, which need not be asyncio's.
        sleeping = asyncio.ensure_future(self._clock.sleep(seconds))
        waking = asyncio.ensure_future(self._wake.wait())
        try:
            await asyncio.wait((sleeping, waking), return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeping.cancel()
            waking.cancel()

    def _seconds_to_sleep(self) -> float | None:
        """Seconds until something is to be done, None while nothing is."""
        now, waits = self._clock.moment(), []
        due = None if self._is_paused else self._tracker.next_due()
        if due is not None:
            waits.append(due - now.monotonic)
        if self._until is not None:
            waits += [] if self._owes_a_look else [self._until - now.monotonic]
        elif self.deadline is not None:
            waits.append((self.deadline - now.wall).total_seconds())
        return max(0.0, min(waits)) if waits else None

    # ------------------------------------------------------------ what was seen

    async def _look(self, due: Due) -> None:
        """Poll what is due; the tracker is handed what is seen as it comes."""
        request = PollRequest(
            due,
            strategy=self._strategy,
            deliver=self._deliver,
            discovered=self._discovered,
            controlled=self._controlled,
            listed=self._listed,
            interval=self._tracker.rules.interval,
            patience=self._tracker.rules.patience,
            lists=self._lists,
            cost=self.cost,
        )
        self._under_way[request] = self._clock.monotonic()
        try:
            await self._poll(request)
        finally:
            del self._under_way[request]
            self._has_looked = True

    def _deliver(self, observations: Sequence[Observation[S]]) -> None:
        recorder, note = self._recorder, self._tracker.note
        for seen in observations:
            if recorder is not None:
                recorder.seen(seen)
            note(seen)
        if observations:
            newest = observations[-1]
            self.last_error = newest.error
            if newest.error is None:
                self.last_look = newest.at.wall
        self._heard()

    def _discovered(self, result: DiscoveryResult) -> None:
        if self._recorder is not None:
            self._recorder.discovered(result)
        self._tracker.discovered(result)
        self.last_error = result.error
        if result.error is None:
            self.last_look = result.at.wall
        self._heard()

    def _controlled(self, result: ControlResult) -> None:
        if self._recorder is not None:
            self._recorder.controlled(result)
        self._tracker.controlled(result)
        self._heard()

    def _listed(self, result: ListResult) -> None:
        # Only what changes: each look by a list comes here.
        tracker = self._tracker
        is_known = tracker.standing_in is not None or tracker.lists.degraded
        if is_known == (result.error is not None):
            return
        if self._recorder is not None:
            self._recorder.listed(result)
        self._tracker.listed(result)
        self._heard()

    def _heard(self) -> None:
        self._wake.set()
        failed = self._recorder is not None and self._recorder.failure is not None
        if self._tracker.has_news or self._tracker.is_over or failed:
            self._news.set()
