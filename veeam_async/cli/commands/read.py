"""Read once: a session, references, a query, task sessions."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from veeam_async import BackupTaskSession, EntityRef
from veeam_async.cli.connecting import logged_on, reading
from veeam_async.cli.exits import Exit
from veeam_async.cli.interrupts import run_async
from veeam_async.cli.names import SessionFinder, check_name
from veeam_async.cli.options import (
    NO_CONNECTION,
    SESSION_MODELS,
    ColumnNames,
    Connection,
    Jobs,
    Output,
    Resource,
    Server,
    Where,
    sessions_of,
)
from veeam_async.cli.render.output import (
    Columns,
    Format,
    row_writer,
    scrolls_on_terminal,
    write_one,
)
from veeam_async.cli.render.rows import field_of_heading, parse_columns
from veeam_async.cli.render.streams import say
from veeam_async.cli.render.words import count, one_line
from veeam_async.filters import query_field

if TYPE_CHECKING:
    from veeam_async.cli.selection import Selection


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

    Example: `veeam-async get "HR Systems" --output json`

    Args:
        id: The session's UUID, UID or Href, the beginning of its id, or a job's name:
            its session that runs, else its newest.
        resource: The kind of session.
        output: A table on a terminal, ndjson in a pipe.
        columns: The fields to show, as in "id,job_name,state".
        connection: How to reach the server.
    """
    # Refused before a password is asked for.
    shown = parse_columns(columns, SESSION_MODELS[resource])
    check_name(id)
    return run_async(_get(connection.server(), id, resource, output, shown))


async def _get(
    server: Server,
    session_id: str,
    resource: Resource,
    output: Format | None,
    columns: Columns,
) -> Exit:
    async with logged_on(server) as em:
        finder = SessionFinder.of(em, resource)
        async with reading(server):
            session = await finder.ask(session_id, sessions_of(em, resource).get)
        write_one(session, output, columns, lambda: em.server_time)
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
        columns: The fields to show, as in "id,job_name,state".
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
    async with logged_on(server) as em, reading(server):
        found = await sessions_of(em, resource).references()
    with row_writer(output, columns, kind=EntityRef) as write:
        for reference in islice(found, limit):
            write(reference)
    return Exit.DONE


def query(
    filter: Annotated[str | None, Parameter(name="FILTER")] = None,  # noqa: A002 - the server's term
    /,
    *,
    where: Where = None,
    state: str | None = None,
    result: str | None = None,
    job: Jobs = None,
    since: str | None = None,
    order_by: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    limit: int | None = None,
    resource: Resource = "backup",
    output: Output = None,
    columns: ColumnNames = None,
    connection: Connection = NO_CONNECTION,
) -> Exit:
    """Select sessions on the server, oldest first.

    All that is given must be met. Fields are called as JSON and --columns call them.

    Example: `veeam-async query --state Working`

    Example: `veeam-async query --job "HR*" --since "yesterday 18:00" -o csv`

    Example: `veeam-async query "result==Failed;creation_time>=2026-01-31"`

    Args:
        filter: A filter in the server's own grammar: ; is AND, a comma is OR.
        where: The same as an option.
        state: Only sessions in this state, Working or Stopped for example.
        result: Only sessions with this result: Success, Warning or Failed.
        job: Only sessions of the job with this name; * stands for anything, in any
            case, for which more rows are read than shown. More than once: any of them.
        since: Only sessions that began since 24h, 7d, yesterday, "yesterday 18:00",
            2026-11-27 or an ISO time; this machine's zone unless it has one.
        order_by: A field, as in creation_time; -creation_time puts the newest first.
        limit: How many to show at most.
        resource: The kind of session.
        output: A table on a terminal, ndjson in a pipe.
        columns: The fields to show, as in "id,job_name,state".
        connection: How to reach the server.
    """
    from veeam_async.cli.selection import Selection  # noqa: PLC0415 - no other needs it

    kind = SESSION_MODELS[resource]
    shown = parse_columns(columns, kind)
    selection = Selection.parse(
        kind,
        typed=(filter, where),
        state=state,
        result=result,
        jobs=job,
        since=since,
    )
    if order_by is not None:
        order_by = _order(order_by, kind)
    if limit is not None and limit < 0:
        raise ValueError("--limit is at least 0")
    selecting = _query(
        connection.server(),
        selection,
        order_by=order_by,
        limit=limit,
        resource=resource,
        output=output,
        columns=shown,
    )
    return run_async(selecting)


def _order(order_by: str, kind: type) -> str:
    """What the library is to order by; ValueError where there is no such field."""
    sign, name = order_by[: order_by.startswith("-")], order_by.removeprefix("-")
    name = field_of_heading(name)
    query_field(name, kind)  # refused before a password is asked for
    return sign + name


async def _query(
    server: Server,
    selection: Selection,
    *,
    order_by: str | None,
    limit: int | None,
    resource: Resource,
    output: Format | None,
    columns: Columns,
) -> Exit:
    from veeam_async.cli.filter_text import (  # noqa: PLC0415 - as above
        refusals_pointed_out,
    )

    found = 0
    async with logged_on(server) as em:
        rows = selection.rows(sessions_of(em, resource), order_by=order_by, limit=limit)
        with (
            refusals_pointed_out(selection.typed),
            row_writer(
                output,
                columns,
                lambda: em.server_time,
                kind=SESSION_MODELS[resource],
            ) as write,
        ):
            async with reading(server, hidden=scrolls_on_terminal(output)) as answered:
                async for session in rows:
                    write(session)
                    answered()
                    found += 1
        if not found:
            # On standard error: nothing is what a pipe gets of no rows.
            say("no session matches")
            for line in await selection.perhaps(sessions_of(em, resource)):
                say(line)
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

    Example: `veeam-async tasks "HR Systems"`

    Args:
        session_id: The session's UUID, UID or Href, the beginning of its id, or a job's
            name: its session that runs, else its newest.
        output: A table on a terminal, ndjson in a pipe.
        columns: The fields to show, as in "id,job_name,state".
        connection: How to reach the server.
    """
    shown = parse_columns(columns, BackupTaskSession)
    check_name(session_id)
    return run_async(_tasks(connection.server(), session_id, output, shown))


async def _tasks(
    server: Server, session_id: str, output: Format | None, columns: Columns
) -> Exit:
    async with logged_on(server) as em:
        finder = SessionFinder.of(em, "backup")
        async with reading(server):
            found = await finder.ask(session_id, em.backup_sessions.task_sessions)
        with row_writer(
            output, columns, lambda: em.server_time, kind=BackupTaskSession
        ) as write:
            for task_session in found:
                write(task_session)
    if not found:
        say(f"{one_line(session_id)} has {count(0, 'task session')}")
    return Exit.DONE
