"""The command that watches sessions: the given ones, or everything."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from pathlib import Path
from typing import Annotated, Any

import attrs
from cyclopts import Parameter

from veeam_async import CheckpointFile, DeadlineExceeded, Watch, parse_id
from veeam_async.cli.connection import Connection, Server
from veeam_async.cli.exits import Exit, Refusal
from veeam_async.cli.following import is_live, show
from veeam_async.cli.given import File, Ids, read_ids
from veeam_async.cli.hook import Hook, hook_of
from veeam_async.cli.keeping import Checkpoint, kept
from veeam_async.cli.output import Format, Output
from veeam_async.cli.replaying import Record, recorded
from veeam_async.cli.resource import Resource, Sessions, sessions_of
from veeam_async.cli.screen import say
from veeam_async.cli.stages import Stages
from veeam_async.cli.verdict import late, verdict
from veeam_async.watch.polling.request import Strategy

_NO_CONNECTION = Connection()


def watch(
    *ids: Ids,
    file: File = None,
    where: str | None = None,
    interval: float = 5.0,
    strategy: Strategy = "auto",
    progress: bool = False,
    until_failed: Annotated[bool, Parameter(negative="")] = False,
    timeout: float | None = None,
    checkpoint: Path | None = None,
    exec: str | None = None,  # noqa: A002 - what everybody calls it
    record: Path | None = None,
    resource: Resource = "backup",
    output: Output = None,
    connection: Connection = _NO_CONNECTION,
) -> Exit:
    """Watch sessions: those given, until each is Stopped, or else everything.

    Everything is what runs now or starts later. Such a watch ends by Ctrl-C or after
    --timeout, which is no error then: it is exit code 4 only where ids were given.

    A live table on a terminal, a line per event elsewhere. Ending the watch stops no
    backup. Exit code 3: a session failed; 1: one is gone; 4: the time is up.

    Example: `veeam-async watch --interval 10`

    Args:
        ids: UUIDs, UIDs or Hrefs; - reads them from standard input, one a line.
        file: A file that holds ids, in the same form.
        where: Which sessions, without ids: a filter in the server's own grammar.
        interval: Seconds between two looks at a session.
        strategy: How to look: get asks for each session, query for all in one list.
        progress: Tell of progress too, not only of states.
        until_failed: End with exit code 3 as soon as a session has failed.
        timeout: Seconds after which to end.
        checkpoint: A file to go on from where it exists, and to keep up to date.
        exec: A command to run for each event, one after another, without a shell. It
            gets the event as JSON on standard input; what it prints goes to standard
            error.
        record: A file to write into what the watch sees, for `veeam-async replay`: a
            short line for each look at a session, so it grows.
        resource: The kind of session.
        output: A table on a terminal, ndjson in a pipe.
        connection: How to reach the server.
    """
    given = read_ids(ids, file) if ids or file else None
    for one in given or ():
        parse_id(one)
    if given is not None and where is not None:
        raise Refusal("--where is for a watch of everything: give no ids with it")
    if given == []:
        say("there are no ids to watch")
        return Exit.DONE
    task = _Task(
        ids=given,
        where=where,
        interval=interval,
        strategy=strategy,
        progress=progress,
        until_failed=until_failed,
        timeout=timeout,
        file=None if checkpoint is None else CheckpointFile(checkpoint),
        hook=None if exec is None else hook_of(exec),
        output=output,
    )
    server = connection.server()
    with recorded(record) as put:
        return asyncio.run(_watch(server, resource, task, put))


@attrs.frozen(kw_only=True)
class _Task:
    """What to watch, and how; *ids* None: everything."""

    ids: list[str] | None
    where: str | None
    interval: float
    strategy: Strategy
    progress: bool
    until_failed: bool
    timeout: float | None
    file: CheckpointFile | None
    hook: Hook | None
    output: Format | None

    def begin(
        self, sessions: Sessions, saved: Checkpoint | None, record: Record
    ) -> Watch[Any]:
        """Begin anew, or from what was *saved*."""
        opened: Watch[Any] = sessions.watch(
            self.ids if saved is None else None,
            where=self.where if saved is None else None,
            interval=self.interval,
            strategy=self.strategy,
            progress=self.progress or is_live(self.output),
            timeout=self.timeout,
            resume=saved,
            record=record,
        )
        for one in (self.ids or ()) if saved is not None else ():
            opened.add(one)
        return opened


async def _watch(
    server: Server, resource: Resource, task: _Task, record: Record
) -> Exit:
    saved = await _load(task)
    async with (
        server.connect() as em,
        task.begin(sessions_of(em, resource), saved, record) as watch,
        kept(watch, task.file) as keeper,
    ):
        stages = Stages(
            endless=task.ids is None,
            until_failed=task.until_failed,
            progress=task.progress,
            hook=task.hook,
            keeper=keeper,
        )
        total = len(watch.active)
        try:
            async with aclosing(stages.through(watch)) as events:
                board = await show(events, task.output, progress=task.progress)
        except DeadlineExceeded as error:
            raise late(error, total) from error
    return verdict(board)


async def _load(task: _Task) -> Checkpoint | None:
    """Give what the checkpoint's file holds; Refusal where it is of another watch."""
    if task.file is None:
        return None
    saved = await asyncio.to_thread(task.file.load)
    if saved is None:
        return None
    everything = saved.get("everything")
    if (everything is None) != (task.ids is not None):
        raise Refusal(
            "the checkpoint is of a watch of "
            f"{'ids' if everything is None else 'everything'}: give another file"
        )
    if isinstance(everything, dict) and everything.get("where") != task.where:
        raise Refusal("the checkpoint is of another --where: give another file")
    return saved
