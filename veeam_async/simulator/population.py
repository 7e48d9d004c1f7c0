"""A seed in, servers, jobs and their sessions of a month out.

What the numbers are drawn from is fixed here: job names as administrators
give them, some of them hard on parsers, and runs that mostly succeed.
"""

import random
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta

import attrs

from veeam_async.simulator.names import FAILURES, JOBS, MACHINES, REPLICA_JOBS
from veeam_async.simulator.runs import (
    Kind,
    Repo,
    Run,
    Server,
    Work,
    timetable,
    title,
)

SCHEDULED, STARTING, STOPPING, RETRIED, RECENT = 0.9, 0.3, 0.25, 0.7, 0.3
"""The shares of jobs with a schedule on; of running sessions that are Starting
still and that will pass Stopping; of failed ones that are retried; and of
finished ones that lie in the last 24 hours."""
RUNNING_WINDOW = 560.0
"""Within so many simulated seconds all that runs at the start has stopped."""

_DAY = 86_400.0
_MONTH = 29.9 * _DAY


@attrs.define
class Population:
    """All there is at the start."""

    servers: list[Server]
    repos: list[Repo]
    works: list[Work]
    runs: list[Run]


def populate(
    *, seed: int, now: datetime, sessions: int, running: int, digits: int
) -> Population:
    """Draw a world from *seed* as it looks at *now*.

    Args:
        seed: The same seed gives the same world, times being relative to *now*.
        now: The moment of the start.
        sessions: How many backup sessions there are, the running ones included.
        running: How many of them have not stopped at *now*.
        digits: Digits of a second's fraction in a session's name: 6 or none.
    """
    draw = _Draw(seed, now, digits)
    works = draw.works(running)
    runs = [*draw.running_runs(works, running)]
    runs += draw.finished_runs(works, sessions - running)
    runs += draw.others(sessions, running)
    return Population(draw.servers, draw.repos, [*works, *draw.replica_works], runs)


class _Draw:
    """The drawing of one world: one random stream, in a fixed order."""

    def __init__(self, seed: int, now: datetime, digits: int) -> None:
        self._rng = random.Random(seed)
        self._now = now.replace(microsecond=now.microsecond // 1000 * 1000)
        self._digits = digits
        self.servers = [
            Server(self.new_id(), "vbr01.lab.internal", "Primary backup server"),
            Server(self.new_id(), "vbr02.lab.internal", "Created by LAB\\admin"),
        ]
        self.repos = [self._repo(name) for name in ("Default Backup Repository", "S3")]
        self.replica_works = [self._work(n, "Replica") for n in REPLICA_JOBS]

    def new_id(self) -> uuid.UUID:
        return uuid.UUID(int=self._rng.getrandbits(128), version=4)

    def _repo(self, name: str) -> Repo:
        capacity = self._rng.randrange(20, 200) << 40
        free = int(capacity * self._rng.uniform(0.1, 0.7))
        return Repo(self.new_id(), name, self._rng.choice(self.servers), capacity, free)

    def _work(self, name: str, type_: str) -> Work:
        rng = self._rng
        return Work(
            self.new_id(),
            name,
            type_,
            rng.choice(self.servers),
            platform=rng.choice(("VMware", "VMware", "Hyperv")),
            description=f"Created by LAB\\admin at {self._now:%Y-%m-%d}.",
            schedule_enabled=rng.random() < SCHEDULED,
            machines=tuple(rng.sample(MACHINES, rng.randint(1, 4))),
        )

    def works(self, running: int) -> list[Work]:
        """Draw the jobs, enough of them that *running* can run at once."""
        rounds = 1 + max(0, running - 1) // len(JOBS)
        return [
            self._work(name if turn == 0 else f"{name} {turn + 1}", type_)
            for turn in range(rounds)
            for name, type_ in JOBS
        ]

    def running_runs(self, works: list[Work], count: int) -> Iterator[Run]:
        """Draw what runs now: the ends spread over the running window."""
        chosen = self._rng.sample(works, count)
        for index, work in enumerate(chosen):
            left = RUNNING_WINDOW * (index + self._rng.uniform(0.3, 1)) / count
            yield self._running(work, "BackupJobSession", max(left, 20.0))

    def _running(self, work: Work | None, kind: Kind, left: float) -> Run:
        rng = self._rng
        starting = rng.uniform(10, 40)
        is_new = rng.random() < STARTING
        age = rng.uniform(0, starting) if is_new else rng.uniform(300, 5400)
        stopping = min(12.0, left / 3) if rng.random() < STOPPING else 0.0
        total = max(age + left, starting + stopping + 1)
        script = _script(starting, total - starting - stopping, stopping)
        return self._run(work, kind, age, script)

    def finished_runs(self, works: list[Work], count: int) -> Iterator[Run]:
        """Draw *count* runs of the last month; some that failed are retried."""
        made = 0
        while made < count:
            work = self._rng.choice(works)
            first = self._finished(work, "BackupJobSession")
            yield first
            made += 1
            is_retried = first.result == "Failed" and self._rng.random() < RETRIED
            if made < count and is_retried and not work.is_copy:
                yield self._retry(first)
                made += 1

    def _finished(self, work: Work | None, kind: Kind) -> Run:
        rng = self._rng
        length = rng.uniform(60, 5400)
        is_recent = rng.random() < RECENT
        oldest = _DAY if is_recent else _MONTH
        # Twice its length and ten minutes, so that a retry ends in the past too.
        age = rng.uniform(min(2 * length + 900, oldest / 2), oldest)
        return self._run(work, kind, age, _script(20, length, 0))

    def _retry(self, first: Run) -> Run:
        ended = first.ended or self._now
        age = (self._now - ended).total_seconds() - 600
        length = (ended - first.created).total_seconds()
        run = self._run(first.work, "BackupJobSession", age, _script(20, length, 0))
        run.is_retry = True
        return run

    def others(self, sessions: int, running: int) -> Iterator[Run]:
        """Draw replications and restores, a tenth and a twentieth of *sessions*."""
        kinds: tuple[tuple[Kind, int], ...]
        kinds = (("ReplicaJobSession", 10), ("RestoreSession", 20))
        for kind, share in kinds:
            for _ in range(running // share):
                left = self._rng.uniform(20, RUNNING_WINDOW)
                yield self._running(self._other_work(kind), kind, left)
            for _ in range(sessions // share):
                yield self._finished(self._other_work(kind), kind)

    def _other_work(self, kind: Kind) -> Work | None:
        is_replica = kind == "ReplicaJobSession"
        return self._rng.choice(self.replica_works) if is_replica else None

    def _run(
        self,
        work: Work | None,
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
        job_type = work.type if work else "RestoreVm"
        name = work.name if work else rng.choice(MACHINES)
        return Run(
            id=self.new_id(),
            kind=kind,
            name=name,
            title=title(name, created, digits=self._digits),
            server=work.server if work else rng.choice(self.servers),
            work=work,
            job_type=job_type,
            created=created,
            steps=timetable(created, script),
            result=result,
            failure_message=rng.choice(FAILURES) if result == "Failed" else None,
            is_progress_told=job_type != "ImmediateBackupCopy",
        )


def _script(
    starting: float, working: float, stopping: float
) -> list[tuple[str, float]]:
    steps = [("Starting", starting), ("Working", working), ("Stopping", stopping)]
    return [(state, seconds) for state, seconds in steps if seconds > 0]
