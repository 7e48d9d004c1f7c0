"""What tests of the watcher are made of: sessions, observations, scripted looks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import attrs

from tests.support.bodies import uuid_of
from veeam_async import (
    AuthenticationFailed,
    BackupJobSession,
    BadRequest,
    NotFound,
    ServiceUnavailable,
    VeeamError,
    WatchEvent,
    from_dict,
)
from veeam_async.clock import Clock, Moment
from veeam_async.codec import to_saved
from veeam_async.errors import Json
from veeam_async.watch.options import WatchFactory
from veeam_async.watch.persist.checkpoint import restore
from veeam_async.watch.polling.request import Poll, PollSource
from veeam_async.watch.polling.strategy import SharedPoller
from veeam_async.watch.tracker.schedule import Rules
from veeam_async.watch.tracker.session import Observation
from veeam_async.watch.tracker.tracker import Tracker

START = datetime(2026, 3, 2, 21, 0, tzinfo=UTC)
KIND = BackupJobSession.__name__
BUSY = ServiceUnavailable(status=503, message=None, method="GET", url="https://em/api")


def seen(
    state: str = "Working",
    *,
    number: int = 1,
    progress: int = 0,
    result: str | None = None,
) -> BackupJobSession:
    """Make what a look at the *number*-th session saw."""
    if state == "Stopped" and result is None:
        result = "Success"
    return BackupJobSession(
        uid=f"urn:veeam:BackupJobSession:{uuid_of(number)}",
        name="Mail servers@2026-03-02 21:00:00",
        job_type="Backup",
        creation_time=START,
        state=state,
        result=result,
        progress=progress,
    )


def no_result(number: int = 1) -> BackupJobSession:
    """Make a session that is Stopped, and whose result has not arrived."""
    return attrs.evolve(seen("Stopped", number=number), result=None)


def not_found() -> NotFound:
    """Make the error for a session that the server does not know."""
    return NotFound(status=404, message="no", method="GET", url="https://em/api")


def refusal(status: int = 400) -> BadRequest:
    """Make the error of a server that takes no queries."""
    return BadRequest(status=status, message="no", method="GET", url="https://em/api")


def moment(seconds: float) -> Moment:
    """Give the moment *seconds* after the start, on both clocks."""
    return Moment(seconds, START + timedelta(seconds=seconds))


def observation(
    at: float,
    what: BackupJobSession | VeeamError | None,
    *,
    number: int = 1,
    asked_at: float | None = None,
    random: float = 1.0,
) -> Observation[BackupJobSession]:
    """Make an observation: a session, an error, or None for a 404."""
    return Observation(
        id=uuid_of(number),
        asked_at=at if asked_at is None else asked_at,
        at=moment(at),
        session=what if isinstance(what, BackupJobSession) else None,
        error=what if isinstance(what, VeeamError) else None,
        random=random,
    )


def tracker(
    count: int = 1,
    *,
    interval: float = 5.0,
    progress: bool = False,
    appear_within: float = 300.0,
    patience: float = 60.0,
    gone_after: float = 300.0,
) -> Tracker[BackupJobSession]:
    """Make a tracker of the first *count* sessions."""
    rules = Rules(
        interval=interval,
        progress=progress,
        appear_within=appear_within,
        patience=patience,
        gone_after=gone_after,
    )
    return Tracker(map(uuid_of, range(1, count + 1)), rules)


def restored(
    data: Json, rules: Rules, now: Moment
) -> tuple[Tracker[BackupJobSession], datetime | None]:
    """Give the tracker of a checkpoint, and its deadline."""
    return restore(data, load, rules, now=now, kind=KIND)


def load(data: Json) -> BackupJobSession:
    """Read a session from plain JSON types."""
    return from_dict(BackupJobSession, data)


def watches(
    poll: Poll[BackupJobSession], clock: Clock | None = None
) -> WatchFactory[BackupJobSession]:
    """Make what makes watches that look by *poll*."""
    return WatchFactory(
        kind=BackupJobSession,
        poll=poll,
        load=load,
        dump=to_saved,
        clock=clock or Clock(),
    )


def kinds(events: Sequence[WatchEvent[BackupJobSession]]) -> list[str]:
    """Give the kinds of *events* as text."""
    return [str(event.kind) for event in events]


class Script:
    """A look that gives what a list says, the last of it again and again."""

    def __init__(self, *answers: BackupJobSession | Exception) -> None:
        self.answers = list(answers)
        self.times: list[float] = []
        self.asked: list[UUID] = []

    async def __call__(self, session_id: UUID) -> BackupJobSession:
        """Look at a session."""
        self.times.append(asyncio.get_running_loop().time())
        self.asked.append(session_id)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def now() -> float:
    """Give the loop's time."""
    return asyncio.get_running_loop().time()


CLOCK = Clock(wall=lambda: moment(now()).wall, random=lambda: 1.0)
"""The loop's time, as both clocks show it; random numbers are the largest."""


async def _refuse(*_: object) -> Any:
    raise refusal()


async def _none() -> Collection[UUID]:
    return []


def poller(
    look: Callable[[UUID], Awaitable[BackupJobSession]],
    *,
    concurrency: int = 16,
    collect: float = 0.0,
    **ways: Callable[..., Awaitable[Any]],
) -> SharedPoller[BackupJobSession]:
    """Make a poller that can look at sessions one by one only, or has more *ways*."""
    given: dict[str, Any] = {
        "page": _refuse,
        "newest": _refuse,
        "references": _none,
        "control": _none,
    }
    return SharedPoller(
        PollSource(
            get=look,
            is_fatal=lambda error: isinstance(error, AuthenticationFailed),
            **(given | ways),
        ),
        concurrency=concurrency,
        clock=CLOCK,
        collect=collect,
    )
