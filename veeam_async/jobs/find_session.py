"""Find the session that a start began: through its task, else among its job's sessions.

The server's clock alone tells which of two sessions is older, so that the clock of
the process that started a run has no part in finding its session.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta
from typing import TypeAlias
from uuid import UUID

import attrs

from veeam_async.clock import Clock
from veeam_async.errors import InvalidId, NotFound, VeeamError, is_lost_task
from veeam_async.filters import F
from veeam_async.ids import parse_id
from veeam_async.jobs.run_record import KINDS, Mark, RunRecord
from veeam_async.jobs.tasks import Tasks, succeeded
from veeam_async.models import BackupJobSession, Link, ReplicaJobSession, Task
from veeam_async.resources.sessions import BackupSessions, JobSessions

RunSession: TypeAlias = BackupJobSession | ReplicaJobSession
"""A session of a run, by the type of its job."""

RunResource: TypeAlias = JobSessions[BackupJobSession] | JobSessions[ReplicaJobSession]

_PAGE = 20
_SKEW = timedelta(seconds=60)
"""How far the clock of a backup server may lag behind Enterprise Manager's: the one
stamps the sessions, the other the answers."""


@attrs.frozen(kw_only=True)
class RunDeps:
    """What a run needs of its manager.

    *logons* is how many logon sessions there have been, *stop_job* stops what a job is
    running, *outlives* tells whether a run is waited for in spite of an error.
    """

    tasks: Tasks
    backups: BackupSessions
    replicas: JobSessions[ReplicaJobSession]
    logons: Callable[[], int]
    stop_job: Callable[[UUID], Awaitable[Task]]
    outlives: Callable[[VeeamError], bool]
    clock: Clock

    def sessions(self, kind: str) -> RunResource:
        """The resource of the sessions of *kind*."""
        return self.backups if kind == BackupJobSession.__name__ else self.replicas


class JobHistory:
    """The sessions of one job, in the order in which its server created them."""

    def __init__(self, sessions: RunResource, job_id: UUID) -> None:
        self._sessions = sessions
        self._job_id = job_id
        self._of_job = F.job_uid == f"urn:veeam:Job:{job_id}"

    async def newest(self) -> Mark | None:
        """The newest session, None where there is none."""
        query = self._sessions.query(
            self._of_job, order_by="-creation_time", page_size=1, limit=1, strict=True
        )
        async for row in query:
            return Mark(row.id, row.creation_time)
        return None

    async def begun_after(
        self, mark: Mark | None, asked: datetime | None
    ) -> RunSession | None:
        """The first run after *mark* that is no retry, None while there is none.

        *asked* is the server's time of the start: a run from before it that is shown
        only now is not taken for the new one.
        """
        async for row in self._after(mark):
            is_late = asked is not None and asked - row.creation_time > _SKEW
            if not row.is_retry and not is_late:
                return row
        return None

    async def next_after(self, ended: RunSession) -> RunSession | None:
        """The first session created after the end of *ended*, or None."""
        mark = Mark(ended.id, ended.end_time or ended.creation_time)
        async for row in self._after(mark):
            return row
        return None

    async def _after(self, mark: Mark | None) -> AsyncIterator[RunSession]:
        where = self._of_job
        if mark is not None:
            # Equal times too: the server may have cut fractions of a second off.
            where &= F.creation_time >= mark.time
        # Strict here too: what is left out may be the run, and the next one another's.
        async for row in self._sessions.query(where, page_size=_PAGE, strict=True):
            if self._is_run(row) and (mark is None or _is_after(row, mark)):
                yield row

    def _is_run(self, row: RunSession) -> bool:
        # A session with a parent is a part of a run: of one backup server, say.
        parent = row.link("Up", "BackupJobSessionReference")
        return row.job_id == self._job_id and parent is None


def _is_after(row: RunSession, mark: Mark) -> bool:
    return row.id != mark.id and row.creation_time >= mark.time


class SessionFinder:
    """Look for the session of the run of *record*, and note its kind there.

    *task* is the server's task as last seen, None where it was never seen. It counts
    only in the logon session that began it: in another one its id is unknown, or that
    of another task.
    """

    def __init__(self, record: RunRecord, deps: RunDeps, task: Task | None) -> None:
        self.task = task
        self._record = record
        self._deps = deps
        self._logons = deps.logons()
        self._lost = task is None
        self._named: UUID | None = None

    async def look(self, *, is_last: bool = False) -> RunSession | None:
        """The session, None while it is not shown; TaskFailed where the start failed.

        While the task may still name the session, the job's own sessions are not
        searched, except with *is_last*.
        """
        await self._update_task(is_last=is_last)
        # 1. The task names the session.
        link = None if self.task is None else _session_link(succeeded(self.task))
        if link is not None:
            return await self._linked(link)
        # 2. It may still do so.
        if self._is_pending and not is_last:
            return None
        # 3. It never will: search the job's own sessions.
        record = self._record
        history = JobHistory(self._deps.sessions(record.kind), record.job_id)
        return await history.begun_after(record.newest, record.server_time)

    def known(self) -> str:
        """Why the session was not found, as the end of a sentence."""
        name = self._record.task_id
        if name is None:
            return "no answer to the start came, so it may not have begun"
        if self._named is not None:
            return f"{name} names session {self._named}, which the server does not show"
        if self._lost:
            return f"{name} is lost with the logon session that began it"
        if self._is_pending and self.task is not None:
            return f"{name} is still {self.task.state}"
        return f"{name} has succeeded, without naming a session"

    @property
    def _is_pending(self) -> bool:
        is_open = self.task is not None and not self.task.is_finished
        return is_open and not self._lost

    async def _update_task(self, *, is_last: bool) -> None:
        """Read the task again, as long as it can change."""
        if self.task is None or not self._is_pending:
            return
        try:
            newer = await self._deps.tasks.get(self.task.task_id)
        except VeeamError as error:
            # A plain 404 is no news; and at the last look nothing bars the search.
            self._lost = self._lost or is_lost_task(error)
            if is_last or isinstance(error, NotFound):
                return
            raise
        # After a logon meanwhile, the task of this id may be another one.
        if self._logons == self._deps.logons():
            self.task = newer
        else:
            self._lost = True

    async def _linked(self, link: Link) -> RunSession | None:
        kind = _kind(link)
        self._named = parse_id(link.href)
        try:
            found = await self._deps.sessions(kind).get(self._named)
        except NotFound:
            return None  # named before it is shown
        self._record.kind = kind
        return found


def _session_link(task: Task) -> Link | None:
    """The link of *task* to a session, None where it has none that can be read."""
    for link in task.related:
        if _kind(link) in KINDS and _leads_somewhere(link):
            return link
    return None


def _kind(link: Link) -> str:
    return (link.type or "").removesuffix("Reference")


def _leads_somewhere(link: Link) -> bool:
    try:
        parse_id(link.href)
    except InvalidId:
        return False
    return True
