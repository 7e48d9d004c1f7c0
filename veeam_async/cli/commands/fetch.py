"""Fetch many sessions at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any

from veeam_async import Fetch
from veeam_async.cli.exits import Exit, explain
from veeam_async.cli.inputs import read_ids
from veeam_async.cli.interrupts import run_async
from veeam_async.cli.options import (
    NO_CONNECTION,
    SESSION_MODELS,
    ColumnNames,
    Connection,
    File,
    Ids,
    Output,
    Resource,
    Server,
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


def fetch(
    *ids: Ids,
    file: File = None,
    resource: Resource = "backup",
    output: Output = None,
    columns: ColumnNames = None,
    connection: Connection = NO_CONNECTION,
) -> Exit:
    """Fetch many sessions at once: the given ones, or all of the last 30 days.

    Ids that fail are told on standard error; the exit code is then 1.

    Example: `veeam-async fetch > sessions.ndjson`

    Example: `veeam-async query --state Working | veeam-async fetch -`

    Args:
        ids: UUIDs, UIDs or Hrefs; - reads them from standard input, one a line, or
            JSON, lines of it or CSV as these commands print them.
        file: A file that holds ids, in the same form.
        resource: The kind of session.
        output: A table on a terminal, ndjson in a pipe.
        columns: The fields to show, as in id,job_name,state.
        connection: How to reach the server.
    """
    # An empty file is no wish for everything: only the absence of both is.
    session_ids = read_ids(ids, file) if ids or file else None
    shown = parse_columns(columns, SESSION_MODELS[resource])
    return run_async(_fetch(connection.server(), session_ids, resource, output, shown))


async def _fetch(
    server: Server,
    session_ids: Sequence[str] | None,
    resource: Resource,
    output: Format | None,
    columns: Columns,
) -> Exit:
    async with server.connect() as em:
        sessions = sessions_of(em, resource)
        if session_ids is None:
            session_ids = [each.uid for each in await sessions.references()]
        total = len(session_ids)
        started = monotonic()
        hidden = scrolls_on_terminal(output)
        with (
            row_writer(output, columns) as write,
            bar("Fetching", total, hidden=hidden) as step,
        ):
            failed = await _write_all(sessions.fetch(session_ids), write, step)
        took = monotonic() - started
    say(
        f"{count(total, 'session')} in {seconds(took)} ({rate(total, took)}), "
        f"{failed:,} failed"
    )
    return Exit.ERROR if failed else Exit.DONE


async def _write_all(
    fetch: Fetch[Any], write: Write, step: Callable[[], object]
) -> int:
    """Write the sessions as they arrive; returns how many could not be fetched."""
    failed = 0
    async with fetch:
        async for fetched in fetch:
            step()
            if fetched.error is None:
                write(fetched.session)
            else:
                failed += 1
                warn(f"{fetched.id}: {explain(fetched.error)}")
    return failed
