"""Stop a session, after asking whether that is meant."""

from __future__ import annotations

import sys
from typing import Annotated

from cyclopts import Parameter

from veeam_async import BackupJobSession, Task, parse_id
from veeam_async.cli.exits import Exit, Refusal
from veeam_async.cli.interrupts import run_async
from veeam_async.cli.options import NO_CONNECTION, Connection, Output, Server
from veeam_async.cli.render.output import write_one
from veeam_async.cli.render.streams import say
from veeam_async.cli.render.text import status
from veeam_async.cli.render.words import title


def stop(
    id: str,  # noqa: A002 - the library's term
    /,
    *,
    yes: Annotated[
        bool, Parameter(name=["--yes", "-y"], negative="", show_default=False)
    ] = False,
    output: Output = None,
    connection: Connection = NO_CONNECTION,
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
    # The question stands between two event loops: in one, Ctrl-C would have to wait
    # for the thread that reads the answer.
    if not yes and not _is_confirmed(run_async(_get(server, id))):
        say("nothing was stopped")
        return Exit.ERROR
    write_one(run_async(_stop(server, id)), output)
    say(f"asked the server to stop it; its end: veeam-async wait {id}")
    return Exit.DONE


def _is_confirmed(session: BackupJobSession) -> bool:
    """Whether the user says yes; a session that has ended needs no question."""
    if session.is_stopped:
        say(f"{title(session)} has already ended: {status(session)}")
        return False
    sys.stderr.write(f"Stop {title(session)} ({status(session)})? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


async def _get(server: Server, session_id: str) -> BackupJobSession:
    async with server.connect() as em:
        return await em.backup_sessions.get(session_id)


async def _stop(server: Server, session_id: str) -> Task:
    async with server.connect() as em:
        return await em.backup_sessions.stop(session_id)
