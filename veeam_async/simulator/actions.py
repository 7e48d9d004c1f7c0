"""Orders to jobs and sessions in, tasks out: what POST does."""

import itertools
from collections.abc import Callable
from datetime import datetime

from veeam_async.simulator.answer import Answer
from veeam_async.simulator.call import Call
from veeam_async.simulator.documents import Collection
from veeam_async.simulator.entities import Link, Task, TaskResult
from veeam_async.simulator.presenter import Presenter
from veeam_async.simulator.reading import find
from veeam_async.simulator.refusals import RefusalError
from veeam_async.simulator.resources import BACKUP_SESSIONS, JOBS
from veeam_async.simulator.runs import Work
from veeam_async.simulator.tasks import COLLECTING_SECONDS, Operation, Tasks
from veeam_async.simulator.world import World

_SESSION_PATHS = {
    "BackupJobSession": "backupSessions",
    "ReplicaJobSession": "replicaSessions",
}


class Actions:
    """The handlers that change something, and the numbering of their tasks."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._orders: dict[str, Callable[[World, Work, datetime], Operation]] = {
            "start": self._start,
            "sync": self._start,
            "retry": self._retry,
            "stop": self._stop,
            "togglescheduleenabled": self._toggle,
        }

    def on_session(self, call: Call, tasks: Tasks) -> Answer:
        """Stop a session."""
        _only(call, {"stop"})
        run = find(call, BACKUP_SESSIONS)
        now = call.presenter.now
        title = run.title
        is_running = not run.is_stopped(now)
        if is_running:
            call.world.stop(run, now)
            message = f'Job Session "{title}" triggered to stop.'
        else:
            message = f'Job Session "{title}" is not running.'
        return self._accepted(
            call,
            tasks,
            self._operation("StopJobSession", now, message, is_success=is_running),
        )

    def on_job(self, call: Call, tasks: Tasks) -> Answer:
        """Start, stop or retry a job, or switch its schedule."""
        action = _only(call, set(self._orders))
        work = find(call, JOBS)
        if work.is_copy != (action == "sync") and action in {"start", "sync", "retry"}:
            message = f"Action '{action}' does not fit a {work.type} job."
            raise RefusalError(400, message)
        operation = self._orders[action](call.world, work, call.presenter.now)
        return self._accepted(call, tasks, operation)

    def _start(self, world: World, work: Work, now: datetime) -> Operation:
        if world.active_run(work, now):
            message = f'Job "{work.name}" is already running.'
            return self._operation("StartJob", now, message, is_success=False)
        return self._begin(world, work, now, "StartJob")

    def _retry(self, world: World, work: Work, now: datetime) -> Operation:
        last = next(iter(world.runs_of(work, now)), None)
        if last is None or last.result_at(now) != "Failed":
            message = f'There is nothing to retry in job "{work.name}".'
            return self._operation("RetryJob", now, message, is_success=False)
        return self._begin(world, work, now, "RetryJob")

    def _begin(self, world: World, work: Work, now: datetime, name: str) -> Operation:
        plan = world.take_plan(work)
        if plan.refusal is not None:
            return self._operation(name, now, plan.refusal, is_success=False)
        operation = self._operation(name, now, "Ok")
        is_retry = name == "RetryJob"
        operation.started = world.start(work, now, plan, is_retry=is_retry)
        operation.names_run = plan.links
        if plan.links:
            operation.collected_in = max(COLLECTING_SECONDS, plan.appears_in + 1)
        return operation

    def _stop(self, world: World, work: Work, now: datetime) -> Operation:
        run = world.active_run(work, now)
        if run is None:
            message = f'Job "{work.name}" is not running.'
            return self._operation("StopJob", now, message, is_success=False)
        world.stop(run, now)
        return self._operation("StopJob", now, "Ok")

    def _toggle(self, _world: World, work: Work, now: datetime) -> Operation:
        work.schedule_enabled = not work.schedule_enabled
        return self._operation("ToggleScheduleEnabled", now, "Ok")

    def _operation(
        self,
        name: str,
        now: datetime,
        message: str,
        *,
        is_success: bool = True,
    ) -> Operation:
        return Operation(next(self._numbers), name, now, message, is_success)

    def _accepted(self, call: Call, tasks: Tasks, operation: Operation) -> Answer:
        tasks.add(operation)
        return Answer(202, _task(operation, call.presenter))


def show_tasks(call: Call, tasks: Tasks) -> Answer:
    """Show all tasks of the logon session."""
    items = tuple(_task(operation, call.presenter) for operation in tasks.list())
    return Answer(document=Collection(root="Tasks", key="Tasks", items=items))


def show_task(call: Call, tasks: Tasks) -> Answer:
    """Show one task."""
    return Answer(document=_task(tasks.find(call.ids[0]), call.presenter))


def delete_task(call: Call, tasks: Tasks) -> Answer:
    """Forget one task."""
    tasks.remove(call.ids[0])
    return Answer(204)


def _only(call: Call, known: set[str]) -> str:
    action = (call.param("action") or "").lower()
    if action not in known:
        raise RefusalError(400, f"Action '{action}' is unknown.")
    return action


def _task(operation: Operation, presenter: Presenter) -> Task:
    here = f"{presenter.base}/tasks/{operation.id}"
    state = operation.state_at(presenter.now)
    links = [Link(rel="Delete", href=here)]
    if state == "Finished" and operation.started and operation.names_run:
        run = operation.started
        path = f"{presenter.base}/{_SESSION_PATHS[run.kind]}/{run.id}?format=Entity"
        links.append(Link(rel="Related", href=path, name=run.title, type=run.kind))
    return Task(
        task_id=operation.id,
        state=state,
        operation=operation.name,
        result=_result(operation, state),
        links=tuple(links),
        href=here,
    )


def _result(operation: Operation, state: str) -> TaskResult | None:
    if state == "Running":
        return None
    message = state if state == "OperationFinished" else operation.message
    return TaskResult(message=message, success=operation.is_success)
