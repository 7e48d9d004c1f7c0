"""When to look again, and at what: the rules, the backoff, and the sessions by time."""

from __future__ import annotations

from heapq import heappop, heappush
from math import floor, inf
from typing import Generic, Protocol, TypeVar

import attrs
from attrs.validators import ge, gt, lt

from veeam_async.clock import Moment
from veeam_async.errors import VeeamError
from veeam_async.retry import jittered

CONFIRM_SECONDS = 1.0
"""How long a first 404, or a Stopped without a result, waits for its confirmation."""

BACKOFF_FIRST = 0.8
BACKOFF_LAST = 30.0
"""Seconds, doubled with each failure in a row, with full jitter."""

_NEAR = 0.05
"""The part of an interval before a tick in which a look counts as that tick's own."""


@attrs.frozen(kw_only=True)
class Rules:
    """How sessions are watched; all times in seconds.

    *interval* lies between two looks; *progress* asks for events about progress;
    a session that was never seen may be missing for *appear_within*; looks may fail for
    *patience* before that is told. With a *phase*, a fraction of the interval, looks
    come at ticks that all watches of this interval and phase share.
    """

    interval: float = attrs.field(default=5.0, validator=[gt(0), lt(inf)])
    progress: bool = False
    appear_within: float = attrs.field(default=300.0, validator=ge(0))
    patience: float = attrs.field(default=60.0, validator=ge(0))
    phase: float | None = None

    def next_look(self, asked_at: float, at: float) -> float:
        """When to look again after an answer that came *at*; monotonic seconds."""
        if self.phase is None:
            return max(asked_at + self.interval, at)
        offset = self.phase * self.interval
        ticks = floor((at - offset) / self.interval + _NEAR) + 1
        return ticks * self.interval + offset

    def confirm_at(self, since: Moment) -> float:
        """When to confirm what was first seen then; monotonic seconds."""
        return since.monotonic + min(self.interval, CONFIRM_SECONDS)


@attrs.define
class Backoff:
    """The next look after a failed one, later and later.

    What failed in one look shares the next one: else ten thousand sessions that one
    list shows would come back one by one.
    """

    _failed: Moment | None = None
    _again: float = 0.0

    def next(
        self, at: Moment, failures: int, random: float, error: VeeamError
    ) -> float:
        """When to look again after so many failures in a row; monotonic seconds."""
        if at is not self._failed:
            self._failed = at
            self._again = at.monotonic + jittered(
                error, failures, random, first=BACKOFF_FIRST, longest=BACKOFF_LAST
            )
        return self._again


class Scheduled(Protocol):
    """What a schedule holds: it is due at a monotonic time, unless it is looked at."""

    due: float
    looking: bool

    def is_due(self, time: float) -> bool:
        """Whether its next look is the one put down for that time."""
        ...


T = TypeVar("T", bound=Scheduled)


class Schedule(Generic[T]):
    """What is watched, by the monotonic time at which it is due.

    Ticks of equal intervals fall together, so nearly all sessions share a few times.
    A place in a list for each time is an order of magnitude cheaper than one in a heap
    for each session. Stale entries stay in their lists; `is_due` skips them.
    """

    def __init__(self) -> None:
        self._times: list[float] = []
        self._lists: dict[float, list[T]] = {}

    def put(self, entry: T) -> None:
        """Put an entry down for when it is due."""
        entries = self._lists.get(entry.due)
        if entries is None:
            self._lists[entry.due] = entries = []
            heappush(self._times, entry.due)
        entries.append(entry)

    def next(self) -> float | None:
        """The earliest time at which something is due, None where nothing is."""
        while self._times:
            due = self._times[0]
            entries = self._lists[due]
            # From the end, which is cheap to cut off; `take` goes by the order.
            while entries:
                if entries[-1].is_due(due):
                    return due
                entries.pop()
            self._drop()
        return None

    def take(self, now: float) -> list[T]:
        """Take what is due by now, in the order in which it was put down.

        It counts as being looked at from then on, and so is taken once.
        """
        taken: list[T] = []
        while self._times and self._times[0] <= now:
            due = self._times[0]
            for entry in self._lists[due]:
                if entry.is_due(due):
                    entry.looking = True
                    taken.append(entry)
            self._drop()
        return taken

    def _drop(self) -> None:
        del self._lists[heappop(self._times)]
