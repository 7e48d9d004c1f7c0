"""Servers, jobs and a month of their sessions, drawn from a seed.

All random numbers come from one stream in a fixed order, so that a seed is the same
world on every machine. Whoever draws one number more changes all worlds after it.
"""

import random
import uuid
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import attrs

from veeam_async.simulator.runs import (
    Job,
    Kind,
    Repo,
    Run,
    Server,
    clock_offset,
    place_child,
    timetable,
    title,
)

# Names as administrators give them, some of them hard on parsers: markup, quotes,
# backslashes, double spaces, what a URL must escape, letters outside of ASCII.
JOBS = (
    ("File Servers", "Backup"),
    ("SQL Clusters", "Backup"),
    ("PRD_VMW_CLUSTER01_DAILY", "Backup"),
    ("Oracle RAC", "Backup"),
    ("Webshop vApp", "Backup"),
    ("Storage Snapshots", "Backup"),
    ("Exchange & SharePoint", "Backup"),
    ('Tier <1> "Gold"', "Backup"),
    ("Büro Köln \u2013 Täglich", "Backup"),
    ("バックアップ 夜間", "Backup"),
    ("Web  Farm  (two  spaces)", "Backup"),
    ("100% Linux + Docker; prod, dev", "Backup"),
    ("O'Brien's VMs", "Backup"),
    ("Domain Controllers", "Backup"),
    ("VDI Gold Images", "Backup"),
    ("SAP HANA", "Backup"),
    ("Test & Dev = weekly", "Backup"),
    ("Kubernetes Workers", "Backup"),
    ("Print Servers", "Backup"),
    ("Terminal Servers", "Backup"),
    ("Monitoring Stack", "Backup"),
    ("Branch Office Zürich", "Backup"),
    ("Weekly Full to Tape Staging", "Backup"),
    ("HR Systems", "Backup"),
    ("Weekly Offsite Copy", "BackupCopy"),
    ("Copy to DR Site", "BackupCopy"),
    ("COPY_PRD_TO_DEDUP", "ImmediateBackupCopy"),
    ("COPY_PRD_TO_DEDUP\\PRD_VMW_CLUSTER01_DAILY", "ImmediateBackupCopyWorker"),
    ("COPY_PRD_TO_DEDUP\\File Servers", "ImmediateBackupCopyWorker"),
    ("Project Shares", "NasBackup"),
    ("Home Directories", "NasBackup"),
    ("Laptops of Sales", "AgentBackup"),
    ("Physical Linux Servers", "AgentBackup"),
)
SERVERS = (
    ("vbr01.lab.internal", "Primary backup server"),
    ("vbr02.lab.internal", "Created by LAB\\admin"),
)
RESTORES = ("RestoreVm", "RestoreVm", "FileLevelRestore")
"""Types of restores, as common as they are here."""
REPLICA_JOBS = ("File Server Replication", "ERP Replication", "Mail & Web Replication")
MACHINES = (
    "dc01",
    "sql-prod-02",
    "mail & web",
    "ubuntu-ci-3",
    "fs01",
    "Buchhaltung-Köln",
)
FAILURES = (
    "Processing sql-prod-02 Error: Failed to quiesce the virtual machine.",
    'Error: Access to the path "\\\\nas01\\backup$" is denied. <code 5>',
    "Error: Not enough space on repository & all extents are full.",
)

SCHEDULED, STARTING, STOPPING, RETRIED, RECENT = 0.9, 0.3, 0.25, 0.7, 0.3
"""Shares: jobs whose schedule is on; running sessions that are still Starting, and
that will pass through Stopping; failed ones that are retried; finished ones that lie
in the last 24 hours."""
RUNNING_WINDOW = 560.0
"""So many simulated seconds after the start everything that ran has stopped."""

_DAY = 86_400.0
# A little less than the 30 days that collections reach back, so that all of it shows.
_MONTH = 29.9 * _DAY


@attrs.define
class Population:
    """What exists at the start."""

    servers: list[Server]
    repos: list[Repo]
    jobs: list[Job]
    runs: list[Run]


def populate(
    *,
    seed: int,
    now: datetime,
    sessions: int,
    running: int,
    digits: int,
    clock_offsets: Sequence[float] = (),
) -> Population:
    """Draw a world from `seed` as it looks at `now`.

    Args:
        seed: The same seed gives the same world, times being relative to `now`.
        now: The moment of the start.
        sessions: How many backup sessions there are, the running ones included.
        running: How many of them have not stopped at `now`.
        digits: Digits of a second's fraction in a session's name: 6 or none.
        clock_offsets: Seconds by which the backup servers' clocks are ahead, in
            their order; nothing is drawn for them.
    """
    draw = _Generator(seed, now, digits, clock_offsets)
    jobs = draw.jobs(running)
    runs = [*draw.running_runs(jobs, running)]
    finished = [*draw.finished_runs(jobs, sessions - running)]
    _adopt(finished, digits)
    runs += finished
    runs += draw.replicas_and_restores(sessions, running)
    # A worker is no job of its own: its sessions name that of which it is a part.
    named = [job for job in jobs if job.parent is None]
    return Population(draw.servers, draw.repos, [*named, *draw.replica_jobs], runs)


def _adopt(finished: Sequence[Run], digits: int) -> None:
    """Make some sessions of agents' jobs those of their machines, within the others.

    Nothing is drawn or added for it: there are as many sessions as were asked for.
    Failures and their retries stay what they are.
    """
    by_job: dict[uuid.UUID, list[Run]] = {}
    for run in sorted(finished, key=lambda run: run.created):
        is_apart = run.result == "Failed" or run.is_retry
        if run.job and run.job_type == "AgentBackup" and not is_apart:
            by_job.setdefault(run.job.id, []).append(run)
    for runs in by_job.values():
        _nest(runs, digits)


def _nest(runs: list[Run], digits: int) -> None:
    waiting = iter(runs)
    for run in waiting:
        machine_jobs = run.job.machine_jobs() if run.job else []
        for place, job in enumerate(machine_jobs):
            child = next(waiting, None)
            if child is None:
                return
            share = 0.95 - 0.1 * place
            place_child(child, run, job, share=share, digits=digits)


class _Generator:
    """Draws one world."""

    def __init__(
        self, seed: int, now: datetime, digits: int, clock_offsets: Sequence[float]
    ) -> None:
        self._rng = random.Random(seed)
        # Whole milliseconds: a time read and sent back in a filter compares as equal.
        self._now = now.replace(microsecond=now.microsecond // 1000 * 1000)
        self._digits = digits
        offsets = (*clock_offsets, *(0.0 for _ in SERVERS))
        self.servers = [
            Server(self.new_id(), name, description, clock_offset(seconds))
            for (name, description), seconds in zip(SERVERS, offsets, strict=False)
        ]
        self.repos = [self._repo(name) for name in ("Default Backup Repository", "S3")]
        self.replica_jobs = [self._job(n, "Replica") for n in REPLICA_JOBS]

    def new_id(self) -> uuid.UUID:
        return uuid.UUID(int=self._rng.getrandbits(128), version=4)

    def _repo(self, name: str) -> Repo:
        capacity = self._rng.randrange(20, 200) << 40
        free = int(capacity * self._rng.uniform(0.1, 0.7))
        return Repo(self.new_id(), name, self._rng.choice(self.servers), capacity, free)

    def _job(self, name: str, type_: str) -> Job:
        rng = self._rng
        return Job(
            self.new_id(),
            name,
            type_,
            rng.choice(self.servers),
            platform=_platform(name, type_, rng.choice(("VMware", "VMware", "Hyperv"))),
            description=f"Created by LAB\\admin at {self._now:%Y-%m-%d}.",
            schedule_enabled=rng.random() < SCHEDULED,
            machines=tuple(rng.sample(MACHINES, rng.randint(1, 4))),
        )

    def jobs(self, running: int) -> list[Job]:
        """Jobs, enough of them that `running` can run at once."""
        rounds = 1 + max(0, running - 1) // len(JOBS)
        jobs = [
            self._job(_numbered(name, turn), type_)
            for turn in range(rounds)
            for name, type_ in JOBS
        ]
        _employ(jobs)
        return jobs

    def running_runs(self, jobs: list[Job], count: int) -> Iterator[Run]:
        """Runs under way, their ends spread over `RUNNING_WINDOW`."""
        chosen = self._rng.sample(jobs, count)
        for index, job in enumerate(chosen):
            left = RUNNING_WINDOW * (index + self._rng.uniform(0.3, 1)) / count
            yield self._running(job, "BackupJobSession", max(left, 20.0))

    def _running(self, job: Job | None, kind: Kind, left: float) -> Run:
        rng = self._rng
        starting = rng.uniform(10, 40)
        is_new = rng.random() < STARTING
        age = rng.uniform(0, starting) if is_new else rng.uniform(300, 5400)
        stopping = min(12.0, left / 3) if rng.random() < STOPPING else 0.0
        total = max(age + left, starting + stopping + 1)
        script = _script(starting, total - starting - stopping, stopping)
        return self._run(job, kind, age, script)

    def finished_runs(self, jobs: list[Job], count: int) -> Iterator[Run]:
        """So many runs of the last month; some of those that failed are retried."""
        made = 0
        while made < count:
            job = self._rng.choice(jobs)
            first = self._finished(job, "BackupJobSession")
            yield first
            made += 1
            is_retried = first.result == "Failed" and self._rng.random() < RETRIED
            if made < count and is_retried and not job.is_copy:
                yield self._retry(job, first)
                made += 1

    def _finished(self, job: Job | None, kind: Kind) -> Run:
        rng = self._rng
        length = rng.uniform(60, 5400)
        is_recent = rng.random() < RECENT
        oldest = _DAY if is_recent else _MONTH
        # Twice its length and ten minutes, so that a retry ends in the past too.
        age = rng.uniform(min(2 * length + 900, oldest / 2), oldest)
        return self._run(job, kind, age, _script(20, length, 0))

    def _retry(self, job: Job, first: Run) -> Run:
        ended = first.ended or self._now
        age = (self._now - ended).total_seconds() - 600
        length = (ended - first.created).total_seconds()
        run = self._run(job, "BackupJobSession", age, _script(20, length, 0))
        run.is_retry = True
        return run

    def replicas_and_restores(self, sessions: int, running: int) -> Iterator[Run]:
        """Replications and restores, a tenth and a twentieth of `sessions`."""
        kinds: tuple[tuple[Kind, int], ...]
        kinds = (("ReplicaJobSession", 10), ("RestoreSession", 20))
        for kind, share in kinds:
            for _ in range(running // share):
                left = self._rng.uniform(20, RUNNING_WINDOW)
                yield self._running(self._job_of(kind), kind, left)
            for _ in range(sessions // share):
                yield self._finished(self._job_of(kind), kind)

    def _job_of(self, kind: Kind) -> Job | None:
        is_replica = kind == "ReplicaJobSession"
        return self._rng.choice(self.replica_jobs) if is_replica else None

    def _run(
        self,
        job: Job | None,
        kind: Kind,
        age: float,
        script: list[tuple[str, float]],
    ) -> Run:
        rng = self._rng
        created = self._now - timedelta(milliseconds=round(age * 1000))
        # Drawn for every product, so that a seed has the same ids in all of them.
        fraction = rng.randrange(1000)
        if self._digits:
            created += timedelta(microseconds=fraction)
        result = rng.choices(("Success", "Warning", "Failed"), (85, 9, 6))[0]
        name = job.name if job else rng.choice(MACHINES)
        id_ = self.new_id()
        job_type = job.type if job else RESTORES[id_.int % len(RESTORES)]
        server = job.server if job else rng.choice(self.servers)
        dated = created + server.clock_offset
        return Run(
            id=id_,
            kind=kind,
            name=name,
            title=title(name, dated, digits=self._digits),
            server=server,
            job=(job.parent or job) if job else None,
            job_type=job_type,
            created=created,
            steps=timetable(created, script),
            result=result,
            failure_message=rng.choice(FAILURES) if result == "Failed" else None,
            reports_progress=job_type != "ImmediateBackupCopy",
        )


def _numbered(name: str, turn: int) -> str:
    """That name in its *turn*th round, a worker's with its copy job's number too."""
    if turn == 0:
        return name
    return "\\".join(f"{part} {turn + 1}" for part in name.split("\\"))


def _employ(jobs: Sequence[Job]) -> None:
    """Give each worker the copy job that it is named after, and its server."""
    by_name = {job.name: job for job in jobs}
    for job in jobs:
        if job.type == "ImmediateBackupCopyWorker":
            job.parent = by_name[job.name.partition("\\")[0]]
            job.server = job.parent.server


def _platform(name: str, type_: str, drawn: str) -> str:
    if type_ != "AgentBackup":
        return drawn
    return "AgentForLinux" if "Linux" in name else "AgentForWindows"


def _script(
    starting: float, working: float, stopping: float
) -> list[tuple[str, float]]:
    steps = [("Starting", starting), ("Working", working), ("Stopping", stopping)]
    return [(state, seconds) for state, seconds in steps if seconds > 0]
