"""When to look at what: sessions in lists of those that are due together.

Ticks of equal intervals fall together, so nearly all sessions share a few times; a
place in a list for each of them is an order of magnitude cheaper than one in a heap.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import Generic, TypeVar
from uuid import UUID

import attrs

from veeam_async.models import Session
from veeam_async.tracker.scope import Scope
from veeam_async.tracker.tracked import Tracked

S = TypeVar("S", bound=Session)


@attrs.frozen
class Due:
    """What to look at now: *ids*, those that are *in_doubt*, and all of a *scope*."""

    ids: list[UUID]
    in_doubt: list[UUID]
    scope: Scope | None


class Schedule(Generic[S]):
    """What is tracked by the monotonic time at which it is due.

    What is put down anew is not taken away first: it is no longer due at the old time.
    """

    def __init__(self) -> None:
        self._times: list[float] = []
        self._due: dict[float, list[Tracked[S]]] = {}

    def put(self, one: Tracked[S]) -> None:
        """Put *one* down for when it is due."""
        bucket = self._due.get(one.due)
        if bucket is None:
            self._due[one.due] = bucket = []
            heappush(self._times, one.due)
        bucket.append(one)

    def next(self) -> float | None:
        """Give the earliest time at which something is due, None where nothing is."""
        while self._times:
            due = self._times[0]
            bucket = self._due[due]
            while bucket:
                if bucket[-1].is_due(due):
                    return due
                bucket.pop()
            self._drop()
        return None

    def take(self, now: float) -> list[Tracked[S]]:
        """Take what is due by *now*, in the order in which it was put down.

        It is being looked at from then on, and so is taken once.
        """
        taken: list[Tracked[S]] = []
        while self._times and self._times[0] <= now:
            due = self._times[0]
            for one in self._due[due]:
                if one.is_due(due):
                    one.looking = True
                    taken.append(one)
            self._drop()
        return taken

    def _drop(self) -> None:
        del self._due[heappop(self._times)]
