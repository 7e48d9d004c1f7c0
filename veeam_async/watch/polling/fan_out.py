"""One list fanned out: each row to the poll requests that asked for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from math import inf
from typing import Generic, TypeVar
from uuid import UUID

from veeam_async.clock import Moment
from veeam_async.errors import VeeamError
from veeam_async.models import Session
from veeam_async.watch.polling.request import PollRequest
from veeam_async.watch.tracker.discovery import DiscoveryResult
from veeam_async.watch.tracker.health import ListResult
from veeam_async.watch.tracker.session import Observation

S = TypeVar("S", bound=Session)


class FanOut(Generic[S]):
    """The requests that one list answers; those with a scope are handed every row.

    *asked_at* is when the list was asked for, *heard_at* when its last page came, in
    monotonic seconds; *longest_page* is for how many seconds a page was waited for.
    *open* are the ids that were in no row as yet, each with those who asked for it.
    *on_page* is called for each page. *date* is the server's own time
    of the first page, if it told that. *interval* and *patience* are the shortest of
    those who ask.
    """

    def __init__(self, requests: Sequence[PollRequest[S]], asked_at: float) -> None:
        self.requests = requests
        self.discoverers: list[PollRequest[S]] = [
            each for each in requests if each.due.scope is not None
        ]
        self.open: dict[UUID, list[PollRequest[S]]] = _by_id(requests)
        self.interval: float = min(each.interval for each in requests)
        self.patience: float = min(each.patience for each in requests)
        self.asked_at = asked_at
        self.heard_at: float = asked_at
        self.longest_page: float = 0.0
        self.date: datetime | None = None
        self.on_page: Callable[[], object] = lambda: None

    def is_worth(self, pages: int) -> bool:
        """Whether to read all *pages*: they are no more than a GET for each id.

        It is always True for a look at everything, for the strategy "query", and where
        GETs fail.
        """
        if self.discoverers or any(_wants_all(each) for each in self.requests):
            return True
        return pages <= max(1, len(self.open))

    def count(self) -> None:
        """Count an HTTP request for each poll request."""
        for request in self.requests:
            request.count()

    def deliver(
        self, rows: Sequence[tuple[UUID, S]], asked_at: float, at: Moment
    ) -> None:
        """Hand on a page's rows, asked for and answered at those times."""
        batches: dict[PollRequest[S], list[Observation[S]]] = {}
        everything: list[Observation[S]] = []
        for session_id, row in rows:
            requests = self.open.pop(session_id, None)
            if requests is None and not self.discoverers:
                continue
            seen = Observation(id=session_id, asked_at=asked_at, at=at, session=row)
            everything.append(seen)
            for request in requests or ():
                batches.setdefault(request, []).append(seen)
        for discoverer in self.discoverers:
            discoverer.deliver(everything, len(batches.pop(discoverer, ())))
        for request, batch in batches.items():
            request.deliver(batch, len(batch))

    def complete(self, at: Moment) -> None:
        """Report a look at everything as complete: all rows were delivered."""
        for discoverer in self.discoverers:
            discoverer.discovered(
                DiscoveryResult(asked_at=self.asked_at, at=at, date=self.date)
            )

    def list_failed(self) -> float:
        """Note that the list failed; since when those that a watch needs have."""
        return min(each.list_failed(self.asked_at) for each in self.requests)

    def list_worked(self, at: Moment) -> None:
        """Report that the list worked."""
        for request in self.requests:
            request.list_worked(at)

    def replaced(self, error: VeeamError, at: Moment) -> None:
        """Report that GETs stand in for lists, because of that *error*."""
        for request in self.requests:
            request.listed(ListResult(at=at, error=error))

    def fail_discovery(
        self, error: VeeamError, at: Moment, random: float, again_by: float = inf
    ) -> None:
        """Report a look at everything as failed."""
        for discoverer in self.discoverers:
            discoverer.discovered(
                DiscoveryResult(
                    asked_at=self.asked_at,
                    at=at,
                    error=error,
                    random=random,
                    again_by=again_by,
                )
            )

    def fail(
        self, error: VeeamError, at: Moment, random: float, again_by: float = inf
    ) -> None:
        """Deliver the error that cut the list short, for all ids that are open."""
        self.fail_discovery(error, at, random, again_by)
        missed: dict[PollRequest[S], list[Observation[S]]] = {}
        for session_id, requests in self.open.items():
            seen: Observation[S] = Observation(
                id=session_id,
                asked_at=self.asked_at,
                at=at,
                error=error,
                random=random,
                again_by=again_by,
            )
            for request in requests:
                missed.setdefault(request, []).append(seen)
        for request, batch in missed.items():
            request.deliver(batch, len(batch))


def _wants_all(request: PollRequest[S]) -> bool:
    return request.strategy == "query" or request.due.failing


def _by_id(requests: Sequence[PollRequest[S]]) -> dict[UUID, list[PollRequest[S]]]:
    """The requests that asked for each id."""
    if len(requests) == 1:
        alone = list(requests)  # shared: ten thousand lists would take time
        return dict.fromkeys(requests[0].due.session_ids, alone)
    asked: dict[UUID, list[PollRequest[S]]] = {}
    for request in requests:
        for session_id in request.due.session_ids:
            asked.setdefault(session_id, []).append(request)
    return asked
