"""A run's session and the server's own retries of it, each followed to its end."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import TypeAlias
from uuid import UUID

from veeam_async.errors import DeadlineExceeded
from veeam_async.events import (
    EventKind,
    HealthChanged,
    SessionChanged,
    SessionGone,
    WatchEvent,
)
from veeam_async.jobs.record import RunRecord, save
from veeam_async.jobs.run_sessions import RunResource, RunSession, RunSessions
from veeam_async.jobs.search import Access
from veeam_async.models import BackupJobSession, ReplicaJobSession, SessionResult
from veeam_async.polling import NothingFoundError, limited, poll, time_left
from veeam_async.watch.waits import closed

RunEvent: TypeAlias = WatchEvent[BackupJobSession] | WatchEvent[ReplicaJobSession]
"""What happens to a session of a run."""


class RunChain:
    """The sessions of the run of *record*, from its first on; noted there as they come.

    All times are in seconds; *deadline* is an aware time, or None.
    """

    def __init__(self, record: RunRecord, access: Access) -> None:
        self._record = record
        self._access = access
        self._ended: UUID | None = None

    @property
    def running_id(self) -> UUID | None:
        """The newest session, None where none is known or its end was seen."""
        last = self._record.last_id
        return None if last == self._ended else last

    async def events(
        self,
        first: Callable[[], Awaitable[UUID]],
        *,
        retry_within: float | None,
        interval: float,
        progress: bool,
        timeout: float | None,  # noqa: ASYNC109 - the consumer's time is no part of it
        deadline: datetime | None,
    ) -> AsyncGenerator[RunEvent, None]:
        """Give what happens to *first*, and then to each retry; None: to no retry.

        A session that did not fail is the last, and one that failed where the job's
        next session is no retry, or none is shown within *retry_within*.
        """
        left = time_left(timeout, deadline)
        with self._own_deadline():
            async with limited(left(), self.late):
                one = await first()
            watch = self._sessions.watch(
                [one if retry_within is None else self._record.retry_id or one],
                interval=interval,
                progress=progress,
                appear_within=0.0,  # it was shown already
                timeout=left() if deadline is None else None,
                deadline=deadline,
            )
            async with watch:
                async for event in watch:
                    ended = self._note(event)
                    yield event
                    async with limited(left(), self.late):
                        retry = await self._retry(ended, retry_within, interval)
                    if retry is not None:
                        watch.add(retry)
            if watch.active:
                raise closed()

    async def last_end(self, events: AsyncIterator[RunEvent]) -> RunSession:
        """Give the session that *events* end with; NotFound where it is gone."""
        told = [each async for each in events if not isinstance(each, HealthChanged)]
        last = told[-1]
        if isinstance(last, SessionGone):
            raise self._sessions._gone(last.id)  # noqa: SLF001 - no business of users
        return last.session

    @contextmanager
    def _own_deadline(self) -> Iterator[None]:
        """Let the run tell that its time is up, where its watch does."""
        try:
            yield
        except DeadlineExceeded:
            raise self.late() from None

    @property
    def _sessions(self) -> RunResource:
        return self._access.sessions(self._record.kind)

    def _note(self, event: RunEvent) -> RunSession | None:
        """Give the session where it has ended by *event*."""
        if not isinstance(event, SessionChanged) or event.kind is not EventKind.STOPPED:
            return None
        if event.id == self._record.last_id:
            self._ended = event.id
            self._record.failed_at = self._record.failed_at or now()
        return event.session

    async def _retry(
        self, ended: RunSession | None, within: float | None, interval: float
    ) -> UUID | None:
        """Wait for the retry of *ended*, which from then on is the run's newest."""
        if ended is None or within is None or ended.result != SessionResult.FAILED:
            return None
        sessions = RunSessions(self._sessions, self._record.job_id)
        look = partial(sessions.next_after, ended)
        left = left_of(within, self._record.failed_at or now())
        found: RunSession
        try:
            found = await poll(look, interval=interval, seconds=left)
        except NothingFoundError:
            return None
        if not found.is_retry:
            return None
        self._record.retry_id, self._record.failed_at = found.id, None
        return found.id

    def late(self) -> DeadlineExceeded:
        """Make the error of a run that has not ended in time."""
        return DeadlineExceeded(
            active=() if self.running_id is None else (self.running_id,),
            checkpoint=save(self._record),
            message=f"the run of job {self._record.job_id} had not ended in time; "
            "em.jobs.resume(error.checkpoint) goes on with it",
        )


def now() -> datetime:
    """Give the wall time, which alone is the same in all processes."""
    return datetime.now(UTC)


def left_of(seconds: float, since: datetime) -> float:
    """Give what is left of *seconds* that began at *since*, in whichever process."""
    return seconds - max(0.0, (now() - since).total_seconds())
