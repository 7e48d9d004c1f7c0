"""The `Watch`: an async iterator that hands out what the tracker has to tell."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Generic, Self, TypeVar
from uuid import UUID

import attrs

from veeam_async.clock import Clock
from veeam_async.closable import Closable
from veeam_async.errors import DeadlineExceeded, Json
from veeam_async.events import SessionChanged, WatchEvent
from veeam_async.ids import Id, parse_id
from veeam_async.models import Session
from veeam_async.tracker.recording import Recorder, Why
from veeam_async.tracker.snapshot import save
from veeam_async.tracker.tracker import Tracker
from veeam_async.watch.ask import Observe, Strategy
from veeam_async.watch.clock import Limit
from veeam_async.watch.lookout import Lookout

S = TypeVar("S", bound=Session)


@attrs.frozen(kw_only=True)
class WatchStats:
    """What a watch has cost and how it goes, for metrics.

    *polls* are the looks it asked for, *requests* what was sent for them (those that
    served several watches count for each), *rows* the sessions that came, *events* what
    was told. *latest_delay* is how late the latest change can have been told, in
    seconds from when the old state was last seen; None while there was none. *behind*
    is by how many seconds the look that is the most overdue is.
    """

    polls: int
    requests: int
    rows: int
    events: int
    latest_delay: float | None
    behind: float


class Watch(Closable, Generic[S]):
    """An async iterator of events about sessions, until each has ended.

    Made by `em.backup_sessions.watch(…)`. It ends when every session is accounted for,
    after `stop`, and when it or its manager is closed. Leave it any way: no task stays
    behind. It raises DeadlineExceeded when its time is up, and what no later look can
    mend: AuthenticationFailed, or a filter that the server does not take. Other errors
    are looked at again, and told as HealthChanged when they last.
    """

    def __init__(
        self,
        observe: Observe[S],
        tracker: Tracker[S],
        *,
        dump: Callable[[S], Json],
        strategy: Strategy,
        limit: Limit,
        clock: Clock,
        recorder: Recorder[S],
    ) -> None:
        self._dump = dump
        self._recorder = recorder
        self._tracker = tracker
        self._lookout = Lookout(
            observe,
            tracker,
            strategy=strategy,
            limit=limit,
            clock=clock,
            recorder=recorder,
        )
        self._over = False
        self._events = 0
        self._delay: float | None = None

    @property
    def stats(self) -> WatchStats:
        """What it has cost so far, and how it goes."""
        tally = self._lookout.tally
        return WatchStats(
            polls=tally.polls,
            requests=tally.requests,
            rows=tally.rows,
            events=self._events,
            latest_delay=self._delay,
            behind=self._lookout.behind(),
        )

    @property
    def active(self) -> tuple[UUID, ...]:
        """The sessions whose end was not told yet."""
        return self._tracker.active

    def add(self, id: Id) -> None:  # noqa: A002 - the field's term
        """Watch one more session; InvalidId where *id* is none."""
        one = parse_id(id)
        self._recorder.add(one)
        self._tracker.add(one)
        self._lookout.wake.set()

    def discard(self, id: Id) -> None:  # noqa: A002 - the field's term
        """Watch a session no longer; nothing more is told of it."""
        one = parse_id(id)
        self._recorder.discard(one)
        self._tracker.discard(one)
        self._lookout.news.set()

    def stop(self) -> None:
        """End the iteration; callable from a signal handler and from any thread."""
        self._over = True
        self._lookout.announce()

    def checkpoint(self) -> dict[str, Json]:
        """Give what `watch(resume=…)` needs to go on after the last event told.

        Plain JSON types, without secrets.
        """
        return self._saved(self._lookout.deadline)

    def _saved(self, deadline: datetime | None) -> dict[str, Json]:
        kind = self._recorder.kind
        return save(self._tracker, self._dump, deadline, kind=kind)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> WatchEvent[S]:
        self._lookout.start()
        while not self._over:
            event = self._tell()
            if event is not None:
                self._count(event)
                return event
            await self._end_or_news()
        self._recorder.end("over" if self._tracker.is_over else "stopped")
        await self.aclose()
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Stop: cancel the looks under way and wait until they have ended."""
        self._over = True
        await self._lookout.close()

    def abandon(self) -> None:
        """Stop without waiting: cancel the looks under way, from wherever this is."""
        self._over = True
        self._lookout.abandon()

    def __del__(self) -> None:
        if hasattr(self, "_lookout"):
            self._lookout.abandon()

    def _tell(self) -> WatchEvent[S] | None:
        """Ask the tracker; what it takes off its list then is recorded too."""
        if not self._recorder.is_on:
            return self._tracker.tell()
        had_news = self._tracker.has_news
        event = self._tracker.tell()
        if had_news:
            self._recorder.told(event)
        return event

    def _count(self, event: WatchEvent[S]) -> None:
        self._events += 1
        if isinstance(event, SessionChanged) and event.not_before is not None:
            self._delay = (event.observed_at - event.not_before).total_seconds()

    async def _end_or_news(self) -> None:
        """Note that all is told, raise what ends the watch, or wait for news."""
        if self._tracker.is_over:
            self._over = True
        elif (failure := self._lookout.failure or self._recorder.failure) is not None:
            await self._close_for("failed")
            raise failure
        elif self._lookout.is_late():
            # Without its deadline, which has passed: whoever resumes sets another.
            checkpoint = self._saved(None)
            await self._close_for("late")
            raise DeadlineExceeded(active=self.active, checkpoint=checkpoint)
        else:
            await self._lookout.wait_for_news()

    async def _close_for(self, why: Why) -> None:
        self._recorder.end(why)
        await self.aclose()
