"""Waits, which read a watch: for a state, an end, or the ends of many."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeAlias, TypeVar
from uuid import UUID

import attrs

from veeam_async.errors import NotFound, SessionFailed
from veeam_async.events import EventKind, SessionChanged, SessionGone, WatchEvent
from veeam_async.models import Session, SessionResult, SessionState
from veeam_async.watch.watch import Watch

S = TypeVar("S", bound=Session)

Until: TypeAlias = SessionState | str | Callable[[S], bool] | None
"""A state, or a callable that is True for a session that will do; None: the end."""

Gone: TypeAlias = Callable[[UUID], NotFound]
"""The error for a session that the server does not know."""


def _known(until: Until[S]) -> Until[S]:
    """The state that a text names, in any case; ValueError where there is none."""
    if not isinstance(until, str):
        return until
    states = {str(state).lower(): state for state in SessionState}
    if until.lower() not in states:
        known = ", ".join(map(str, SessionState))
        raise ValueError(
            f"{until[:60]!r} is no known state ({known}): wait for another one by a "
            f"callable, such as lambda session: session.state == {until[:60]!r}"
        )
    return states[until.lower()]


@attrs.frozen
class Goal(Generic[S]):
    """What is waited for: an end where *until* is None or Stopped."""

    until: Until[S] = attrs.field(converter=_known)

    @property
    def is_callable(self) -> bool:
        """Whether each look is to be judged, and not only states."""
        return callable(self.until)

    def is_met(self, event: SessionChanged[S]) -> bool:
        """Whether an event meets it."""
        if callable(self.until):
            return self.until(event.session)
        if self.until is None or self.until == SessionState.STOPPED:
            return event.kind is EventKind.STOPPED
        return event.session.state == self.until

    def missed(self, session: S) -> SessionFailed:
        """The error for a session that stopped before it met the goal."""
        wanted = "what was waited for" if callable(self.until) else str(self.until)
        return SessionFailed(session, wanted=wanted)


async def reached(watch: Watch[S], goal: Goal[S], gone: Gone) -> S:
    """The session as soon as it has reached *goal*; SessionFailed if it cannot."""
    async for event in watch:
        changed = _changed(event, gone)
        if changed is not None and goal.is_met(changed):
            return changed.session
        if changed is not None and changed.kind is EventKind.STOPPED:
            raise goal.missed(changed.session)
    raise closed()


async def first_ended(watch: Watch[S], gone: Gone) -> S:
    """The first session that stops."""
    async for event in watch:
        changed = _changed(event, gone)
        if changed is not None and changed.kind is EventKind.STOPPED:
            return changed.session
    raise closed()


async def all_ended(
    watch: Watch[S],
    gone: Gone,
    check: bool,  # noqa: FBT001 - handed through
) -> dict[UUID, S]:
    """All sessions once they have stopped; with *check* none may have failed."""
    ended = {}
    async for event in watch:
        changed = _changed(event, gone)
        if changed is not None and changed.kind is EventKind.STOPPED:
            ended[changed.id] = passed(changed.session) if check else changed.session
    if watch.active:
        raise closed()
    return ended


def _changed(event: WatchEvent[S], gone: Gone) -> SessionChanged[S] | None:
    """The event where it is about a change; raises where the session is gone."""
    if isinstance(event, SessionGone):
        raise gone(event.id)
    return event if isinstance(event, SessionChanged) else None


def passed(session: S) -> S:
    """A session that has stopped, or SessionFailed where its result is Failed."""
    if session.result == SessionResult.FAILED:
        raise SessionFailed(session)
    return session


def closed() -> RuntimeError:
    """The error of a wait whose manager another task has closed."""
    return RuntimeError("the EnterpriseManager was closed while this waited")
