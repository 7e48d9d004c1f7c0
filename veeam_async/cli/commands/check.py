"""Judge the jobs for a monitoring system: a line with performance data, a state."""

from __future__ import annotations

import asyncio
import logging
import warnings
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import Annotated

import attrs
from cyclopts import Group, Parameter

from veeam_async import (
    EnterpriseManager,
    F,
    Job,
    PermissionDenied,
    SessionResult,
)
from veeam_async.cli import plugin
from veeam_async.cli.exits import Refusal, reason_of
from veeam_async.cli.interrupts import run_async
from veeam_async.cli.judgement import Answer, Fine, Judge, Success
from veeam_async.cli.last_runs import (
    JobsSession,
    Kind,
    LastRuns,
    by_job,
    kind_of_sessions,
)
from veeam_async.cli.logs import warnings_given_to
from veeam_async.cli.name_patterns import ANY, NamePattern, is_meant
from veeam_async.cli.options import (
    NO_CONNECTION,
    Connection,
    Jobs,
    Server,
    sessions_of,
)
from veeam_async.cli.plugin import State
from veeam_async.cli.render.words import count
from veeam_async.cli.since import parse_since
from veeam_async.cli.thresholds import Limits, Range

_LOG = logging.getLogger(__name__)

_PAGE_SIZE = 500
"""Sessions of a request: a night of a large server is some thousands."""

_MOST_DETAILS = 100
"""Lines below the first: some systems cut what is longer anywhere."""

_LIMIT = Parameter(allow_leading_hyphen=True)
_GROUP = Group(
    "Thresholds",
    help="Ranges that are fine, as plugins take them: 10 alerts above 10, 10: below "
    "it, ~: never. A time has a unit: 30m, 26h, 2d.",
    sort_key=5,
)


@Parameter(name="*", group=_GROUP)
@attrs.frozen(kw_only=True)
class Thresholds:
    """Thresholds as options."""

    warning_failed: Annotated[str | None, _LIMIT] = None
    """How many jobs may have failed."""

    critical_failed: Annotated[str | None, _LIMIT] = "0"
    """How many are critical."""

    warning_warned: Annotated[str | None, _LIMIT] = "0"
    """How many jobs may have ended with a warning."""

    critical_warned: Annotated[str | None, _LIMIT] = None
    """How many are critical."""

    warning_missing: Annotated[str | None, _LIMIT] = "0"
    """How many --job may not have run at all."""

    critical_missing: Annotated[str | None, _LIMIT] = None
    """How many are critical."""

    warning_running: Annotated[str | None, _LIMIT] = "24h"
    """How long a session may run."""

    critical_running: Annotated[str | None, _LIMIT] = None
    """How long is critical."""

    warning_age: Annotated[str | None, _LIMIT] = None
    """How long ago the last Success or Warning of a job may be, 26h say."""

    critical_age: Annotated[str | None, _LIMIT] = None
    """How long ago is critical. Jobs that no longer run sees an administrator alone."""

    def fine(self) -> Fine:
        """Read them; ValueError for what is no range."""
        return Fine(
            failed=self._limits("failed"),
            warned=self._limits("warned"),
            missing=self._limits("missing"),
            running=self._limits("running", of_time=True),
            age=self._limits("age", of_time=True),
        )

    def _limits(self, metric: str, *, of_time: bool = False) -> Limits:
        found: dict[str, Range] = {}
        for level in ("warning", "critical"):
            given: str | None = getattr(self, f"{level}_{metric}")
            if given is not None:
                option = f"--{level}-{metric}"
                found[level] = Range.parse(given, option, of_time=of_time)
        return Limits(**found)


NO_THRESHOLDS = Thresholds()


def check(
    *,
    job: Jobs = None,
    since: str = "24h",
    timeout: float = 50.0,
    resource: Kind | None = None,
    thresholds: Thresholds = NO_THRESHOLDS,
    connection: Connection = NO_CONNECTION,
) -> State:
    """Judge the jobs for Icinga, Nagios or Checkmk: one line, performance data.

    Of each job the newest session counts, not a failure that was repaired since or is
    being repeated by the server. Below the line are the reasons.

    Exit code 0: OK; 1: warning; 2: critical; 3: unknown, be it wrong usage, a wrong
    password or a server that cannot be reached.

    Example: `veeam-async check --job "Mail*" --critical-age 26h`

    Args:
        job: The name of a job, or a pattern such as "Mail*"; once for each.
        since: How far back to look: 24h, 7d, "yesterday 18:00" or a date.
        timeout: Seconds after which it is unknown how the jobs are.
        resource: Only jobs of this kind; else backups and replications.
        thresholds: What is fine.
        connection: How to reach the server.
    """
    if not timeout > 0:
        raise ValueError("--timeout is a number of seconds above 0")
    options = _Options(
        patterns=[NamePattern(each) for each in job] if job else [ANY],
        since=parse_since(since),
        timeout=timeout,
        kinds=(resource,) if resource else ("backup", "replica"),
        fine=thresholds.fine(),
    )
    with _collected_notes() as notes:
        answer = run_async(_in_time(connection.server(), options))
    details = [*answer.details, *dict.fromkeys(notes)]
    if more := details[_MOST_DETAILS:]:
        details[_MOST_DETAILS:] = [f"and {count(len(more), 'more line')}"]
    return plugin.tell(answer.state, answer.summary, answer.data, details)


@attrs.frozen(kw_only=True)
class _Options:
    """Which jobs to look at, how far back, and what is fine."""

    patterns: Sequence[NamePattern]
    since: datetime
    timeout: float
    kinds: Sequence[Kind]
    fine: Fine

    @property
    def names_jobs(self) -> bool:
        """True where some jobs are meant, and not all of them."""
        return self.patterns != [ANY]

    @property
    def asks_for_age(self) -> bool:
        """Whether it matters when a job last succeeded."""
        return self.fine.age != Limits()


@contextmanager
def _collected_notes() -> Iterator[list[str]]:
    """Collect warnings, which would come before the one line on some systems."""
    # Icinga shows both streams as one, in the order in which they came.
    notes: list[str] = []
    with (
        warnings_given_to(notes.append),
        warnings.catch_warnings(record=True) as caught,
    ):
        warnings.simplefilter("always", UserWarning)
        yield notes
    notes += [str(warning.message) for warning in caught]


async def _in_time(server: Server, options: _Options) -> Answer:
    limit = asyncio.timeout(options.timeout)
    try:
        async with limit, server.connect() as em:
            return await _answer(em, options)
    except TimeoutError as error:
        if not limit.expired():
            raise
        raise Refusal(
            f"no whole answer within {options.timeout:g} s: --timeout gives it more"
        ) from error


async def _answer(em: EnterpriseManager, options: _Options) -> Answer:
    jobs = by_job([session async for session in _sessions(em, options)])
    judge = Judge(
        jobs, options.fine, since=options.since, reason_of=partial(reason_of, em)
    )
    judge.results()
    judge.missing([each for each in options.patterns if not each.is_among(jobs)])
    judge.running(em.server_time)
    if options.asks_for_age:
        judge.age(await _successes(em, options, jobs), em.server_time)
    return judge.answer()


async def _sessions(
    em: EnterpriseManager, options: _Options
) -> AsyncIterator[JobsSession]:
    """Sessions of the jobs meant that began or ended since then, or run still."""
    since = options.since
    recent = (F.creation_time >= since) | (F.end_time >= since) | (F.state != "Stopped")
    for kind in options.kinds:
        query = sessions_of(em, kind).query(recent, page_size=_PAGE_SIZE)
        async for session in query:
            # Names are compared here: the server knows no patterns.
            if is_meant(session.job_name, options.patterns):
                yield session


# ---------------------------------------------------------------- the last success


async def _successes(
    em: EnterpriseManager, options: _Options, jobs: Sequence[LastRuns]
) -> list[Success]:
    """The last success of *jobs*, and of those that should have run."""
    found = [Success(job.name, job.success.end_time) for job in jobs if job.success]
    wanted = {job.uid: _Wanted(job.name, job.kind) for job in jobs if not job.success}
    seen = {job.job_id for job in jobs}
    async for listed in _listed(em, options):
        if listed.id not in seen:
            kind = kind_of_sessions(listed)
            # Sessions call a job of any kind so.
            wanted[f"urn:veeam:Job:{listed.id}"] = _Wanted(listed.name, kind)
    found += await asyncio.gather(
        *(_last_success(em, uid, each) for uid, each in wanted.items())
    )
    return sorted(found, key=lambda each: each.name.casefold())


@attrs.frozen
class _Wanted:
    """A job whose last success is looked for, by its name and its sessions' kind."""

    name: str
    kind: Kind


async def _listed(em: EnterpriseManager, options: _Options) -> AsyncIterator[Job]:
    """The jobs that should have run: meant by name, or else those with a schedule."""
    try:
        async for job in em.jobs.query(page_size=_PAGE_SIZE):
            kind = kind_of_sessions(job)
            is_due = options.names_jobs or job.schedule_enabled
            is_wanted = kind in options.kinds and is_meant(job.name, options.patterns)
            if is_due and is_wanted:
                yield job
    except PermissionDenied:
        _LOG.warning(
            "this user may not list jobs: one that did not run since then is not seen; "
            "a Portal Administrator would see it"
        )


async def _last_success(em: EnterpriseManager, uid: str, wanted: _Wanted) -> Success:
    sessions = sessions_of(em, wanted.kind)
    of_job = F.job_uid == uid if uid else F.job_name == wanted.name
    where = of_job & F.result.in_([SessionResult.SUCCESS, SessionResult.WARNING])
    async for session in sessions.query(where, order_by="-creation_time", limit=1):
        return Success(wanted.name, session.end_time)
    return Success(wanted.name, None)
