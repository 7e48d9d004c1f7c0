"""The server's tasks: operations that it carries out for this logon session."""

from __future__ import annotations

import math
from functools import partial

from veeam_async.brief import cut, line
from veeam_async.clock import Clock
from veeam_async.deadlines import check_interval, check_seconds, limited, poll
from veeam_async.errors import (
    DeadlineExceeded,
    NotFound,
    TaskFailed,
    VeeamError,
    ends_waiting,
    is_lost_task,
)
from veeam_async.ids import is_task_id
from veeam_async.models import Task
from veeam_async.pool.client import Pool
from veeam_async.pool.responses import read
from veeam_async.resources.belonging import is_task

_GONE_SECONDS = 300.0
"""Seconds of 404 after which what was shown is taken to be gone, as in a watch."""


class Tasks:
    """The tasks of this logon session; a renewed one knows none of the earlier."""

    def __init__(self, pool: Pool, clock: Clock) -> None:
        self._pool = pool
        self._clock = clock

    def __repr__(self) -> str:
        return line(self, f"at {cut(self._pool.endpoint.origin, 80)}")

    async def get(self, task_id: str) -> Task:
        """Give a task, `task-12` for example.

        Raises NotFound where this logon session does not know it, ValueError where it
        is no id of a task.
        """
        _check(task_id)
        answer = await self._pool.request(
            "GET",
            f"/tasks/{task_id}",
            route="/tasks/{id}",
            belongs=partial(is_task, task_id),
        )
        return await read(answer, Task)

    async def wait(
        self,
        task_id: str,
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - DeadlineExceeded tells more than TimeoutError
        interval: float = 1.0,
    ) -> Task:
        """Wait until a task is Finished and give it.

        Args:
            task_id: the task.
            timeout: seconds after which DeadlineExceeded is raised.
            interval: seconds between two looks.

        Its success means that the operation was triggered: a session that it started
        goes on after it. Raises TaskFailed where the operation failed, with the
        server's words, and NotFound where this logon session does not know the task,
        which is lost with the session that began it. A plain 404 counts as that after
        five minutes; whatever else a look meets is looked at again.
        """
        _check(task_id)
        check_interval(interval)
        check_seconds(timeout=timeout)

        missing = Missing(self._clock)
        met: list[VeeamError] = []

        async def finished() -> Task | None:
            task = await self.get(task_id)
            missing.shown()
            met.clear()
            return task if task.is_finished else None

        def outlives(error: VeeamError) -> bool:
            met[:] = [error]
            is_over = ends_waiting(error, proven=self._pool.proven)
            return not is_over and not missing.is_gone(error)

        def late() -> DeadlineExceeded:
            said = f"{task_id} was not finished within {timeout:g} s"
            if met:
                said += f"; the last error: {met[0]}"
            return DeadlineExceeded(active=(), checkpoint=None, message=said)

        # `limited` alone ends it, so that it is DeadlineExceeded, not the last error.
        async with limited(timeout, late):
            task = await poll(
                finished,
                interval=interval,
                seconds=math.inf,
                clock=self._clock,
                outlives=outlives,
            )
            if (failure := failed(task)) is None:
                return task
            del task  # no variable holds it where the error is raised
            raise self._pool.clean(failure)


class Missing:
    """For how long the server has answered 404 to the looks at one thing."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._since: float | None = None

    def shown(self) -> None:
        """Note a look that was answered."""
        self._since = None

    def is_gone(self, error: VeeamError) -> bool:
        """True where *error* has said for five minutes that there is no such thing."""
        if not isinstance(error, NotFound):
            return False
        now = self._clock.monotonic()
        if self._since is None:
            self._since = now
        return is_lost_task(error) or now - self._since >= _GONE_SECONDS


def failed(task: Task) -> TaskFailed | None:
    """The error for a *task* whose operation has failed."""
    is_failed = task.result is not None and not task.result.success
    return TaskFailed(task) if is_failed else None


def _check(task_id: object) -> None:
    if not is_task_id(task_id):
        raise ValueError(f"{task_id!r} is no id of a task, such as task-12")
