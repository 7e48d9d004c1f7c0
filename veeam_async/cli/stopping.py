"""The command that stops a session, after asking whether it is meant."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated

from cyclopts import Parameter

from veeam_async import BackupJobSession, Task, parse_id
from veeam_async.cli.connection import Connection, Server
from veeam_async.cli.details import put_one
from veeam_async.cli.exits import Exit, Refusal
from veeam_async.cli.output import Output
from veeam_async.cli.screen import say
from veeam_async.cli.status import status, title

_NO_CONNECTION = Connection()


def stop(
    id: str,  # noqa: A002 - the library's term
    /,
    *,
    yes: Annotated[
        bool, Parameter(name=["--yes", "-y"], negative="", show_default=False)
    ] = False,
    output: Output = None,
    connection: Connection = _NO_CONNECTION,
) -> Exit:
    """Ask the server to stop a backup session. Needs a Portal Administrator.

    Asks first on a terminal; elsewhere --yes is needed. Shows the task in which the
    server does it.

    Example: `veeam-async stop 3f6a8c1e-52d7-4b90-a1c4-7d0e9b2f6a35`

    Args:
        id: The session's UUID, UID or Href.
        yes: Do not ask.
        output: A table on a terminal, ndjson in a pipe.
        connection: How to reach the server.
    """
    parse_id(id)
    if not yes and not sys.stdin.isatty():
        raise Refusal("stopping a session without a question needs --yes")
    server = connection.server()
    if not yes and not _is_meant(asyncio.run(_look(server, id))):
        say("nothing was stopped")
        return Exit.ERROR
    put_one(asyncio.run(_stop(server, id)), output)
    say(f"asked the server to stop it; its end: veeam-async wait {id}")
    return Exit.DONE


async def _look(server: Server, one: str) -> BackupJobSession:
    async with server.connect() as em:
        return await em.backup_sessions.get(one)


def _is_meant(session: BackupJobSession) -> bool:
    """Ask outside of the event loop, so that Ctrl-C ends the question at once."""
    if session.is_stopped:
        say(f"{title(session)} has already ended: {status(session)}")
        return False
    sys.stderr.write(f"Stop {title(session)} ({status(session)})? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


async def _stop(server: Server, one: str) -> Task:
    async with server.connect() as em:
        return await em.backup_sessions.stop(one)
