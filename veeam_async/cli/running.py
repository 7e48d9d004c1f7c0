"""The command that runs a job and follows the run to its end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Annotated, Any

import attrs
from cyclopts import Parameter

from veeam_async import (
    DeadlineExceeded,
    EnterpriseManager,
    F,
    HealthChanged,
    Id,
    InvalidId,
    JobRun,
    ReplicaJobSession,
    SessionChanged,
    SessionGone,
    StartUnconfirmed,
    VeeamError,
    parse_id,
)
from veeam_async.cli.board import Event
from veeam_async.cli.connection import Connection, Server
from veeam_async.cli.details import put_one
from veeam_async.cli.exits import Exit, Refusal, explain
from veeam_async.cli.following import is_live, show
from veeam_async.cli.output import Format, Output
from veeam_async.cli.screen import say, spinner, warn
from veeam_async.cli.status import AnySession
from veeam_async.cli.verdict import failed_by, reason
from veeam_async.cli.words import one_line
from veeam_async.deadlines import check_interval, check_seconds, in_spite_of_cancelling

_NO_CONNECTION = Connection()
_STOP_SECONDS = 10.0


def run(
    job: str,
    /,
    *,
    wait: bool = True,
    retries: bool = False,
    interval: float = 5.0,
    timeout: float | None = None,
    progress: bool = False,
    stop_on_interrupt: Annotated[bool, Parameter(negative="")] = False,
    output: Output = None,
    connection: Connection = _NO_CONNECTION,
) -> Exit:
    """Start a job, and follow its run to the end. Needs a Portal Administrator.

    The start is sent once. A live table on a terminal, a line per event elsewhere.
    Ctrl-C and --timeout end the following alone: the backup goes on.

    Exit code 3: it failed; 4: the time is up; 1: it was not started, or is gone.

    Example: `veeam-async run "Mail servers" --retries --timeout 14400`

    Args:
        job: The job's UUID, UID or Href, or else its name.
        wait: Whether to follow the run; else its session is shown as it begins.
        retries: Follow the server's own retries too: after a failure one is waited
            for, 15 minutes at most, and the last of them decides.
        interval: Seconds between two looks at the run.
        timeout: Seconds after which to give up following.
        progress: Tell of progress too, not only of states.
        stop_on_interrupt: Ask the server to stop the backup on Ctrl-C.
        output: A table on a terminal, ndjson in a pipe.
        connection: How to reach the server.
    """
    check_interval(interval)  # before the job is started, not after
    check_seconds(timeout=timeout)
    task = _Task(
        job=job,
        wait=wait,
        retries=retries,
        interval=interval,
        timeout=timeout,
        progress=progress,
        stop_on_interrupt=stop_on_interrupt,
        output=output,
    )
    return asyncio.run(_carry_out(connection.server(), task))


@attrs.frozen(kw_only=True)
class _Task:
    """What to run, and how to follow it."""

    job: str
    wait: bool
    retries: bool
    interval: float
    timeout: float | None
    progress: bool
    stop_on_interrupt: bool
    output: Format | None


async def _carry_out(server: Server, task: _Task) -> Exit:
    async with server.connect() as em:
        course = _Course(task, await _start(em, task.job))
        try:
            await (course.follow() if task.wait else course.begin())
        except asyncio.CancelledError:
            await in_spite_of_cancelling(course.leave())
            raise
        except DeadlineExceeded as error:
            what = f"the time is up; {course.outlook()}"
            raise Refusal(what, Exit.DEADLINE) from error
    return course.verdict()


async def _start(em: EnterpriseManager, text: str) -> JobRun:
    """Start the job; where no answer confirms that, the run is looked for."""
    job = await _job_of(em, text)
    try:
        run = await em.jobs.start(job)
    except StartUnconfirmed as error:
        why = one_line(str(error.__cause__)).rstrip(".")
        warn(f"the start was not confirmed: {why}; looking whether it was taken")
        return em.jobs.resume(error.checkpoint)
    except asyncio.CancelledError:
        warn("whether the job was started is not known")
        raise
    say(f"the server was asked to start {one_line(text)}")
    return run


async def _job_of(em: EnterpriseManager, text: str) -> Id:
    """Give the id that *text* is, or that of the one job of this name."""
    with suppress(InvalidId):
        return parse_id(text)
    found = [job async for job in em.jobs.query(F.name == text, limit=2)]
    if len(found) != 1:
        many = "more than one job is" if found else "no job is"
        raise Refusal(f"{many} called {one_line(text)}: give the job's id", Exit.ERROR)
    return found[0].id


@attrs.define
class _Course:
    """How *run* goes; *last* is the last event of a session of it."""

    task: _Task
    run: JobRun
    last: SessionChanged[Any] | SessionGone[Any] | None = None

    async def follow(self) -> None:
        """Show what becomes of it."""
        async with aclosing(self._events()) as events:
            await show(events, self.task.output, progress=self.task.progress)

    async def begin(self) -> None:
        """Show its session."""
        async with aclosing(self._events()) as events:
            with spinner("Waiting for its session"):
                while self.last is None:
                    await anext(events)
        if self.last.session is not None:
            put_one(self.last.session, self.task.output)
            say(f"its end: {self._wait(self.last.id)}")

    async def leave(self) -> None:
        """Say what becomes of a run that is not followed any more."""
        if not self.task.stop_on_interrupt:
            say(self.outlook())
            return
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                await self.run.stop()
        except (VeeamError, TimeoutError) as error:
            why = explain(error) or "no answer came"
            warn(f"the run may not have been stopped: {why}")
        except asyncio.CancelledError:
            warn("whether the run was stopped is not known")
            raise
        else:
            say("the server was asked to stop the run")

    def outlook(self) -> str:
        """Say what comes next, though nobody waits for it here."""
        if self._failed is not None:
            return "the run failed, and the server may try again"
        one = self.last.id if self.last else self.run.session_id
        if one is None:
            return "the run may go on: no session of it was shown yet"
        return f"the run goes on: {self._wait(one)}"

    def verdict(self) -> Exit:
        """Say how it ended, and give the exit code for it."""
        if isinstance(self.last, SessionGone):
            warn("the server does not know the run's session any more")
            return Exit.ERROR
        if self._failed is None:
            return Exit.DONE
        warn(f"the run failed: {reason(self._failed)}")
        return Exit.SESSION_FAILED

    async def _events(self) -> AsyncGenerator[Event, None]:
        """Give the events of the run; say why none may come for a while."""
        watch = self.run.watch(
            retries=self.task.retries,
            progress=self.task.progress or is_live(self.task.output),
            interval=self.task.interval,
            timeout=self.task.timeout,
        )
        async with aclosing(watch) as events:
            async for event in events:
                if not isinstance(event, HealthChanged):
                    self.last = event
                yield event
                if self.task.retries and self._failed is not None:
                    say("it failed; the server may try again within 15 minutes")

    @property
    def _failed(self) -> AnySession | None:
        """The last session, where it has ended as Failed."""
        return None if self.last is None else failed_by(self.last)

    def _wait(self, one: object) -> str:
        """Give the command that waits for the end of session *one*."""
        is_replica = self.run.to_dict()["kind"] == ReplicaJobSession.__name__
        return f"veeam-async wait {one}" + " --resource replica" * is_replica
