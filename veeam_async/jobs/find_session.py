"""Find the session that a start began: through its task, else among its job's sessions.

What the job had before the start is known by its ids: a backup server's clock, which
stamps the sessions, may be hours off Enterprise Manager's, which stamps the answers.
Times only tell new sessions apart, and the clock of the process that started a run has
no part in that.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Self, TypeAlias
from uuid import UUID

import attrs

from veeam_async.clock import Clock
from veeam_async.deadlines import NothingFoundError, poll
from veeam_async.errors import (
    InvalidId,
    NotFound,
    StartRefused,
    VeeamError,
    is_lost_task,
)
from veeam_async.filters import F
from veeam_async.ids import parse_id
from veeam_async.jobs.run_record import KINDS, Known, Mark, RunRecord
from veeam_async.jobs.tasks import Tasks, failed
from veeam_async.models import BackupJobSession, Link, ReplicaJobSession, Task
from veeam_async.resources.sessions import BackupSessions, JobSessions

RunSession: TypeAlias = BackupJobSession | ReplicaJobSession
"""A session of a run, by the type of its job."""

RunResource: TypeAlias = JobSessions[BackupJobSession] | JobSessions[ReplicaJobSession]

KNOWN = 20
"""Sessions of a job that are remembered before it is started."""

_MOST_KNOWN = 50 * KNOWN
"""The same, where they are dated in the future."""

_PAGE = 2 * KNOWN

_LATE = timedelta(seconds=300)
"""How long after its creation a run of somebody else may be collected."""

_LOOKBACK = timedelta(seconds=900)
"""How long after its end a run is surely collected, while the server works."""

_PROMPT = timedelta(seconds=30)
"""How long after the start its session is created, where nothing holds it up."""

_CLOSE = timedelta(seconds=60)
"""How far a backup server's clock lags where somebody keeps it right."""

_RETRY_SLACK = timedelta(seconds=5)
"""How far before the recorded end of a failed session its retry may be created."""

_LONGEST = timedelta(days=31)
"""How long a session runs at most: an end beyond that is a server's slip."""


@attrs.frozen(kw_only=True)
class RunDeps:
    """What a run needs of its manager.

    *logons* is how many logon sessions there have been, *stop_job* stops what a job is
    running, *outlives* tells whether a run is waited for in spite of an error, *clean*
    takes the secrets out of one, and *claims* tells which sessions its runs have.
    """

    tasks: Tasks
    backups: BackupSessions
    replicas: JobSessions[ReplicaJobSession]
    logons: Callable[[], int]
    stop_job: Callable[[UUID], Awaitable[Task]]
    outlives: Callable[[VeeamError], bool]
    clean: Callable[[VeeamError], object]
    clock: Clock
    claims: Claims

    def sessions(self, kind: str) -> RunResource:
        """The resource of the sessions of *kind*."""
        return self.backups if kind == BackupJobSession.__name__ else self.replicas


@attrs.frozen
class Ending:
    """When a session ended, and how much earlier its retry may be created."""

    session_id: UUID
    at: datetime
    slack: timedelta

    @classmethod
    def of(cls, session: RunSession) -> Self:
        """The end of *session*, as far as it can be believed."""
        at = _credible_end(session)
        return cls(session.id, at, min(_RETRY_SLACK, at - session.creation_time))


@attrs.frozen
class Before:
    """A job before a start: its *newest* and *known* sessions, and what runs."""

    newest: Mark | None = None
    known: Known = attrs.field(factory=Known)
    running_id: UUID | None = None


class JobHistory:
    """The sessions of one job, in the order in which its server created them."""

    def __init__(self, sessions: RunResource, job_id: UUID) -> None:
        self._sessions = sessions
        self._job_id = job_id
        self._of_job = F.job_uid == f"urn:veeam:Job:{job_id}"

    async def newest(self, now: datetime) -> Before:
        """The job as it is by *now*, with its newest twenty sessions.

        Many more are remembered where some are dated later than *now*: a clock that was
        ahead and has been set right dates what is newer earlier.
        """
        most = KNOWN
        rows = await self._newest(most)
        if len(rows) == most and any(row.creation_time > now for row in rows):
            most = _MOST_KNOWN
            rows = await self._newest(most)
        if not rows:
            return Before()
        newest = max(rows, key=_created)
        oldest = _created(min(rows, key=_created)) if len(rows) == most else None
        running = (row.id for row in rows if not row.is_stopped and self._is_run(row))
        return Before(
            Mark(newest.id, newest.creation_time),
            Known(tuple(row.id for row in rows), oldest),
            next(running, None),
        )

    async def _newest(self, most: int) -> list[RunSession]:
        query = self._sessions.query(
            self._of_job,
            order_by="-creation_time",
            page_size=KNOWN,
            limit=most,
            strict=True,
        )
        return [row async for row in query]

    async def new(self, known: Known) -> list[RunSession]:
        """The runs that are not among *known* and no older, as they were created."""
        found = [
            row
            async for row in self._since(known.since)
            if row.id not in known.ids
            and (known.since is None or row.creation_time > known.since)
        ]
        return sorted(found, key=_created)

    async def next_after(self, ended: Ending) -> RunSession | None:
        """The first session created after the end of another one, or None.

        A retry counts even where it was created a moment before the recorded end.
        """
        since = ended.at - ended.slack
        rows = [row async for row in self._since(since) if row.id != ended.session_id]
        for row in sorted(rows, key=_created):
            if row.creation_time >= (since if row.is_retry else ended.at):
                return row
        return None

    async def _since(self, time: datetime | None) -> AsyncIterator[RunSession]:
        where = self._of_job
        if time is not None:
            # Equal times too: the server may have cut fractions of a second off.
            where &= F.creation_time >= time
        # Strict here too: what is left out may be the run, and the next one another's.
        async for row in self._sessions.query(where, page_size=_PAGE, strict=True):
            if self._is_run(row):
                yield row

    def _is_run(self, row: RunSession) -> bool:
        # A session with a parent is a part of a run: of one backup server, say.
        parent = row.link("Up", "BackupJobSessionReference")
        return row.job_id == self._job_id and parent is None


def _created(row: RunSession) -> datetime:
    return row.creation_time


def _credible_end(ended: RunSession) -> datetime:
    """The end of a session, or its creation where the end cannot be right."""
    created, end = ended.creation_time, ended.end_time
    if end is None or not timedelta(0) <= end - created <= _LONGEST:
        return created
    return end


def begun(
    rows: list[RunSession], asked: datetime | None, *, is_settled: bool, is_last: bool
) -> RunSession | None:
    """The one of the new runs *rows* that was begun by a start, None where it is none.

    *asked* is the server's time of the start, *is_settled* whether a session that was
    created after it would be shown by now; *is_last*: there is no other look.
    """
    if asked is None or not rows:
        return rows[0] if rows else None
    earlier = [row for row in rows if row.creation_time < asked]
    later = rows[len(earlier) :]
    # 1. By its time it is the first after the start.
    if later and (not earlier or later[0].creation_time - asked <= _PROMPT):
        return later[0]
    # 2. Its server's clock lags behind, or it is another one that was collected late.
    if not is_settled and not is_last:
        return None
    if _may_lag(earlier[0], asked, is_last=is_last):
        return earlier[0]
    # 3. That is another one, or a lagging clock's: only a close one is sure to differ.
    close = (row for row in earlier if asked - row.creation_time <= _CLOSE)
    return next(close, None)


def _may_lag(row: RunSession, asked: datetime, *, is_last: bool) -> bool:
    """A run from before the start, by its time, may be that of the start."""
    if asked - row.creation_time <= _LATE or not row.is_stopped:
        return True
    # Somebody else's that ended so long ago would have been shown before the start.
    return is_last and asked - _credible_end(row) > _LOOKBACK


@attrs.define
class Claims:
    """Which session belongs to which run of a manager, and which starts have none."""

    _taken: dict[UUID, UUID | None] = attrs.field(factory=dict)
    _open: list[RunRecord] = attrs.field(factory=list)

    def opened(self, record: RunRecord) -> None:
        """Note a start that was sent."""
        self._open = [each for each in self._open if each.session_id is None]
        self._open = [*self._open[-_MOST_OPEN:], record]

    def closed(self, record: RunRecord) -> None:
        """Note that a start has failed, or is waited for no more."""
        self._open = [each for each in self._open if each.run_id != record.run_id]

    def take(self, session_id: UUID, record: RunRecord) -> None:
        """Note that a session is the run's."""
        self.closed(record)
        self._taken[session_id] = record.run_id

    def free(self, rows: list[RunSession], record: RunRecord) -> list[RunSession]:
        """Those of *rows* that no other run has taken."""
        mine = record.run_id
        return [row for row in rows if self._taken.get(row.id, mine) == mine]

    def ahead(self, record: RunRecord) -> int:
        """How many starts before this one compete for the same new sessions."""
        ids = [each.run_id for each in self._open]
        until = ids.index(record.run_id) if record.run_id in ids else 0
        return sum(
            each.job_id == record.job_id and each.known == record.known
            for each in self._open[:until]
        )


_MOST_OPEN = 1000
"""Starts without a session that a manager remembers."""

_SETTLED_SECONDS = 10.0
"""Seconds after a start until which a session with a fitting time is waited for."""


_REFUSAL_SECONDS = 10.0
"""Seconds that the start of a job which runs already may take to be refused."""

_UNREAD_SECONDS = 30.0
"""Seconds for which a task may not be read before its job's sessions are searched."""

_TASK_SECONDS = 0.5
"""Seconds between two looks at the task of a start that may be refused."""


class SessionFinder:
    """Look for the session of the run of *record*, and note its kind there.

    *task* is the server's task as last seen, None where it was never seen. It counts
    only in the logon session that began it: in another one its id is unknown, or that
    of another task. *running_id* is a session of the job that ran before, or None.
    """

    def __init__(
        self,
        record: RunRecord,
        deps: RunDeps,
        task: Task | None = None,
        running_id: UUID | None = None,
    ) -> None:
        self.task = task
        self._running_id = running_id
        self._record = record
        self._deps = deps
        self._logons = deps.logons()
        self._lost = task is None
        self._unread_since: float | None = None
        self._named: UUID | None = None

    async def settle(self) -> None:
        """Raise StartRefused where the task says by now that the start was refused.

        Where the job runs already it has ten seconds to say so: any other start is
        likely to be taken, and waits for nothing.
        """
        self._check()
        if self._running_id is None:
            return
        # What the looks meet, the run's own looks meet again.
        with suppress(NothingFoundError, TimeoutError, VeeamError):
            async with asyncio.timeout(_REFUSAL_SECONDS):
                await poll(
                    self._outcome,
                    interval=_TASK_SECONDS,
                    seconds=_REFUSAL_SECONDS,
                    clock=self._deps.clock,
                    outlives=lambda _: True,
                )
        self._check()

    async def _outcome(self) -> Task | None:
        """The task, None while it says nothing about the start."""
        await self._update_task(is_last=False)
        is_told = self._lost or (self.task is not None and self.task.result is not None)
        return self.task if is_told else None

    def _check(self) -> None:
        """Raise StartRefused where the task has failed."""
        if self.task is None or failed(self.task) is None:
            return
        failure = StartRefused(
            self.task, job_id=self._record.job_id, running_id=self._running_id
        )
        self._deps.clean(failure)
        raise failure

    async def look(self, *, is_last: bool = False) -> RunSession | None:
        """The session, None while it is not shown; StartRefused where it was refused.

        While the task may still name the session, the job's own sessions are not
        searched, except with *is_last*, or where it cannot be read for half a minute.
        """
        await self._update_task(is_last=is_last)
        self._check()
        # 1. The task names the session.
        link = None if self.task is None else _session_link(self.task)
        if link is not None:
            return await self._linked(link)
        # 2. It may still do so.
        if self._is_pending and not (is_last or self._is_unreadable):
            return None
        # 3. It never will: search the job's own sessions.
        return await self._searched(is_last=is_last)

    async def _searched(self, *, is_last: bool) -> RunSession | None:
        record, claims = self._record, self._deps.claims
        history = JobHistory(self._deps.sessions(record.kind), record.job_id)
        new = [row for row in await history.new(record.before) if not row.is_retry]
        # Starts that were sent before this one come first, while they are looked for.
        free = claims.free(new, record)[claims.ahead(record) :]
        waited = (self._deps.clock.wall() - record.started_at).total_seconds()
        found = begun(
            free,
            record.server_time,
            is_settled=waited >= _SETTLED_SECONDS,
            is_last=is_last,
        )
        if found is not None:
            claims.take(found.id, record)
        return found

    def known(self) -> str:
        """Why the session was not found, as the end of a sentence."""
        name = self._record.task_id
        if name is None:
            return "no answer to the start came, so it may not have begun"
        if self._named is not None:
            return f"{name} names session {self._named}, which the server does not show"
        if self._lost:
            return f"{name} is lost with the logon session that began it"
        if self._is_pending and self.task is not None:
            return f"{name} is still {self.task.state}"
        return f"{name} has succeeded, without naming a session"

    @property
    def _is_pending(self) -> bool:
        is_open = self.task is not None and not self.task.is_finished
        return is_open and not self._lost

    async def _update_task(self, *, is_last: bool) -> None:
        """Read the task again, as long as it can change."""
        if self.task is None or not self._is_pending:
            return
        try:
            newer = await self._deps.tasks.get(self.task.task_id)
        except VeeamError as error:
            self._note_failure(error)
            # At the last look nothing bars the search.
            if is_last or self._lost or self._is_unreadable:
                return
            raise
        self._unread_since = None
        # After a logon meanwhile, the task of this id may be another one.
        if self._is_of_this_logon:
            self.task = newer
        else:
            self._lost = True

    def _note_failure(self, error: VeeamError) -> None:
        """Note what a look at the task met."""
        self._lost = self._lost or is_lost_task(error) or not self._is_of_this_logon
        if self._unread_since is None:
            self._unread_since = self._deps.clock.monotonic()

    @property
    def _is_of_this_logon(self) -> bool:
        return self._logons == self._deps.logons()

    @property
    def _is_unreadable(self) -> bool:
        """Whether looks at the task have failed for too long to wait for it."""
        since = self._unread_since
        now = self._deps.clock.monotonic()
        return since is not None and now - since >= _UNREAD_SECONDS

    async def _linked(self, link: Link) -> RunSession | None:
        kind = _kind(link)
        self._named = parse_id(link.href)
        try:
            found = await self._deps.sessions(kind).get(self._named)
        except NotFound:
            return None  # named before it is shown
        self._record.kind = kind
        self._deps.claims.take(found.id, self._record)
        return found


def _session_link(task: Task) -> Link | None:
    """The link of *task* to a session, None where it has none that can be read."""
    for link in task.related:
        if _kind(link) in KINDS and _leads_somewhere(link):
            return link
    return None


def _kind(link: Link) -> str:
    return (link.type or "").removesuffix("Reference")


def _leads_somewhere(link: Link) -> bool:
    try:
        parse_id(link.href)
    except InvalidId:
        return False
    return True
