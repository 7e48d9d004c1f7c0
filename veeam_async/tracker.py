"""The watcher's mind, for many sessions: take observations in, hand events out.

No clock, no I/O and no asyncio: times come with the observations, random numbers with
the tracker. A command line, an orchestrator's trigger and a replay can run it alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from heapq import heappop, heappush
from itertools import count
from typing import Generic, TypeVar
from uuid import UUID

from veeam_async.errors import VeeamError
from veeam_async.events import EventKind, WatchEvent
from veeam_async.health import Health
from veeam_async.models import Session
from veeam_async.tracked import Observation, Rules, Tracked

S = TypeVar("S", bound=Session)


class Tracker(Generic[S]):
    """Watch *ids* by *rules*; *uniform* gives random numbers in [0, 1).

    *sequence* is that of the last event told, where an earlier watch goes on.
    """

    def __init__(
        self,
        ids: Iterable[UUID],
        rules: Rules,
        *,
        uniform: Callable[[], float],
        sequence: int = 0,
    ) -> None:
        self.rules = rules
        self.sequence = sequence
        self.health = Health()
        self.tracked: dict[UUID, Tracked[S]] = {}
        self._uniform = uniform
        self.ended: set[UUID] = set()
        self._schedule: list[tuple[float, int, UUID]] = []
        self._tie = count()
        self._untold: dict[UUID, None] = {}
        self._looked = 0
        self._failing = 0
        for one in ids:
            self.add(one)

    @property
    def active(self) -> tuple[UUID, ...]:
        """The sessions whose end was not told yet."""
        return tuple(self.tracked)

    def add(self, id: UUID) -> None:  # noqa: A002 - the field's term
        """Watch *id* too, at once; of no effect where it is or was watched."""
        if id not in self.tracked and id not in self.ended:
            self.restore(id, Tracked())

    def restore(self, id: UUID, tracked: Tracked[S]) -> None:  # noqa: A002 - the field's term
        """Watch *id* from where an earlier watch was with it."""
        self.tracked[id] = tracked
        self._untold[id] = None
        self._looked += tracked.looked
        self._failing += tracked.health.failing_since is not None
        self._put_down(id, tracked)

    def discard(self, id: UUID) -> None:  # noqa: A002 - the field's term
        """Watch *id* no longer; nothing more is told of it."""
        tracked = self.tracked.pop(id, None)
        if tracked is not None:
            self._looked -= tracked.looked
            self._failing -= tracked.health.failing_since is not None
            self._untold.pop(id, None)

    def next_due(self) -> float | None:
        """Give the monotonic time of the next look, None while none is due."""
        while self._schedule:
            due, _, one = self._schedule[0]
            tracked = self.tracked.get(one)
            if tracked is not None and tracked.due == due and not tracked.looking:
                return due
            heappop(self._schedule)
        return None

    def take_due(self, now: float) -> UUID | None:
        """Give a session to look at now, None while there is none."""
        due = self.next_due()
        if due is None or due > now:
            return None
        _, _, one = heappop(self._schedule)
        self.tracked[one].looking = True
        return one

    def feed(self, observation: Observation[S]) -> list[WatchEvent[S]]:
        """Take in *observation* and give all there is to tell, in order."""
        self.note(observation)
        return list(iter(self.tell, None))

    def note(self, seen: Observation[S]) -> None:
        """Take in what was seen; a look older than the newest is passed over."""
        tracked = self.tracked.get(seen.id)
        if tracked is None or tracked.end is not None:
            return
        tracked.looking = False
        if seen.asked_at >= tracked.asked_at:
            tracked.asked_at = seen.asked_at
            self._take_in(tracked, seen)
            self._untold[seen.id] = None
        if tracked.end is None:
            self._put_down(seen.id, tracked)

    def tell(self) -> WatchEvent[S] | None:
        """Give the next event, None while there is nothing to tell."""
        event: WatchEvent[S] | None = self.health.event(None, self.sequence + 1)
        while event is None and self._untold:
            one = next(iter(self._untold))
            event = self._event(one)
            if event is None:
                del self._untold[one]
        if event is not None:
            self.sequence = event.sequence
        return event

    def _event(self, one: UUID) -> WatchEvent[S] | None:
        event = self.tracked[one].event(one, self.sequence + 1, self.rules)
        if event is not None and event.kind in (EventKind.STOPPED, EventKind.GONE):
            self.discard(one)
            self.ended.add(one)
        return event

    def _put_down(self, one: UUID, tracked: Tracked[S]) -> None:
        heappush(self._schedule, (tracked.due, next(self._tie), one))

    def _take_in(self, tracked: Tracked[S], seen: Observation[S]) -> None:
        self._looked += not tracked.looked
        tracked.looked = True
        self._failing -= tracked.health.failing_since is not None
        if seen.error is not None:
            self._fail(tracked, seen, seen.error)
        elif seen.session is not None:
            tracked.see(seen, seen.session, self.rules)
        else:
            tracked.miss(seen, self.rules)
        if seen.error is None:
            self.health.recover(seen.at)

    def _fail(
        self, tracked: Tracked[S], seen: Observation[S], error: VeeamError
    ) -> None:
        """Take in a failure; blame the server where every look fails, else the one."""
        lasted = tracked.fail(seen, error, self._uniform())
        self._failing += 1
        since = tracked.health.failing_since
        if since is None or lasted < self.rules.patience:
            return
        if self._failing >= self._looked:
            self.health.degrade(since, seen.at, error)
        elif not self.health.degraded:
            tracked.health.degrade(since, seen.at, error)
