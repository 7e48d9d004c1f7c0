"""The jobs, and their actions: start, stop, retry."""

from __future__ import annotations

from uuid import uuid4

from veeam_async.clock import Clock
from veeam_async.errors import (
    Json,
    StartUnconfirmed,
    VeeamError,
    ends_waiting,
    may_have_acted,
)
from veeam_async.ids import Id, parse_own
from veeam_async.jobs.find_session import Claims, JobHistory, RunDeps
from veeam_async.jobs.prepared import PreparedRun
from veeam_async.jobs.run import JobRun
from veeam_async.jobs.run_record import RunRecord, restore, save
from veeam_async.jobs.tasks import Tasks
from veeam_async.models import (
    BackupJobSession,
    Job,
    JobType,
    ReplicaJobSession,
    Task,
)
from veeam_async.pool.client import Pool
from veeam_async.pool.responses import read, sent_at
from veeam_async.resources.base import Entities
from veeam_async.resources.sessions import BackupSessions, JobSessions


class Jobs(Entities[Job]):
    """The jobs. Starting, stopping and retrying need a Portal Administrator.

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

    async def prepare(self, id: Id) -> PreparedRun:  # noqa: A002 - the field's term
        """Read what a start must know beforehand, and send nothing that acts.

        For whoever must survive a kill between the start and saving its run: save
        `prepared.to_dict()`, then give *prepared* to `start`. Where that was cut off,
        `resume` takes what was saved, and never starts anything:

            prepared = await em.jobs.prepare(job_id)
            save(prepared.to_dict())
            run = await em.jobs.start(prepared)
        """
        return PreparedRun(await self._record(id))

    async def start(self, id: Id | PreparedRun) -> JobRun:  # noqa: A002 - the field's term
        """Ask the server to start a job, and give the run of it.

        First the job and its newest sessions are read, so that the run's own session
        can be told from those before it. Raises StartUnconfirmed where no answer says
        whether the start was taken; it is not sent again.

        A prepared run is started once, a RuntimeError afterwards, and not where a
        session has begun since it was prepared, which is a ValueError.
        """
        if isinstance(id, PreparedRun):
            return await self._start_prepared(id)
        return await self._started(await self._record(id))

    async def _start_prepared(self, prepared: PreparedRun) -> JobRun:
        with prepared._starting() as record:  # noqa: SLF001 - no business of users
            newer = await self._record(record.job_id)
            history = JobHistory(self._deps.sessions(record.kind), record.job_id)
            if await history.new(record.before):
                raise ValueError(
                    f"job {record.job_id} has run since its start was prepared: look "
                    "with em.jobs.resume(prepared.to_dict()).session() whether that is "
                    "the run, or prepare anew"
                )
            record.started_at, record.server_time = newer.started_at, newer.server_time
        # From here on a POST may have been sent, whatever becomes of this call.
        record.sent = "perhaps"
        return await self._started(record)

    async def _started(self, record: RunRecord) -> JobRun:
        try:
            task = await self._act(record.job_id, "start")
        except VeeamError as error:
            # Surely not started: the caller may try again as after any other error.
            if not may_have_acted(error):
                raise
            self._deps.claims.opened(record)
            lost = StartUnconfirmed(record.job_id, checkpoint=save(record))
            raise lost from error
        record.task_id, record.sent = task.task_id, None
        self._deps.claims.opened(record)
        return JobRun(record, self._deps, task=task)

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

    async def stop(self, id: Id) -> Task:  # noqa: A002 - the field's term
        """Ask the server to stop what a job is running."""
        return await self._act(id, "stop")

    async def retry(self, id: Id) -> Task:  # noqa: A002 - the field's term
        """Ask the server to run a failed job again."""
        return await self._act(id, "retry")

    async def _record(self, given: Id) -> RunRecord:
        """The record of a run that is about to start, with what its job has by now."""
        job_id = parse_own(given, Job.__name__)
        wanted = str(job_id)
        answer = await self._request_entity(wanted)
        job = self._own(await read(answer, Job), wanted, answer)
        is_replica = job.job_type == JobType.REPLICA
        kind = (ReplicaJobSession if is_replica else BackupJobSession).__name__
        history = JobHistory(self._deps.sessions(kind), job_id)
        server_time, now = sent_at(answer), self._deps.clock.wall()
        newest, known = await history.newest(server_time or now)
        return RunRecord(
            job_id=job_id,
            kind=kind,
            started_at=now,
            newest=newest,
            server_time=server_time,
            known=known,
            run_id=uuid4(),
        )
