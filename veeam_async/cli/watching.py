"""The commands that follow sessions to their end: watch and wait."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import attrs

from veeam_async import DeadlineExceeded, SessionResult, Watch, parse_id
from veeam_async.cli.board import GONE, Board
from veeam_async.cli.connection import Connection, Server
from veeam_async.cli.details import put_one
from veeam_async.cli.exits import Exit, Refusal
from veeam_async.cli.following import follow, follow_rows
from veeam_async.cli.given import File, Ids, read_ids
from veeam_async.cli.output import Format, Output, chosen, rows
from veeam_async.cli.resource import Resource, Sessions, sessions_of
from veeam_async.cli.screen import err, out, say, warn
from veeam_async.cli.status import AnySession, summary
from veeam_async.cli.words import count, one_line

_NO_CONNECTION = Connection()
_RUNNING = 'State!="Stopped"'
_NAMED = 3


def watch(
    *ids: Ids,
    file: File = None,
    interval: float = 5.0,
    progress: bool = False,
    timeout: float | None = None,
    resource: Resource = "backup",
    output: Output = None,
    connection: Connection = _NO_CONNECTION,
) -> Exit:
    """Watch sessions until each is Stopped: the given ones, or all that run now.

    A live table on a terminal, a line per event elsewhere. Ending the watch stops no
    backup. Exit code 3: a session failed; 1: one is gone; 4: the time is up.

    Example: `veeam-async watch --interval 10`

    Args:
        ids: UUIDs, UIDs or Hrefs; - reads them from standard input, one a line.
        file: A file that holds ids, in the same form.
        interval: Seconds between two looks at a session.
        progress: Tell of progress too, not only of states.
        timeout: Seconds after which to give up.
        resource: The kind of session.
        output: A table on a terminal, ndjson in a pipe.
        connection: How to reach the server.
    """
    given = read_ids(ids, file) if ids or file else None
    for one in given or ():
        parse_id(one)
    server = connection.server()
    looking = _Looking(interval=interval, progress=progress, timeout=timeout)
    return asyncio.run(_watch(server, given, resource, output, looking))


@attrs.frozen(kw_only=True)
class _Looking:
    """How to look."""

    interval: float
    progress: bool
    timeout: float | None


async def _watch(
    server: Server,
    given: Sequence[str] | None,
    resource: Resource,
    output: Format | None,
    looking: _Looking,
) -> Exit:
    async with server.connect() as em:
        sessions = sessions_of(em, resource)
        ids = await _running(sessions) if given is None else given
        if not ids:
            say("no session runs now")
            return Exit.DONE
        events = sessions.watch(
            ids,
            interval=looking.interval,
            progress=looking.progress or _is_live(output),
            timeout=looking.timeout,
        )
        try:
            board = await _follow(events, output, looking.progress)
        except DeadlineExceeded as error:
            raise _late(error, len(ids)) from error
    return _verdict(board)


async def _running(sessions: Sessions) -> list[str]:
    return [session.uid async for session in sessions.query(_RUNNING)]


def _is_live(output: Format | None) -> bool:
    """Tell whether there will be a table with bars in it."""
    return chosen(output) == "table" and out().is_interactive


async def _follow(
    events: Watch[Any],
    output: Format | None,
    progress: bool,  # noqa: FBT001 - private
) -> Board:
    if chosen(output) == "table":
        return await follow(events, out(), progress=progress)
    with rows(output) as put:
        return await follow_rows(events, put)


def _late(error: DeadlineExceeded, total: int) -> Refusal:
    named = ", ".join(str(one) for one in error.active[:_NAMED])
    more = ", …" if error.active[_NAMED:] else ""
    return Refusal(
        f"the time is up: {len(error.active):,} of {count(total, 'session')} had not "
        f"ended: {named}{more}",
        Exit.DEADLINE,
    )


def _verdict(board: Board) -> Exit:
    """Say how it ended, and give the exit code that tells the worst of it."""
    say(f"{count(board.total, 'session')}: {summary(board.counts)}")
    if SessionResult.FAILED in board.counts:
        return Exit.SESSION_FAILED
    return Exit.ERROR if GONE in board.counts else Exit.DONE


def wait(
    id: str,  # noqa: A002 - the library's term
    /,
    *,
    interval: float = 5.0,
    timeout: float | None = None,
    check: bool = True,
    resource: Resource = "backup",
    output: Output = None,
    connection: Connection = _NO_CONNECTION,
) -> Exit:
    """Wait until a session is Stopped, and show it then.

    Exit code 3: it failed; 4: the time is up; 1: the server does not know it.

    Example: `veeam-async wait 3f6a8c1e-52d7-4b90-a1c4-7d0e9b2f6a35 --timeout 3600`

    Args:
        id: The session's UUID, UID or Href.
        interval: Seconds between two looks at it.
        timeout: Seconds after which to give up.
        check: Whether a session that failed is exit code 3.
        resource: The kind of session.
        output: A table on a terminal, ndjson in a pipe.
        connection: How to reach the server.
    """
    parse_id(id)
    looking = _Looking(interval=interval, progress=False, timeout=timeout)
    server = connection.server()
    session = asyncio.run(_wait(server, id, resource, looking))
    put_one(session, output)
    if not check or session.result != SessionResult.FAILED:
        return Exit.DONE
    warn(
        f"the session failed: {one_line(session.failure_message or 'no reason given')}"
    )
    return Exit.SESSION_FAILED


async def _wait(
    server: Server, one: str, resource: Resource, looking: _Looking
) -> AnySession:
    async with server.connect() as em:
        sessions = sessions_of(em, resource)
        try:
            with _spinner(f"Waiting for {one}"):
                session: AnySession = await sessions.wait(
                    one, timeout=looking.timeout, interval=looking.interval
                )
        except DeadlineExceeded as error:
            raise _late(error, 1) from error
        return session


def _spinner(text: str) -> AbstractContextManager[object]:
    screen = err()
    return screen.status(text) if screen.is_interactive else nullcontext()
