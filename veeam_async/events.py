"""What a watch tells: a session changed, a session is gone, looking became hard."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Generic, TypeAlias, TypeVar
from uuid import UUID

import attrs

from veeam_async.errors import VeeamError
from veeam_async.models import Session, SessionState

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
"""Which state can follow which without another between them."""


class EventKind(StrEnum):
    """What an event tells."""

    FOUND = "FOUND"
    CHANGED = "CHANGED"
    PROGRESSED = "PROGRESSED"
    STOPPED = "STOPPED"
    GONE = "GONE"
    DEGRADED = "DEGRADED"
    RECOVERED = "RECOVERED"


@attrs.frozen(kw_only=True)
class SessionChanged(Generic[S]):
    """A session was FOUND, CHANGED its state, PROGRESSED or STOPPED.

    *session* is what was seen at *observed_at*, *previous* what was told before it
    (None with FOUND). The change came after *not_before*, when the old state was last
    seen (None where there was none: with FOUND, and with the STOPPED of what was found
    Stopped). *skipped*: a state in between must have passed unseen. *sequence* counts
    the events of a watch, over its resumptions.
    """

    kind: EventKind
    id: UUID
    session: S
    previous: S | None
    observed_at: datetime
    not_before: datetime | None
    skipped: bool
    sequence: int


@attrs.frozen(kw_only=True)
class SessionGone(Generic[S]):
    """The server no longer knows the session, or never did; *session* was last seen."""

    kind: EventKind = EventKind.GONE
    id: UUID
    session: S | None
    observed_at: datetime
    sequence: int


@attrs.frozen(kw_only=True)
class HealthChanged:
    """Looking has been failing since *since* (DEGRADED), or works again (RECOVERED).

    *id* is None where it is the server: the looks at every session have been failing,
    or those for new ones, where everything is watched.
    *error* is what the last look met, None where a resumed watch does not know it.
    """

    kind: EventKind
    id: UUID | None
    error: VeeamError | None
    since: datetime
    observed_at: datetime
    sequence: int


WatchEvent: TypeAlias = SessionChanged[S] | SessionGone[S] | HealthChanged


def is_skip(before: str, after: str) -> bool:
    """Tell whether no direct step leads from *before* to *after*.

    Of a state that is not known nothing is claimed.
    """
    if before == after or before not in _STEPS or after not in _STEPS:
        return False
    return after not in _STEPS[before]
