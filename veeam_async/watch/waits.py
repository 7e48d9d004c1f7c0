"""Waits, which read a watch: for a state, an end, or the ends of many."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeAlias, TypeVar
from uuid import UUID

import attrs

from veeam_async.errors import NotFound, SessionFailed
from veeam_async.events import EventKind, SessionChanged, SessionGone
from veeam_async.models import Session, SessionResult, SessionState
from veeam_async.secret import hidden
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

    def outcome(self, event: SessionChanged[S]) -> S | SessionFailed | None:
        """The session that meets it, the error for one that cannot; None: not yet."""
        if self.is_met(event):
            return event.session
        if event.kind is not EventKind.STOPPED:
            return None
        wanted = "what was waited for" if callable(self.until) else str(self.until)
        return SessionFailed(event.session, wanted=wanted)


# What comes of a wait is handed back, be it an error, and no variable holds an event
# while the next is waited for: tools that show the variables of a traceback would show
# what the server says in it.

Outcome: TypeAlias = S | SessionFailed | NotFound
"""The session that was waited for, or the error instead."""


async def reached(watch: Watch[S], goal: Goal[S], gone: Gone) -> Outcome[S]:
    """The session as soon as it has reached *goal*, SessionFailed if it cannot."""
    async for event in watch:
        if isinstance(event, SessionGone):
            return gone(event.id)
        found = goal.outcome(event) if isinstance(event, SessionChanged) else None
        if found is not None:
            return found
        del event
    raise closed()


async def first_ended(watch: Watch[S], gone: Gone) -> Outcome[S]:
    """The first session that stops."""
    return await reached(watch, Goal(None), gone)


async def all_ended(
    watch: Watch[S],
    gone: Gone,
    check: bool,  # noqa: FBT001 - handed through
) -> dict[UUID, S] | SessionFailed | NotFound:
    """All sessions once they have stopped; with *check* none may have failed."""
    ended = hidden(dict[UUID, S]())
    async for event in watch:
        if isinstance(event, SessionGone):
            return gone(event.id)
        if isinstance(event, SessionChanged) and event.kind is EventKind.STOPPED:
            ended.reveal()[event.id] = event.session
            if check and (failure := failed(event.session)):
                return failure
        del event
    if watch.active:
        raise closed()
    return ended.reveal()


def failed(session: Session) -> SessionFailed | None:
    """The error for a *session* that has stopped, where its result is Failed."""
    return SessionFailed(session) if session.result == SessionResult.FAILED else None


def closed() -> RuntimeError:
    """The error of a wait whose manager another task has closed."""
    return RuntimeError("the EnterpriseManager was closed while this waited")
