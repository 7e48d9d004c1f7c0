"""The command that fetches many sessions at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any

from veeam_async import Fetch
from veeam_async.cli.connection import Connection, Server
from veeam_async.cli.exits import Exit, explain
from veeam_async.cli.given import File, Ids, read_ids
from veeam_async.cli.output import (
    Format,
    Output,
    Put,
    is_streamed_to_terminal,
    rows,
)
from veeam_async.cli.progress import bar
from veeam_async.cli.resource import Resource, Sessions, sessions_of
from veeam_async.cli.screen import say, warn
from veeam_async.cli.words import count, rate, seconds

_NO_CONNECTION = Connection()


def fetch(
    *ids: Ids,
    file: File = None,
    resource: Resource = "backup",
    output: Output = None,
    connection: Connection = _NO_CONNECTION,
) -> Exit:
    """Fetch many sessions at once: the given ones, or all of the last 30 days.

    Ids that fail are told on standard error; the exit code is then 1.

    Example: `veeam-async fetch > sessions.ndjson`

    Example: `veeam-async query --state Working | veeam-async fetch -`

    Args:
        ids: UUIDs, UIDs or Hrefs; - reads them from standard input, one a line, or
            lines of JSON as this command prints them.
        file: A file that holds ids, in the same form.
        resource: The kind of session.
        output: A table on a terminal, ndjson in a pipe.
        connection: How to reach the server.
    """
    given = read_ids(ids, file) if ids or file else None
    return asyncio.run(_fetch(connection.server(), given, resource, output))


async def _fetch(
    server: Server,
    given: Sequence[str] | None,
    resource: Resource,
    output: Format | None,
) -> Exit:
    async with server.connect() as em:
        sessions = sessions_of(em, resource)
        ids = await _all(sessions) if given is None else given
        started = monotonic()
        hidden = is_streamed_to_terminal(output)
        with rows(output) as put, bar("Fetching", len(ids), hidden=hidden) as advance:
            failed = await _drain(sessions.fetch(ids), put, advance)
        took = monotonic() - started
    say(
        f"{count(len(ids), 'session')} in {seconds(took)} ({rate(len(ids), took)}), "
        f"{failed:,} failed"
    )
    return Exit.ERROR if failed else Exit.DONE


async def _all(sessions: Sessions) -> list[str]:
    return [reference.uid for reference in await sessions.references()]


async def _drain(fetch: Fetch[Any], put: Put, advance: Callable[[], object]) -> int:
    """Put out what comes; give how many did not."""
    failed = 0
    async with fetch:
        async for fetched in fetch:
            advance()
            if fetched.error is None:
                put(fetched.session)
            else:
                failed += 1
                warn(f"{fetched.id}: {explain(fetched.error)}")
    return failed
