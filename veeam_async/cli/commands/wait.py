"""Wait for the end of one session."""

from __future__ import annotations

from veeam_async import DeadlineExceeded, SessionResult, parse_id
from veeam_async.cli.exits import Exit, deadline_refusal, reason_of
from veeam_async.cli.interrupts import run_async
from veeam_async.cli.options import (
    NO_CONNECTION,
    Connection,
    Output,
    Resource,
    Server,
    sessions_of,
)
from veeam_async.cli.render.output import write_one
from veeam_async.cli.render.progress import spinner
from veeam_async.cli.render.streams import warn
from veeam_async.cli.render.words import AnySession


def wait(
    id: str,  # noqa: A002 - the library's term
    /,
    *,
    interval: float = 5.0,
    timeout: float | None = None,
    check: bool = True,
    resource: Resource = "backup",
    output: Output = None,
    connection: Connection = NO_CONNECTION,
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
    server = connection.server()
    session, reason = run_async(_wait(server, id, resource, interval, timeout))
    write_one(session, output)
    if not check or session.result != SessionResult.FAILED:
        return Exit.DONE
    warn(f"the session failed: {reason}")
    return Exit.SESSION_FAILED


async def _wait(
    server: Server,
    session_id: str,
    resource: Resource,
    interval: float,
    seconds: float | None,
) -> tuple[AnySession, str]:
    """The session that ended, and why it failed where it has."""
    async with server.connect() as em:
        sessions = sessions_of(em, resource)
        try:
            with spinner(f"Waiting for {session_id}"):
                session: AnySession = await sessions.wait(
                    session_id, timeout=seconds, interval=interval
                )
        except DeadlineExceeded as error:
            raise deadline_refusal(error, 1) from error
        return session, reason_of(em, session)
