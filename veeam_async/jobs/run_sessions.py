"""The sessions of one job, in the order in which its server created them.

The server's clock alone tells which of two sessions is older, so that the clock of
whoever started a run has no part in finding its session.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import TypeAlias
from uuid import UUID

from veeam_async.filters import F
from veeam_async.jobs.record import Mark
from veeam_async.models import BackupJobSession, ReplicaJobSession
from veeam_async.resources.sessions import JobSessions

RunSession: TypeAlias = BackupJobSession | ReplicaJobSession
"""What a run of a job can be."""

RunResource: TypeAlias = JobSessions[BackupJobSession] | JobSessions[ReplicaJobSession]

_PAGE = 20
_SKEW = timedelta(seconds=60)
"""How far the clock of a backup server may lag behind Enterprise Manager's: the one
stamps the sessions, the other the answers."""


class RunSessions:
    """The sessions of the job of *job_id* among *sessions*."""

    def __init__(self, sessions: RunResource, job_id: UUID) -> None:
        self._sessions = sessions
        self._job_id = job_id
        self._of_job = F.job_uid == f"urn:veeam:Job:{job_id}"

    async def newest(self) -> Mark | None:
        """Mark the newest session, None where there is none."""
        query = self._sessions.query(
            self._of_job, order_by="-creation_time", page_size=1, limit=1
        )
        async for row in query:
            return Mark(row.id, row.creation_time)
        return None

    async def begun_after(
        self, mark: Mark | None, asked: datetime | None
    ) -> RunSession | None:
        """Give the first run after *mark* that is no retry of an earlier one.

        *asked* is the server's time of the start: a run from before it that is shown
        only now is not taken for the new one.
        """
        async for row in self._after(mark):
            is_late = asked is not None and row.creation_time < asked - _SKEW
            if not row.is_retry and not is_late:
                return row
        return None

    async def next_after(self, ended: RunSession) -> RunSession | None:
        """Give the first session that was created once *ended* had ended."""
        mark = Mark(ended.id, ended.end_time or ended.creation_time)
        async for row in self._after(mark):
            return row
        return None

    async def _after(self, mark: Mark | None) -> AsyncIterator[RunSession]:
        where = self._of_job
        if mark is not None:
            # Not the later ones alone: what the server shows of a time can be cut.
            where &= F.creation_time >= mark.time
        async for row in self._sessions.query(where, page_size=_PAGE):
            if self._is_run(row) and (mark is None or _is_after(row, mark)):
                yield row

    def _is_run(self, row: RunSession) -> bool:
        """Tell whether *row* is a run of the job, not a part of one."""
        parent = row.link("Up", "BackupJobSessionReference")
        return row.job_id == self._job_id and parent is None


def _is_after(row: RunSession, mark: Mark) -> bool:
    return row.id != mark.id and row.creation_time >= mark.time
