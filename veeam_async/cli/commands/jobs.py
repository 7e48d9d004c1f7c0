"""List the jobs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import attrs
from cyclopts import Parameter

from veeam_async import EnterpriseManager, Job, PermissionDenied, SessionResult
from veeam_async.cli.exits import Exit, Refusal
from veeam_async.cli.interrupts import run_async
from veeam_async.cli.job_list import Kind, kind_of, rows_of
from veeam_async.cli.name_patterns import ANY, NamePattern, is_meant
from veeam_async.cli.options import (
    NO_CONNECTION,
    ColumnNames,
    Connection,
    Jobs,
    Output,
    Server,
)
from veeam_async.cli.render.called import as_called
from veeam_async.cli.render.job_row import JobRow
from veeam_async.cli.render.output import Columns, Format, row_writer
from veeam_async.cli.render.progress import signs_of_life
from veeam_async.cli.render.rows import parse_columns
from veeam_async.cli.render.streams import say
from veeam_async.cli.render.words import one_line
from veeam_async.jobs.find_job import nearest

_PAGE_SIZE = 500


def jobs(
    name: Annotated[
        tuple[str, ...], Parameter(name="NAMES", negative="", show_default=False)
    ] = (),
    /,
    *,
    job: Jobs = None,
    kind: Kind | None = None,
    result: str | None = None,
    running: Annotated[bool, Parameter(negative="", show_default=False)] = False,
    output: Output = None,
    columns: ColumnNames = None,
    connection: Connection = NO_CONNECTION,
) -> Exit:
    """List the jobs: schedule, next run, last result, what runs. Sorted by name.

    Jobs of virtual machines, of agents and of file shares. Needs a Portal
    Administrator.

    Example: `veeam-async jobs "HR*"`

    Example: `veeam-async jobs --result Failed --columns "name,last_time"`

    Example: `veeam-async jobs "HR*" -o json | veeam-async fetch -`

    Args:
        name: Names, or patterns in which * stands for anything, in any case.
        job: The same as options, as other commands take it.
        kind: Only jobs of virtual machines, of agents, or of file shares.
        result: Only jobs whose last session ended so: Success, Warning or Failed.
        running: Only jobs that run now.
        output: A table on a terminal, ndjson in a pipe.
        columns: The fields to show, as in "name,next_run,last_result".
        connection: How to reach the server.
    """
    options = _Options(
        patterns=[NamePattern(each) for each in (*name, *(job or ()))] or [ANY],
        kind=kind,
        result=None if result is None else _result(result),
        running=running,
    )
    shown = parse_columns(columns, JobRow)
    return run_async(_jobs(connection.server(), options, output, shown))


@attrs.frozen(kw_only=True)
class _Options:
    """Which jobs to list."""

    patterns: Sequence[NamePattern]
    kind: Kind | None
    result: str | None
    running: bool

    def take(self, job: Job) -> bool:
        """Whether *job* is one of them, as far as it tells itself."""
        return self.kind in (None, kind_of(job)) and is_meant(job.name, self.patterns)

    def take_row(self, row: JobRow) -> bool:
        """Whether it is by what its sessions say."""
        is_result = self.result in (None, row.last_result)
        return is_result and (row.running is not None or not self.running)


def _result(text: str) -> str:
    """The result that *text* names in any case."""
    by_folded = {each.lower(): each.value for each in SessionResult}
    found = by_folded.get(text.lower())
    if found is None:
        raise ValueError(
            f"--result is {', '.join(by_folded.values())}, not {one_line(text)!r}"
        )
    return found


async def _jobs(
    server: Server, options: _Options, output: Format | None, columns: Columns
) -> Exit:
    async with (
        signs_of_life(f"The jobs of {server.url}") as life,
        server.connect(on_request=life.on_request) as em,
    ):
        life.doing("asking which there are")
        every = await _all(em)
        wanted = [job for job in every if options.take(job)]
        life.doing("asking how they ended")
        rows = await rows_of(em, wanted)
    with row_writer(output, columns, kind=JobRow) as write:
        found = [row for row in rows if options.take_row(row)]
        for row in found:
            write(row)
    if not found:
        say(_nothing(every, options))
    return Exit.DONE


async def _all(em: EnterpriseManager) -> list[Job]:
    try:
        found = [job async for job in em.jobs.query(page_size=_PAGE_SIZE)]
    except PermissionDenied as error:
        raise Refusal(
            f"{one_line(str(error))}; {as_called('query')} shows what has run",
            Exit.ERROR,
        ) from error
    return sorted(found, key=lambda job: (job.name.casefold(), job.uid))


def _nothing(every: Sequence[Job], options: _Options) -> str:
    """No job is listed: where a name may be wrong, with those that are like it."""
    like: list[str] = []
    names = [job.name for job in every]
    for each in options.patterns:
        if not each.is_among(every):
            like += nearest(each.text.replace("*", ""), names)
    found = ", ".join(map(one_line, dict.fromkeys(like)))
    return f"no job matches; like it are: {found}" if found else "no job matches"
