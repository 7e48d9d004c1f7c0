"""Find the session that a start began: through its task, else through a query."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from uuid import UUID

import attrs

from veeam_async.errors import InvalidId, NotFound
from veeam_async.ids import parse_id
from veeam_async.jobs.record import KINDS, RunRecord
from veeam_async.jobs.run_sessions import RunResource, RunSession, RunSessions
from veeam_async.jobs.tasks import Tasks, succeeded
from veeam_async.models import BackupJobSession, Link, ReplicaJobSession, Task
from veeam_async.resources.sessions import BackupSessions, JobSessions


@attrs.frozen(kw_only=True)
class Access:
    """What a run needs of its manager.

    *logons* counts the logon sessions, *stop_job* stops what a job is running.
    """

    tasks: Tasks
    backups: BackupSessions
    replicas: JobSessions[ReplicaJobSession]
    logons: Callable[[], int]
    stop_job: Callable[[UUID], Awaitable[Task]]

    def sessions(self, kind: str) -> RunResource:
        """Give the resource of the sessions of *kind*."""
        return self.backups if kind == BackupJobSession.__name__ else self.replicas


class RunSearch:
    """Look for the session of the run of *record*, and note its kind there.

    *task* is the server's task as last seen, None where it was never seen. It is
    believed in the logon session that began it alone: in another one its id is
    unknown, or another task's.
    """

    def __init__(self, record: RunRecord, access: Access, task: Task | None) -> None:
        self.task = task
        self._record = record
        self._access = access
        self._logons = access.logons()
        self._lost = task is None
        self._named: UUID | None = None

    async def look(self, *, is_last: bool = False) -> RunSession | None:
        """Look once; raise TaskFailed where the start is known to have failed.

        While the task may come to name the session nothing else is believed, unless
        *is_last*.
        """
        await self._ask()
        link = None if self.task is None else _session_link(succeeded(self.task))
        if link is not None:
            return await self._linked(link)
        if self._is_pending and not is_last:
            return None
        sessions = RunSessions(
            self._access.sessions(self._record.kind), self._record.job_id
        )
        return await sessions.begun_after(self._record.newest, self._record.server_time)

    def known(self) -> str:
        """Say what is known while the session is not."""
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

    async def _ask(self) -> None:
        """Bring the task up to date, as long as it can change."""
        if self.task is None or not self._is_pending:
            return
        try:
            newer = await self._access.tasks.get(self.task.task_id)
        except NotFound:
            self._lost = True
            return
        if self._logons == self._access.logons():
            self.task = newer
        else:
            self._lost = True

    async def _linked(self, link: Link) -> RunSession | None:
        kind = _kind(link)
        self._named = parse_id(link.href)
        try:
            found = await self._access.sessions(kind).get(self._named)
        except NotFound:
            return None  # named before it is shown
        self._record.kind = kind
        return found


def _session_link(task: Task) -> Link | None:
    """Give the link of *task* to a session, None where it has none that can be read."""
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
