"""When to look again, and at what: the rules, the backoff, and the sessions by time."""

from __future__ import annotations

from datetime import datetime, timedelta
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

EDITION = 2
"""Of the rules that this release goes by; those of 0.1.0 are edition 1."""

_LATER, _DENIALS = 4, 3
"""So many times as long, for each denial up to so many: a minute at most."""

STAND_IN_AFTER = 0.5
"""Part of the patience for which a way to look may fail before another replaces it."""

_SLOWER = 4
"""A session that is missing is looked at again after this part of the time since."""

_NEAR = 0.05
"""Part of an interval: a look so shortly before a tick counts as that tick's."""


_LEAST_TICK = 1e-6
"""Seconds: shorter intervals have no ticks, which would be more than can be counted."""


@attrs.frozen(kw_only=True)
class Rules:
    """How sessions are watched; all times in seconds.

    *interval* lies between two looks; *progress* asks for events about progress;
    a session that was never seen may be missing for *appear_within*, one that was seen
    for *gone_after*; looks may fail for *patience* before that is told. With a *phase*,
    a fraction of the interval, looks come at ticks that all watches of this interval
    and phase share. By *edition* 1, that of 0.1.0, a session was gone at its second
    404, and a state was seen when its answer came: a recording is replayed by the rules
    that it was made with. With *each_look* progress is told at each look, also where
    there is none.
    """

    interval: float = attrs.field(default=5.0, validator=[gt(0), lt(inf)])
    progress: bool = False
    appear_within: float = attrs.field(default=300.0, validator=ge(0))
    patience: float = attrs.field(default=60.0, validator=ge(0))
    phase: float | None = None
    gone_after: float = attrs.field(default=300.0, validator=ge(0))
    edition: int = EDITION
    each_look: bool = False

    @property
    def stand_in_after(self) -> float:
        """Seconds for which a way to look may fail before another stands in for it."""
        return STAND_IN_AFTER * self.patience

    def next_look(self, asked_at: float, at: float) -> float:
        """When to look again after an answer that came *at*; monotonic seconds."""
        if self.phase is None or self.interval < _LEAST_TICK:
            return max(asked_at + self.interval, at)
        offset = self.phase * self.interval
        ticks = floor((at - offset) / self.interval + _NEAR) + 1
        return ticks * self.interval + offset

    def seen_at(self, asked_at: float, at: Moment) -> datetime:
        """The wall time at which what an answer shows was surely so.

        It was asked for at *asked_at* and answered *at*.
        """
        if self.edition == 1:
            return at.wall
        return at.wall - timedelta(seconds=at.monotonic - asked_at)

    def miss_again(self, since: Moment, asked_at: float, at: float) -> float:
        """When to look again at what is missing *since* then, later and later.

        Five hundred ids that the server does not know would cost as much as its own.
        But one that it shows at last is soon in sight again: half of *patience* is left
        for lists that fail then.
        """
        pause = min((at - since.monotonic) / _SLOWER, self.stand_in_after)
        return self.next_look(asked_at, at + pause)

    def confirm_at(self, since: Moment, denials: int = 0) -> float:
        """When to confirm what was first seen then; monotonic seconds.

        Later where that was denied before: a list may show an end, without a result,
        that no GET confirms.
        """
        if denials and self.edition > 1:
            later: float = CONFIRM_SECONDS * _LATER ** min(denials, _DENIALS)
            return since.monotonic + max(later, self.interval)
        return since.monotonic + min(self.interval, CONFIRM_SECONDS)


@attrs.define
class Backoff:
    """The time of the next look after failed ones, later with each.

    Sessions that failed in one look share the next: else ten thousand sessions of one
    list would come due one by one.
    """

    _failed: Moment | None = None
    _again: float = 0.0

    def next(
        self,
        at: Moment,
        failures: int,
        random: float,
        error: VeeamError,
        again_by: float = inf,
    ) -> float:
        """When to look again after so many failures in a row; monotonic seconds.

        At *again_by* at the latest, unless the server asks to wait for longer.
        """
        if at is not self._failed:
            self._failed = at
            self._again = at.monotonic + jittered(
                error, failures, random, first=BACKOFF_FIRST, longest=BACKOFF_LAST
            )
        if again_by < self._again and getattr(error, "retry_after", None) is None:
            return max(again_by, at.monotonic)
        return self._again


class Scheduled(Protocol):
    """An entry, *due* at a monotonic time unless it is *looking* now."""

    due: float
    looking: bool

    def is_due(self, time: float) -> bool:
        """Whether its next look is at that time, so that the entry is not stale."""
        ...


T = TypeVar("T", bound=Scheduled)


class Schedule(Generic[T]):
    """The watched sessions by the monotonic time at which each is due.

    Ticks of equal intervals coincide, so that nearly all sessions share a few times.
    Hence a list for each time: that is an order of magnitude cheaper than a heap of all
    sessions. Stale entries stay in their lists; `is_due` skips them.
    """

    def __init__(self) -> None:
        self._times: list[float] = []
        self._lists: dict[float, list[T]] = {}

    def put(self, entry: T) -> None:
        """Add an entry at the time when it is due."""
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
        """Take out what is due by now, by time, then in the order of `put`.

        Each entry is *looking* from then on, and so is taken once.
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
