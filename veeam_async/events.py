"""The events of a watch: a session changed, a session is gone, looks fail."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Generic, TypeAlias, TypeVar
from uuid import UUID

import attrs

from veeam_async.brief import line, time_of, word
from veeam_async.errors import VeeamError
from veeam_async.models import Session, SessionState, standing, title

S = TypeVar("S", bound=Session)

_STEPS: dict[str, tuple[str, ...]] = {
    SessionState.STARTING: (SessionState.WORKING, SessionState.STOPPING),
    SessionState.WORKING: (
        SessionState.PAUSING,
        SessionState.STOPPING,
        SessionState.STOPPED,
    ),
    SessionState.PAUSING: (SessionState.RESUMING, SessionState.STOPPING),
    SessionState.RESUMING: (SessionState.WORKING, SessionState.STOPPING),
    SessionState.STOPPING: (SessionState.STOPPED,),
    SessionState.STOPPED: (),
}
"""The states that can follow each state directly."""


class EventKind(StrEnum):
    """What an event tells."""

    FOUND = "FOUND"
    CHANGED = "CHANGED"
    PROGRESSED = "PROGRESSED"
    STOPPED = "STOPPED"
    GONE = "GONE"
    DEGRADED = "DEGRADED"
    RECOVERED = "RECOVERED"


@attrs.frozen(kw_only=True, repr=False)
class SessionChanged(Generic[S]):
    """A session was FOUND, CHANGED its state, PROGRESSED or STOPPED.

    *session* was seen at *observed_at*; *previous* is the session of the event before
    it (None with FOUND). The change came after *not_before*, when the old state was
    last seen; that is None where no old state was seen: with FOUND, and with STOPPED
    where FOUND was Stopped already. *skipped*: the session passed through another
    state unseen. *sequence* counts the events of a watch from 1, and goes on after a
    resume. Times are aware, in UTC, and the client's.
    """

    kind: EventKind
    id: UUID
    session: S
    previous: S | None
    observed_at: datetime
    not_before: datetime | None
    skipped: bool
    sequence: int

    def __repr__(self) -> str:
        before, now = self.previous, self.session
        has_changed = before is not None and before.state != now.state
        return line(
            self,
            standing(now),
            str(self.id),
            f"was {word(before.state)}" if before is not None and has_changed else None,
            _number(self.sequence),
            before=word(self.kind),
            title=title(now),
        )


@attrs.frozen(kw_only=True, repr=False)
class SessionGone(Generic[S]):
    """The server no longer knows the session, or never did; *session* was last seen."""

    kind: EventKind = EventKind.GONE
    id: UUID
    session: S | None
    observed_at: datetime
    sequence: int

    def __repr__(self) -> str:
        last = self.session
        return line(
            self,
            "never seen" if last is None else f"last seen {standing(last)}",
            str(self.id),
            _number(self.sequence),
            title=None if last is None else title(last),
        )


@attrs.frozen(kw_only=True, repr=False)
class HealthChanged:
    """Looking has been failing since *since* (DEGRADED), or works again (RECOVERED).

    *id* is the session whose looks fail. None means the server: the looks at all
    sessions fail, or, in a watch of everything, those for new sessions. *scope* says
    which: "session", "server", "discovery", or "list" where lists do not work and GETs
    stand in for them, which is no outage. *error* is
    that of the last look that failed, None where a resumed watch does not know it.
    """

    kind: EventKind
    id: UUID | None
    error: VeeamError | None
    since: datetime
    observed_at: datetime
    sequence: int
    scope: str = "server"

    def __repr__(self) -> str:
        return line(
            self,
            None if self.id is None else str(self.id),
            f"since {time_of(self.since)}",
            _number(self.sequence),
            None if self.error is None else type(self.error).__name__,
            before=f"{word(self.kind)} {word(self.scope)}",
            said=self.error,
        )


def _number(sequence: int) -> str:
    return f"#{word(sequence, 9)}"


WatchEvent: TypeAlias = SessionChanged[S] | SessionGone[S] | HealthChanged


def is_skip(before: str, after: str) -> bool:
    """True where another state must lie between *before* and *after*.

    False for a state that is not in `_STEPS`: nothing is known of it.
    """
    if before == after or before not in _STEPS or after not in _STEPS:
        return False
    return after not in _STEPS[before]
