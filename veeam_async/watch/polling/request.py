"""A poll request, the callables that answer it, and the tasks that work for it."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Awaitable, Callable, Collection, Coroutine, Sequence
from datetime import datetime
from typing import Generic, Literal, TypeAlias, TypeVar
from uuid import UUID

import attrs

from veeam_async.clock import Moment
from veeam_async.errors import VeeamError
from veeam_async.models import Page, Session
from veeam_async.watch.polling.list_streak import ListStreak
from veeam_async.watch.tracker.discovery import DiscoveryResult
from veeam_async.watch.tracker.health import ListResult
from veeam_async.watch.tracker.proof import ControlResult
from veeam_async.watch.tracker.session import Observation
from veeam_async.watch.tracker.tracker import Due
from veeam_async.watch.tracker.watermark import BackupServer, Since

S = TypeVar("S", bound=Session)

Strategy: TypeAlias = Literal["auto", "get", "query"]
"""How to look: what costs less, by a GET for each session, or by a query for all."""


@attrs.define
class PollCost:
    """What the looks of a watch have cost: looks, requests that were sent, rows.

    A request that served several watches counts for each of them.
    """

    polls: int = 0
    requests: int = 0
    rows: int = 0


@attrs.frozen
class Listing(Generic[S]):
    """A page of a list, and the server's own time of it, where it told that."""

    page: Page[S]
    date: datetime | None = None


@attrs.frozen(kw_only=True)
class PollSource(Generic[S]):
    """The ways in which sessions can be looked at, as plain callables.

    The tracker decides when to look again, so that each makes one attempt, except
    *references*, which are rarely asked for.

    Args:
        get: gives a session, or raises NotFound.
        page: gives a page (from 1) of what *where* selects and what runs, or was
            created or has ended since a time (None: only what runs), oldest first.
        newest: gives the newest session, if any, that *where* selects, of none of
            those backup servers.
        references: gives the sessions that the server lists.
        control: asks for something that the server must know.
        is_fatal: tells whether an error would meet every other look as well.
    """

    get: Callable[[UUID], Awaitable[S]]
    page: Callable[[str | None, Since | None, int], Awaitable[Listing[S]]]
    newest: Callable[[str | None, Sequence[BackupServer]], Awaitable[Listing[S]]]
    references: Callable[[], Awaitable[Collection[UUID]]]
    control: Callable[[], Awaitable[object]]
    is_fatal: Callable[[VeeamError], bool]


class PollRequest(Generic[S]):
    """One look of a watch: at what is *due*, by a *strategy*.

    *deliver* is called with observations as they come, one for each id, and with every
    row where there is a scope; *discovered* after all of those, where there is one;
    *controlled* where a control is due; *listed* with whether lists work, where one is
    wanted. *interval* and *patience*, in seconds, are the watch's, and *lists* is for
    how long those that it needs have failed.
    *done* is awaited by the watch, and cancelled where it gives the look up. Make it in
    the loop that awaits it.
    """

    def __init__(
        self,
        due: Due,
        *,
        strategy: Strategy,
        deliver: Callable[[Sequence[Observation[S]]], None],
        discovered: Callable[[DiscoveryResult], None],
        controlled: Callable[[ControlResult], None],
        listed: Callable[[ListResult], None],
        interval: float,
        patience: float,
        lists: ListStreak,
        cost: PollCost,
    ) -> None:
        self.due = due
        self.strategy: Strategy = strategy
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._deliver = deliver
        self._discovered = discovered
        self._controlled = controlled
        self._listed = listed
        self.interval = interval
        self.patience = patience
        self._lists = lists
        self._cost = cost
        self._left = len(due.session_ids) + len(due.confirm)
        self._left += (due.scope is not None) + due.control
        cost.polls += 1
        self._count_down(0)  # there may be nothing to wait for

    @property
    def where(self) -> str | None:
        """The filter of a look at everything, None where it has none."""
        return None if self.due.scope is None else self.due.scope.where

    @property
    def is_over(self) -> bool:
        """Whether nobody waits any more."""
        return self.done.done()

    @property
    def is_answered(self) -> bool:
        """Whether all that was asked for has been delivered."""
        return self._left == 0

    def count(self) -> None:
        """Count an HTTP request that was sent for it."""
        self._cost.requests += 1

    def deliver(self, seen: Sequence[Observation[S]], answered: int) -> None:
        """Hand on what was seen; *answered* of the ids asked for are answered by it."""
        # The watch may have been closed meanwhile.
        if not self.is_over:
            self._cost.rows += sum(each.session is not None for each in seen)
            self._deliver(seen)
            self._count_down(answered)

    def discovered(self, result: DiscoveryResult) -> None:
        """Hand on how the look at everything ended."""
        if not self.is_over:
            self._discovered(result)
            self._count_down(1)

    def controlled(self, result: ControlResult) -> None:
        """Hand on how the control went."""
        if not self.is_over:
            self._controlled(result)
            self._count_down(1)

    def list_failed(self, asked_at: float) -> float:
        """Note a list that failed; since when those that the watch needs have."""
        return self._lists.fail(asked_at, is_whole=self.due.scope is not None)

    def list_worked(self, at: Moment) -> None:
        """Note a list that worked, and hand that on where all do that are needed."""
        if self._lists.work(is_whole=self.due.scope is not None):
            self.listed(ListResult(at=at))

    def listed(self, result: ListResult) -> None:
        """Hand on whether lists work."""
        # It is known last, when all rows may have been answered already.
        if not self.done.cancelled():
            self._listed(result)

    def fail(self, error: BaseException) -> None:
        """End with a copy of an error: a shared one would collect tracebacks."""
        if not self.is_over:
            self.done.set_exception(copy.copy(error))

    def _count_down(self, answered: int) -> None:
        self._left -= answered
        if self._left == 0 and not self.is_over:
            self.done.set_result(None)


Poll: TypeAlias = Callable[[PollRequest[S]], Awaitable[None]]
"""Looks, and returns once all is delivered; raises the error that ends a watch."""


class TaskSet(Generic[S]):
    """Tasks that work for poll requests; each ends once nobody waits for it.

    What a task raises ends all the requests that it worked for; *then* is called after
    the end of each.
    """

    def __init__(self, then: Callable[[], None]) -> None:
        self._then = then
        self._tasks: dict[asyncio.Task[None], Sequence[PollRequest[S]]] = {}

    def __len__(self) -> int:
        return len(self._tasks)

    def spawn(
        self, work: Coroutine[None, None, None], requests: Sequence[PollRequest[S]]
    ) -> None:
        """Start a task that works for these requests."""
        # Held here: the loop keeps only weak references to its tasks.
        task = asyncio.create_task(work)
        self._tasks[task] = requests
        task.add_done_callback(self._ended)

    def cancel_unwanted(self) -> set[asyncio.Task[None]]:
        """Cancel the tasks that nobody waits for; returns those that are ending."""
        ending = {
            task
            for task, requests in self._tasks.items()
            if all(request.is_over for request in requests)
        }
        for task in ending:
            task.cancel()
        return ending

    def _ended(self, task: asyncio.Task[None]) -> None:
        requests = self._tasks.pop(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            for request in requests:
                request.fail(error)
        self._then()
