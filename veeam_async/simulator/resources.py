"""The name of a resource in, how it is listed, found, shown and filtered out."""

import uuid
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, TypeAlias

import attrs

from veeam_async.simulator import fields
from veeam_async.simulator.presenter import Presenter
from veeam_async.simulator.runs import Kind
from veeam_async.simulator.world import World

Records: TypeAlias = Callable[[World, datetime], Iterable[Any]]

LISTED_JOB_TYPES = {"Backup", "BackupCopy", "ImmediateBackupCopy", "Replica"}
"""The types that /jobs lists; file share and agent jobs lie elsewhere."""


@attrs.frozen
class Resource:
    """One kind of record as the interface serves it."""

    type: str
    plural: str
    noun: str
    fields: Mapping[str, fields.Field]
    show: Callable[[Presenter, Any], Any]
    everything: Records
    recent: Records
    find: Callable[[World, uuid.UUID, datetime], Any]


def _sessions(
    kind: Kind, noun: str, table: Mapping[str, fields.Field], show: Any
) -> Resource:
    return Resource(
        type=kind,
        plural=f"{kind}s",
        noun=noun,
        fields=table,
        show=show,
        everything=lambda world, now: world.runs(kind, now),
        recent=lambda world, now: world.recent(kind, now),
        find=lambda world, id_, now: world.run(kind, id_, now),
    )


def _parts(kind: Kind, type_: str) -> Resource:
    return Resource(
        type=type_,
        plural=f"{type_}s",
        noun="task session",
        fields=fields.TASK_SESSION,
        show=Presenter.part,
        everything=lambda world, now: world.all_parts(world.runs(kind, now)),
        recent=lambda world, now: world.all_parts(world.recent(kind, now)),
        find=lambda world, id_, now: world.part(kind, id_, now),
    )


def _listed(world: World, _now: datetime) -> list[Any]:
    return [work for work in world.works.values() if work.type in LISTED_JOB_TYPES]


BACKUP_SESSIONS = _sessions(
    "BackupJobSession", "job session", fields.JOB_SESSION, Presenter.session
)
REPLICA_SESSIONS = _sessions(
    "ReplicaJobSession", "job session", fields.JOB_SESSION, Presenter.session
)
RESTORE_SESSIONS = _sessions(
    "RestoreSession", "restore session", fields.RESTORE_SESSION, Presenter.restore
)
TASK_SESSIONS = _parts("BackupJobSession", "BackupTaskSession")
REPLICA_TASK_SESSIONS = _parts("ReplicaJobSession", "ReplicaTaskSession")
JOBS = Resource(
    type="Job",
    plural="Jobs",
    noun="job",
    fields=fields.JOB,
    show=Presenter.job,
    everything=_listed,
    recent=_listed,
    find=lambda world, id_, _: world.works.get(id_),
)
BACKUP_SERVERS = Resource(
    type="BackupServer",
    plural="BackupServers",
    noun="backup server",
    fields=fields.NAMED,
    show=Presenter.server,
    everything=lambda world, _: world.servers.values(),
    recent=lambda world, _: world.servers.values(),
    find=lambda world, id_, _: world.servers.get(id_),
)
REPOSITORIES = Resource(
    type="Repository",
    plural="Repositories",
    noun="repository",
    fields=fields.NAMED,
    show=Presenter.repo,
    everything=lambda world, _: world.repos.values(),
    recent=lambda world, _: world.repos.values(),
    find=lambda world, id_, _: world.repos.get(id_),
)

SERVED: Mapping[str, Resource] = {
    "backupSessions": BACKUP_SESSIONS,
    "replicaSessions": REPLICA_SESSIONS,
    "restoreSessions": RESTORE_SESSIONS,
    "backupTaskSessions": TASK_SESSIONS,
    "replicaTaskSessions": REPLICA_TASK_SESSIONS,
    "jobs": JOBS,
    "backupServers": BACKUP_SERVERS,
    "repositories": REPOSITORIES,
}
"""The collections that hold something, by path."""

EMPTY: Mapping[str, str] = {
    "managedServers": "ManagedServers",
    "failoverPlans": "FailoverPlans",
    "hierarchyRoots": "HierarchyRoots",
    "backups": "Backups",
    "restorePoints": "RestorePoints",
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
"""The collections that are served without anything in them, by path."""


def by_type(name: str) -> Resource | None:
    """Find the resource that the query service knows as *name*, in any case."""
    return _BY_TYPE.get(name.lower())


_BY_TYPE = {resource.type.lower(): resource for resource in SERVED.values()}
