"""Wait for the end of sessions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from veeam_async import (
    DeadlineExceeded,
    EventKind,
    HealthChanged,
    SessionGone,
    SessionResult,
    Watch,
)
from veeam_async.cli.exits import Exit, Refusal, deadline_refusal, reason_of
from veeam_async.cli.inputs import read_ids
from veeam_async.cli.interrupts import run_async
from veeam_async.cli.names import SessionFinder, check_name, refuse_job
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
from veeam_async.cli.render.last_answer import looks_of
from veeam_async.cli.render.output import row_writer, write_one
from veeam_async.cli.render.progress import Life, signs_of_life
from veeam_async.cli.render.rows import parse_columns
from veeam_async.cli.render.streams import say, warn
from veeam_async.cli.render.words import AnySession, count, health_news


def wait(
    *ids: Ids,
    file: File = None,
    interval: float = 5.0,
    timeout: float | None = None,
    check: bool = True,
    resource: Resource = "backup",
    output: Output = None,
    columns: ColumnNames = None,
    connection: Connection = NO_CONNECTION,
) -> Exit:
    """Wait until a session is Stopped, and show it then.

    A terminal shows meanwhile how far it is, and since when the server does not answer.

    Exit code 3: it failed; 4: the time is up; 1: the server does not know it. Of
    several each is waited for.

    Example: `veeam-async wait 3f6a8c1e-52d7-4b90-a1c4-7d0e9b2f6a35 --timeout 3600`

    Example: `veeam-async wait "HR Systems" --timeout 3600`

    Args:
        ids: The session's UUID, UID or Href, the beginning of its id, or a job's name:
            its session that runs, else its newest; - reads it from standard input, one
            a line, or JSON, lines of it or CSV as these commands print them.
        file: A file that holds ids, in the same form.
        interval: Seconds between two looks at it.
        timeout: Seconds after which to give up.
        check: Whether a session that failed is exit code 3.
        resource: The kind of session.
        output: A table on a terminal, ndjson in a pipe.
        columns: The fields to show, as in "id,job_name,state".
        connection: How to reach the server.
    """
    if not ids and file is None:
        raise Refusal("no session is given: wait takes its id (see --help)")
    session_ids = read_ids(ids, file)
    for session_id in session_ids:
        check_name(session_id)
    shown = parse_columns(columns, SESSION_MODELS[resource])
    if not session_ids:
        say("there are no ids to wait for")
        return Exit.DONE
    server = connection.server()
    ended, gone = run_async(_wait(server, session_ids, resource, interval, timeout))
    if len(ended) == 1:
        write_one(ended[0][0], output, shown)
    else:
        with row_writer(output, shown, kind=SESSION_MODELS[resource]) as write:
            for session, _ in ended:
                write(session)
    judged = _judge(ended) if check else Exit.DONE
    return Exit.ERROR if gone and judged is Exit.DONE else judged


def _judge(ended: Sequence[tuple[AnySession, str]]) -> Exit:
    """Say which sessions failed, and why; the exit code."""
    failed = [each for each in ended if each[0].result == SessionResult.FAILED]
    for session, reason in failed:
        what = "the session" if len(ended) == 1 else f"session {session.id}"
        warn(f"{what} failed: {reason}")
    return Exit.SESSION_FAILED if failed else Exit.DONE


async def _wait(
    server: Server,
    session_ids: Sequence[str],
    resource: Resource,
    interval: float,
    seconds: float | None,
) -> tuple[list[tuple[AnySession, str]], int]:
    """The sessions that ended, each with the reason why it failed where it has.

    And how many of several the server does not know, which is told. Raises NotFound
    where it does not know the only one.
    """
    total = len(session_ids)
    what = session_ids[0] if total == 1 else count(total, "session")
    async with (
        signs_of_life(f"Waiting for {what}") as life,
        server.connect(on_request=life.on_request) as em,
    ):
        found = await SessionFinder.of(em, resource).find_all(session_ids)
        session_ids = list(dict.fromkeys(found))
        total = len(session_ids)
        watch = sessions_of(em, resource).watch(
            session_ids,
            interval=interval,
            timeout=seconds,
            # One that is unknown was mistyped: as in `JobSessions.wait`.
            appear_within=0.0,
            progress=life.is_drawn,
        )
        life.follow(
            looks_of(watch), interval, lambda: em.server_time, server.request_timeout
        )
        try:
            ended = await _ends_of(watch, life, total)
        except DeadlineExceeded as error:
            raise deadline_refusal(error, total) from error
        if not ended and total == 1:
            await refuse_job(em, session_ids[0])
            raise Refusal(
                f"the server does not know session {session_ids[0]} (any more)",
                Exit.ERROR,
            )
        return [(session, reason_of(em, session)) for session in ended], total - len(
            ended
        )


async def _ends_of(watch: Watch[Any], life: Life, total: int) -> list[AnySession]:
    """The sessions of *watch*, *total* of them, as far as the server knows their end.

    *life* is told how it goes on.
    """
    ended: list[AnySession] = []
    async with watch:
        async for event in watch:
            if isinstance(event, HealthChanged):
                say(health_news(event))
            elif isinstance(event, SessionGone):
                if total > 1:
                    warn(f"the server does not know session {event.id} (any more)")
            else:
                if event.kind is EventKind.STOPPED:
                    ended.append(event.session)
                if total == 1:
                    life.saw(event.session)
                else:
                    life.ended(len(ended), total)
    return ended
