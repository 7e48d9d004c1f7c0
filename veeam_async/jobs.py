"""Jobs, the runs they start, and the server's tasks."""

from __future__ import annotations

import re
from uuid import UUID

import attrs

from veeam_async.answers import read
from veeam_async.entities import Entities
from veeam_async.ids import Id, parse_id
from veeam_async.models import Job, Task
from veeam_async.pool import Pool

_TASK_ID = re.compile(r"(?:task-)?[A-Za-z0-9]+")


@attrs.frozen(kw_only=True)
class JobRun:
    """A run of a job that was asked for: *task* tells whether it was started."""

    job_id: UUID
    task: Task


class Jobs(Entities[Job]):
    """The jobs. Starting, stopping and retrying need a Portal Administrator.

    Each action is sent at most once: after a connection that broke, look before asking
    again. A copy job can be neither started nor stopped (page "POST /jobs/{ID}").
    """

    async def start(self, id: Id) -> JobRun:  # noqa: A002 - the field's term
        """Ask the server to start a job."""
        return JobRun(job_id=parse_id(id), task=await self._act(id, "start"))

    async def stop(self, id: Id) -> Task:  # noqa: A002 - the field's term
        """Ask the server to stop what a job is running."""
        return await self._act(id, "stop")

    async def retry(self, id: Id) -> Task:  # noqa: A002 - the field's term
        """Ask the server to run a failed job again."""
        return await self._act(id, "retry")


class Tasks:
    """The tasks of this logon session; a renewed one knows none of the earlier."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def get(self, task_id: str) -> Task:
        """Give a task, `task-12` for example.

        Raises NotFound where this logon session does not know it, ValueError where it
        is no id of a task.
        """
        given: object = task_id
        if not (isinstance(given, str) and _TASK_ID.fullmatch(given)):
            raise ValueError(f"{task_id!r} is no id of a task, such as task-12")
        answer = await self._pool.request(
            "GET", f"/tasks/{task_id}", route="/tasks/{id}"
        )
        return await read(answer, Task)
