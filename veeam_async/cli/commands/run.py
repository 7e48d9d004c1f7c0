"""Run a job, and follow the run to its end."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Annotated, Any

import attrs
from cyclopts import Parameter

from veeam_async import (
    DeadlineExceeded,
    EnterpriseManager,
    EventKind,
    HealthChanged,
    JobRun,
    ReplicaJobSession,
    SessionChanged,
    SessionGone,
    StartUnconfirmed,
    VeeamError,
)
from veeam_async.cli.exits import Exit, Refusal, explain, reason_of
from veeam_async.cli.interrupts import run_async
from veeam_async.cli.names import find_job
from veeam_async.cli.options import (
    NO_CONNECTION,
    SESSION_MODELS,
    ColumnNames,
    Connection,
    Output,
    Server,
)
from veeam_async.cli.pipeline import failed_session
from veeam_async.cli.render.called import as_called
from veeam_async.cli.render.contact import Contact
from veeam_async.cli.render.events import event_columns, is_live, show_events
from veeam_async.cli.render.last_answer import looks_of_run
from veeam_async.cli.render.live import Surroundings
from veeam_async.cli.render.output import Columns, Format, write_one
from veeam_async.cli.render.progress import Life, signs_of_life
from veeam_async.cli.render.rows import parse_columns
from veeam_async.cli.render.streams import say, warn
from veeam_async.cli.render.words import (
    AnySession,
    Event,
    health_news,
    one_line,
    outage,
    why,
)
from veeam_async.deadlines import check_interval, check_seconds, in_spite_of_cancelling

# A user who has pressed Ctrl-C waits no longer than this for the stop to be answered.
_STOP_SECONDS = 10.0

# As in a watch: a server that restarts is no news.
_PATIENCE_SECONDS = 60.0


def run(
    job: str,
    /,
    *,
    wait: bool = True,
    retries: bool = False,
    interval: float = 5.0,
    gone_after: float = 300.0,
    timeout: float | None = None,
    progress: bool = False,
    stop_on_interrupt: Annotated[bool, Parameter(negative="")] = False,
    output: Output = None,
    columns: ColumnNames = None,
    connection: Connection = NO_CONNECTION,
) -> Exit:
    """Start a job, and follow its run to the end. Needs a Portal Administrator.

    The start is sent once. A live table on a terminal, a line per event elsewhere.
    Ctrl-C and --timeout end the following alone: the backup goes on.

    Exit code 3: it failed; 4: the time is up; 1: it was not started, or is gone.

    Example: `veeam-async run "HR Systems" --retries --timeout 14400`

    Args:
        job: The job's UUID, UID or Href, the beginning of its id, or else its name.
        wait: Whether to follow the run; else its session is shown as it begins.
        retries: Follow the server's own retries too: after a failure one is waited
            for, 15 minutes at most, and the last of them decides.
        interval: Seconds between two looks at the run.
        gone_after: Seconds that the run may be unknown to the server before it is gone.
        timeout: Seconds after which to give up following.
        progress: Tell of progress too, not only of states.
        stop_on_interrupt: Ask the server to stop the backup on Ctrl-C.
        output: A table on a terminal, ndjson in a pipe.
        columns: The fields to show in JSON and CSV, as in "kind,id,job_name,state".
        connection: How to reach the server.
    """
    # The watch would check them too, but only after the job was started.
    check_interval(interval)
    check_seconds(timeout=timeout, gone_after=gone_after)
    options = _Options(
        wait=wait,
        retries=retries,
        interval=interval,
        gone_after=gone_after,
        timeout=timeout,
        progress=progress,
        stop_on_interrupt=stop_on_interrupt,
        output=output,
        columns=_columns(columns, output, wait=wait),
    )
    return run_async(_run(connection.server(), job, options))


@attrs.frozen(kw_only=True)
class _Options:
    """How to follow a run."""

    wait: bool
    retries: bool
    interval: float
    gone_after: float
    timeout: float | None
    progress: bool
    stop_on_interrupt: bool
    output: Format | None
    columns: Columns


def _columns(text: str | None, output: Format | None, *, wait: bool) -> Columns:
    """The columns of the events that are followed, else of the session that began."""
    kinds = SESSION_MODELS["backup"], SESSION_MODELS["replica"]
    if wait:
        return event_columns(text, output, *kinds)
    return parse_columns(text, *kinds)


async def _run(server: Server, job: str, options: _Options) -> Exit:
    async with AsyncExitStack() as stack:
        async with signs_of_life(f"Starting {job}") as life:
            em = server.connect(on_request=life.on_request)
            await stack.enter_async_context(em)
            begun = await _start(em, job, life)
            follower = _RunFollower(em, options, begun, grace=server.request_timeout)
        try:
            if options.wait:
                await follower.follow()
            else:
                await follower.show_first_session()
        except asyncio.CancelledError:
            # Whoever is cancelled once more still learns whether the run was stopped.
            await in_spite_of_cancelling(follower.leave())
            raise
        except DeadlineExceeded as error:
            what = f"the time is up; {follower.outlook()}"
            raise Refusal(what, Exit.DEADLINE) from error
    return follower.conclude()


async def _start(em: EnterpriseManager, job: str, life: Life) -> JobRun:
    """Start the job; where no answer confirms that, the run is looked for."""
    life.doing("looking for the job")
    job_id = await find_job(em, job)
    life.doing("asking the server to start it")
    try:
        run = await em.jobs.start(job_id)
    except StartUnconfirmed as error:
        # Not sent again: the server may have taken it, and would start a second run.
        reason = one_line(str(error.__cause__)).rstrip(".")
        warn(f"the start was not confirmed: {reason}; looking whether it was taken")
        return em.jobs.resume(error.checkpoint)
    except asyncio.CancelledError:
        warn("whether the job was started is not known")
        raise
    say(f"the server was asked to start {one_line(job)}")
    return run


def _is_long_ago(time: datetime, interval: float) -> bool:
    seconds = (datetime.now(UTC) - time).total_seconds()
    return seconds > max(_PATIENCE_SECONDS, 2 * interval)


@attrs.define
class _RunFollower:
    """Follows *run*; *last* is the last event of one of its sessions so far.

    An answer that is *grace* seconds late is missed. *silent_since* is since when the
    server has not answered, where that was told.
    """

    em: EnterpriseManager
    options: _Options
    run: JobRun
    last: SessionChanged[Any] | SessionGone[Any] | None = None
    silent_since: datetime | None = None
    grace: float = attrs.field(kw_only=True)

    async def follow(self) -> None:
        """Follow the run to its end, showing its events."""
        surroundings = Surroundings(
            contact=Contact(
                looks_of_run(self.run), interval=self.options.interval, grace=self.grace
            ),
            server_time=lambda: self.em.server_time,
            waiting_for=lambda: "waiting for the server to show the run's session",
        )
        # A line on a terminal to which events are written would be in their way.
        async with (
            self._life(hidden=sys.stdout.isatty()) as life,
            aclosing(self._seen_by(life)) as events,
        ):
            await show_events(
                events,
                self.options.output,
                progress=self.options.progress,
                columns=self.options.columns,
                surroundings=surroundings,
            )

    async def show_first_session(self) -> None:
        """Wait for the run's session, print it, and say how to come back to it."""
        async with aclosing(self._events()) as events, self._life():
            while self.last is None:
                await anext(events)
        if self.last.session is not None:
            write_one(self.last.session, self.options.output, self.options.columns)
            say(f"its end: {self._wait_command(self.last.id)}")

    @asynccontextmanager
    async def _life(self, *, hidden: bool = False) -> AsyncIterator[Life]:
        """Show during the block, on one line, how it goes with the run."""
        async with signs_of_life(
            "Waiting for the run's session", hidden=hidden
        ) as life:
            looks = looks_of_run(self.run)
            life.follow(
                looks, self.options.interval, lambda: self.em.server_time, self.grace
            )
            yield life

    async def _seen_by(self, life: Life) -> AsyncGenerator[Event, None]:
        """Yield the run's events; *life* sees its sessions."""
        async with aclosing(self._events(progress=life.is_drawn)) as events:
            async for event in events:
                if isinstance(event, SessionChanged):
                    life.saw(event.session)
                if self._wants_progress or event.kind is not EventKind.PROGRESSED:
                    yield event

    async def leave(self) -> None:
        """Stop the run where that was asked for, else say what becomes of it."""
        if not self.options.stop_on_interrupt:
            say(self.outlook())
            return
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                await self.run.stop()
        except (VeeamError, TimeoutError) as error:
            reason = explain(error) or "no answer came"
            warn(f"the run may not have been stopped: {reason}")
        except asyncio.CancelledError:
            warn("whether the run was stopped is not known")
            raise
        else:
            say("the server was asked to stop the run")

    def outlook(self) -> str:
        """What the server does next, though nobody waits for it here."""
        # 1. Failed, and --retries was given: the end of this session is not the run's.
        if self._failed is not None:
            return "the run failed, and the server may try again"
        # 2. No session was shown yet, so that there is nothing to come back to.
        session_id = self.last.id if self.last else self.run.session_id
        if session_id is None:
            return "the run may go on: no session of it was shown yet"
        # 3. The session runs.
        return f"the run goes on: {self._wait_command(session_id)}"

    def conclude(self) -> Exit:
        """Say how the run ended, where that is not well; its exit code."""
        if isinstance(self.last, SessionGone):
            warn("the server does not know the run's session any more")
            return Exit.ERROR
        if self._failed is None:
            return Exit.DONE
        warn(f"the run failed: {reason_of(self.em, self._failed)}")
        return Exit.SESSION_FAILED

    async def _events(self, *, progress: bool = False) -> AsyncGenerator[Event, None]:
        """Yield the run's events; between retries, say why none comes for a while."""
        watch = self.run.watch(
            retries=self.options.retries,
            progress=progress or self._wants_progress,
            interval=self.options.interval,
            gone_after=self.options.gone_after,
            timeout=self.options.timeout,
        )
        async with aclosing(watch) as events, self._silence_told():
            async for event in events:
                if isinstance(event, HealthChanged):
                    say(health_news(event))
                else:
                    self.last = event
                self._check_silence()
                yield event
                if self.options.retries and self._failed is not None:
                    say("it failed; the server may try again within 15 minutes")

    @asynccontextmanager
    async def _silence_told(self) -> AsyncIterator[None]:
        """Say within the block where looks for a session are not answered for long."""
        telling = asyncio.create_task(self._tell_silence())
        try:
            yield
        finally:
            telling.cancel()
            with suppress(asyncio.CancelledError):
                await telling

    async def _tell_silence(self) -> None:
        while True:
            await asyncio.sleep(_PATIENCE_SECONDS / 60)
            self._check_silence()

    def _check_silence(self) -> None:
        since = self.run.last_look
        if self.silent_since is not None and since > self.silent_since:
            say("the server answers again")
            self.silent_since = None
        is_long = self._is_searching and _is_long_ago(since, self.options.interval)
        if self.silent_since or not is_long:
            return
        say(f"{outage('server', since)}{why(self.run.last_error)}; looking on")
        self.silent_since = since

    @property
    def _wants_progress(self) -> bool:
        """True where progress is shown: a live table has bars."""
        return self.options.progress or is_live(self.options.output)

    @property
    def _is_searching(self) -> bool:
        """Whether no watch, whose events tell of it, looks at a session now."""
        return self.last is None or self._failed is not None

    @property
    def _failed(self) -> AnySession | None:
        """The last session, where it has ended with Failed."""
        return None if self.last is None else failed_session(self.last)

    def _wait_command(self, session_id: object) -> str:
        """The command that waits for the end of a session of this run."""
        is_replica = self.run.to_dict()["kind"] == ReplicaJobSession.__name__
        options = ("--resource", "replica") if is_replica else ()
        return as_called("wait", str(session_id), *options)
