"""Stop a session, after asking whether that is meant."""

from __future__ import annotations

import sys
from typing import Annotated

from cyclopts import Parameter

from veeam_async import BackupJobSession, NotFound, Task
from veeam_async.cli.connecting import logged_on
from veeam_async.cli.exits import Exit, Refusal
from veeam_async.cli.interrupts import run_async
from veeam_async.cli.names import SessionFinder, check_name, refuse_job
from veeam_async.cli.options import (
    NO_CONNECTION,
    ColumnNames,
    Connection,
    Output,
    Server,
)
from veeam_async.cli.render.called import as_called
from veeam_async.cli.render.output import write_one
from veeam_async.cli.render.progress import signs_of_life
from veeam_async.cli.render.rows import parse_columns
from veeam_async.cli.render.streams import is_asked_at_terminal, say
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
    columns: ColumnNames = None,
    connection: Connection = NO_CONNECTION,
) -> Exit:
    """Ask the server to stop a backup session. Needs a Portal Administrator.

    Asks first on a terminal; elsewhere --yes is needed. Shows the task in which the
    server does it.

    Example: `veeam-async stop 3f6a8c1e-52d7-4b90-a1c4-7d0e9b2f6a35`

    Example: `veeam-async stop "HR Systems" --yes`

    Args:
        id: The session's UUID, UID or Href, the beginning of its id, or a job's name:
            its session that runs, else its newest.
        yes: Do not ask.
        output: A table on a terminal, ndjson in a pipe.
        columns: The fields to show of the task, as in "task_id,state".
        connection: How to reach the server.
    """
    shown = parse_columns(columns, Task)
    check_name(id)
    if not yes and not is_asked_at_terminal():
        raise Refusal("stopping a session without a question needs --yes")
    server = connection.server()
    # The question stands between two event loops: in one, Ctrl-C would have to wait
    # for the thread that reads the answer.
    if not yes:
        session = run_async(_get(server, id))
        id = str(session.id)  # noqa: A001 - the library's term
        if not _is_confirmed(session):
            say("nothing was stopped")
            return Exit.ERROR
    session_id, task = run_async(_stop(server, id))
    write_one(task, output, shown)
    say(f"asked the server to stop it; its end: {as_called('wait', session_id)}")
    return Exit.DONE


def _is_confirmed(session: BackupJobSession) -> bool:
    """Whether the user says yes; a session that has ended needs no question."""
    if session.is_stopped:
        say(f"{title(session)} has already ended: {status(session)}")
        return False
    sys.stderr.write(f"Stop {title(session)} ({status(session)})? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


async def _get(server: Server, text: str) -> BackupJobSession:
    async with logged_on(server) as em:
        session_id = await SessionFinder.of(em, "backup").find(text)
        try:
            return await em.backup_sessions.get(session_id)
        except NotFound:
            await refuse_job(em, session_id)
            raise


async def _stop(server: Server, text: str) -> tuple[str, Task]:
    """Ask the server to stop the session that *text* means; its id, and the task."""
    async with (
        signs_of_life(f"Stopping {text}") as life,
        server.connect(on_request=life.on_request) as em,
    ):
        life.doing("looking for the session")
        session_id = await SessionFinder.of(em, "backup").find(text)
        life.doing("asking the server")
        try:
            return session_id, await em.backup_sessions.stop(session_id)
        except NotFound:
            await refuse_job(em, session_id)
            raise
