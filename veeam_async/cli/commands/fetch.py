"""Fetch many sessions at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any

from veeam_async import EnterpriseManager, Fetch, InvalidId, NotFound, VeeamError
from veeam_async.cli.connecting import logged_on, reading
from veeam_async.cli.exits import Exit, Refusal, exit_code_of, explain
from veeam_async.cli.filter_text import refusals_pointed_out
from veeam_async.cli.inputs import read_ids
from veeam_async.cli.interrupts import run_async
from veeam_async.cli.names import SessionFinder, refuse_job
from veeam_async.cli.options import (
    NO_CONNECTION,
    SESSION_MODELS,
    ColumnNames,
    Connection,
    File,
    Ids,
    Jobs,
    Output,
    Resource,
    Server,
    Sessions,
    Where,
    sessions_of,
)
from veeam_async.cli.render.output import (
    Columns,
    Format,
    Write,
    row_writer,
    scrolls_on_terminal,
)
from veeam_async.cli.render.progress import bar
from veeam_async.cli.render.rows import parse_columns
from veeam_async.cli.render.streams import say, warn
from veeam_async.cli.render.words import count, rate, seconds
from veeam_async.cli.selection import Selection


def fetch(
    *ids: Ids,
    file: File = None,
    where: Where = None,
    state: str | None = None,
    result: str | None = None,
    job: Jobs = None,
    since: str | None = None,
    resource: Resource = "backup",
    output: Output = None,
    columns: ColumnNames = None,
    connection: Connection = NO_CONNECTION,
) -> Exit:
    """Fetch many sessions at once: the given ones, or all of the last 30 days.

    Ids that fail are told on standard error; the exit code is then 1.

    Example: `veeam-async fetch > sessions.ndjson`

    Example: `veeam-async query --state Working | veeam-async fetch -`

    Example: `veeam-async fetch --since 7d --columns "id,job_name,result" -o csv`

    Args:
        ids: UUIDs, UIDs or Hrefs, beginnings of ids, or names of jobs: the session that
            runs, else the newest; - reads them from standard input, one a line, or
            JSON, lines of it or CSV as these commands print them.
        file: A file that holds ids, in the same form.
        where: Which sessions, without ids: a filter, as `veeam-async query` takes it.
        state: Only sessions in this state, Working or Stopped for example.
        result: Only sessions with this result: Success, Warning or Failed.
        job: Only sessions of the job with this name; * stands for anything, in any
            case. More than once: any of them.
        since: Only sessions that began since 24h, 7d, yesterday, "yesterday 18:00",
            2026-11-27 or an ISO time.
        resource: The kind of session.
        output: A table on a terminal, ndjson in a pipe.
        columns: The fields to show, as in "id,job_name,state".
        connection: How to reach the server.
    """
    kind = SESSION_MODELS[resource]
    shown = parse_columns(columns, kind)
    selection = Selection.parse(
        kind, typed=(where,), state=state, result=result, jobs=job, since=since
    )
    if (ids or file) and selection != Selection(kind=kind):
        raise Refusal("--where, --state, --result, --job and --since select: no ids")
    # An empty file is no wish for everything: only the absence of both is.
    given = read_ids(ids, file) if ids or file else selection
    return run_async(_fetch(connection.server(), given, resource, output, shown))


async def _fetch(
    server: Server,
    given: Sequence[str] | Selection,
    resource: Resource,
    output: Format | None,
    columns: Columns,
) -> Exit:
    async with logged_on(server) as em:
        sessions = sessions_of(em, resource)
        if isinstance(given, Selection):
            async with reading(server):
                session_ids, unknown = await _selected(sessions, given), 0
        else:
            session_ids, unknown = await _found(em, resource, given)
        total = len(session_ids) + unknown
        started = monotonic()
        hidden = scrolls_on_terminal(output)
        with (
            row_writer(
                output,
                columns,
                lambda: em.server_time,
                kind=SESSION_MODELS[resource],
            ) as write,
            bar("Fetching", len(session_ids), hidden=hidden) as step,
        ):
            errors = await _write_all(sessions.fetch(session_ids), write, step)
            if total == 1 and any(isinstance(error, NotFound) for error in errors):
                await refuse_job(em, session_ids[0])
            failed = len(errors) + unknown
        took = monotonic() - started
    say(
        f"{count(total, 'session')} in {seconds(took)} ({rate(total, took)}), "
        f"{failed:,} failed"
    )
    return Exit.ERROR if failed else Exit.DONE


async def _selected(sessions: Sessions, selection: Selection) -> list[str]:
    """The ids of the sessions that are meant: by one request where that is all."""
    if selection == Selection(kind=selection.kind):
        return [each.uid for each in await sessions.references()]
    with refusals_pointed_out(selection.typed):
        rows = selection.rows(sessions, order_by=None, limit=None)
        return [each.uid async for each in rows]


async def _found(
    em: EnterpriseManager, resource: Resource, texts: Sequence[str]
) -> tuple[list[str], int]:
    """The ids that *texts* mean, and how many of them mean none, which is told.

    Raises Refusal where one of them means several sessions.
    """
    finder = SessionFinder.of(em, resource)
    found, unknown = [], 0
    for text in texts:
        try:
            found.append(await finder.find(text))
        except (InvalidId, Refusal) as error:
            if exit_code_of(error) == Exit.USAGE and isinstance(error, Refusal):
                raise
            unknown += 1
            warn(f"{text}: {explain(error)}")
            for line in getattr(error, "more", ()):
                say(line)
    return found, unknown


async def _write_all(
    fetch: Fetch[Any], write: Write, step: Callable[[], object]
) -> list[VeeamError]:
    """Write the sessions as they arrive; the errors of those that could not be had."""
    errors = []
    async with fetch:
        async for fetched in fetch:
            step()
            if fetched.error is None:
                write(fetched.session)
            else:
                errors.append(fetched.error)
                warn(f"{fetched.id}: {explain(fetched.error)}")
    return errors
