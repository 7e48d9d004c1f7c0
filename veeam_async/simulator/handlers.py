"""Handlers of everything that is only read: collections, entities, reports."""

import uuid
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any, TypeAlias

import attrs

from veeam_async.simulator.builder import reference
from veeam_async.simulator.documents import (
    Collection,
    JobStatisticsReport,
    OverviewReport,
    QueryService,
    VmsOverviewReport,
)
from veeam_async.simulator.entities import Link
from veeam_async.simulator.request import RefusalError, Request, Response
from veeam_async.simulator.resources import (
    BACKUP_SERVERS,
    BACKUP_SESSIONS,
    JOBS,
    REPLICA_SESSIONS,
    REPLICA_TASK_SESSIONS,
    REPOSITORIES,
    SERVED,
    TASK_SESSIONS,
    Resource,
)

Handler: TypeAlias = Callable[[Request], Response]

_DAY = timedelta(days=1)


def find_record(request: Request, resource: Resource) -> Any:
    """Record that the first id of a request names.

    Raises:
        RefusalError: 400 for an id that is no UUID, 404 for one that nothing has.
    """
    text = request.ids[0]
    try:
        id_ = uuid.UUID(text)
    except ValueError:
        # The leading space is the recorded one.
        message = f" ID {text} is invalid. Type: {resource.type}"
        raise RefusalError(400, message) from None
    record = resource.find(request.world, id_, request.now)
    if record is None:
        raise RefusalError(404, f"Cannot find {resource.noun} [{text}]")
    return record


# ------------------------------------------------------------- collections


def collection_of(resource: Resource) -> Handler:
    """Handler of a whole collection."""
    return lambda request: _collection(
        request, resource, resource.listed(request.world, request.now)
    )


def empty_collection(plural: str) -> Handler:
    """Handler of a collection that never holds anything."""

    def empty(request: Request) -> Response:
        if request.is_entity:
            return Response(document=Collection(root=plural, key=plural))
        return Response(document=_references(()))

    return empty


def _collection(
    request: Request, resource: Resource, records: Iterable[Any]
) -> Response:
    # Read before the entities are built: a wrong format is refused at no cost.
    is_entity = request.is_entity
    entities = tuple(resource.build(request.builder, record) for record in records)
    if is_entity:
        plural = resource.plural
        return Response(document=Collection(root=plural, key=plural, items=entities))
    return Response(document=_references(reference(entity) for entity in entities))


def _references(items: Iterable[Any]) -> Collection:
    return Collection(root="EntityReferences", key="Refs", items=tuple(items))


def sessions_of_types(*job_types: str) -> Handler:
    """Handler of the backup sessions of some job types."""

    def sessions(request: Request) -> Response:
        runs = request.world.recent_runs("BackupJobSession", request.now)
        chosen = [run for run in runs if run.job_type in job_types]
        return _collection(request, BACKUP_SESSIONS, chosen)

    return sessions


def sessions_of_job(jobs: Resource) -> Handler:
    """Handler of the sessions of one of `jobs`."""

    def sessions(request: Request) -> Response:
        job = find_record(request, jobs)
        resource = REPLICA_SESSIONS if job.replicates else BACKUP_SESSIONS
        recent = resource.listed(request.world, request.now)
        return _collection(request, resource, [run for run in recent if run.job is job])

    return sessions


def machine_sessions(request: Request) -> Response:
    """Sessions of the machines of an agents' session; none of any other."""
    run = find_record(request, BACKUP_SESSIONS)
    children = [child for child in run.children if child.is_visible(request.now)]
    return _collection(request, BACKUP_SESSIONS, children)


def _task_sessions_of(sessions: Resource, task_sessions: Resource) -> Handler:
    def found(request: Request) -> Response:
        run = find_record(request, sessions)
        records = request.world.task_sessions_of(run)
        return _collection(request, task_sessions, records)

    return found


task_sessions = _task_sessions_of(BACKUP_SESSIONS, TASK_SESSIONS)
replica_task_sessions = _task_sessions_of(REPLICA_SESSIONS, REPLICA_TASK_SESSIONS)


def jobs_of_server(request: Request) -> Response:
    """Jobs of one backup server."""
    server = find_record(request, BACKUP_SERVERS)
    listed = JOBS.listed(request.world, request.now)
    return _collection(request, JOBS, [job for job in listed if job.server is server])


def repos_of_server(request: Request) -> Response:
    """Repositories of one backup server."""
    repos = request.world.repos_of(find_record(request, BACKUP_SERVERS))
    return _collection(request, REPOSITORIES, repos)


# ----------------------------------------------------------------- singles


def single_of(resource: Resource) -> Handler:
    """Handler of a single resource: its reference, or its entity where asked."""

    def single(request: Request) -> Response:
        entity = resource.build(request.builder, find_record(request, resource))
        return Response(document=entity if request.is_entity else reference(entity))

    return single


def query_service(request: Request) -> Response:
    """Types that can be queried, a link for each."""
    base = f"{request.base}/query"
    links = [
        Link(
            rel="Down",
            # The recorded links ask for 15 rows, whatever the default is.
            href=f"{base}?type={resource.type}&format=Entities&pageSize=15&page=1",
            name=resource.type,
            type="QueryResult",
        )
        for resource in SERVED.values()
    ]
    here = f"{request.base}/querySvc"
    return Response(document=QueryService(links=tuple(links), href=here))


# ----------------------------------------------------------------- reports


@attrs.frozen
class _LastDay:
    """Numbers of the backup sessions that ended in the last 24 hours."""

    running: int
    total: int
    success: int
    warning: int
    failed: int
    longest: int
    longest_name: str

    @classmethod
    def of(cls, request: Request) -> "_LastDay":
        now = request.now
        runs = request.world.runs("BackupJobSession", now)
        stopped = [run for run in runs if (end := run.end_at(now)) and end > now - _DAY]
        results = [run.result_at(now) for run in stopped]
        lengths = {run.name: (run.ended or now) - run.created for run in stopped}
        longest = max(lengths, key=lambda name: lengths[name], default="")
        seconds = lengths.get(longest, timedelta()).total_seconds()
        return cls(
            running=sum(not run.is_stopped(now) for run in runs),
            total=len(results),
            success=results.count("Success"),
            warning=results.count("Warning"),
            failed=results.count("Failed"),
            longest=int(seconds),
            longest_name=longest,
        )


def overview(request: Request) -> Response:
    """Report about the infrastructure."""
    day = _LastDay.of(request)
    report = OverviewReport(
        backup_servers=len(request.world.servers),
        repository_servers=len(request.world.repos),
        running_jobs=day.running,
        scheduled_jobs=_scheduled(request, is_replica=None),
        successful_vm_lastest_states=day.success,
        warning_vm_lastest_states=day.warning,
        failed_vm_lastest_states=day.failed,
    )
    return Response(document=report)


def job_statistics(request: Request) -> Response:
    """Report about the jobs, which monitoring scripts read first."""
    day = _LastDay.of(request)
    report = JobStatisticsReport(
        running_jobs=day.running,
        scheduled_jobs=_scheduled(request, is_replica=None),
        scheduled_backup_jobs=_scheduled(request, is_replica=False),
        scheduled_replica_jobs=_scheduled(request, is_replica=True),
        total_job_runs=day.total,
        successful_job_runs=day.success,
        warnings_job_runs=day.warning,
        failed_job_runs=day.failed,
        max_job_duration=day.longest,
        max_backup_job_duration=day.longest,
        max_duration_backup_job_name=day.longest_name,
    )
    return Response(document=report)


def vms_overview(request: Request) -> Response:
    """Report about the protected machines."""
    day = _LastDay.of(request)
    machines = {name for job in request.world.jobs.values() for name in job.machines}
    # The sizes are made up: plausible, and the same for the same sessions.
    report = VmsOverviewReport(
        protected_vms=len(machines),
        backed_up_vms=len(machines),
        restore_points=day.total,
        full_backup_points_size=day.total << 34,
        incremental_backup_points_size=day.total << 31,
        source_vms_size=len(machines) << 37,
        success_backup_percents=100 * day.success // max(1, day.total),
    )
    return Response(document=report)


def _scheduled(request: Request, *, is_replica: bool | None) -> int:
    return sum(
        job.schedule_enabled
        and (is_replica is None or is_replica == (job.type == "Replica"))
        for job in request.world.jobs.values()
    )
