"""The commands that read once: get, references, query, tasks."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from itertools import islice
from typing import Annotated

import attrs
from cyclopts import Parameter

from veeam_async import F, parse_id
from veeam_async.cli.connection import Connection, Server
from veeam_async.cli.details import put_one
from veeam_async.cli.exits import Exit
from veeam_async.cli.output import Format, Output, rows
from veeam_async.cli.resource import KINDS, Resource, sessions_of
from veeam_async.cli.screen import say
from veeam_async.cli.words import count

_NO_CONNECTION = Connection()


def get(
    id: str,  # noqa: A002 - the library's term
    /,
    *,
    resource: Resource = "backup",
    output: Output = None,
    connection: Connection = _NO_CONNECTION,
) -> Exit:
    """Show one session.

    Example: `veeam-async get 3f6a8c1e-52d7-4b90-a1c4-7d0e9b2f6a35`

    Args:
        id: The session's UUID, UID or Href.
        resource: The kind of session.
        output: A table on a terminal, ndjson in a pipe.
        connection: How to reach the server.
    """
    parse_id(id)
    return asyncio.run(_get(connection.server(), id, resource, output))


async def _get(
    server: Server, session: str, resource: Resource, output: Format | None
) -> Exit:
    async with server.connect() as em:
        put_one(await sessions_of(em, resource).get(session), output)
    return Exit.DONE


def references(
    *,
    limit: int | None = None,
    resource: Resource = "backup",
    output: Output = None,
    connection: Connection = _NO_CONNECTION,
) -> Exit:
    """List the sessions of the last 30 days, by id and name only.

    Example: `veeam-async references | veeam-async fetch -`

    Args:
        limit: How many to show at most.
        resource: The kind of session.
        output: A table on a terminal, ndjson in a pipe.
        connection: How to reach the server.
    """
    if limit is not None and limit < 0:
        raise ValueError("--limit is at least 0")
    return asyncio.run(_references(connection.server(), limit, resource, output))


async def _references(
    server: Server, limit: int | None, resource: Resource, output: Format | None
) -> Exit:
    async with server.connect() as em:
        found = await sessions_of(em, resource).references()
    with rows(output) as put:
        for reference in islice(found, limit):
            put(reference)
    return Exit.DONE


def query(
    where: Annotated[str | None, Parameter(name="FILTER")] = None,
    /,
    *,
    state: str | None = None,
    result: str | None = None,
    job: str | None = None,
    order_by: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    limit: int | None = None,
    resource: Resource = "backup",
    output: Output = None,
    connection: Connection = _NO_CONNECTION,
) -> Exit:
    """Select sessions on the server, oldest first.

    Example: `veeam-async query --state Working`

    Example: `veeam-async query 'Result=="Failed";CreationTime>="2026-01-31"'`

    Args:
        where: A filter in the server's own grammar: ; is AND, a comma is OR.
        state: Only sessions in this state, Working or Stopped for example.
        result: Only sessions with this result: Success, Warning or Failed.
        job: Only sessions of the job with this name.
        order_by: A field, as in creation_time; -creation_time puts the newest first.
        limit: How many to show at most.
        resource: The kind of session.
        output: A table on a terminal, ndjson in a pipe.
        connection: How to reach the server.
    """
    fields = {"state": state, "result": result, "job_name": job}
    text = filter_of(where, fields, KINDS[resource])
    asked = _Query(where=text, order_by=order_by, limit=limit)
    return asyncio.run(_query(connection.server(), asked, resource, output))


@attrs.frozen(kw_only=True)
class _Query:
    """What to select, in which order, and how many."""

    where: str | None
    order_by: str | None
    limit: int | None


def filter_of(
    where: str | None, fields: Mapping[str, str | None], kind: type
) -> str | None:
    """Join a filter's text with what else a session must be like; None for nothing."""
    parts = [f"({where})"] if where else []
    for field, value in fields.items():
        if value is not None:
            parts.append((getattr(F, field) == value).render(kind))
    return ";".join(parts) or None


async def _query(
    server: Server, asked: _Query, resource: Resource, output: Format | None
) -> Exit:
    found = 0
    async with server.connect() as em:
        selected = sessions_of(em, resource).query(
            asked.where, order_by=asked.order_by, limit=asked.limit
        )
        with rows(output) as put:
            async for session in selected:
                put(session)
                found += 1
    if not found:
        say("no session matches")
    return Exit.DONE


def tasks(
    session_id: str,
    /,
    *,
    output: Output = None,
    connection: Connection = _NO_CONNECTION,
) -> Exit:
    """List the task sessions of a backup session: one for each machine in it.

    Example: `veeam-async tasks 3f6a8c1e-52d7-4b90-a1c4-7d0e9b2f6a35`

    Args:
        session_id: The session's UUID, UID or Href.
        output: A table on a terminal, ndjson in a pipe.
        connection: How to reach the server.
    """
    parse_id(session_id)
    return asyncio.run(_tasks(connection.server(), session_id, output))


async def _tasks(server: Server, session: str, output: Format | None) -> Exit:
    async with server.connect() as em:
        found = await em.backup_sessions.task_sessions(session)
    with rows(output) as put:
        for task in found:
            put(task)
    if not found:
        say(f"session {session} has {count(0, 'task session')}")
    return Exit.DONE
