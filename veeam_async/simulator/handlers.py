"""Handlers of what is only read: collections, entities, indexes."""

import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from veeam_async.simulator.builder import reference
from veeam_async.simulator.documents import (
    Agents,
    Collection,
    NASService,
    QueryService,
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


task_sessions: Handler = _task_sessions_of(BACKUP_SESSIONS, TASK_SESSIONS)
replica_task_sessions: Handler = _task_sessions_of(
    REPLICA_SESSIONS, REPLICA_TASK_SESSIONS
)


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


def agents_service(request: Request) -> Response:
    """The parts of agents' own."""
    here = f"{request.base}/agents"
    lists = {
        "jobs": "Job",
        "backupSessions": "BackupJobSession",
        "discoveredComputers": "DiscoveredComputer",
    }
    return Response(document=Agents(links=_index(here, lists), href=here))


def nas_service(request: Request) -> Response:
    """The parts of file shares' own."""
    lists = {"jobs": "Job", "backupSessions": "BackupJobSession"}
    links = _index(f"{request.base}/nas", lists)
    return Response(document=NASService(links=links))


def _index(here: str, lists: Mapping[str, str]) -> tuple[Link, ...]:
    """Links to collections below `here`, whose types are given by their paths."""
    forms = (("", "ReferenceList"), ("?format=Entity", "List"))
    return tuple(
        Link(rel="Down", href=f"{here}/{path}{form}", type=f"{type_}{suffix}")
        for form, suffix in forms
        for path, type_ in lists.items()
    )
