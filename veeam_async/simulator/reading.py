"""Calls for resources in, collections, references and entities out."""

import uuid
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from veeam_async.simulator.answer import Answer
from veeam_async.simulator.call import Call
from veeam_async.simulator.documents import Collection, QueryService
from veeam_async.simulator.entities import Link
from veeam_async.simulator.presenter import reference
from veeam_async.simulator.query import query
from veeam_async.simulator.refusals import RefusalError
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

Handler: TypeAlias = Callable[[Call], Answer]


def find(call: Call, resource: Resource) -> Any:
    """Find the record that a call's first id names.

    Raises:
        RefusalError: 400 for an id that is no UUID, 404 for one that nothing has.
    """
    text = call.ids[0]
    try:
        id_ = uuid.UUID(text)
    except ValueError:
        message = f" ID {text} is invalid. Type: {resource.type}"
        raise RefusalError(400, message) from None
    record = resource.find(call.world, id_, call.presenter.now)
    if record is None:
        raise RefusalError(404, f"Cannot find {resource.noun} [{text}]")
    return record


def show_all(call: Call, resource: Resource, records: Iterable[Any]) -> Answer:
    """Show *records* as a collection: references, or entities where asked."""
    is_entity = call.is_entity
    shown = tuple(resource.show(call.presenter, record) for record in records)
    if is_entity:
        collection = Collection(root=resource.plural, key=resource.plural, items=shown)
    else:
        collection = _references(reference(entity) for entity in shown)
    return Answer(document=collection)


def _references(items: Iterable[Any]) -> Collection:
    return Collection(root="EntityReferences", key="Refs", items=tuple(items))


def collection_of(resource: Resource) -> Handler:
    """Make the handler of a whole collection."""
    return lambda call: show_all(
        call, resource, resource.recent(call.world, call.presenter.now)
    )


def single_of(resource: Resource) -> Handler:
    """Make the handler of a single resource."""

    def single(call: Call) -> Answer:
        entity = resource.show(call.presenter, find(call, resource))
        return Answer(document=entity if call.is_entity else reference(entity))

    return single


def empty_of(plural: str) -> Handler:
    """Make the handler of a collection that never holds anything."""

    def empty(call: Call) -> Answer:
        if call.is_entity:
            return Answer(document=Collection(root=plural, key=plural))
        return Answer(document=_references(()))

    return empty


def sessions_of_type(job_type: str) -> Handler:
    """Make the handler of the backup sessions of one job type."""

    def sessions(call: Call) -> Answer:
        runs = call.world.recent("BackupJobSession", call.presenter.now)
        chosen = [run for run in runs if run.job_type == job_type]
        return show_all(call, BACKUP_SESSIONS, chosen)

    return sessions


def jobs_of_type(job_type: str) -> Handler:
    """Make the handler of the jobs of one type."""

    def jobs(call: Call) -> Answer:
        works = call.world.works.values()
        return show_all(call, JOBS, [work for work in works if work.type == job_type])

    return jobs


def job_sessions(call: Call) -> Answer:
    """Show the sessions of one job."""
    work = find(call, JOBS)
    is_replica = work.type == "Replica"
    resource = REPLICA_SESSIONS if is_replica else BACKUP_SESSIONS
    recent = resource.recent(call.world, call.presenter.now)
    return show_all(call, resource, [run for run in recent if run.work is work])


def parts_of_session(sessions: Resource, parts: Resource) -> Handler:
    """Make the handler of the task sessions of one session."""
    return lambda call: show_all(call, parts, call.world.parts(find(call, sessions)))


task_sessions = parts_of_session(BACKUP_SESSIONS, TASK_SESSIONS)
replica_task_sessions = parts_of_session(REPLICA_SESSIONS, REPLICA_TASK_SESSIONS)


def server_jobs(call: Call) -> Answer:
    """Show the jobs of one backup server."""
    server = find(call, BACKUP_SERVERS)
    listed = JOBS.recent(call.world, call.presenter.now)
    return show_all(call, JOBS, [work for work in listed if work.server is server])


def server_repos(call: Call) -> Answer:
    """Show the repositories of one backup server."""
    repos = call.world.repos_of(find(call, BACKUP_SERVERS))
    return show_all(call, REPOSITORIES, repos)


def run_query(call: Call) -> Answer:
    """Answer a query."""
    return Answer(document=query(call))


def query_service(call: Call) -> Answer:
    """Show which types can be queried."""
    base = f"{call.presenter.base}/query"
    links = [
        Link(
            rel="Down",
            href=f"{base}?type={resource.type}&format=Entities&pageSize=15&page=1",
            name=resource.type,
            type="QueryResult",
        )
        for resource in SERVED.values()
    ]
    here = f"{call.presenter.base}/querySvc"
    return Answer(document=QueryService(links=tuple(links), href=here))
