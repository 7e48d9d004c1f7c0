"""The watcher's mind, for many sessions: take observations in, hand events out.

No clock, no I/O, no asyncio and no random numbers: times and numbers come with what is
observed. A command line, an orchestrator's trigger and a replay can run it alike.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterable
from typing import Generic, TypeVar
from uuid import UUID

from veeam_async.clock import Moment
from veeam_async.events import EventKind, WatchEvent
from veeam_async.models import Session
from veeam_async.tracker.census import Census
from veeam_async.tracker.ended import Ended
from veeam_async.tracker.observation import Observation
from veeam_async.tracker.outage import Outage
from veeam_async.tracker.rules import Rules
from veeam_async.tracker.schedule import Due, Schedule
from veeam_async.tracker.scope import Scope, Swept
from veeam_async.tracker.tracked import Tracked

S = TypeVar("S", bound=Session)


class Tracker(Generic[S]):
    """Watch *ids* by *rules*, and with a *census* everything.

    *sequence* is that of the last event told, where an earlier watch goes on.
    """

    def __init__(
        self,
        ids: Iterable[UUID],
        rules: Rules,
        *,
        census: Census | None = None,
        sequence: int = 0,
    ) -> None:
        self.rules = rules
        self.census = census
        self.sequence = sequence
        self.tracked: dict[UUID, Tracked[S]] = {}
        self.ended = Ended()
        self._schedule = Schedule[S]()
        # Unlike a dict's its first is found at once, whatever was taken away before.
        self._untold: OrderedDict[UUID, None] = OrderedDict()
        self.outage: Outage[S] = Outage(rules, census)
        self._repeated: Moment | None = None
        self._next = 0.0
        for one in ids:
            self.add(one)

    @property
    def active(self) -> tuple[UUID, ...]:
        """The sessions whose end was not told yet."""
        return tuple(self.tracked)

    @property
    def is_over(self) -> bool:
        """Whether there is nothing to watch any more."""
        return self.census is None and not self.tracked

    def add(self, id: UUID) -> None:  # noqa: A002 - the field's term
        """Watch *id* too, at once; of no effect where it is or was watched."""
        if id not in self.tracked and id not in self.ended:
            self.restore(Tracked(id))

    def restore(self, tracked: Tracked[S]) -> None:
        """Watch a session from where an earlier watch was with it."""
        self.tracked[tracked.id] = tracked
        self._untold[tracked.id] = None
        self.outage.count(tracked)
        self._schedule.put(tracked)

    def discard(self, id: UUID) -> None:  # noqa: A002 - the field's term
        """Watch a session no longer; nothing more is told of it."""
        tracked = self.tracked.pop(id, None)
        if tracked is not None:
            tracked.off = True
            self.outage.discount(tracked)
            self._untold.pop(id, None)
        if self.census is not None:
            self._remember(id)

    # ------------------------------------------------------------ when to look

    def next_due(self) -> float | None:
        """Give the monotonic time of the next look, None while none is due."""
        due, census = self._schedule.next(), self.census
        if census is None or census.looking:
            return due
        return census.due if due is None else min(due, census.due)

    def take_due(self, now: float) -> Due | None:
        """Give what to look at now, None while there is nothing."""
        taken = self._schedule.take(now)
        scope = self._scope(now)
        if not taken and scope is None:
            return None
        sure: list[UUID] = []
        doubtful: list[UUID] = []
        for tracked in taken:
            (doubtful if tracked.in_doubt else sure).append(tracked.id)
        return Due(sure, doubtful, scope)

    def _scope(self, now: float) -> Scope | None:
        census = self.census
        if census is None or census.looking or census.due > now:
            return None
        census.looking = True
        return census.scope(now)

    # ------------------------------------------------------------ what was seen

    def feed(self, observation: Observation[S]) -> list[WatchEvent[S]]:
        """Take in *observation* and give all there is to tell, in order."""
        self.note(observation)
        return list(iter(self.tell, None)) if self.has_news else []

    @property
    def has_news(self) -> bool:
        """Whether there may be something to tell."""
        return bool(self._untold) or self.outage.health.has_news

    def note(self, seen: Observation[S]) -> None:
        """Take in what was seen; a look older than the newest is passed over."""
        tracked = self.tracked.get(seen.id)
        if tracked is None:
            self._meet(seen)
        elif tracked.calm and self._repeats(tracked, seen, seen.session):
            return  # as nearly every look, among ten thousand
        elif tracked.end is None:
            self._note(tracked, seen)

    def _repeats(
        self, tracked: Tracked[S], seen: Observation[S], session: S | None
    ) -> bool:
        """Take in what was told already; False where *seen* is anything else."""
        told = tracked.told
        if (
            session is None
            or told is None
            or session.state != told.state
            or seen.asked_at < tracked.asked_at
            or (self.rules.progress and session.progress != told.progress)
            or self.outage.health.degraded
        ):
            return False
        at = seen.at
        if at is not self._repeated:  # all rows of a page share theirs
            self._repeated = at
            self._next = self.rules.next_look(seen.asked_at, at.monotonic)
        tracked.looking = False
        tracked.asked_at = seen.asked_at
        tracked.learn(session)
        tracked.known_at = tracked.told_seen = at.wall
        tracked.due = self._next
        self._schedule.put(tracked)
        return True

    def _note(self, tracked: Tracked[S], seen: Observation[S]) -> None:
        tracked.looking = False
        if seen.asked_at >= tracked.asked_at:
            tracked.asked_at = seen.asked_at
            self._take_in(tracked, seen)
            self._untold[seen.id] = None
        if tracked.quiet and tracked.end is not None:
            self.discard(seen.id)
        elif tracked.end is None:
            self._schedule.put(tracked)

    def _take_in(self, tracked: Tracked[S], seen: Observation[S]) -> None:
        self.outage.discount(tracked)
        tracked.looked = True
        if seen.error is not None:
            self.outage.fail(tracked, seen, seen.error)
        elif seen.session is not None:
            if self.census is not None:
                self.census.see(seen.session)
                tracked.quiet &= not self.census.is_later(seen.session)
            tracked.see(seen, seen.session, self.rules)
        else:
            tracked.miss(seen, self.rules)
        self.outage.count(tracked)
        if seen.error is not None:
            self.outage.blame(tracked, seen, seen.error)
        else:
            self.outage.recover(seen.at)

    def _meet(self, seen: Observation[S]) -> None:
        """Take in a session that is not watched, as yet."""
        census, session = self.census, seen.session
        if census is None or session is None:
            return
        if seen.id not in self.ended and census.is_news(session):
            self.add(seen.id)
            self._note(self.tracked[seen.id], seen)
        else:
            census.see(session)
            self._remember(seen.id)

    def _remember(self, one: UUID) -> None:
        self.ended.add(one, self.census.latest if self.census else None)

    def sweep(self, swept: Swept) -> None:
        """Take in what came of a look at everything, after all that it saw."""
        census = self.census
        if census is None:
            return
        census.looking = False
        if swept.error is not None:
            self.outage.fail_census(census, swept, swept.error)
            return
        if swept.listed is not None:
            self._enlist(swept.listed, quiet=not census.begun or bool(census.began))
        census.due = self.rules.next_look(swept.asked_at, swept.at.monotonic)
        self.outage.recover_census(census, swept.at)
        census.complete(swept.asked_at)
        census.forget(self.ended, swept.listed)

    def _enlist(self, listed: Collection[UUID], *, quiet: bool) -> None:
        """Watch what is listed and new; what is old of it may turn out to be over."""
        for one in listed:
            if one not in self.tracked and one not in self.ended:
                self.restore(Tracked(one, quiet=quiet))

    def tell(self) -> WatchEvent[S] | None:
        """Give the next event, None while there is nothing to tell."""
        event: WatchEvent[S] | None = self.outage.health.event(None, self.sequence + 1)
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
            self._remember(one)
        return event
