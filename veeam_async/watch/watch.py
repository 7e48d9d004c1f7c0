"""The `Watch`: an async iterator of the events that the tracker tells."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Generic, Self, TypeVar
from uuid import UUID

import attrs

from veeam_async.brief import line
from veeam_async.clock import Clock
from veeam_async.closable import Closable
from veeam_async.errors import DeadlineExceeded, Json, VeeamError
from veeam_async.events import WatchEvent
from veeam_async.ids import Id, parse_own
from veeam_async.models import Session
from veeam_async.watch.loop import PollLoop
from veeam_async.watch.persist.checkpoint import save
from veeam_async.watch.persist.recording import Recorder, Why
from veeam_async.watch.polling.request import Poll, Strategy
from veeam_async.watch.tracker.tracker import Tracker

S = TypeVar("S", bound=Session)


@attrs.frozen(kw_only=True)
class WatchStats:
    """What a watch has cost and how it goes, for metrics.

    *polls* counts the looks it asked for, *requests* the HTTP requests sent for them
    (one that served several watches counts for each), *rows* the sessions in their
    answers, *events* those handed out. *latest_delay* is how late, at most, the
    latest change was seen: the seconds since the look was asked for that last saw the
    old state, None while there was no change. *behind* is the seconds by which the
    oldest look under way exceeds the interval, 0 else. *last_look* is when the last
    look that worked was answered, None before the first. Where a later one has
    failed, *last_error* is what it met, None while looks work.
    """

    polls: int
    requests: int
    rows: int
    events: int
    latest_delay: float | None
    behind: float
    last_look: datetime | None = None
    last_error: VeeamError | None = None


class Watch(Closable, Generic[S]):
    """An async iterator of events about sessions, until each has ended.

    Made by `em.backup_sessions.watch(…)`. It ends when every session is accounted for,
    after `stop`, and when it or its manager is closed. Leave it any way: no task stays
    behind. It raises DeadlineExceeded when its time is up, and what no later look can
    mend: AuthenticationFailed, or a filter that the server does not take. Other errors
    are looked at again, and told as HealthChanged when they last.

    It is iterated once. A loop that was left by `break` can be gone on with by another;
    one over a watch that has ended, or was closed, is a RuntimeError.
    """

    def __init__(
        self,
        poll: Poll[S],
        tracker: Tracker[S],
        *,
        kind: str,
        dump: Callable[[S], Json],
        clean: Callable[[VeeamError], object],
        strategy: Strategy,
        timeout: float | None,
        deadline: datetime | None,
        clock: Clock,
        recorder: Recorder[S] | None,
    ) -> None:
        self._tracker = tracker
        self._kind = kind
        self._dump = dump
        self._clean = clean
        self._recorder = recorder
        self._loop = PollLoop(
            poll,
            tracker,
            strategy=strategy,
            timeout=timeout,
            deadline=deadline,
            clock=clock,
            recorder=recorder,
        )
        self._over = False
        self._is_closed = False
        self._events = 0

    @property
    def stats(self) -> WatchStats:
        """What it has cost so far, and how it goes."""
        cost = self._loop.cost
        return WatchStats(
            polls=cost.polls,
            requests=cost.requests,
            rows=cost.rows,
            events=self._events,
            latest_delay=self._tracker.latest_delay,
            behind=self._loop.behind(),
            last_look=self._loop.last_look,
            last_error=self._loop.last_error,
        )

    @property
    def active(self) -> tuple[UUID, ...]:
        """The sessions whose end was not told yet."""
        return self._tracker.active

    def add(self, id: Id) -> None:  # noqa: A002 - the field's term
        """Watch one more session; InvalidId where *id* is none.

        Raises RuntimeError where the watch has ended already.
        """
        session_id = parse_own(id, self._kind)
        if self._over:
            raise RuntimeError("this watch has ended: begin another one for more")
        if self._recorder is not None:
            self._recorder.add(session_id)
        self._tracker.add(session_id)
        self._loop.wake()

    def discard(self, id: Id) -> None:  # noqa: A002 - the field's term
        """Watch a session no longer; nothing more is told of it."""
        session_id = parse_own(id, self._kind)
        if self._recorder is not None:
            self._recorder.discard(session_id)
        self._tracker.discard(session_id)
        # It may have been the last: then the iteration is over.
        self._loop.announce()

    def stop(self) -> None:
        """End the iteration; callable from a signal handler and from any thread."""
        self._over = True
        self._loop.announce()

    def checkpoint(self) -> dict[str, Json]:
        """Give what `watch(resume=…)` needs to go on after the last event told.

        Plain JSON types, without secrets.
        """
        return self._saved(self._loop.deadline)

    def _saved(self, deadline: datetime | None) -> dict[str, Json]:
        return save(self._tracker, self._dump, deadline, kind=self._kind)

    def __aiter__(self) -> Self:
        # Not where it is only stopped: a signal may come before the loop begins.
        if self._is_closed:
            raise RuntimeError(
                "this watch has ended, or was closed, and tells nothing any more: "
                "begin another one, with watch(resume=watch.checkpoint()) to go on "
                "from here"
            )
        return self

    async def __anext__(self) -> WatchEvent[S]:
        self._loop.start()
        self._loop.ask()
        while not self._over:
            event = self._tell()
            if event is not None:
                self._events += 1
                self._loop.leave()
                return event
            try:
                await self._end_or_news()
            except asyncio.CancelledError:
                # Whoever keeps the cancelled task keeps this watch: it is not to go on.
                self._loop.leave(for_good=True)
                raise
        self._end_recording("over" if self._tracker.is_over else "stopped")
        await self.aclose()
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Stop: cancel the looks under way and wait until they have ended."""
        self._over = self._is_closed = True
        await self._loop.close()

    def _abandon(self) -> None:
        self._over = self._is_closed = True
        self._loop.abandon()

    def __repr__(self) -> str:
        if not hasattr(self, "_events"):
            return "<Watch refused>"  # a tool that shows variables asks
        return line(
            self,
            "over" if self._is_closed else "open",
            "of everything:" if self._tracker.discovery is not None else "of",
            f"{len(self.active)} {self._kind}s active,",
            f"{self._events} events told",
        )

    def __del__(self) -> None:
        # Where __init__ raised there is no loop yet.
        if hasattr(self, "_loop"):
            self._loop.abandon()

    def _tell(self) -> WatchEvent[S] | None:
        """The tracker's next event; that it was asked is recorded."""
        if self._recorder is None:
            return self._tracker.tell()
        # Asking changes the tracker even where no event comes of it, so that a replay
        # has to ask as often.
        had_news = self._tracker.has_news
        event = self._tracker.tell()
        if had_news:
            self._recorder.told(event)
        return event

    async def _end_or_news(self) -> None:
        # 1. Every session is accounted for.
        if self._tracker.is_over:
            self._over = True
        # 2. A failure that no later look can mend.
        elif (failure := self._failure()) is not None:
            await self._close_for("failed")
            raise failure
        # 3. The time is up.
        elif self._loop.is_late():
            late = self._late()
            await self._close_for("late")
            raise late
        # 4. Nothing to tell, for now.
        else:
            await self._loop.wait_for_news()

    def _late(self) -> DeadlineExceeded:
        """The error of a watch whose time is up."""
        late = DeadlineExceeded(
            active=self.active,
            # Without the deadline, which has passed: the next watch is given another.
            checkpoint=self._saved(None),
            last_seen=self._tracker.last_seen(),
            errors=self._tracker.errors(),
        )
        self._clean(late)
        return late

    def _failure(self) -> BaseException | None:
        """What ended a look for good, or what the caller's `record` raised."""
        recorder = self._recorder
        return self._loop.failure or (None if recorder is None else recorder.failure)

    async def _close_for(self, why: Why) -> None:
        self._end_recording(why)
        await self.aclose()

    def _end_recording(self, why: Why) -> None:
        if self._recorder is not None:
            self._recorder.end(why)
