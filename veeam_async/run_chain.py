"""A run's session and the server's own retries of it, each followed to its end."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from uuid import UUID

from veeam_async.errors import DeadlineExceeded
from veeam_async.models import SessionResult
from veeam_async.polling import NothingFoundError, poll
from veeam_async.run_record import RunRecord, save
from veeam_async.run_search import Access
from veeam_async.run_sessions import RunSession, RunSessions


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

    async def end(
        self, one: UUID, *, interval: float, deadline: datetime | None
    ) -> RunSession:
        """Give the session *one* once it is Stopped."""
        sessions = self._access.sessions(self._record.kind)
        try:
            ended = await sessions.wait(one, interval=interval, deadline=deadline)
        except DeadlineExceeded:
            raise self.late() from None
        if one == self._record.last_id:
            self._ended = one
            self._record.failed_at = self._record.failed_at or now()
        return ended

    async def last_end(
        self,
        first: UUID,
        *,
        retry_within: float,
        interval: float,
        deadline: datetime | None,
    ) -> RunSession:
        """Give the last session once it is Stopped.

        One that did not fail is the last, and one that failed where the job's next
        session is no retry, or none is shown within *retry_within*.
        """
        one = self._record.retry_id or first
        while True:
            ended = await self.end(one, interval=interval, deadline=deadline)
            if ended.result != SessionResult.FAILED:
                return ended
            retry = await self._retry(ended, retry_within, interval)
            if retry is None:
                return ended
            one = self._record.retry_id = retry.id
            self._record.failed_at = None

    async def _retry(
        self, failed: RunSession, within: float, interval: float
    ) -> RunSession | None:
        sessions = RunSessions(
            self._access.sessions(self._record.kind), self._record.job_id
        )
        left = left_of(within, self._record.failed_at or now())
        look = partial(sessions.next_after, failed)
        found: RunSession
        try:
            found = await poll(look, interval=interval, seconds=left)
        except NothingFoundError:
            return None
        return found if found.is_retry else None

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
