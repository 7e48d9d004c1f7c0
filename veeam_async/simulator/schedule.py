"""Schedules: jobs that go on starting, so that the sessions of a server never end.

Nothing runs in the background here either: what has become due meanwhile is started
with the next look, as of when it was due.
"""

import heapq
import random
from datetime import datetime, timedelta

import attrs

from veeam_async.simulator.population import FAILURES, RETRIED
from veeam_async.simulator.runs import Job, Schedule
from veeam_async.simulator.world import COLLECTION_WINDOW, PlannedRun, World

EVERY = timedelta(hours=1)
"""How often each job starts."""
MOST_KEPT = 20_000
"""How many sessions are kept, unless there were half as many to begin with."""

_GOLDEN = 0.618034
"""Parts the hour evenly between however many jobs."""
_SHORTEST, _LONGEST = 60.0, 3300.0
"""Seconds of a run, which is to end before the next."""
_IDLE = 300.0
"""Usual seconds of a run where nothing is asked to run at a time."""
_STARTING = 20.0
_RETRY_IN = 300.0
_KEPT = COLLECTION_WINDOW + timedelta(days=1)


@attrs.frozen(order=True)
class _Due:
    """Next start of a job; `place` decides between those that are due at once."""

    when: datetime
    place: int
    job: Job = attrs.field(order=False)
    schedule: Schedule = attrs.field(order=False)


class Scheduler:
    """Starts the jobs of a world when they are due, and forgets what is old.

    Args:
        world: Its jobs get schedules.
        seed: Decides how long runs take, and how they end.
        running: How many sessions are to run at a time, more or less.
    """

    def __init__(self, world: World, *, seed: int, running: int) -> None:
        self._world = world
        self._seed = seed
        self._usual = running / len(world.jobs) * EVERY.total_seconds() or _IDLE
        self._most_kept = max(MOST_KEPT, 2 * world.count())
        now = world.clock.now()
        self._cleaned = now
        self._due: list[_Due] = []
        for place, job in enumerate(world.jobs.values()):
            minute = int(60 * (place * _GOLDEN % 1))
            schedule = job.schedule = Schedule(EVERY, timedelta(minutes=minute))
            due = _Due(schedule.next_after(now), place, job, schedule)
            heapq.heappush(self._due, due)

    def catch_up(self, now: datetime) -> None:
        """Start what has become due until `now`."""
        oldest = now - _KEPT
        while self._due[0].when <= now:
            due = self._due[0]
            # After a jump of months only those are started that are still shown.
            when = max(due.when, due.schedule.next_after(oldest))
            if when <= now:
                self._start(due.job, when)
            later = due.schedule.next_after(when)
            heapq.heapreplace(self._due, attrs.evolve(due, when=later))
        if now - self._cleaned >= EVERY:
            self._cleaned = now
            self._world.forget(now, before=oldest, most=self._most_kept)

    def _start(self, job: Job, when: datetime) -> None:
        last = self._world.latest.get(job.id)
        if not job.schedule_enabled or (last and not last.is_stopped(when)):
            return
        # Of the job and the time alone: whoever looks more often changes nothing.
        rng = random.Random(f"{self._seed} {job.id} {when}")
        self._world.start(job, when, self._plan(rng), rng=rng)

    def _plan(self, rng: random.Random) -> PlannedRun:
        length = min(max(rng.uniform(0.5, 1.5) * self._usual, _SHORTEST), _LONGEST)
        result = rng.choices(("Success", "Warning", "Failed"), (85, 9, 6))[0]
        is_retried = result == "Failed" and rng.random() < RETRIED
        return PlannedRun(
            script=(("Starting", _STARTING), ("Working", length - _STARTING)),
            result=result,
            failure_message=rng.choice(FAILURES),
            retries=("Success",) if is_retried else (),
            retry_in=_RETRY_IN,
        )
