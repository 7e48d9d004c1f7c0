"""Backup job sessions: what can be done with them beside what all sessions can."""

from __future__ import annotations

from veeam_async.ids import Id, parse_id
from veeam_async.models import BackupJobSession, BackupTaskSession, Page, Task
from veeam_async.pool.answers import read
from veeam_async.sessions.sessions import JobSessions


class BackupSessions(JobSessions[BackupJobSession]):
    """The backup job sessions, which can be stopped and have task sessions."""

    async def stop(self, id: Id) -> Task:  # noqa: A002 - the field's term
        """Ask the server to stop a session; its task tells whether that was triggered.

        Sent at most once. The session is Stopping for a while: `wait` for its end.
        Raises PermissionDenied for a user who is no Portal Administrator.
        """
        return await self._act(id, "stop")

    async def task_sessions(self, id: Id) -> list[BackupTaskSession]:  # noqa: A002 - the field's term
        """Give the task sessions of a session, one for each machine in it."""
        path = f"{self._path}/{parse_id(id)}/taskSessions?format=Entity"
        answer = await self._pool.request(
            "GET", path, route=f"{self._path}/{{id}}/taskSessions"
        )
        return list((await read(answer, Page[BackupTaskSession])).rows)
