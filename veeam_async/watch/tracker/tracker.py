"""The state machine of a watch, for many sessions: observations in, events out.

It uses no clock, no I/O, no asyncio and no random numbers: what it needs of them comes
with the observations. So a replay gives the same events as the watch did.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterable
from datetime import datetime
from math import inf
from typing import Generic, TypeVar
from uuid import UUID

import attrs

from veeam_async.clock import Moment
from veeam_async.errors import VeeamError
from veeam_async.events import EventKind, SessionChanged, WatchEvent
from veeam_async.models import Session
from veeam_async.watch.tracker.discovery import EPOCH, Discovery, DiscoveryResult, Scope
from veeam_async.watch.tracker.health import Health, ListResult, ServerHealth
from veeam_async.watch.tracker.parts import Parts
from veeam_async.watch.tracker.proof import ControlResult, Proof
from veeam_async.watch.tracker.schedule import Backoff, Rules, Schedule
from veeam_async.watch.tracker.session import Observation, Phase, TrackedSession
from veeam_async.watch.tracker.tombstones import Tombstones

S = TypeVar("S", bound=Session)

_TERMINAL = (EventKind.STOPPED, EventKind.GONE)


@attrs.frozen
class Due:
    """The looks that are due now.

    They are at *session_ids*; at those to *confirm*, by a GET for each, since a list
    does not show that a session is gone; and at everything in a *scope*, or None. With
    *control* the server is asked for something that it must know. *failing*: looks at
    one of the sessions have failed for so long that another way is to be tried.
    """

    session_ids: list[UUID]
    confirm: list[UUID]
    scope: Scope | None
    control: bool = False
    failing: bool = False


class Tracker(Generic[S]):
    """Watch *session_ids* by *rules*, and with a *discovery* everything.

    *sequence* is that of the last event of the watch that this one resumes, else 0.
    """

    def __init__(
        self,
        session_ids: Iterable[UUID],
        rules: Rules,
        *,
        discovery: Discovery | None = None,
        sequence: int = 0,
    ) -> None:
        self.rules = rules
        self.discovery = discovery
        self.sequence: int = sequence
        self.tracked: dict[UUID, TrackedSession[S]] = {}
        self.tombstones: Tombstones = Tombstones()
        self.lists: Health = Health(scope="list")
        self.standing_in: VeeamError | None = None
        self.latest_delay: float | None = None
        self.proof: Proof = Proof()
        self.server: ServerHealth = ServerHealth(
            rules.patience, None if discovery is None else discovery.health
        )
        self._schedule = Schedule[TrackedSession[S]]()
        self._backoff = Backoff()
        # Its first is found at once; a dict's only past all that was removed before.
        self._untold: OrderedDict[UUID, None] = OrderedDict()
        self._repeated: Moment | None = None
        self._when: tuple[float, float, datetime] | None = None
        self._next_look = 0.0
        self._asked = EPOCH
        self._undecided: list[Observation[S]] = []
        self._parts = Parts()
        for session_id in session_ids:
            self.add(session_id)

    @property
    def active(self) -> tuple[UUID, ...]:
        """The sessions whose end was not told yet."""
        return tuple(self.tracked)

    def last_seen(self) -> dict[UUID, S | None]:
        """The active sessions as they were last seen, None where they never were."""
        return {each.id: each.newest for each in self.tracked.values()}

    def errors(self) -> dict[UUID, VeeamError]:
        """The last error that looks at an active session met, where one did."""
        met = {each.id: each.health.error for each in self.tracked.values()}
        return {session_id: error for session_id, error in met.items() if error}

    @property
    def is_over(self) -> bool:
        """Whether there is nothing to watch any more."""
        return self.discovery is None and not self.tracked

    def add(self, session_id: UUID) -> None:
        """Watch one more session, unless it is watched or has a tombstone."""
        if session_id not in self.tracked and session_id not in self.tombstones:
            self.restore(TrackedSession(session_id))

    def restore(self, tracked: TrackedSession[S]) -> None:
        """Watch a session that has a state already, from a checkpoint for example."""
        for session in (tracked.known, tracked.told):
            if session is not None:
                self._parts.share(session)
        self.tracked[tracked.id] = tracked
        self._untold[tracked.id] = None
        self.server.count(tracked.health)
        self._schedule.put(tracked)

    def discard(self, session_id: UUID, *, is_gone: bool = False) -> None:
        """Watch a session no longer; nothing more is told of it.

        Where it *is_gone* and comes back, it is in a watch of everything.
        """
        tracked = self.tracked.pop(session_id, None)
        if tracked is not None:
            tracked.phase = Phase.DISCARDED
            self.server.discount(tracked.health)
            self._untold.pop(session_id, None)
        # In a watch of everything the next list would bring it back; in one of given
        # ids it may be added again.
        if self.discovery is not None:
            known = None if tracked is None else tracked.known
            self._bury(session_id, known, is_gone=is_gone)

    # ------------------------------------------------------------ when to look

    def next_due(self) -> float | None:
        """The monotonic time of the next look, None while none is due."""
        due, discovery = self._schedule.next(), self.discovery
        times = [self.proof.due, inf if due is None else due]
        if discovery is not None and not discovery.looking:
            times.append(discovery.due)
        earliest = min(times)
        return None if earliest == inf else earliest

    def take_due(self, now: float) -> Due | None:
        """What to look at now, None while there is nothing."""
        taken = self._schedule.take(now)
        scope = None if self.discovery is None else self.discovery.take_due(now)
        control = self.proof.take_due(now)
        if not taken and scope is None and not control:
            return None
        due = Due([], [], scope, control, self._fail_for_long(taken, now))
        for tracked in taken:
            confirms = (
                tracked.phase is Phase.CONFIRMING
                # Where a GET fails, a list may show that it has ended.
                and tracked.health.failing_since is None
            )
            (due.confirm if confirms else due.session_ids).append(tracked.id)
        return due

    def _fail_for_long(self, taken: list[TrackedSession[S]], now: float) -> bool:
        # Nearly never does any: then ten thousand sessions are not gone through.
        if not self.server.has_failing:
            return False
        since = now - self.rules.stand_in_after
        return any(each.health.fails_since(since) for each in taken)

    # ------------------------------------------------------------ what was seen

    def feed(self, observation: Observation[S]) -> list[WatchEvent[S]]:
        """Note an observation; the events that come of it, in order."""
        self.note(observation)
        return list(iter(self.tell, None)) if self.has_news else []

    @property
    def has_news(self) -> bool:
        """Whether there may be something to tell."""
        # Plainly, as this is asked after each observation: mostly nothing ever failed.
        server, lists = self.server.health, self.lists
        return (
            bool(self._untold)
            or (server.changed_at is not None and server.has_news)
            or (lists.changed_at is not None and lists.has_news)
        )

    def note(self, seen: Observation[S]) -> None:
        """Update from what was seen; a look older than the newest one is ignored."""
        tracked = self.tracked.get(seen.id)
        # 1. A session that is not watched, as yet.
        if tracked is None:
            self._meet(seen)
        # 2. All is as it was told, as in nearly every look at ten thousand sessions:
        #    there is nothing to tell.
        elif tracked.phase is Phase.DELIVERED and self._repeats(
            tracked, seen, seen.session
        ):
            return
        # 3. Something changed, failed, or is being confirmed.
        elif not tracked.is_over:
            self._note(tracked, seen)

    def _repeats(
        self, tracked: TrackedSession[S], seen: Observation[S], session: S | None
    ) -> bool:
        """Update, the fast way, from a look without news; False for any other look."""
        told = tracked.told
        if (
            session is None
            or told is None
            or (session.state is not told.state and session.state != told.state)
            or seen.asked_at < tracked.asked_at
            or (self.rules.progress and session.progress != told.progress)
            or self.rules.each_look
            or self.server.health.degraded
        ):
            return False
        at = seen.at
        if at is not self._repeated:  # all rows of a page share theirs
            self._repeated, when = at, (seen.asked_at, at.monotonic, at.wall)
            if when != self._when:
                self._when = when
                self._repeat(seen.asked_at, at)
        tracked.see_again(session, seen.asked_at, at, self._asked, self._next_look)
        if tracked.known is session:
            self._parts.share(session)
        self._schedule.put(tracked)
        return True

    def _repeat(self, asked_at: float, at: Moment) -> None:
        """Find out what looks that were asked for and answered then have in common."""
        self._next_look = self.rules.next_look(asked_at, at.monotonic)
        self._asked = self.rules.seen_at(asked_at, at)
        self._prove(asked_at, at)

    def _note(self, tracked: TrackedSession[S], seen: Observation[S]) -> None:
        tracked.looking = False
        # Answers overtake each other: the one that was asked for last counts.
        if seen.asked_at >= tracked.asked_at:
            tracked.asked_at = seen.asked_at
            self._take_in(tracked, seen)
            self._untold[seen.id] = None
        if not tracked.is_over:
            self._schedule.put(tracked)
        elif tracked.suppressed:
            self.discard(seen.id, is_gone=tracked.phase is Phase.GONE)

    def _take_in(self, tracked: TrackedSession[S], seen: Observation[S]) -> None:
        health, error = tracked.health, seen.error
        self.server.discount(health)
        health.looked = True
        if error is not None:
            tracked.fail(seen.at, error, self._retry_at(tracked, seen, error))
        elif seen.session is not None:
            self._see(tracked, seen, seen.session)
        else:
            self._miss(tracked, seen)
        self.server.count(health)
        # Only now are the totals right, which decide between server and session.
        if error is not None:
            self.server.session_failed(health, seen.at, error, self._proven)
        else:
            self.server.session_answered(seen.at)

    def _miss(self, tracked: TrackedSession[S], seen: Observation[S]) -> None:
        rules, now = self.rules, seen.at.monotonic
        within = 2 * max(rules.interval, rules.stand_in_after)
        is_proven = self.proof.is_between(tracked.missed, now, within)
        tracked.miss(seen, rules, is_proven=is_proven)
        if rules.edition > 1:
            tracked.health.missing = tracked.known is not None and not tracked.is_over
            if not tracked.is_over and now >= tracked.late_at(rules):
                self.proof.want(now)

    def controlled(self, result: ControlResult) -> None:
        """Update from a control: what is missing for too long can be gone now."""
        self.proof.looking = False
        if result.error is not None:
            if any(each.missing for each in self.tracked.values()):
                now = result.at.monotonic
                self.proof.want(self.rules.next_look(result.asked_at, now))
            return
        self._prove(result.asked_at, result.at)
        self._look_at_late(result.at)

    def _prove(self, asked_at: float, at: Moment) -> None:
        if self.proof.is_older(asked_at):
            self.proof.asked = Moment(asked_at, self.rules.seen_at(asked_at, at))
        if self.standing_in is not None:
            self.lists.degrade(at, at, self.standing_in)

    @property
    def _proven(self) -> Moment | None:
        """When the newest good answer was asked for; 0.1.0 did not look at that."""
        return None if self.rules.edition == 1 else self.proof.asked

    def listed(self, result: ListResult) -> None:
        """Update from whether lists work, or others stand in for them.

        That is told once one of those has worked: an outage of all is told as one.
        """
        self.standing_in = result.error
        if result.error is None:
            self.lists.recover(result.at)

    def _look_at_late(self, at: Moment) -> None:
        for tracked in self.tracked.values():
            is_late = tracked.missing and at.monotonic >= tracked.late_at(self.rules)
            if is_late and not (tracked.looking or tracked.is_over):
                tracked.due = at.monotonic
                self._schedule.put(tracked)

    def _see(
        self, tracked: TrackedSession[S], seen: Observation[S], session: S
    ) -> None:
        discovery, is_new = self.discovery, self._is_new(tracked, session)
        if discovery is not None:
            tracked.suppressed &= not discovery.is_later(session)
        tracked.see(seen, session, self.rules)
        tracked.health.missing = False
        # What is over is told and dropped.
        if tracked.known is session and not tracked.is_over:
            self._parts.share(session)
        # What is noted is kept until the look is complete: no second model of what is
        # known, of which the times are the same.
        if discovery is not None and tracked.known is not None:
            discovery.see(tracked.known, is_new=is_new)
        self._prove(seen.asked_at, seen.at)

    def _is_new(self, tracked: TrackedSession[S], session: S) -> bool:
        """Tell one that has begun or ended since the last look at everything."""
        if self.discovery is None or not self.discovery.begun or tracked.suppressed:
            return False
        known = tracked.known
        return known is None or (session.is_stopped and not known.is_stopped)

    def _retry_at(
        self, tracked: TrackedSession[S], seen: Observation[S], error: VeeamError
    ) -> float:
        """When to look again after a failed look; monotonic seconds."""
        failures = tracked.health.failures
        due = self._backoff.next(seen.at, failures, seen.random, error, seen.again_by)
        if seen.unlisted or tracked.phase is Phase.CONFIRMING:
            # Any sooner, a whole list would be asked for because of this one session,
            # or none, though it would show what a GET does not.
            due = max(due, self.rules.next_look(seen.asked_at, seen.at.monotonic))
        return due

    def _meet(self, seen: Observation[S]) -> None:
        """Watch a session that was not, if it is news; else bury it."""
        discovery, session = self.discovery, seen.session
        if discovery is None or session is None:
            return
        # What was gone and runs has come back: its server had forgotten it for long.
        if self._can_return(seen.id) and not session.is_stopped:
            self.tombstones.remove(seen.id)
        # Lists overlap in time, and so show again what was told already.
        is_known = seen.id in self.tombstones
        is_open = discovery.is_undecided(session)
        # Of one mark for all servers it is not known which of them it speaks for.
        is_early = is_known or (is_open and discovery.is_of_one)
        if not is_early and discovery.is_news(session):
            self.add(seen.id)
            self._note(self.tracked[seen.id], seen)
            return
        discovery.see(session)
        if is_open and not is_known:
            self._undecided.append(seen)
        else:
            self._bury(seen.id, session)

    def _can_return(self, session_id: UUID) -> bool:
        """Whether its end was no more than that it was missing; for good in 0.1.0."""
        return self.rules.edition > 1 and session_id in self.tombstones.gone

    def _bury(
        self, session_id: UUID, session: S | None, *, is_gone: bool = False
    ) -> None:
        server, mark = "", None
        if self.discovery is not None:
            server, mark = self.discovery.tombstone(session)
        self.tombstones.add(session_id, mark, is_gone=is_gone, server=server)

    def _decide(self) -> None:
        """Watch those that ended after the watch was called, bury the others."""
        undecided, self._undecided = self._undecided, []
        for seen in undecided:
            self._meet(seen)
        if undecided and self.discovery is not None:
            self.discovery.settle()

    def discovered(self, result: DiscoveryResult) -> None:
        """Update from the end of a look at everything; its rows were noted before."""
        discovery = self.discovery
        if discovery is None:
            return
        discovery.looking = False
        if result.error is not None:
            self._discovery_failed(discovery, result, result.error)
            return
        if result.listed is not None:
            # References hold no states: what they list may have ended long ago.
            old = not discovery.begun or discovery.knows_began
            self._enlist(result.listed, suppressed=old)
        discovery.due = self.rules.next_look(result.asked_at, result.at.monotonic)
        if not result.is_old:
            discovery.health.recover(result.at)
            self._prove(result.asked_at, result.at)
            self.server.discovery_recovered(result.at)
        discovery.complete(result)
        self._decide()
        if discovery.forgets:
            self.tombstones.expire(discovery.expiries(), but=result.listed or ())

    def _discovery_failed(
        self, discovery: Discovery, result: DiscoveryResult, error: VeeamError
    ) -> None:
        discovery.fail(result)
        self._undecided = []  # the next look shows them again
        failures = discovery.health.failures
        due = self._backoff.next(
            result.at, failures, result.random, error, result.again_by
        )
        discovery.due = due
        discovery.health.fail(result.at, error)
        self.server.discovery_failed(discovery.health, result.at, error, self._proven)

    def _enlist(self, listed: Collection[UUID], *, suppressed: bool) -> None:
        """Watch those listed that are new; *suppressed* is as in `TrackedSession`."""
        for session_id in listed:
            if session_id in self.tracked:
                continue
            if self._can_return(session_id):
                # Only a look at it tells whether it runs.
                self.tombstones.remove(session_id)
                self.restore(TrackedSession(session_id, suppressed=True))
            elif session_id not in self.tombstones:
                self.restore(TrackedSession(session_id, suppressed=suppressed))

    # ------------------------------------------------------------ what is told

    def tell(self) -> WatchEvent[S] | None:
        """The next event, None while there is nothing to tell."""
        number = self.sequence + 1
        event: WatchEvent[S] | None = self.server.health.event(None, number)
        event = event or self.lists.event(None, number)
        # One session at a time, until it has nothing left: its events stay together.
        while event is None and self._untold:
            session_id = next(iter(self._untold))
            event = self._event(session_id)
            if event is None:
                del self._untold[session_id]
        if event is not None:
            self.sequence = event.sequence
        return event

    def _event(self, session_id: UUID) -> WatchEvent[S] | None:
        tracked = self.tracked[session_id]
        seen_before = tracked.told_seen
        event = tracked.event(self.sequence + 1, self.rules)
        if isinstance(event, SessionChanged) and event.not_before and seen_before:
            # By the looks alone: the server's clock may be another.
            self.latest_delay = (event.observed_at - seen_before).total_seconds()
        if event is not None and event.kind in _TERMINAL:
            known = self.tracked[session_id].known
            self.discard(session_id)
            self._bury(session_id, known, is_gone=event.kind is EventKind.GONE)
        return event
