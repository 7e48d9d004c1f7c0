"""Questions about runs and jobs in, their records out: all that there is."""

import bisect
import random
import uuid
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from veeam_async.simulator.clock import Clock
from veeam_async.simulator.parts import Part, parts_of
from veeam_async.simulator.plans import Plan
from veeam_async.simulator.population import Population
from veeam_async.simulator.runs import Kind, Repo, Run, Server, Work, timetable, title

COLLECTION_WINDOW = timedelta(days=30)
"""How far back the collections of sessions reach."""


class World:
    """Servers, jobs and runs, and what can be done to them."""

    def __init__(
        self, population: Population, clock: Clock, *, seed: int, digits: int
    ) -> None:
        self.clock = clock
        self._digits = digits
        self.servers = {server.id: server for server in population.servers}
        self.repos = {repo.id: repo for repo in population.repos}
        self.works = {work.id: work for work in population.works}
        # Its own stream: what is added later must not depend on the population.
        self._rng = random.Random(f"{seed} added")
        self._runs: dict[uuid.UUID, Run] = {}
        self._by_age: list[Run] = []
        self._parts: dict[uuid.UUID, list[Part]] = {}
        self.plans: dict[uuid.UUID, Plan] = {}
        for run in population.runs:
            self._runs[run.id] = run
        self._by_age = sorted(population.runs, key=_created)

    def new_id(self) -> uuid.UUID:
        """Draw an id."""
        return uuid.UUID(int=self._rng.getrandbits(128), version=4)

    # -------------------------------------------------------------- looking

    def runs(self, kind: Kind, now: datetime) -> list[Run]:
        """List all runs of *kind* visible at *now*, the newest first."""
        return [
            run
            for run in reversed(self._by_age)
            if run.kind == kind and run.is_visible(now)
        ]

    def recent(self, kind: Kind, now: datetime) -> list[Run]:
        """List the runs of *kind* that a collection shows: those of 30 days."""
        oldest = now - COLLECTION_WINDOW
        return [run for run in self.runs(kind, now) if run.created >= oldest]

    def run(self, kind: Kind, id_: uuid.UUID, now: datetime) -> Run | None:
        """Find one run."""
        run = self._runs.get(id_)
        is_shown = run is not None and run.kind == kind and run.is_visible(now)
        return run if is_shown else None

    def runs_of(self, work: Work, now: datetime) -> list[Run]:
        """List the runs of one job, the newest first."""
        return [
            run
            for run in reversed(self._by_age)
            if run.work is work and run.is_visible(now)
        ]

    def parts(self, run: Run) -> Sequence[Part]:
        """List the parts of *run*."""
        if run.id not in self._parts:
            self._parts[run.id] = parts_of(run, digits=self._digits)
        return self._parts[run.id]

    def all_parts(self, runs: Iterable[Run]) -> Iterator[Part]:
        """List the parts of all *runs*."""
        for run in runs:
            yield from self.parts(run)

    def part(self, kind: Kind, id_: uuid.UUID, now: datetime) -> Part | None:
        """Find one part among all runs of *kind*."""
        parts = self.all_parts(self.runs(kind, now))
        return next((part for part in parts if part.id == id_), None)

    def repos_of(self, server: Server) -> list[Repo]:
        """List the repositories of one server."""
        return [repo for repo in self.repos.values() if repo.server is server]

    # -------------------------------------------------------------- changing

    def title(self, name: str, created: datetime) -> str:
        """Name a session as the product does."""
        return title(name, created, digits=self._digits)

    def rounded(self, moment: datetime) -> datetime:
        """Cut *moment* to the digits that the product writes.

        What a client reads and sends back in a filter must compare as equal.
        """
        if self._digits:
            return moment
        return moment.replace(microsecond=moment.microsecond // 1000 * 1000)

    def add(self, run: Run) -> None:
        """Add a run."""
        self._runs[run.id] = run
        bisect.insort(self._by_age, run, key=_created)

    def remove(self, id_: uuid.UUID) -> None:
        """Forget a run; ValueError where there is none of this id."""
        if id_ not in self._runs:
            raise ValueError(f"there is no session {id_}")
        self._by_age.remove(self._runs.pop(id_))

    def active_run(self, work: Work, now: datetime) -> Run | None:
        """Find the run of *work* that has not stopped, whether shown or not."""
        for run in reversed(self._by_age):
            if run.work is work and run.created <= now and not run.is_stopped(now):
                return run
        return None

    def take_plan(self, work: Work) -> Plan:
        """Take what was planned for the next start of *work*, once."""
        return self.plans.pop(work.id, Plan())

    def start(
        self, work: Work, now: datetime, plan: Plan, *, is_retry: bool = False
    ) -> Run:
        """Start a run of *work*, and lay out the retries that are to follow it."""
        first = last = self._begin(work, now, plan, plan.result, is_retry=is_retry)
        for result in plan.retries:
            again = (last.ended or now) + timedelta(seconds=plan.retry_in)
            last = self._begin(work, again, plan, result, is_retry=True)
            last.is_planned = True
        return first

    def _begin(
        self, work: Work, moment: datetime, plan: Plan, result: str, *, is_retry: bool
    ) -> Run:
        created = self.rounded(moment)
        run = Run(
            id=self.new_id(),
            kind="ReplicaJobSession" if work.type == "Replica" else "BackupJobSession",
            name=work.name,
            title=self.title(work.name, created),
            server=work.server,
            work=work,
            job_type=work.type,
            created=created,
            steps=timetable(created, plan.script),
            result=result,
            failure_message=plan.failure_message if result == "Failed" else None,
            is_retry=is_retry,
            appears=moment + timedelta(seconds=plan.appears_in),
        )
        self.add(run)
        return run

    def stop(self, run: Run, now: datetime) -> None:
        """End *run* early: what is stopped is not tried again."""
        run.stop(now)
        for other in [*self._by_age]:
            if other.is_planned and other.work is run.work and other.created > now:
                self.remove(other.id)


def _created(run: Run) -> datetime:
    return run.created
