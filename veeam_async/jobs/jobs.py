"""The jobs of all kinds, and their actions: start, stop, retry, sync, toggle."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import attrs

from veeam_async.clock import Clock
from veeam_async.errors import (
    ApiError,
    BadRequest,
    DecodeError,
    JobAmbiguous,
    Json,
    NotFound,
    PermissionDenied,
    StartUnconfirmed,
    VeeamError,
    ends_waiting,
    may_have_acted,
)
from veeam_async.filters import F
from veeam_async.ids import Id, parse_job
from veeam_async.jobs.find_session import Claims, JobHistory, RunDeps, SessionFinder
from veeam_async.jobs.kinds import (
    KINDS,
    JobCollection,
    TellOnce,
    advised,
    as_its_kind,
    explained,
    is_refusal,
    kind_named,
    narrowed,
)
from veeam_async.jobs.prepared import PreparedRun
from veeam_async.jobs.run import JobRun
from veeam_async.jobs.run_record import RunRecord, restore, save
from veeam_async.jobs.tasks import Tasks
from veeam_async.models import (
    BackupJobSession,
    EntityRef,
    Job,
    JobType,
    ReplicaJobSession,
    Task,
)
from veeam_async.pool.client import Pool
from veeam_async.pool.responses import sent_at
from veeam_async.resources.base import Entities, Where, check_paging
from veeam_async.resources.sessions import BackupSessions, JobSessions
from veeam_async.resources.terms import Terms
from veeam_async.resources.unreadable import warn
from veeam_async.transport.exchange import Response

if TYPE_CHECKING:
    from veeam_async.jobs.query import JobQuery, Report


@attrs.frozen
class Shown:
    """A *job*, the *answer* in which it was shown, and where to act on it, see `at`."""

    job: Job
    answer: Response
    kinds: tuple[type[Job], ...]


def at(job: Job, kind: type[Job]) -> tuple[type[Job], ...]:
    """The kinds at whose addresses to act on a *job* that was shown among *kind*.

    The last one is that at whose address it was shown.
    """
    own = type(job)
    return (own,) if own is kind else (own, kind)


@attrs.frozen
class Start:
    """A start that is about to be sent to a job of one of *kinds*.

    *running_id* is a session of the job that runs already, None where none does.
    """

    record: RunRecord
    kinds: tuple[type[Job], ...]
    running_id: UUID | None
    is_copy: bool


class Jobs(Entities[Job]):
    """The jobs of all kinds: of `/jobs`, of agents (`/agents/jobs`), of file shares.

    Which kind a job is of is found out by looking for it, and remembered; an id that
    names its kind (an Href of `/nas/jobs`, say) is looked for there alone. Reading
    `/jobs` needs a Portal Administrator, and so does every action.

    Each action is sent at most once: after a connection that broke, look before asking
    again. A copy job can be neither started nor stopped (page "POST /jobs/{ID}").
    """

    def __init__(
        self,
        pool: Pool,
        *,
        tasks: Tasks,
        backups: BackupSessions,
        replicas: JobSessions[ReplicaJobSession],
        clock: Clock,
    ) -> None:
        super().__init__(pool, "/jobs", Job)
        self._deps = RunDeps(
            tasks=tasks,
            backups=backups,
            replicas=replicas,
            logons=lambda: pool.logons,
            stop_job=self.stop,
            outlives=lambda error: not ends_waiting(error, proven=pool.proven),
            clean=pool.clean,
            clock=clock,
            claims=Claims(),
        )
        self._collections: dict[type[Job], JobCollection[Any]] = {
            kind: JobCollection(pool, kind) for kind in KINDS
        }
        self._known: dict[UUID, tuple[type[Job], ...]] = {}
        self._report = TellOnce()

    # ------------------------------------------------------------ to read them

    async def get(self, id: Id | Job) -> Job:  # noqa: A002 - the field's term
        """Give the job of *id*, an `AgentBackupJob` or a `NasJob` where it is one.

        A session's `job_id` will do. Raises InvalidId before anything is sent, NotFound
        where no kind has it, PermissionDenied where those that may are not shown to
        this user, and any other VeeamError that a request can meet.
        """
        return (await self._shown(id)).job

    def query(
        self,
        where: Where | None = None,
        *,
        order_by: str | None = None,
        page_size: int = 100,
        limit: int | None = None,
        strict: bool = False,
    ) -> JobQuery:
        """Select jobs of all kinds: those of `/jobs`, then agents', then file shares'.

        Args:
            where: a condition made with `F`, or a filter's text, which each kind is
                asked with by itself; None selects all. The server cannot select agents'
                jobs by `next_run`, and file shares' neither by `job_type` nor by
                `platform`: a condition on the first selects none of them; that file
                shares' jobs are of `JobType.NAS_BACKUP` is known here.
            order_by: a field's name, "-next_run" for descending; None is the name. The
                jobs of one kind are in that order, before those of the next; those
                that have no such field, see *where*, by their names.
            page_size: how many jobs one request asks for.
            limit: the most jobs to yield, of all kinds together; None is all. A kind
                that it does not come to is not asked for.
            strict: raise DecodeError for a row that cannot be read, which is left out,
                logged and collected in the query's `unreadable` else.

        A kind that the server or the user's role refuses (by 403 or 404, say), as it
        may a text in *where*, is left out: one warning is logged, and the query's
        `left_out` has the error. It is raised where `/jobs` is refused and no job is
        found elsewhere.

        Raises ValueError for a field that jobs cannot be queried by, and while
        iterating what `get` raises, and IncompleteAnswer where the server does not give
        what its first page promised. Each job comes once.
        """
        check_paging(page_size, limit)
        return self._query(
            self._terms_of_each(where, order_by),
            page_size=page_size,
            limit=limit,
            strict=strict,
            report=self._report,
        )

    def _query(
        self,
        kinds: list[Terms],
        *,
        page_size: int = 100,
        limit: int | None = None,
        strict: bool,
        report: Report,
    ) -> JobQuery:
        # Here, since who lists no jobs does not need it.
        from veeam_async.jobs.query import (  # noqa: PLC0415 - see above
            JobQuery,
            Wanted,
        )

        wanted = Wanted(
            kinds=kinds,
            page_size=page_size,
            strict=strict,
            report=report,
            met=self._remember,
        )
        return JobQuery(self._pool, wanted, limit=limit)

    def _terms_of_each(
        self, where: Where | None, order_by: str | None = None
    ) -> list[Terms]:
        """The terms for each kind of which *where* may select jobs; `/jobs` always."""
        found = []
        for kind, jobs in self._collections.items():
            own = narrowed(where, kind)
            if not isinstance(own, bool):
                found.append(jobs.terms(own, order_by))
            elif own:
                found.append(jobs.terms(None, order_by))
        return found

    async def find(self, name: str) -> Job:
        """Give the one job of this name.

        One that is written exactly so comes before those that differ in upper and lower
        case alone. Raises JobNotFound, which names the nearest, and JobAmbiguous, which
        has the id and the backup server of each; what `query` raises where the jobs are
        not shown to this user.
        """
        from veeam_async.jobs.find_job import (  # noqa: PLC0415 - as in `_query`
            called,
            not_found,
        )

        wanted = str(name).strip()
        if not wanted:
            raise ValueError("a job's name is a text that is not empty")
        found = called(wanted, await self._filtered(wanted))
        if not found:
            # 1. None is called so exactly, or the server does not filter as it should.
            query = self.query()
            jobs = [job async for job in query]
            found = called(wanted, jobs)
            if not found:
                raise not_found(wanted, jobs, query.left_out)
        if len(found) > 1:
            raise JobAmbiguous(wanted, jobs=tuple(found))
        return found[0]

    async def _filtered(self, name: str) -> list[Job]:
        """The jobs that a filter for *name* shows; nothing is told of refusals."""
        query = self._query(
            self._terms_of_each(F.name == name),
            strict=True,  # what cannot be read may be another of that name
            report=lambda *_: None,
        )
        try:
            return [job async for job in query]
        except ApiError as error:
            if not is_refusal(error):
                raise
        return []

    async def references(self) -> list[EntityRef]:
        """Give the references of the jobs of all kinds.

        A kind that the server or the user's role refuses is left out, as in `query`. A
        reference that cannot be read is left out, and a warning is logged.
        """
        found: list[EntityRef] = []
        refused: dict[type[Job], ApiError] = {}
        for kind, jobs in self._collections.items():
            try:
                page = await jobs.listed()
            except ApiError as error:
                if not is_refusal(error):
                    raise
                refused[kind] = explained(error, kind)
            else:
                warn(page, jobs.path)
                found += page.rows
        if Job in refused and not found:
            raise refused[Job]
        for kind, why in refused.items():
            self._report(kind, why)
        return found

    def _remember(self, job: Job, kind: type[Job]) -> None:
        self._known[job.id] = at(job, kind)

    async def _shown(self, given: Id | Job) -> Shown:
        job_id = given.id if isinstance(given, Job) else parse_job(given)
        known = self._known_of(given, job_id)
        return await self._found(job_id, known[-1:] or KINDS)

    def _known_of(self, given: Id | Job, job_id: UUID) -> tuple[type[Job], ...]:
        """The kinds at whose addresses to act on the job; none where it may be any."""
        if isinstance(given, Job):
            return self._known.get(job_id, (type(given),))
        named = kind_named(given)
        return self._known.get(job_id, ()) if named is None else (named,)

    async def _found(self, job_id: UUID, kinds: Iterable[type[Job]]) -> Shown:
        """The job of *job_id* among *kinds*; raises what says most of why it is not."""
        met: list[VeeamError] = []
        for kind in kinds:
            try:
                found, answer = await self._collections[kind].show(str(job_id))
            except DecodeError as error:
                # What is odd at one address may be well at the next.
                met.append(error)
            except ApiError as error:
                if not is_refusal(error):
                    raise
                met.append(explained(error, kind))
            else:
                job = as_its_kind(found)
                self._remember(job, kind)
                return Shown(job, answer, self._known[job.id])
        # Where one of them shows nothing, the others' 404 says nothing.
        hidden = (e for e in met if isinstance(e, PermissionDenied | DecodeError))
        raise next(hidden, met[0])

    # ------------------------------------------------------------ to start them

    async def prepare(self, id: Id | Job) -> PreparedRun:  # noqa: A002 - the field's term
        """Read what a start must know beforehand, and send nothing that acts.

        For whoever must survive a kill between the start and saving its run: save
        `prepared.to_dict()`, then give *prepared* to `start`. Where that was cut off,
        `resume` takes what was saved, and never starts anything:

            prepared = await em.jobs.prepare(job_id)
            save(prepared.to_dict())
            run = await em.jobs.start(prepared)
        """
        return PreparedRun((await self._start_of(id)).record)

    async def start(self, id: Id | Job | PreparedRun) -> JobRun:  # noqa: A002 - the field's term
        """Ask the server to start a job, and give the run of it.

        First the job and its newest sessions are read, so that the run's own session
        can be told from those before it. Raises StartUnconfirmed where no answer says
        whether the start was taken; it is not sent again.

        A prepared run is started once, a RuntimeError afterwards, and not where a
        session has begun since it was prepared, which is a ValueError.
        """
        if isinstance(id, PreparedRun):
            return await self._start_prepared(id)
        return await self._started(await self._start_of(id))

    async def _start_prepared(self, prepared: PreparedRun) -> JobRun:
        with prepared._starting() as record:  # noqa: SLF001 - no business of users
            newer = await self._start_of(record.job_id)
            history = JobHistory(self._deps.sessions(record.kind), record.job_id)
            if await history.new(record.before):
                raise ValueError(
                    f"job {record.job_id} has run since its start was prepared: look "
                    "with em.jobs.resume(prepared.to_dict()).session() whether that is "
                    "the run, or prepare anew"
                )
            record.started_at = newer.record.started_at
            record.server_time = newer.record.server_time
        # From here on a POST may have been sent, whatever becomes of this call.
        record.sent = "perhaps"
        return await self._started(attrs.evolve(newer, record=record))

    async def _started(self, start: Start) -> JobRun:
        record = start.record
        try:
            task = await self._post(record.job_id, "start", start.kinds)
        except BadRequest as error:
            if not start.is_copy:
                raise
            said = "a copy job is not started: em.jobs.sync(id) runs it"
            raise advised(error, said) from None
        except VeeamError as error:
            # Surely not started: the caller may try again as after any other error.
            if not may_have_acted(error):
                raise
            self._deps.claims.opened(record)
            lost = StartUnconfirmed(record.job_id, checkpoint=save(record))
            raise lost from error
        record.task_id, record.sent = task.task_id, None
        self._deps.claims.opened(record)
        finder = SessionFinder(record, self._deps, task, start.running_id)
        del task  # no variable holds it where an error is raised
        try:
            await finder.settle()
        except BaseException:
            self._deps.claims.closed(record)
            raise
        return JobRun(record, self._deps, finder)

    def resume(self, data: Json) -> JobRun:
        """Give the run that *data* was saved from by `run.to_dict()`.

        Or by `prepared.to_dict()`: nobody knows whether that run was started, so that
        `session()` finds its session, or raises StartUnconfirmed `appear_within`
        seconds from now. Nothing is ever started here.

        A session that was not found yet is looked for among the job's own: another
        logon session does not know the task of the start. Raises ValueError where
        *data* is no saved run, or one of a newer version.
        """
        record = restore(data)
        if record.sent == "not yet":
            # The start may have been sent at any time until now.
            record.sent, record.started_at = "perhaps", self._deps.clock.wall()
        return JobRun(record, self._deps)

    # ------------------------------------------------------------ other actions

    async def stop(self, id: Id | Job) -> Task:  # noqa: A002 - the field's term
        """Ask the server to stop what a job is running."""
        return await self._acted(id, "stop")

    async def retry(self, id: Id | Job) -> Task:  # noqa: A002 - the field's term
        """Ask the server to run a failed job again."""
        return await self._acted(id, "retry")

    async def sync(self, id: Id | Job) -> Task:  # noqa: A002 - the field's term
        """Ask the server to run a copy job now, which is not started as others are."""
        return await self._acted(id, "sync")

    async def toggle_schedule(self, id: Id | Job) -> Task:  # noqa: A002 - the field's term
        """Ask the server to switch a job's schedule: off where it is on, else on.

        Which it is `(await em.jobs.get(id)).schedule_enabled` tells.
        """
        return await self._acted(id, "toggleScheduleEnabled")

    async def _acted(self, given: Id | Job, action: str) -> Task:
        """POST an action to a job of whichever kind."""
        job_id = given.id if isinstance(given, Job) else parse_job(given)
        known = self._known_of(given, job_id)
        if known:
            return await self._post(job_id, action, known)
        first, *others = KINDS
        try:
            return await self._collections[first].act(job_id, action)
        except NotFound:
            # Not carried out: that address does not know the job, others may.
            kinds = await self._kinds_among(job_id, others)
            if not kinds:
                raise
        return await self._post(job_id, action, kinds)

    async def _kinds_among(
        self, job_id: UUID, kinds: Sequence[type[Job]]
    ) -> tuple[type[Job], ...]:
        """Where to act on the job of one of *kinds*, none where that is not known."""
        try:
            return (await self._found(job_id, kinds)).kinds
        except VeeamError:
            return ()

    async def _post(
        self, job_id: UUID, action: str, kinds: Sequence[type[Job]]
    ) -> Task:
        """POST an action at the address of the first of *kinds* that knows the job."""
        for kind in kinds[:-1]:
            with suppress(NotFound):
                return await self._collections[kind].act(job_id, action)
        return await self._collections[kinds[-1]].act(job_id, action)

    async def _start_of(self, given: Id | Job) -> Start:
        """The start of a job, with what is known of the job before it."""
        shown = await self._shown(given)
        job = shown.job
        is_replica = job.job_type == JobType.REPLICA
        kind = (ReplicaJobSession if is_replica else BackupJobSession).__name__
        history = JobHistory(self._deps.sessions(kind), job.id)
        server_time, now = sent_at(shown.answer), self._deps.clock.wall()
        before = await history.newest(server_time or now)
        record = RunRecord(
            job_id=job.id,
            kind=kind,
            started_at=now,
            newest=before.newest,
            server_time=server_time,
            known=before.known,
            run_id=uuid4(),
        )
        is_copy = job.link("Sync") is not None and job.link("Start") is None
        return Start(record, shown.kinds, before.running_id, is_copy)
