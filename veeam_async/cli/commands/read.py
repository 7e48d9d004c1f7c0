"""Read once: a session, references, a query, task sessions."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Annotated

from cyclopts import Parameter

from veeam_async import BackupTaskSession, EntityRef, F, parse_id
from veeam_async.cli.exits import Exit
from veeam_async.cli.interrupts import run_async
from veeam_async.cli.options import (
    NO_CONNECTION,
    SESSION_MODELS,
    ColumnNames,
    Connection,
    Output,
    Resource,
    Server,
    sessions_of,
)
from veeam_async.cli.render.output import Columns, Format, row_writer, write_one
from veeam_async.cli.render.rows import parse_columns
from veeam_async.cli.render.streams import say
from veeam_async.cli.render.words import count


def get(
    id: str,  # noqa: A002 - the library's term
    /,
    *,
    resource: Resource = "backup",
    output: Output = None,
    columns: ColumnNames = None,
    connection: Connection = NO_CONNECTION,
) -> Exit:
    """Show one session.

    Example: `veeam-async get 3f6a8c1e-52d7-4b90-a1c4-7d0e9b2f6a35`

    Args:
        id: The session's UUID, UID or Href.
        resource: The kind of session.
        output: A table on a terminal, ndjson in a pipe.
        columns: The fields to show, as in id,job_name,state.
        connection: How to reach the server.
    """
    # Refused before a password is asked for.
    shown = parse_columns(columns, SESSION_MODELS[resource])
    parse_id(id)
    return run_async(_get(connection.server(), id, resource, output, shown))


async def _get(
    server: Server,
    session_id: str,
    resource: Resource,
    output: Format | None,
    columns: Columns,
) -> Exit:
    async with server.connect() as em:
        write_one(await sessions_of(em, resource).get(session_id), output, columns)
    return Exit.DONE


def references(
    *,
    limit: int | None = None,
    resource: Resource = "backup",
    output: Output = None,
    columns: ColumnNames = None,
    connection: Connection = NO_CONNECTION,
) -> Exit:
    """List the sessions of the last 30 days, by id and name only.

    Example: `veeam-async references | veeam-async fetch -`

    Args:
        limit: How many to show at most.
        resource: The kind of session.
        output: A table on a terminal, ndjson in a pipe.
        columns: The fields to show, as in id,job_name,state.
        connection: How to reach the server.
    """
    if limit is not None and limit < 0:
        raise ValueError("--limit is at least 0")
    shown = parse_columns(columns, EntityRef)
    return run_async(_references(connection.server(), limit, resource, output, shown))


async def _references(
    server: Server,
    limit: int | None,
    resource: Resource,
    output: Format | None,
    columns: Columns,
) -> Exit:
    async with server.connect() as em:
        found = await sessions_of(em, resource).references()
    with row_writer(output, columns) as write:
        for reference in islice(found, limit):
            write(reference)
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
    columns: ColumnNames = None,
    connection: Connection = NO_CONNECTION,
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
        columns: The fields to show, as in id,job_name,state.
        connection: How to reach the server.
    """
    fields = {"state": state, "result": result, "job_name": job}
    shown = parse_columns(columns, SESSION_MODELS[resource])
    selection = _query(
        connection.server(),
        _joined_filter(where, fields, SESSION_MODELS[resource]),
        order_by=order_by,
        limit=limit,
        resource=resource,
        output=output,
        columns=shown,
    )
    return run_async(selection)


def _joined_filter(
    where: str | None, fields: Mapping[str, str | None], model: type
) -> str | None:
    """A filter that asks for *where* and for each field's value; None for nothing.

    Raises ValueError where the *model* has no such field.
    """
    # The parentheses keep a comma in the user's text, which is an OR, to itself.
    parts = [f"({where})"] if where else []
    for field, value in fields.items():
        if value is not None:
            parts.append((getattr(F, field) == value).render(model))
    return ";".join(parts) or None


async def _query(
    server: Server,
    where: str | None,
    *,
    order_by: str | None,
    limit: int | None,
    resource: Resource,
    output: Format | None,
    columns: Columns,
) -> Exit:
    found = 0
    async with server.connect() as em:
        sessions = sessions_of(em, resource)
        selected = sessions.query(where, order_by=order_by, limit=limit)
        with row_writer(output, columns) as write:
            async for session in selected:
                write(session)
                found += 1
    if not found:
        # On standard error: nothing is what a pipe gets of no rows.
        say("no session matches")
    return Exit.DONE


def tasks(
    session_id: str,
    /,
    *,
    output: Output = None,
    columns: ColumnNames = None,
    connection: Connection = NO_CONNECTION,
) -> Exit:
    """List the task sessions of a backup session: one for each machine in it.

    Example: `veeam-async tasks 3f6a8c1e-52d7-4b90-a1c4-7d0e9b2f6a35`

    Args:
        session_id: The session's UUID, UID or Href.
        output: A table on a terminal, ndjson in a pipe.
        columns: The fields to show, as in id,job_name,state.
        connection: How to reach the server.
    """
    shown = parse_columns(columns, BackupTaskSession)
    parse_id(session_id)
    return run_async(_tasks(connection.server(), session_id, output, shown))


async def _tasks(
    server: Server, session_id: str, output: Format | None, columns: Columns
) -> Exit:
    async with server.connect() as em:
        found = await em.backup_sessions.task_sessions(session_id)
    with row_writer(output, columns) as write:
        for task_session in found:
            write(task_session)
    if not found:
        say(f"session {session_id} has {count(0, 'task session')}")
    return Exit.DONE
