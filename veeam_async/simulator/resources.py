"""Kinds of resources: how each is listed, found, shown, filtered and called."""

import uuid
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, TypeAlias

import attrs

from veeam_async.simulator import filters
from veeam_async.simulator.builder import EntityBuilder
from veeam_async.simulator.runs import JobPath, Kind
from veeam_async.simulator.world import World

Records: TypeAlias = Callable[[World, datetime], Iterable[Any]]
Fields: TypeAlias = Mapping[str, filters.Field]
"""Fields by their name in lower case."""

_STATES = ("Starting", "Stopping", "Working", "Pausing", "Resuming", "Stopped")
# Filters compare enumerations by their place: `Result>=Warning` is Warning or Failed.
_RESULTS = ("None", "Success", "Warning", "Failed")
_TASK_STATES = ("InProgress", "Pending", "Completed")
_OPERATION_STATES = ("Running", "OperationFinished", "Finished")
_PLATFORMS = ("VMware", "Hyperv", "vCloud", "AgentForWindows", "AgentForLinux")
_JOB_TYPES = (
    *("Backup", "Replica", "BackupCopy", "ImmediateBackupCopy"),
    *("ImmediateBackupCopyWorker", "AgentBackup", "AgentManagement", "NasBackup"),
    *("FileLevelRestore", "RestoreVm"),
)


def _end_shown(record: Any, now: datetime) -> datetime | None:
    end = record.end_at(now)
    return None if end is None else record.stamp(end)


# Runs and task sessions share these. Examples of the reference use the wire's names
# too (`CreationTimeUTC`), so both spellings are taken.
# What is compared is what is shown: times of the backup server.
_CREATED = filters.time(lambda record, _: record.stamp(record.created))
_ENDED = filters.time(_end_shown)

_SESSION_FIELDS: Fields = {
    "uid": filters.uid(lambda run, _: run.id),
    "name": filters.text(lambda run, _: run.title),
    "creationtime": _CREATED,
    "creationtimeutc": _CREATED,
    "endtime": _ENDED,
    "endtimeutc": _ENDED,
    "state": filters.enumeration(_STATES, lambda run, now: run.state_at(now)),
    "result": filters.enumeration(_RESULTS, lambda run, now: run.result_at(now)),
    "backupserveruid": filters.uid(lambda run, _: run.server.id),
    "backupservername": filters.text(lambda run, _: run.server.name),
}
_JOB_SESSION_FIELDS: Fields = {
    **_SESSION_FIELDS,
    "jobtype": filters.enumeration(_JOB_TYPES, lambda run, _: run.job_type),
    "jobuid": filters.uid(lambda run, _: run.job.id if run.job else None),
    "jobname": filters.text(lambda run, _: run.name),
    # Progress is no field: the reference does not list it.
    "isretry": filters.boolean(lambda run, _: run.is_retry),
}
_RESTORE_SESSION_FIELDS: Fields = {
    **_SESSION_FIELDS,
    # What every other kind calls JobType.
    "type": filters.enumeration(_JOB_TYPES, lambda run, _: run.job_type),
    "vmdisplayname": filters.text(lambda run, _: run.name),
}
_TASK_SESSION_FIELDS: Fields = {
    "uid": filters.uid(lambda session, _: session.id),
    "name": filters.text(lambda session, _: session.title),
    "creationtime": _CREATED,
    "creationtimeutc": _CREATED,
    "endtime": _ENDED,
    "endtimeutc": _ENDED,
    "state": filters.enumeration(
        _TASK_STATES, lambda session, now: session.state_at(now)
    ),
    "result": filters.enumeration(
        _RESULTS, lambda session, now: session.result_at(now)
    ),
    "reason": filters.text(lambda session, now: session.reason_at(now)),
    "totalsize": filters.number(lambda session, _: session.size),
    "jobsessionuid": filters.uid(lambda session, _: session.run.id),
    "jobuid": filters.uid(lambda session, _: session.run.job.id),
    "jobname": filters.text(lambda session, _: session.run.name),
    "backupserveruid": filters.uid(lambda session, _: session.run.server.id),
    "backupservername": filters.text(lambda session, _: session.run.server.name),
    "vmdisplayname": filters.text(lambda session, _: session.machine),
}
_ANY_JOB_FIELDS: Fields = {
    "uid": filters.uid(lambda job, _: job.id),
    "name": filters.text(lambda job, _: job.name),
    "description": filters.text(lambda job, _: job.description),
    "scheduleconfigured": filters.boolean(lambda _job, _now: True),
    "scheduleenabled": filters.boolean(lambda job, _: job.schedule_enabled),
    "backupserveruid": filters.uid(lambda job, _: job.server.id),
    "backupservername": filters.text(lambda job, _: job.server.name),
}
_NEXT_RUN: Fields = {"nextrun": filters.time(lambda job, now: job.next_run(now))}
_TYPE_OF_JOB: Fields = {
    "jobtype": filters.enumeration(_JOB_TYPES, lambda job, _: job.type),
    "platform": filters.enumeration(_PLATFORMS, lambda job, _: job.platform),
}
_JOB_FIELDS: Fields = {**_ANY_JOB_FIELDS, **_NEXT_RUN, **_TYPE_OF_JOB}
# The reference names no next run for the one, and no type for the other.
_AGENT_JOB_FIELDS: Fields = {**_ANY_JOB_FIELDS, **_TYPE_OF_JOB}
_NAS_JOB_FIELDS: Fields = {**_ANY_JOB_FIELDS, **_NEXT_RUN}
_NAMED_FIELDS: Fields = {
    "uid": filters.uid(lambda record, _: record.id),
    "name": filters.text(lambda record, _: record.name),
}


_RESTORE_POINT_FIELDS: Fields = {
    "uid": filters.uid(lambda run, _: run.restore_point_id),
    "creationtime": _CREATED,
    "creationtimeutc": _CREATED,
    "backupserveruid": filters.uid(lambda run, _: run.server.id),
    "backupservername": filters.text(lambda run, _: run.server.name),
}


OPERATION_FIELDS: Fields = {
    "taskid": filters.text(lambda operation, _: operation.id),
    "state": filters.enumeration(
        _OPERATION_STATES, lambda operation, now: operation.state_at(now)
    ),
    "operation": filters.text(lambda operation, _: operation.name),
}
"""Those of tasks, which are none of the resources below: they have no UID."""


@attrs.frozen
class Resource:
    """One kind of record as the API serves it."""

    type: str
    plural: str
    """Name of its list."""
    noun: str
    """Name in the message of a 404."""
    fields: Fields
    build: Callable[[EntityBuilder, Any], Any]
    """Makes the entity of a record."""
    queryable: Records
    """What the query service searches."""
    listed: Records
    """What the collection shows."""
    find: Callable[[World, uuid.UUID, datetime], Any]
    list_name: str | None = None
    """Name of its list among those of a query's entities; None: as everywhere."""


def _sessions(
    kind: Kind, noun: str, fields: Fields, build: Callable[[EntityBuilder, Any], Any]
) -> Resource:
    return Resource(
        type=kind,
        plural=f"{kind}s",
        noun=noun,
        fields=fields,
        build=build,
        queryable=lambda world, now: world.runs(kind, now),
        listed=lambda world, now: world.recent_runs(kind, now),
        find=lambda world, session_id, now: world.run(kind, session_id, now),
    )


def _task_sessions(kind: Kind, type_: str) -> Resource:
    return Resource(
        type=type_,
        plural=f"{type_}s",
        noun="task session",
        fields=_TASK_SESSION_FIELDS,
        build=EntityBuilder.task_session,
        queryable=lambda world, now: world.task_sessions(world.runs(kind, now)),
        listed=lambda world, now: world.task_sessions(world.recent_runs(kind, now)),
        find=lambda world, session_id, now: world.task_session(kind, session_id, now),
    )


def _jobs(path: JobPath, type_: str, plural: str, **others: Any) -> Resource:
    return Resource(
        type=type_,
        plural=plural,
        noun="job",
        queryable=lambda world, _: world.jobs_at(path),
        listed=lambda world, _: world.jobs_at(path),
        find=lambda world, job_id, _: world.job_at(path, job_id),
        **others,
    )


BACKUP_SESSIONS = _sessions(
    "BackupJobSession", "job session", _JOB_SESSION_FIELDS, EntityBuilder.session
)
REPLICA_SESSIONS = _sessions(
    "ReplicaJobSession", "job session", _JOB_SESSION_FIELDS, EntityBuilder.session
)
RESTORE_SESSIONS = _sessions(
    "RestoreSession", "restore session", _RESTORE_SESSION_FIELDS, EntityBuilder.restore
)
TASK_SESSIONS = _task_sessions("BackupJobSession", "BackupTaskSession")
REPLICA_TASK_SESSIONS = _task_sessions("ReplicaJobSession", "ReplicaTaskSession")
JOBS = _jobs("jobs", "Job", "Jobs", fields=_JOB_FIELDS, build=EntityBuilder.job)
AGENT_JOBS = _jobs(
    "agents/jobs",
    "AgentBackupJob",
    "AgentBackupJobs",
    fields=_AGENT_JOB_FIELDS,
    build=EntityBuilder.agent_job,
    # Public clients read `Entities.AgentBackupJob.AgentBackupJobs` of its JSON.
    list_name="AgentBackupJob",
)
NAS_JOBS = _jobs(
    "nas/jobs",
    "NasJob",
    "NASJobs",
    fields=_NAS_JOB_FIELDS,
    build=EntityBuilder.nas_job,
)
BACKUP_SERVERS = Resource(
    type="BackupServer",
    plural="BackupServers",
    noun="backup server",
    fields=_NAMED_FIELDS,
    build=EntityBuilder.server,
    queryable=lambda world, _: world.servers.values(),
    listed=lambda world, _: world.servers.values(),
    find=lambda world, id_, _: world.servers.get(id_),
)
REPOSITORIES = Resource(
    type="Repository",
    plural="Repositories",
    noun="repository",
    fields=_NAMED_FIELDS,
    build=EntityBuilder.repo,
    queryable=lambda world, _: world.repos.values(),
    listed=lambda world, _: world.repos.values(),
    find=lambda world, id_, _: world.repos.get(id_),
)
RESTORE_POINTS = Resource(
    type="RestorePoint",
    plural="RestorePoints",
    noun="restore point",
    # Not their names, which depend on the product.
    fields=_RESTORE_POINT_FIELDS,
    build=EntityBuilder.restore_point,
    queryable=lambda world, now: world.restore_points(
        world.runs("BackupJobSession", now), now
    ),
    listed=lambda world, now: world.restore_points(
        world.recent_runs("BackupJobSession", now), now
    ),
    find=lambda world, id_, now: world.restore_point(id_, now),
)

SERVED: Mapping[str, Resource] = {
    "backupSessions": BACKUP_SESSIONS,
    "replicaSessions": REPLICA_SESSIONS,
    "restoreSessions": RESTORE_SESSIONS,
    "backupTaskSessions": TASK_SESSIONS,
    "replicaTaskSessions": REPLICA_TASK_SESSIONS,
    "jobs": JOBS,
    "agents/jobs": AGENT_JOBS,
    "nas/jobs": NAS_JOBS,
    "backupServers": BACKUP_SERVERS,
    "repositories": REPOSITORIES,
    "restorePoints": RESTORE_POINTS,
}
"""Collections that hold something, by path."""

# The logon links to these as well, and its links must not lead to a 404.
EMPTY: Mapping[str, str] = {
    "managedServers": "ManagedServers",
    "failoverPlans": "FailoverPlans",
    "hierarchyRoots": "HierarchyRoots",
    "backups": "Backups",
    "vmRestorePoints": "VmRestorePoints",
    "vAppRestorePoints": "VAppRestorePoints",
    "replicas": "Replicas",
    "vmReplicaPoints": "VmReplicaPoints",
    "catalog/vms": "CatalogVms",
    "wanAccelerators": "WanAccelerators",
    "backupFiles": "BackupFiles",
    "externalRepositories": "ExternalRepositories",
    "agents/discoveredComputers": "DiscoveredComputers",
}
"""Names of the lists of collections that are always empty, by path."""


def by_type(name: str) -> Resource | None:
    """The resource that the query service knows as `name`, in any case."""
    return _BY_TYPE.get(name.lower())


_BY_TYPE = {resource.type.lower(): resource for resource in SERVED.values()}
