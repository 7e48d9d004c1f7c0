"""When to look at what: sessions in lists of those that are due together.

Ticks of equal intervals fall together, so nearly all sessions share a few times; a
place in a list for each of them is an order of magnitude cheaper than one in a heap.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from uuid import UUID

import attrs

from veeam_async.census import Scope


@attrs.frozen
class Due:
    """What to look at now: *ids*, those that are *in_doubt*, and all of a *scope*."""

    ids: list[UUID]
    in_doubt: list[UUID]
    scope: Scope | None


class Schedule:
    """Ids by the monotonic time at which they are due.

    *is_valid* tells whether an id is still to be looked at then: whoever is put down
    anew is not taken away first.
    """

    def __init__(self, is_valid: Callable[[UUID, float], bool]) -> None:
        self._is_valid = is_valid
        self._times: list[float] = []
        self._due: dict[float, list[UUID]] = {}

    def put(self, one: UUID, due: float) -> None:
        """Put *one* down for *due*."""
        bucket = self._due.get(due)
        if bucket is None:
            self._due[due] = bucket = []
            heappush(self._times, due)
        bucket.append(one)

    def next(self) -> float | None:
        """Give the earliest time at which something is due, None where nothing is."""
        while self._times:
            due = self._times[0]
            bucket = self._due[due]
            while bucket:
                if self._is_valid(bucket[-1], due):
                    return due
                bucket.pop()
            self._drop()
        return None

    def take(self, now: float) -> list[UUID]:
        """Take what is due by *now*, in the order in which it was put down."""
        taken: dict[UUID, None] = {}
        while self._times and self._times[0] <= now:
            due = self._times[0]
            taken.update(
                (one, None) for one in self._due[due] if self._is_valid(one, due)
            )
            self._drop()
        return list(taken)

    def _drop(self) -> None:
        del self._due[heappop(self._times)]
