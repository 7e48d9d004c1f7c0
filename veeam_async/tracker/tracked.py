"""One watched session: what was seen of it, what was told, when to look again.

What is known and what was told are kept apart, so that a slow listener is told the
newest state instead of a backlog, and a checkpoint holds exactly what was told.
"""

from __future__ import annotations

from datetime import datetime
from typing import Generic, TypeVar
from uuid import UUID

import attrs

from veeam_async.clock import Moment
from veeam_async.errors import VeeamError
from veeam_async.events import (
    EventKind,
    HealthChanged,
    SessionChanged,
    SessionGone,
    WatchEvent,
    is_skip,
)
from veeam_async.models import Session
from veeam_async.tracker.health import Health
from veeam_async.tracker.observation import Observation
from veeam_async.tracker.rules import Rules

S = TypeVar("S", bound=Session)

CONFIRM_SECONDS = 1.0
"""After how long a doubt (a first 404, a Stopped without a result) is looked into."""


@attrs.define
class Tracked(Generic[S]):
    """The state of a watched session; *due* is the monotonic time of its next look.

    *progress* is newer than that of what is *known*, unless it is None. *off*: it is
    not watched any more. *calm*: it runs, as was told, and its looks work. *quiet*: it
    is old, of no interest unless it runs. *doubted*: since when it lacks a result.
    """

    id: UUID
    due: float = float("-inf")
    looking: bool = False
    off: bool = False
    looked: bool = False
    asked_at: float = float("-inf")
    known: S | None = None
    progress: int | None = None
    known_at: datetime | None = None
    told: S | None = None
    told_seen: datetime | None = None
    missing: int = 0
    missing_since: Moment | None = None
    doubted: Moment | None = None
    end: EventKind | None = None
    failures: int = 0
    health: Health = attrs.field(factory=Health)
    calm: bool = False
    quiet: bool = False

    @property
    def in_doubt(self) -> bool:
        """Whether the next look is to settle something: a list would not."""
        return self.doubted is not None or (self.missing > 0 and self.known is not None)

    def is_due(self, time: float) -> bool:
        """Tell whether its next look is put down for that *time*."""
        return not (
            self.due != time or self.looking or self.off or self.end is not None
        )

    # ------------------------------------------------------------ what was seen

    def see(self, seen: Observation[S], session: S, rules: Rules) -> None:
        """Take in that the session was seen."""
        self._answered(seen)
        self.known, self.progress = session, None
        self.missing, self.missing_since = 0, None
        is_told = self.told is not None and session.state == self.told.state
        if is_told:
            self.told_seen = seen.at.wall
        self.calm = is_told and not session.is_stopped
        if not session.is_stopped:
            self.doubted, self.quiet = None, False
            self.due = rules.next_look(seen.asked_at, seen.at.monotonic)
        elif session.result is None and not self._is_settled(seen.at, rules):
            # The result can arrive a moment after the state.
            self.doubted = self.doubted or seen.at
            self.due = soon(self.doubted, rules)
        else:
            self.end = EventKind.STOPPED

    def _is_settled(self, at: Moment, rules: Rules) -> bool:
        """Tell whether a doubt was left its time: after a restart a list is early."""
        return self.doubted is not None and at.monotonic >= soon(self.doubted, rules)

    def learn(self, session: S) -> None:
        """Know *session* as the newest, in the state in which it was known.

        While it goes on as it did only its progress is kept: ten thousand new sessions
        at each look would have the garbage collector go through all there is.
        """
        known = self.known
        if (
            known is None
            or session.result != known.result
            or session.end_time != known.end_time
            or session.failure_message != known.failure_message
        ):
            self.known, self.progress = session, None
        else:
            self.progress = session.progress

    @property
    def newest(self) -> S | None:
        """The session as it was last seen."""
        if self.known is None or self.progress is None:
            return self.known
        return attrs.evolve(self.known, progress=self.progress)

    def miss(self, seen: Observation[S], rules: Rules) -> None:
        """Take in that the server does not know the session."""
        self._answered(seen)
        self.calm = False
        self.missing += 1
        if self.doubted is not None:
            self.end = EventKind.STOPPED
        elif self.known is not None or self.told is not None:
            self.end = EventKind.GONE if self.missing > 1 else None
            self.due = soon(seen.at, rules)
        else:
            self._await(seen, rules)

    def fail(self, at: Moment, error: VeeamError, due: float) -> float:
        """Take in a look that failed; give for how many seconds they have failed."""
        self.calm, self.due = False, due
        self.failures += 1
        return self.health.fail(at, error)

    def _answered(self, seen: Observation[S]) -> None:
        self.failures = 0
        self.known_at = seen.at.wall
        self.health.recover(seen.at)

    def _await(self, seen: Observation[S], rules: Rules) -> None:
        """Wait for a session that was never seen: a new one shows up late."""
        self.missing_since = self.missing_since or seen.at
        late = self.missing_since.monotonic + rules.appear_within
        if seen.at.monotonic >= late:
            self.end = EventKind.GONE
        next_look = rules.next_look(seen.asked_at, seen.at.monotonic)
        self.due = min(next_look, max(late, seen.at.monotonic))

    # ------------------------------------------------------------ what is told

    def event(self, id: UUID, sequence: int, rules: Rules) -> WatchEvent[S] | None:  # noqa: A002 - the field's term
        """Give the next thing to tell, once; None where the listener knows all."""
        health: HealthChanged | None = self.health.event(id, sequence)
        if health is not None:
            return health
        kind = self._kind(rules)
        if kind is None or self.known_at is None:
            return None
        if kind is EventKind.GONE:
            return SessionGone(
                id=id,
                session=self.newest or self.told,
                observed_at=self.known_at,
                sequence=sequence,
            )
        return self._changed(kind, id, sequence)

    def _kind(self, rules: Rules) -> EventKind | None:
        if self.quiet:
            return None
        if self.known is None:
            return self.end
        if self.told is None:
            return EventKind.FOUND
        changed = self.known.state != self.told.state
        if changed and not self.known.is_stopped:
            return EventKind.CHANGED
        progressed = self.known.progress != self.told.progress and not changed
        if self.end is None and rules.progress and progressed:
            return EventKind.PROGRESSED
        return self.end

    def _changed(
        self,
        kind: EventKind,
        id: UUID,  # noqa: A002 - the field's term
        sequence: int,
    ) -> SessionChanged[S] | None:
        session = self.newest
        if session is None or self.known_at is None:
            return None
        self.known, before = session, self.told
        event = SessionChanged(
            kind=kind,
            id=id,
            session=session,
            previous=before,
            observed_at=self.known_at,
            not_before=None if before is None else self._not_before(before),
            skipped=before is not None and is_skip(before.state, session.state),
            sequence=sequence,
        )
        self.told, self.told_seen = session, self.known_at
        return event

    def _not_before(self, before: S) -> datetime | None:
        """Give when the old state was last seen; one that is Stopped has no old one."""
        return None if before.is_stopped else self.told_seen


def soon(at: Moment, rules: Rules) -> float:
    """Give when to look into a doubt that arose *at* a moment."""
    return at.monotonic + min(rules.interval, CONFIRM_SECONDS)
