"""One watched session: what was seen of it, what was told, when to look again.

What is known and what was told are kept apart, so that a slow listener is told the
newest state instead of a backlog, and a checkpoint holds exactly what was told.
"""

from __future__ import annotations

from datetime import datetime
from enum import IntEnum
from math import inf
from typing import Generic, TypeVar
from uuid import UUID

import attrs

from veeam_async.clock import Moment
from veeam_async.errors import VeeamError
from veeam_async.events import (
    EventKind,
    SessionChanged,
    SessionGone,
    WatchEvent,
    is_skip,
)
from veeam_async.models import Session
from veeam_async.watch.tracker.health import Health
from veeam_async.watch.tracker.schedule import Rules

S = TypeVar("S", bound=Session)


@attrs.define(kw_only=True)
class Observation(Generic[S]):
    """What one look at a session saw.

    The *session*, or an *error*, or neither of the two: the server does not know it.
    *asked_at* is in monotonic seconds, *at* the moment of the answer. *random*, in
    [0, 1), spreads the next look where this one failed, which comes *again_by* a
    monotonic time, when another way would stand in for this one. *unlisted*: the
    session was looked at by itself, being in no row of a list, or to confirm one.
    """

    id: UUID
    asked_at: float
    at: Moment
    session: S | None = None
    error: VeeamError | None = None
    random: float = 0.0
    unlisted: bool = False
    again_by: float = inf


class Phase(IntEnum):
    """Where a watched session stands; those from STOPPED on are over.

    Ordered integers, since every look at each of ten thousand sessions compares them.
    """

    AWAITED = 0
    """Never seen yet."""
    ACTIVE = 1
    """Seen, with something to tell, or its last look failed."""
    DELIVERED = 2
    """Runs in the state that was told, and its looks work."""
    CONFIRMING = 3
    """Its end was seen once: a first 404, or a Stopped without a result.

    It is looked at by itself next; what stays missing after that is ACTIVE again.
    """
    STOPPED = 4
    """Its end is known, whether it was told or not."""
    GONE = 5
    """The server knows it no longer, or never did."""
    DISCARDED = 6
    """Not watched any more; its last entry in the schedule is skipped."""


_OVER = Phase.STOPPED
_ENDS = {Phase.STOPPED: EventKind.STOPPED, Phase.GONE: EventKind.GONE}


@attrs.define
class TrackedSession(Generic[S]):
    """A watched session; *due* is the monotonic time of its next look.

    *known* is what was seen last and *told* what the listener knows; *progress*, where
    it is not None, is newer than that of *known*. *known_at* is when the look that
    showed *known* was answered, and *known_asked* when it was asked for; the one
    that the last event came of at *told_at*, and the last that showed the state which
    was told at *told_seen*. *confirming_since* is when it was
    first seen Stopped without a result; so many *denials* of that came since it runs.
    *missing* counts its 404s in a row, the first of them at *missing_since* and the
    last at *missed*.
    *suppressed*: it was listed before the watch began, and is reported only if it runs.
    """

    id: UUID
    due: float = float("-inf")
    looking: bool = False
    asked_at: float = float("-inf")
    phase: Phase = Phase.AWAITED
    known: S | None = None
    progress: int | None = None
    known_at: datetime | None = None
    known_asked: datetime | None = None
    told: S | None = None
    told_at: datetime | None = None
    told_seen: datetime | None = None
    missing: int = 0
    missing_since: Moment | None = None
    missed: Moment | None = None
    confirming_since: Moment | None = None
    denials: int = 0
    suppressed: bool = False
    health: Health = attrs.field(factory=Health)

    def is_due(self, time: float) -> bool:
        """Whether its next look is at that time, and not stale."""
        return not (self.due != time or self.looking or self.phase >= _OVER)

    @property
    def is_over(self) -> bool:
        """Whether nothing that is seen of it counts any more."""
        return self.phase >= _OVER

    # ------------------------------------------------------------ what was seen

    def see(self, seen: Observation[S], session: S, rules: Rules) -> None:
        """Update from a look that showed the session; set when the next one is due."""
        has_failed = self.health.failing_since is not None
        self.health.recover(seen.at)
        self._know(session, has_progress=rules.progress)
        self.known_at = seen.at.wall
        self.known_asked = rules.seen_at(seen.asked_at, seen.at)
        self.missing, self.missing_since = 0, None
        is_told = self.told is not None and session.state == self.told.state
        if is_told:
            self.told_seen = self.known_asked
        # 1. It runs.
        if not session.is_stopped:
            self.phase = Phase.DELIVERED if is_told else Phase.ACTIVE
            self.denials += self.confirming_since is not None
            self.confirming_since, self.suppressed = None, False
            self.due = rules.next_look(seen.asked_at, seen.at.monotonic)
        # 2. It has stopped, but its result can arrive a moment after the state.
        elif session.result is None and not (
            self._is_confirmed(seen.at, rules)
            # A list that was denied confirms itself only where nothing else can.
            and (seen.unlisted or has_failed or not self._is_denied(rules))
        ):
            self.phase = Phase.CONFIRMING
            self.confirming_since = self.confirming_since or seen.at
            self.due = rules.confirm_at(self.confirming_since, self.denials)
        # 3. It has stopped, with its result or for good without one.
        else:
            self.phase = Phase.STOPPED

    def see_again(
        self, session: S, asked_at: float, at: Moment, asked: datetime, due: float
    ) -> None:
        """Update from a look at a session whose state is as it was told, the fast way.

        It was *asked* for then, which is *asked_at* on the other clock.
        """
        self.looking = False
        self.asked_at = asked_at
        self.known_at = at.wall
        self.known_asked = self.told_seen = asked
        self.due = due
        self._know(session)

    def _know(self, session: S, *, has_progress: bool = False) -> None:
        """Keep the newest *session*.

        While nothing but progress has changed, only that is kept, unless *has_progress*
        says that it is told: with a new model for each session, at each look, there
        would be two of all, and the garbage collector would go through all there is.
        """
        known = self.known
        if (
            known is None
            or session.state != known.state
            or session.result != known.result
            or session.end_time != known.end_time
            or session.failure_message != known.failure_message
            or (has_progress and session.progress != known.progress)
        ):
            self.known, self.progress = session, None
        else:
            self.progress = session.progress

    def miss(self, seen: Observation[S], rules: Rules, *, is_proven: bool) -> None:
        """Update from a 404: the server does not know the session.

        *is_proven*: since the 404 before it has given a good answer about another.
        """
        self.health.recover(seen.at)
        self.missing += 1
        self.missed = seen.at
        if rules.edition == 1:
            self.known_at = seen.at.wall
        # 1. Its end was seen, and the server has forgotten it since.
        if self.confirming_since is not None:
            self.phase = Phase.STOPPED
        # 2. The rules of 0.1.0.
        elif self.known is not None and rules.edition == 1:
            self.phase = Phase.GONE if self.missing > 1 else Phase.CONFIRMING
            self.due = rules.confirm_at(seen.at)
        # 3. It is missing: a new session shows up late, and of one that was seen a 404
        #    can be that of a server that restarts.
        else:
            self._miss(seen, rules, is_proven=is_proven)

    def _miss(self, seen: Observation[S], rules: Rules, *, is_proven: bool) -> None:
        now = seen.at.monotonic
        since = self.missing_since = self.missing_since or seen.at
        late = self.late_at(rules)
        again = rules.miss_again(since, seen.asked_at, now)
        self.due = min(again, late if late > now else again)
        first = self.missing == 1
        if self.known is not None:
            # One that changed its mind is known within a second, not an interval.
            self.phase = Phase.CONFIRMING if first else Phase.ACTIVE
            self.due = min(self.due, rules.confirm_at(seen.at)) if first else self.due
        # Only what is missing before and after an answer about something else is gone,
        # unless no time to appear is given: a mistyped id is to be told at once.
        at_once = rules.edition == 1 or (self.known is None and not rules.appear_within)
        is_enough = at_once or (not first and is_proven)
        if now >= late and is_enough:
            self.phase = Phase.GONE

    def late_at(self, rules: Rules) -> float:
        """When it has been missing for too long; monotonic seconds."""
        if self.missing_since is None:
            return float("inf")
        seconds = rules.appear_within if self.known is None else rules.gone_after
        return self.missing_since.monotonic + seconds

    def fail(self, at: Moment, error: VeeamError, due: float) -> None:
        """Count a look that failed, without change to what is known."""
        if self.phase is Phase.DELIVERED:
            self.phase = Phase.ACTIVE
        self.due = due
        self.health.fail(at, error)

    @property
    def newest(self) -> S | None:
        """The session as it was last seen."""
        if self.known is None or self.progress is None:
            return self.known
        return attrs.evolve(self.known, progress=self.progress)

    def _is_confirmed(self, at: Moment, rules: Rules) -> bool:
        """Whether the confirmation delay has passed."""
        # By the time, not by the count of looks: after a restart a list comes early.
        since = self.confirming_since
        return since is not None and at.monotonic >= rules.confirm_at(
            since, self.denials
        )

    def _is_denied(self, rules: Rules) -> bool:
        return self.denials > 0 and rules.edition > 1

    # ------------------------------------------------------------ what is told

    def event(self, sequence: int, rules: Rules) -> WatchEvent[S] | None:
        """The next thing to tell, once; None where the listener knows all."""
        health = self.health.event(self.id, sequence)
        if health is not None:
            return health
        kind = self._kind(rules)
        if kind is None:
            return None
        if kind is EventKind.GONE:
            return self._gone(sequence)
        return self._changed(kind, sequence, rules)

    def _kind(self, rules: Rules) -> EventKind | None:
        if self.suppressed:
            return None
        # 1. It was never seen: only its end can be told.
        end = _ENDS.get(self.phase)
        if self.known is None:
            return end
        # 2. FOUND comes before anything else, also of what has stopped already.
        if self.told is None:
            return EventKind.FOUND
        # 3. The state that is known is not the one that was told.
        changed = self.known.state != self.told.state
        if changed and not self.known.is_stopped:
            return EventKind.CHANGED
        # 4. Progress alone, asked for, unless the end is told right after.
        progressed = self.known.progress != self.told.progress and not changed
        progressed |= rules.each_look and self.told_at != self.known_asked
        if end is None and rules.progress and progressed:
            return EventKind.PROGRESSED
        return end

    def _gone(self, sequence: int) -> SessionGone[S] | None:
        if self.missed is None:
            return None
        return SessionGone(
            id=self.id,
            session=self.newest or self.told,
            observed_at=self.missed.wall,
            sequence=sequence,
        )

    def _changed(
        self, kind: EventKind, sequence: int, rules: Rules
    ) -> SessionChanged[S] | None:
        session = self.newest
        if session is None or self.known_at is None:
            return None
        self.known, before = session, self.told
        event = SessionChanged(
            kind=kind,
            id=self.id,
            session=session,
            previous=before,
            observed_at=self.known_at,
            not_before=self._not_before(before, session, rules),
            skipped=before is not None and is_skip(before.state, session.state),
            sequence=sequence,
        )
        self.told, self.told_at = session, self.known_asked
        self.told_seen = self.known_at if rules.edition == 1 else self.known_asked
        # The next look need not find out that it shows what was told.
        if self.phase is Phase.ACTIVE and self._is_fine and not session.is_stopped:
            self.phase = Phase.DELIVERED
        return event

    @property
    def _is_fine(self) -> bool:
        """Whether the last look showed it."""
        return self.health.failing_since is None and not self.missing

    def _not_before(
        self, before: S | None, session: S, rules: Rules
    ) -> datetime | None:
        """When the old state was last seen; None where it was Stopped already."""
        if before is None or before.is_stopped or self.told_seen is None:
            return None
        # The session's own end, by the server's clock, can lie before that.
        end = None if rules.edition == 1 else session.end_time
        return self.told_seen if end is None else min(self.told_seen, end)
