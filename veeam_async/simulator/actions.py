"""Handlers of orders to jobs and sessions, and of the tasks that answer them.

An order is accepted with 202 and a task; whether it succeeded is told by the task. It
is at once where a job is to begin that runs already, else when the task is finished.
Tasks live in the logon session: after another logon they are unknown.
"""

from collections.abc import Callable
from typing import TypeAlias

from veeam_async.simulator.documents import Collection
from veeam_async.simulator.entities import Link, Task, TaskResult
from veeam_async.simulator.handlers import Handler, find_record
from veeam_async.simulator.request import RefusalError, Request, Response
from veeam_async.simulator.resources import (
    AGENT_JOBS,
    BACKUP_SESSIONS,
    JOBS,
    NAS_JOBS,
)
from veeam_async.simulator.runs import COLLECTING_SECONDS, Job, Operation
from veeam_async.simulator.world import PlannedRun

Action: TypeAlias = Callable[[Request, Job], Operation]

_SESSION_PATHS = {
    "BackupJobSession": "backupSessions",
    "ReplicaJobSession": "replicaSessions",
}


# ------------------------------------------------------------------ orders


def post_to_session(request: Request) -> Response:
    """Stop a session."""
    _action(request, {"stop"})
    run = find_record(request, BACKUP_SESSIONS)
    is_running = not run.is_stopped(request.now)
    if is_running:
        request.world.stop(run, request.now)
        # The recorded words: success means triggered, the session still has to stop.
        message = f'Job Session "{run.title}" triggered to stop.'
    else:
        message = f'Job Session "{run.title}" is not running.'
    operation = _operation(request, "StopJobSession", message, is_success=is_running)
    return _accepted(request, operation)


def post_to_job(request: Request) -> Response:
    """Start, synchronise, stop, retry or clone a job, or switch its schedule."""
    action = _action(request, set(_JOB_ACTIONS))
    job = find_record(request, JOBS)
    if job.is_copy != (action == "sync") and action in _BEGINNINGS:
        message = f"Action '{action}' does not fit a {job.type} job."
        raise RefusalError(400, message)
    return _accepted(request, _JOB_ACTIONS[action](request, job))


def post_to_agent_job(request: Request) -> Response:
    """Start, stop or retry a job of agents, or switch its schedule."""
    action = _action(request, set(_ACTIONS_APART))
    job = find_record(request, AGENT_JOBS)
    return _accepted(request, _ACTIONS_APART[action](request, job))


def nas_action(name: str) -> Handler:
    """Handler that does what `name` says, one of `NAS_ACTIONS`, to file shares' job."""

    def handler(request: Request) -> Response:
        job = find_record(request, NAS_JOBS)
        return _accepted(request, _ACTIONS_APART[name.lower()](request, job))

    return handler


def _action(request: Request, known: set[str]) -> str:
    action = (request.param("action") or "").lower()
    if action not in known:
        raise RefusalError(400, f"Action '{action}' is unknown.")
    return action


def _start(request: Request, job: Job) -> Operation:
    return _already_running(request, job, "StartJob") or _begin(
        request, job, "StartJob"
    )


def _already_running(request: Request, job: Job, name: str) -> Operation | None:
    """Operation that fails at once; None where nothing of `job` runs."""
    if not request.world.active_run(job, request.now):
        return None
    message = f'Job "{job.name}" is already running.'
    operation = _operation(request, name, message, is_success=False)
    # No backup server need be asked: the answer to the order says so itself.
    operation.seconds = 0
    return operation


def _retry(request: Request, job: Job) -> Operation:
    if refused := _already_running(request, job, "RetryJob"):
        return refused
    last = next(iter(request.world.runs_of(job, request.now)), None)
    if last is None or last.result_at(request.now) != "Failed":
        message = f'There is nothing to retry in job "{job.name}".'
        return _operation(request, "RetryJob", message, is_success=False)
    return _begin(request, job, "RetryJob")


def _begin(request: Request, job: Job, name: str) -> Operation:
    # A plan is for one start: the one after it is as usual.
    plan = request.world.plans.pop(job.id, PlannedRun())
    if plan.refusal is not None:
        return _operation(request, name, plan.refusal, is_success=False)
    operation = _operation(request, name, "Ok")
    is_retry = name == "RetryJob"
    operation.started = request.world.start(job, request.now, plan, is_retry=is_retry)
    operation.links_run = plan.links
    if plan.links:
        # A task must not link to a session that a GET does not find yet.
        operation.collected_in = max(COLLECTING_SECONDS, plan.appears_in + 1)
    return operation


def _stop(request: Request, job: Job) -> Operation:
    run = request.world.active_run(job, request.now)
    if run is None:
        message = f'Job "{job.name}" is not running.'
        return _operation(request, "StopJob", message, is_success=False)
    request.world.stop(run, request.now)
    return _operation(request, "StopJob", "Ok")


def _clone(request: Request, job: Job) -> Operation:
    operation = _operation(request, "CloneJob", "Ok")
    operation.made = request.world.clone(job)
    return operation


def _toggle(request: Request, job: Job) -> Operation:
    job.schedule_enabled = not job.schedule_enabled
    return _operation(request, "ToggleScheduleEnabled", "Ok")


NAS_ACTIONS = ("start", "stop", "retry", "toggleScheduleEnabled")
"""Last words of the paths that order something of a file shares' job."""
_ACTIONS_APART: dict[str, Action] = {
    "start": _start,
    "retry": _retry,
    "stop": _stop,
    "togglescheduleenabled": _toggle,
}
_JOB_ACTIONS: dict[str, Action] = {
    **_ACTIONS_APART,
    "sync": _start,
    "clone": _clone,
}
_BEGINNINGS = {"start", "sync", "retry"}
"""Actions of which a job knows sync, or the two others."""


def _operation(
    request: Request, name: str, message: str, *, is_success: bool = True
) -> Operation:
    # Numbered across all logon sessions, as `task-297` in a recorded message suggests.
    number = next(request.world.operation_numbers)
    return Operation(number, name, request.now, message, is_success)


def _accepted(request: Request, operation: Operation) -> Response:
    request.tasks[operation.id] = operation
    return Response(202, task_of(operation, request))


# ------------------------------------------------------------------- tasks


def show_tasks(request: Request) -> Response:
    """All tasks of the logon session, the oldest first."""
    items = tuple(task_of(operation, request) for operation in request.tasks.values())
    return Response(document=Collection(root="Tasks", key="Tasks", items=items))


def show_task(request: Request) -> Response:
    """Single task."""
    return Response(document=task_of(_find_operation(request), request))


def delete_task(request: Request) -> Response:
    """Forget one task: 204."""
    del request.tasks[_find_operation(request).id]
    return Response(204)


def _find_operation(request: Request) -> Operation:
    task_id = request.ids[0]
    if task_id not in request.tasks:
        # The real server's status and words, though a 404 would be expected.
        raise RefusalError(
            500, f"There is no backup task with id [{task_id}] in current rest session"
        )
    return request.tasks[task_id]


def task_of(operation: Operation, request: Request) -> Task:
    """Task that shows an operation at the moment of a request."""
    here = f"{request.base}/tasks/{operation.id}"
    state = operation.state_at(request.now)
    links = [Link(rel="Delete", href=here)]
    if state == "Finished" and operation.started and operation.links_run:
        run = operation.started
        path = f"{request.base}/{_SESSION_PATHS[run.kind]}/{run.id}?format=Entity"
        links.append(Link(rel="Related", href=path, name=run.title, type=run.kind))
    if state == "Finished" and operation.made:
        job = operation.made
        path = f"{request.base}/jobs/{job.id}?format=Entity"
        links.append(Link(rel="Related", href=path, name=job.name, type="Job"))
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
