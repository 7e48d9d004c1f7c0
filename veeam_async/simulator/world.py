"""Everything that exists on the simulated server, and what users and tests do to it.

The same seed gives the same world. What is created later draws its ids from a random
stream of its own, in the order of creation.
"""

import bisect
import itertools
import math
import random
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import formatdate

import attrs

from veeam_async.simulator.population import Population
from veeam_async.simulator.runs import (
    Job,
    JobPath,
    Kind,
    Repo,
    Run,
    Server,
    TaskSession,
    child_runs,
    clock_offset,
    draw_task_sessions,
    restore_point_of,
    timetable,
    title,
)

COLLECTION_WINDOW = timedelta(days=30)
"""How far back the collections of sessions reach."""

ADDED_SCRIPT = (("Starting", 10.0), ("Working", 300.0))
"""States of a session that is added without a script."""
STARTED_SCRIPT = (("Starting", 10.0), ("Working", 240.0))
"""States of a started session unless it is planned otherwise."""
APPEARING_SECONDS = 5.0
"""How late a started run becomes visible, in simulated seconds."""


class Clock:
    """A time of day that runs `speed` times as fast as `time`, a clock in seconds."""

    def __init__(
        self, *, start: datetime, speed: float, time: Callable[[], float]
    ) -> None:
        self.start: datetime = start.astimezone(UTC)
        self._speed = speed
        self._time = time
        self._origin = time()
        self._advanced = timedelta()
        self._cached_date = (0, formatdate(0, usegmt=True))

    def now(self) -> datetime:
        """Simulated time, aware and in UTC."""
        elapsed = (self._time() - self._origin) * self._speed
        return self.start + timedelta(seconds=elapsed) + self._advanced

    def http_date(self) -> str:
        """Simulated time as the header Date spells it, in whole seconds."""
        # Every response carries it, so it is formatted once a second only.
        second = int(self.now().timestamp())
        if second != self._cached_date[0]:
            self._cached_date = second, formatdate(second, usegmt=True)
        return self._cached_date[1]

    def advance(self, seconds: float) -> None:
        """Jump forward by so many simulated seconds.

        Raises:
            ValueError: `seconds` are below zero, or not finite.
        """
        if not (math.isfinite(seconds) and seconds >= 0):
            raise ValueError(f"time does not run backwards: {seconds}")
        self._advanced += timedelta(seconds=seconds)


@attrs.frozen(kw_only=True)
class AddedSession:
    """A session that a test adds; the fields are the arguments of `add_session`."""

    script: tuple[tuple[str, float], ...]
    result: str
    created_in: float
    appears_in: float | None
    gone_in: float | None
    result_delay: float
    job_id: uuid.UUID | None
    job_name: str | None
    job_type: str | None
    failure_message: str | None
    is_retry: bool
    kind: Kind
    clock_offset: float | None = None


def _ends(plan: "PlannedRun", _field: object, retries: tuple[str, ...]) -> None:
    if retries and any(math.isinf(seconds) for _, seconds in plan.script):
        raise ValueError("a session that never ends is never tried again")


@attrs.frozen(kw_only=True)
class PlannedRun:
    """Outcome of a job's next start; the fields are the arguments of `next_run`."""

    script: tuple[tuple[str, float], ...] = STARTED_SCRIPT
    result: str = "Success"
    failure_message: str | None = None
    retries: tuple[str, ...] = attrs.field(default=(), validator=_ends)
    retry_in: float = 600.0
    appears_in: float = APPEARING_SECONDS
    links: bool = True
    refusal: str | None = None


class World:
    """Servers, jobs and runs, and the clock they live by."""

    def __init__(
        self, population: Population, clock: Clock, *, seed: int, digits: int
    ) -> None:
        self.clock = clock
        self.servers: dict[uuid.UUID, Server] = {
            server.id: server for server in population.servers
        }
        self.repos: dict[uuid.UUID, Repo] = {repo.id: repo for repo in population.repos}
        self.jobs: dict[uuid.UUID, Job] = {job.id: job for job in population.jobs}
        self._machine_jobs = {
            machine_job.id: machine_job
            for job in population.jobs
            for machine_job in job.machine_jobs()
        }
        self.plans: dict[uuid.UUID, PlannedRun] = {}
        """Outcome of the next start, by the job's id."""
        self.operation_numbers: itertools.count[int] = itertools.count(1)
        self._digits = digits
        # Not the population's stream: what is added later must not depend on how
        # many sessions were drawn at the start.
        self._rng = random.Random(f"{seed} added")
        self._runs = {run.id: run for run in population.runs}
        self._by_creation = sorted(population.runs, key=_created)
        self._task_sessions: dict[uuid.UUID, list[TaskSession]] = {}
        self.latest: dict[uuid.UUID, Run] = {
            run.job.id: run for run in self._by_creation if run.job
        }
        """The run of each job that was begun last, by the job's id."""
        self.catch_up: Callable[[datetime], None] | None = None
        """Lets happen what is due by a moment, before anybody looks at it."""

    # -------------------------------------------------------------- looking

    def now(self) -> datetime:
        """Simulated time, by which all has happened that was due."""
        now = self.clock.now()
        if self.catch_up:
            self.catch_up(now)
        return now

    def count(self) -> int:
        """How many sessions there are, of every kind, visible or not."""
        return len(self._runs)

    def runs(self, kind: Kind, now: datetime) -> list[Run]:
        """All runs of `kind` that are visible at `now`, the newest first."""
        return [
            run
            for run in reversed(self._by_creation)
            if run.kind == kind and run.is_visible(now)
        ]

    def recent_runs(self, kind: Kind, now: datetime) -> list[Run]:
        """Those of the last 30 days, which is what a collection shows."""
        oldest = now - COLLECTION_WINDOW
        runs = self.runs(kind, now)
        return [run for run in runs if run.stamp(run.created) >= oldest]

    def run(self, kind: Kind, session_id: uuid.UUID, now: datetime) -> Run | None:
        """The visible run of `kind` with this id, however old."""
        run = self._runs.get(session_id)
        is_shown = run is not None and run.kind == kind and run.is_visible(now)
        return run if is_shown else None

    def jobs_at(self, path: JobPath) -> list[Job]:
        """Jobs that lie at `path`, as its collection lists them."""
        return [job for job in self.jobs.values() if job.path == path]

    def job_at(self, path: JobPath, job_id: uuid.UUID) -> Job | None:
        """The job with this id where it lies at `path`, listed or not."""
        job = self.jobs.get(job_id) or self._machine_jobs.get(job_id)
        return job if job is not None and job.path == path else None

    def runs_of(self, job: Job, now: datetime) -> list[Run]:
        """Visible runs of one job, the newest first."""
        return [
            run
            for run in reversed(self._by_creation)
            if run.job is job and run.is_visible(now)
        ]

    def active_run(self, job: Job, now: datetime) -> Run | None:
        """The run of `job` that has not stopped, visible or not."""
        for run in reversed(self._by_creation):
            if run.job is job and run.created <= now and not run.is_stopped(now):
                return run
        return None

    def task_sessions_of(self, run: Run) -> Sequence[TaskSession]:
        """Task sessions of one run."""
        if run.id not in self._task_sessions:
            drawn = draw_task_sessions(run, digits=self._digits)
            self._task_sessions[run.id] = drawn
        return self._task_sessions[run.id]

    def task_sessions(self, runs: Iterable[Run]) -> Iterator[TaskSession]:
        """Task sessions of all `runs`, run by run."""
        for run in runs:
            yield from self.task_sessions_of(run)

    def task_session(
        self, kind: Kind, session_id: uuid.UUID, now: datetime
    ) -> TaskSession | None:
        """The task session with this id among the visible runs of `kind`."""
        found = self.task_sessions(self.runs(kind, now))
        return next((each for each in found if each.id == session_id), None)

    def restore_points(self, runs: Iterable[Run], now: datetime) -> list[Run]:
        """Those of `runs` that have left a restore point, which stand for it."""
        return [run for run in runs if run.has_restore_point(now)]

    def restore_point(self, point_id: uuid.UUID, now: datetime) -> Run | None:
        """The visible run whose restore point has this id."""
        run = self.run("BackupJobSession", restore_point_of(point_id), now)
        return run if run is not None and run.has_restore_point(now) else None

    def repos_of(self, server: Server) -> list[Repo]:
        """Repositories of one backup server."""
        return [repo for repo in self.repos.values() if repo.server is server]

    # ------------------------------------------------------------- changing

    def start(
        self,
        job: Job,
        now: datetime,
        plan: PlannedRun,
        *,
        is_retry: bool = False,
        rng: random.Random | None = None,
    ) -> Run:
        """Start a run of `job`, and lay out the retries that are to follow it.

        Ids are drawn from `rng`; None: from the stream of what is added.
        """
        first = last = self._begin(job, now, plan, rng or self._rng, is_retry=is_retry)
        for result in plan.retries:
            again = (last.ended or now) + timedelta(seconds=plan.retry_in)
            plan_again = attrs.evolve(plan, result=result)
            last = self._begin(job, again, plan_again, rng or self._rng, is_retry=True)
            last.is_pending_retry = True
        return first

    def _begin(
        self,
        job: Job,
        when: datetime,
        plan: PlannedRun,
        rng: random.Random,
        *,
        is_retry: bool,
    ) -> Run:
        created = self._rounded(when)
        run = Run(
            id=_new_id(rng),
            kind="ReplicaJobSession" if job.replicates else "BackupJobSession",
            name=job.name,
            title=title(
                job.name, created + job.server.clock_offset, digits=self._digits
            ),
            server=job.server,
            job=job,
            job_type=job.type,
            created=created,
            steps=timetable(created, plan.script),
            result=plan.result,
            failure_message=plan.failure_message if plan.result == "Failed" else None,
            is_retry=is_retry,
            # The server collects from its backup servers from time to time, so a
            # new session is unknown for a while: a GET by its id is a 404.
            visible_from=when + timedelta(seconds=plan.appears_in),
        )
        self._insert(run)
        self.latest[job.id] = run
        for child in child_runs(run, job.machine_jobs(), digits=self._digits):
            self._insert(child)
        return run

    def clone(self, job: Job) -> Job:
        """Make another job like `job`, its schedule off."""
        taken = {other.name for other in self.jobs.values()}
        numbers = itertools.count(1)
        names = (f"{job.name}_clone{number}" for number in numbers)
        name = next(name for name in names if name not in taken)
        made = attrs.evolve(
            job, id=_new_id(self._rng), name=name, schedule_enabled=False
        )
        self.jobs[made.id] = made
        return made

    def stop(self, run: Run, now: datetime) -> None:
        """End `run` early, and drop the retries of its job that are still to come."""
        run.stop(now)
        for other in [*self._by_creation]:
            if other.is_pending_retry and other.job is run.job and other.created > now:
                for dropped in (other, *other.children):
                    self.remove(dropped.id)

    def add(self, added: AddedSession) -> Run:
        """Create the session that a test describes.

        Raises:
            ValueError: There is no such job.
        """
        now = self.clock.now()
        created = self._rounded(now + timedelta(seconds=added.created_in))
        job = self._job_of(added)
        server = job.server if job else next(iter(self.servers.values()))
        offset = server.clock_offset
        if added.clock_offset is not None:
            offset = clock_offset(added.clock_offset)
        name = added.job_name or (job.name if job else "ubuntu-ci-3")
        run = Run(
            id=_new_id(self._rng),
            kind=added.kind,
            name=name,
            title=title(name, created + offset, digits=self._digits),
            server=server,
            clock_offset=offset,
            job=job,
            job_type=added.job_type or (job.type if job else "RestoreVm"),
            created=created,
            steps=timetable(created, added.script),
            result=added.result,
            failure_message=added.failure_message,
            is_retry=added.is_retry,
            visible_from=_after(now, added.appears_in),
            visible_until=_after(now, added.gone_in),
        )
        run.result_from = _after(run.ended, added.result_delay)
        self._insert(run)
        return run

    def _job_of(self, added: AddedSession) -> Job | None:
        if added.job_id is not None:
            return self.job(added.job_id)
        # A restore belongs to no job.
        has_job = added.kind != "RestoreSession"
        return next(iter(self.jobs.values())) if has_job else None

    def job(self, job_id: uuid.UUID) -> Job:
        """The job with this id.

        Raises:
            ValueError: There is none.
        """
        if job_id not in self.jobs:
            raise ValueError(f"there is no job {job_id}")
        return self.jobs[job_id]

    def remove(self, session_id: uuid.UUID) -> None:
        """Forget a run.

        Raises:
            ValueError: There is no such session.
        """
        if session_id not in self._runs:
            raise ValueError(f"there is no session {session_id}")
        self._by_creation.remove(self._runs.pop(session_id))

    def forget(self, now: datetime, *, before: datetime, most: int) -> None:
        """Forget the runs that had stopped `before`, and all above `most` of the rest.

        The oldest go first, none that still runs `now`, and a session of agents goes
        with those of its machines.
        """
        surplus = len(self._by_creation) - most
        kept = []
        for place, run in enumerate(self._by_creation):
            if run.parent:
                is_kept = run.parent.id in self._runs
            else:
                until = now if place < surplus else before
                is_kept = not run.is_stopped(until)
            if is_kept:
                kept.append(run)
            else:
                del self._runs[run.id]
                self._task_sessions.pop(run.id, None)
        self._by_creation = kept

    def _insert(self, run: Run) -> None:
        self._runs[run.id] = run
        bisect.insort(self._by_creation, run, key=_created)

    def _rounded(self, moment: datetime) -> datetime:
        # Cut to the digits that the product writes: what a client reads and sends
        # back in a filter must compare as equal.
        if self._digits:
            return moment
        return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _new_id(rng: random.Random) -> uuid.UUID:
    return uuid.UUID(int=rng.getrandbits(128), version=4)


def _created(run: Run) -> datetime:
    return run.created


def _after(moment: datetime | None, seconds: float | None) -> datetime | None:
    if moment is None or seconds is None:
        return None
    return moment + timedelta(seconds=seconds)
