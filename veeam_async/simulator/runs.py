"""Records of the simulated backup servers: jobs, their runs, task sessions, operations.

Runs are functions of time. Nothing is updated in the background: a run knows its
whole timetable from the start, and asking for its state is looking into that table.
"""

import math
import random
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

import attrs

Kind: TypeAlias = Literal["BackupJobSession", "ReplicaJobSession", "RestoreSession"]
JobPath: TypeAlias = Literal["jobs", "agents/jobs", "nas/jobs"]
"""Where a job lies: agents' and file shares' jobs have addresses of their own."""

STOPPING_SECONDS = 15.0
"""How long a run that is told to stop takes for it, in simulated seconds."""
OPERATION_SECONDS = 2.0
"""How long an operation takes, in simulated seconds."""
COLLECTING_SECONDS = 6.0
"""When Enterprise Manager has collected a started run, in simulated seconds after the
request. A run that becomes visible later is collected a second after that."""

CHILD_DELAY = timedelta(seconds=16)
"""How long after an agents' session its machines' own sessions begin, as documented."""

_PATHS: dict[str, JobPath] = {"AgentBackup": "agents/jobs", "NasBackup": "nas/jobs"}
_WARNING_REASON = "Processing finished with warnings.  See the log. "


@attrs.frozen
class Server:
    """A backup server."""

    id: uuid.UUID
    name: str
    description: str
    clock_offset: timedelta = timedelta()
    """By how much its clock is ahead of Enterprise Manager's."""


@attrs.frozen
class Repo:
    """A backup repository; sizes in bytes."""

    id: uuid.UUID
    name: str
    server: Server
    capacity: int
    free_space: int


@attrs.frozen
class Schedule:
    """Starts at equal distances."""

    every: timedelta
    phase: timedelta
    """From midnight, UTC, to the first start of a day."""

    def next_after(self, now: datetime) -> datetime:
        """First start after `now`."""
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        first = midnight + self.phase
        return first + ((now - first) // self.every + 1) * self.every


@attrs.define(eq=False)
class Job:
    """A job of any kind."""

    id: uuid.UUID
    name: str
    type: str
    server: Server
    platform: str = "VMware"
    description: str = ""
    schedule_enabled: bool = True
    machines: tuple[str, ...] = ()
    parent: "Job | None" = None
    """The copy job that a worker works for, or the agents' job of a machine's own."""
    schedule: Schedule | None = None
    """When it starts by itself; None: at 22:00, and only said so."""
    _machine_jobs: "list[Job] | None" = attrs.field(
        default=None, init=False, repr=False
    )

    @property
    def path(self) -> JobPath:
        """Where it lies, below the API's root."""
        return _PATHS.get(self.type, "jobs")

    @property
    def replicates(self) -> bool:
        """Whether its sessions are those of a replication."""
        return self.type == "Replica"

    def machine_jobs(self) -> "list[Job]":
        """Jobs of its machines, which nothing lists: each agent's has a job of its own.

        The same ones whenever asked. Empty where it is none of agents, or is itself
        that of a machine.
        """
        if self._machine_jobs is None:
            has_any = self.type == "AgentBackup" and self.parent is None
            machines = self.machines if has_any else ()
            self._machine_jobs = [self._machine_job(machine) for machine in machines]
        return self._machine_jobs

    def _machine_job(self, machine: str) -> "Job":
        rng = random.Random(f"{self.id} {machine}")
        return Job(
            uuid.UUID(int=rng.getrandbits(128), version=4),
            f"{self.name} - {machine}",
            self.type,
            self.server,
            platform=self.platform,
            description=self.description,
            schedule_enabled=False,
            machines=(machine,),
            parent=self,
        )

    def next_run(self, now: datetime) -> datetime | None:
        """When the schedule starts it next, in UTC by its server's clock."""
        if not self.schedule_enabled:
            return None
        if self.schedule:
            return self.schedule.next_after(now) + self.server.clock_offset
        now += self.server.clock_offset
        tonight = now.replace(hour=22, minute=0, second=0, microsecond=0)
        return tonight if tonight > now else tonight + timedelta(days=1)

    @property
    def is_copy(self) -> bool:
        """Whether it copies backups: such jobs synchronise, they never start."""
        return self.type in {"BackupCopy", "ImmediateBackupCopy"}


@attrs.frozen
class Step:
    """A state and the moment it ends; None when it never does."""

    state: str
    until: datetime | None


@attrs.define(kw_only=True, eq=False)
class Run:
    """One session, past, present or future."""

    id: uuid.UUID
    kind: Kind
    name: str
    """The name of its job, or of its machine where it has no job."""
    title: str
    """Its own name: that name and its creation time."""
    server: Server
    job: Job | None
    job_type: str
    created: datetime
    steps: tuple[Step, ...]
    result: str = "Success"
    failure_message: str | None = None
    is_retry: bool = False
    is_pending_retry: bool = False
    """Whether it is a retry to come, which is dropped when a user stops the job."""
    parent: "Run | None" = None
    """The agents' session during which a machine's own one ran."""
    children: "list[Run]" = attrs.field(factory=list, repr=False)
    """Sessions of the machines of an agents' session; empty where it has none."""
    reports_progress: bool = True
    visible_from: datetime | None = None
    """When it is first shown; None: with its creation."""
    visible_until: datetime | None = None
    """When it is forgotten; None: never."""
    result_from: datetime | None = None
    """When its result is first shown; None: as soon as it has stopped."""
    clock_offset: timedelta = attrs.field()
    """By how much the clock that dates it is ahead of Enterprise Manager's."""
    _frozen_progress: int | None = None

    @clock_offset.default
    def _server_offset(self) -> timedelta:
        return self.server.clock_offset

    @property
    def ended(self) -> datetime | None:
        """End of the last step, which may lie in the future; None: never."""
        return self.steps[-1].until if self.steps else self.created

    def stamp(self, moment: datetime) -> datetime:
        """That moment as the backup server's clock told it, which is what is shown.

        All other times in here are Enterprise Manager's.
        """
        return moment + self.clock_offset

    def is_visible(self, now: datetime) -> bool:
        """Whether a client can see it at `now`."""
        visible_from = self.visible_from or self.created
        return visible_from <= now and (
            self.visible_until is None or now < self.visible_until
        )

    def is_stopped(self, now: datetime) -> bool:
        """Whether it is over at `now`."""
        ended = self.ended
        return ended is not None and ended <= now

    def state_at(self, now: datetime) -> str:
        """State at `now`: that of the current step, then Stopped."""
        for step in self.steps:
            if step.until is None or now < step.until:
                return step.state
        return "Stopped"

    def end_at(self, now: datetime) -> datetime | None:
        """End time as shown at `now`: None until it has stopped."""
        return self.ended if self.is_stopped(now) else None

    @property
    def restore_point_id(self) -> uuid.UUID:
        """Id of its restore point; made of its own, so that none is drawn for it."""
        return restore_point_of(self.id)

    def has_restore_point(self, now: datetime) -> bool:
        """Whether it has left a restore point behind at `now`."""
        is_of_backup = self.job_type == "Backup" and self.result != "Failed"
        return is_of_backup and self.is_stopped(now)

    def result_at(self, now: datetime) -> str:
        """Result as shown at `now`: the text None before it is known."""
        if not self.is_stopped(now):
            return "None"
        # Clients report sessions that are Stopped for a moment before their result
        # is there, so a test can ask for that moment.
        if self.result_from is not None and now < self.result_from:
            return "None"
        return self.result

    def failure_at(self, now: datetime) -> str | None:
        """Failure message as shown at `now`: never before the result."""
        return self.failure_message if self.result_at(now) == self.result else None

    def progress_at(self, now: datetime) -> int:
        """Progress at `now`, in per cent."""
        # An ImmediateBackupCopy was recorded Stopped, Success and 0 per cent.
        if not self.reports_progress:
            return 0
        if self._frozen_progress is not None:
            return self._frozen_progress
        return self._grown_progress(now)

    def _grown_progress(self, now: datetime) -> int:
        begin = self._work_begins()
        ended = self.ended
        if now < begin:
            return 0
        if ended is None:
            # It never ends, so it can only come nearer and nearer to the end.
            return int(99 * (1 - math.exp(-(now - begin).total_seconds() / 3600)))
        if ended <= now:
            return 100
        return int(99 * ((now - begin) / (ended - begin)))

    def _work_begins(self) -> datetime:
        first = self.steps[0] if self.steps else None
        if first is None or first.state != "Starting":
            return self.created
        return first.until or datetime.max.replace(tzinfo=self.created.tzinfo)

    def stop(self, now: datetime) -> None:
        """End it early: Stopping from `now` on, Stopped `STOPPING_SECONDS` later."""
        # Read before the steps change: progress is computed from them.
        progress = self.progress_at(now)
        done = tuple(s for s in self.steps if s.until is not None and s.until <= now)
        current = Step(self.state_at(now), now)
        end = now + timedelta(seconds=STOPPING_SECONDS)
        self.steps = (*done, current, Step("Stopping", end))
        self.result = "Failed"
        self.failure_message = "Job session has been stopped by user."
        self._frozen_progress = progress
        self.result_from = None
        for child in self.children:
            if not child.is_stopped(now):
                child.stop(now)


@attrs.define(eq=False)
class TaskSession:
    """The share of one machine in a run."""

    id: uuid.UUID
    run: Run
    machine: str
    title: str
    created: datetime
    share: float
    """Which share of the run's time it takes, between 0 and 1."""
    size: int
    """Bytes read."""
    vm_uid: str

    def stamp(self, moment: datetime) -> datetime:
        """That moment as the backup server's clock told it."""
        return self.run.stamp(moment)

    def state_at(self, now: datetime) -> str:
        """State at `now`: Pending, InProgress or Completed."""
        if now < self.created:
            return "Pending"
        return "Completed" if self.end_at(now) else "InProgress"

    def end_at(self, now: datetime) -> datetime | None:
        """End time as shown at `now`: None until it is completed."""
        ended = self.run.ended
        if ended is None:
            return None
        end = self.created + (ended - self.created) * self.share
        # Whole milliseconds, the finest that every product writes: what a client
        # reads and sends back in a filter then compares as equal.
        end = end.replace(microsecond=end.microsecond // 1000 * 1000)
        return end if end <= now else None

    def result_at(self, now: datetime) -> str:
        """Result as shown at `now`."""
        # A task session in progress was recorded with the result Success.
        return self.run.result if self.end_at(now) else "Success"

    def reason_at(self, now: datetime) -> str:
        """Why it did not succeed, as shown at `now`; empty where it did."""
        if self.result_at(now) == "Success":
            return ""
        return self.run.failure_message or _WARNING_REASON


@attrs.define(eq=False)
class Operation:
    """Something a user ordered, shown as a task; how it ends is known at once."""

    number: int
    name: str
    requested: datetime
    message: str
    is_success: bool = True
    started: Run | None = None
    """The run it started."""
    collected_in: float = COLLECTING_SECONDS
    links_run: bool = True
    """Whether its task has a link to that run."""
    made: Job | None = None
    """The job that it made."""
    seconds: float = OPERATION_SECONDS
    """How long it takes; 0: it is over before its task is first shown."""

    @property
    def id(self) -> str:
        """Id of its task."""
        return f"task-{self.number}"

    def state_at(self, now: datetime) -> str:
        """State of its task at `now`: Running, OperationFinished or Finished."""
        age = now - self.requested
        if age < timedelta(seconds=self.seconds):
            return "Running"
        # Done on the backup server, but Enterprise Manager has not collected yet
        # what it started: sessions show up late.
        if self.started and age < timedelta(seconds=self.collected_in):
            return "OperationFinished"
        return "Finished"


def restore_point_of(id_: uuid.UUID) -> uuid.UUID:
    """Id of the restore point of the session with this id, and the other way round."""
    return uuid.UUID(int=id_.int ^ 1)


def clock_offset(seconds: float) -> timedelta:
    """So many seconds in whole milliseconds, the finest that every product writes."""
    return timedelta(milliseconds=round(seconds * 1000))


def title(name: str, created: datetime, *, digits: int) -> str:
    """Name of a session: `name` and the moment of its creation.

    With `digits` above zero up to so many digits of a second's fraction follow,
    trailing zeros cut: product 13 writes them, the older ones do not.
    """
    whole = f"{name}@{created:%Y-%m-%d %H:%M:%S}"
    fraction = f"{created.microsecond:06d}"[:digits].rstrip("0")
    return f"{whole}.{fraction}" if fraction else whole


def timetable(
    created: datetime, script: Sequence[tuple[str, float]]
) -> tuple[Step, ...]:
    """Steps of `script`, pairs of a state and its seconds, from `created` on."""
    steps = []
    until = created
    for state, seconds in script:
        if math.isinf(seconds):
            steps.append(Step(state, None))
            break
        until += timedelta(milliseconds=round(seconds * 1000))
        steps.append(Step(state, until))
    return tuple(steps)


def child_runs(run: Run, machine_jobs: Sequence[Job], *, digits: int) -> list[Run]:
    """Sessions of the machines of an agents' session `run`, all within its time.

    Drawn from that session's id, as task sessions are; `digits` as in `title`. The
    first one has the result of `run`, and so its reason.
    """
    rng = random.Random(f"{run.id} children")
    return [_child_run(run, job, rng, digits) for job in machine_jobs]


def _child_run(run: Run, job: Job, rng: random.Random, digits: int) -> Run:
    child = Run(
        id=uuid.UUID(int=rng.getrandbits(128), version=4),
        kind=run.kind,
        name=job.name,
        title="",
        server=run.server,
        job=job,
        job_type="AgentManagement",
        created=run.created,
        steps=(),
    )
    place_child(child, run, job, share=rng.uniform(0.5, 0.95), digits=digits)
    return child


def place_child(child: Run, run: Run, job: Job, *, share: float, digits: int) -> None:
    """Make `child` the session of a machine, whose job is `job`, during `run`.

    It ends after `share` of the time of `run`, and never where that does not.
    """
    is_first = not run.children
    length = (
        math.inf if run.ended is None else (run.ended - run.created).total_seconds()
    )
    # A short run would otherwise end before its children begin.
    delay = min(CHILD_DELAY.total_seconds(), length * share / 2)
    created = run.created + timedelta(milliseconds=round(delay * 1000))
    child.name, child.job, child.job_type = job.name, job, "AgentManagement"
    child.server, child.clock_offset = run.server, run.clock_offset
    child.created = created
    child.title = title(job.name, child.stamp(created), digits=digits)
    child.steps = timetable(created, (("Working", length * share - delay),))
    child.result = run.result if is_first else "Success"
    child.failure_message = run.failure_message if is_first else None
    child.is_retry = run.is_retry
    if run.visible_from is not None:
        child.visible_from = max(run.visible_from, created)
    child.parent = run
    run.children.append(child)


def draw_task_sessions(run: Run, *, digits: int) -> list[TaskSession]:
    """Task sessions of `run`, one for each machine; `digits` as in `title`.

    Drawn from the run's own id: the same ones whenever asked, and a large world
    costs nothing until somebody looks into it.
    """
    rng = random.Random(run.id.int)
    machines = run.job.machines if run.job else ()
    return [_task_session(run, machine, rng, digits) for machine in machines]


def _task_session(
    run: Run, machine: str, rng: random.Random, digits: int
) -> TaskSession:
    created = run.created + timedelta(milliseconds=rng.randrange(5_000, 19_000))
    if run.ended is not None:
        # A short run would otherwise end before its task sessions begin.
        created = min(created, run.created + (run.ended - run.created) / 2)
    return TaskSession(
        id=uuid.UUID(int=rng.getrandbits(128), version=4),
        run=run,
        machine=machine,
        title=title(machine, run.stamp(created), digits=digits),
        created=created,
        share=rng.uniform(0.3, 0.95),
        size=rng.randrange(1, 200) << 30,
        vm_uid=f"urn:VMware:Vm:{uuid.UUID(int=rng.getrandbits(128), version=4)}"
        f".vm-{rng.randrange(1000, 999_999)}",
    )
