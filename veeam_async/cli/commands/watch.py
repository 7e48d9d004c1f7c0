"""Watch sessions: the given ones, or everything."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from pathlib import Path
from typing import Annotated, Any

import attrs
from cyclopts import Parameter

from veeam_async import DeadlineExceeded, EnterpriseManager, Watch
from veeam_async.cli.commands.replay import RecordLine, recording_to
from veeam_async.cli.connecting import logged_on
from veeam_async.cli.exits import Exit, Refusal, conclude, deadline_refusal
from veeam_async.cli.filter_text import refusals_pointed_out
from veeam_async.cli.inputs import read_ids
from veeam_async.cli.interrupts import run_async
from veeam_async.cli.names import SessionFinder, check_name
from veeam_async.cli.options import (
    NO_CONNECTION,
    SESSION_MODELS,
    ColumnNames,
    Connection,
    File,
    Ids,
    Jobs,
    Output,
    Resource,
    Server,
    Sessions,
    Where,
    sessions_of,
)
from veeam_async.cli.own_files import OwnCheckpointFile
from veeam_async.cli.pipeline import (
    Checkpoint,
    EventHook,
    EventPipeline,
    saving_checkpoint,
)
from veeam_async.cli.render.contact import Contact
from veeam_async.cli.render.events import event_columns, is_live, show_events
from veeam_async.cli.render.last_answer import looks_of
from veeam_async.cli.render.live import Surroundings
from veeam_async.cli.render.output import Columns, Format
from veeam_async.cli.render.streams import say
from veeam_async.cli.render.words import count
from veeam_async.cli.selection import Selection
from veeam_async.watch.polling.request import Strategy


def watch(
    *ids: Ids,
    file: File = None,
    where: Where = None,
    job: Jobs = None,
    interval: float = 5.0,
    strategy: Strategy = "auto",
    progress: bool = False,
    until_failed: Annotated[bool, Parameter(negative="")] = False,
    gone_after: float = 300.0,
    timeout: float | None = None,
    checkpoint: Path | None = None,
    exec: str | None = None,  # noqa: A002 - what everybody calls it
    record: Path | None = None,
    resource: Resource = "backup",
    output: Output = None,
    columns: ColumnNames = None,
    connection: Connection = NO_CONNECTION,
) -> Exit:
    """Watch sessions: those given, until each is Stopped, or else everything.

    Everything is what runs now or starts later. Such a watch ends by Ctrl-C or after
    --timeout, which is no error then: it is exit code 4 only where ids were given.

    A live table on a terminal, a line per event elsewhere. Ending the watch stops no
    backup. Exit code 3: a session failed; 1: one is gone; 4: the time is up.

    Example: `veeam-async watch --interval 10`

    Example: `veeam-async watch --job "HR*" --job "SAP HANA" --until-failed`

    Args:
        ids: UUIDs, UIDs or Hrefs, beginnings of ids, or names of jobs: the session that
            runs, else the newest; - reads them from standard input, one a line, or
            JSON, lines of it or CSV as these commands print them.
        file: A file that holds ids, in the same form.
        where: Which sessions, without ids: a filter in the server's own grammar.
        job: The same by the names of jobs; * stands for anything, in any case. More
            than once: any of them.
        interval: Seconds between two looks at a session.
        strategy: How to look: get asks for each session, query for all in one list.
        progress: Tell of progress too, not only of states.
        until_failed: End with exit code 3 as soon as a session has failed.
        gone_after: Seconds that a session which was seen may be unknown to the server
            before it is gone: one that restarts knows none for a while.
        timeout: Seconds after which to end.
        checkpoint: A file to go on from where it exists, and to keep up to date.
        exec: A command to run for each event, one after another, without a shell. It
            gets the event as JSON on standard input, and no VEEAM_PASSWORD (but
            VEEAM_PASSWORD_FILE); what it prints goes to standard error.
        record: A file to write into what the watch sees, for `veeam-async replay`: a
            short line for each look at a session, so it grows. None but its owner can
            read it, nor that of --checkpoint.
        resource: The kind of session.
        output: A table on a terminal, ndjson in a pipe.
        columns: The fields to show in JSON and CSV, as in "kind,id,job_name,state".
        connection: How to reach the server.
    """
    session_ids = read_ids(ids, file) if ids or file else None
    for session_id in session_ids or ():
        check_name(session_id)
    selection = Selection.parse(SESSION_MODELS[resource], typed=(where,), jobs=job)
    if session_ids is not None and (where or job):
        option = "--where" if where else "--job"
        raise Refusal(f"{option} is for a watch of everything: give no ids with it")
    if session_ids == []:
        # A query that found nothing, in a pipe: it is not to become everything.
        say("there are no ids to watch")
        return Exit.DONE
    options = _Options(
        session_ids=session_ids,
        selection=selection,
        interval=interval,
        strategy=strategy,
        progress=progress,
        until_failed=until_failed,
        gone_after=gone_after,
        timeout=timeout,
        checkpoint_file=None if checkpoint is None else OwnCheckpointFile(checkpoint),
        hook=None if exec is None else EventHook.parse(exec),
        resource=resource,
        output=output,
        columns=event_columns(columns, output, SESSION_MODELS[resource]),
    )
    server = connection.server()
    with recording_to(record) as record_line:
        return run_async(_watch(server, options, record_line))


@attrs.frozen(kw_only=True)
class _Options:
    """What to watch, and how; *session_ids* is None for everything."""

    session_ids: list[str] | None
    selection: Selection
    interval: float
    strategy: Strategy
    progress: bool
    until_failed: bool
    gone_after: float
    timeout: float | None
    checkpoint_file: OwnCheckpointFile | None
    hook: EventHook | None
    resource: Resource
    output: Format | None
    columns: Columns

    async def found(self, em: EnterpriseManager) -> _Options:
        """Make the same with the ids that were meant, be it by the names of jobs."""
        if self.session_ids is None:
            return self
        finder = SessionFinder.of(em, self.resource)
        return attrs.evolve(self, session_ids=await finder.find_all(self.session_ids))

    def open_watch(
        self,
        sessions: Sessions,
        saved: Checkpoint | None,
        record: RecordLine | None,
    ) -> Watch[Any]:
        """Open a watch anew, or from the checkpoint *saved*."""
        is_new = saved is None
        watch: Watch[Any] = sessions.watch(
            self.session_ids if is_new else None,
            where=self.selection.where if is_new else None,
            gone_after=self.gone_after,
            interval=self.interval,
            strategy=self.strategy,
            # A live table has bars to move, though its user wants no lines of progress.
            progress=self.progress or is_live(self.output),
            timeout=self.timeout,
            resume=saved,
            record=record,
        )
        if not is_new:
            # Ids that the checkpoint does not know yet; of others it knows more.
            for session_id in self.session_ids or ():
                watch.add(session_id)
        return watch


async def _watch(
    server: Server, options: _Options, record_line: RecordLine | None
) -> Exit:
    saved = await _load_checkpoint(options)
    async with (
        logged_on(server) as em,
        (await options.found(em)).open_watch(
            sessions_of(em, options.resource), saved, record_line
        ) as watch,
        saving_checkpoint(watch, options.checkpoint_file) as saver,
    ):
        pipeline = EventPipeline(
            endless=options.session_ids is None,
            until_failed=options.until_failed,
            progress=options.progress,
            hook=options.hook,
            saver=saver,
            wanted=options.selection.takes_event,
        )
        total = len(watch.active)
        surroundings = Surroundings(
            contact=Contact(
                looks_of(watch), interval=options.interval, grace=server.request_timeout
            ),
            server_time=lambda: em.server_time,
            waiting_for=lambda: _waiting_for(watch, options),
        )
        try:
            # An event that is broken off leaves the generator inside of `handling`:
            # closing it hands the lock back, for which the saver would wait forever.
            async with aclosing(pipeline.run(watch)) as events:
                with refusals_pointed_out(options.selection.typed):
                    dashboard = await show_events(
                        events,
                        options.output,
                        progress=options.progress,
                        columns=options.columns,
                        surroundings=surroundings,
                    )
        except DeadlineExceeded as error:
            raise deadline_refusal(error, total) from error
    return conclude(dashboard)


def _waiting_for(watch: Watch[Any], options: _Options) -> str:
    """The sentence that a watch shows while it has no session."""
    if options.session_ids is not None:
        return f"waiting for the first look at {count(len(watch.active), 'session')}"
    if watch.stats.last_look is None:
        return "looking for what runs now"
    return "nothing runs now: waiting for a session to start"


async def _load_checkpoint(options: _Options) -> Checkpoint | None:
    """The checkpoint of an earlier run, or None; Refusal where it is of another watch.

    Another watch is one of everything instead of ids, or of another --where.
    """
    if options.checkpoint_file is None:
        return None
    saved = await asyncio.to_thread(options.checkpoint_file.load)
    if saved is None:
        return None
    everything, where = saved.get("everything"), options.selection.where
    if (everything is None) != (options.session_ids is not None):
        raise Refusal(
            "the checkpoint is of a watch of "
            f"{'ids' if everything is None else 'everything'}: give another file"
        )
    if isinstance(everything, dict) and everything.get("where") != where:
        raise Refusal("the checkpoint is of another --where: give another file")
    return saved
