"""The servers of a soak, what is done to them, and what really happened at them.

They run in a process of their own, or in the loop of the clients: `Local` and
`Remote` are asked alike.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from datetime import datetime
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, Protocol, Self
from uuid import UUID

import attrs

from tests.soak.weather import Spell, forecast
from veeam_async.simulator import Faults, Simulator

KIND = "BackupJobSession"

_LATE = 0.2
"""Share of the sessions that the server shows late."""

STARTED = 4
"""How many jobs of a server its clients start."""

_OFFSETS = (60.0, 1200.0, 7200.0, 86_400.0)
_BRIEF = 0.4
"""Share of the sessions that are over before most watches look twice."""


@attrs.frozen(kw_only=True)
class Lane:
    """A way from a client to a server: all that its requests go over."""

    name: str
    transport: str
    accept: str
    product: str
    is_tls: bool


LANES = (
    Lane(name="a", transport="direct", accept="json", product="13", is_tls=False),
    Lane(name="b", transport="aiohttp", accept="json", product="12", is_tls=True),
    Lane(name="c", transport="direct", accept="xml", product="12", is_tls=True),
    Lane(name="d", transport="aiohttp", accept="xml", product="13", is_tls=False),
)


@attrs.frozen(kw_only=True)
class Setting:
    """What the servers of a run are like.

    For *storm* seconds there is weather, with *rate* sessions a second, whose clocks
    are *apart* or all right. *start* is the time of day, None: the real one.
    """

    seed: int
    lanes: Sequence[Lane]
    storm: float
    rate: float
    apart: bool
    start: datetime | None = None


@attrs.frozen(kw_only=True)
class Place:
    """Where a server is, and how to be let in."""

    url: str
    username: str
    password: str = attrs.field(repr=False)
    fingerprint: str | None
    jobs: Sequence[UUID]


@attrs.frozen(kw_only=True)
class Happened:
    """One session as it really was; times are seconds since 1970, by no offset."""

    id: str
    job: str | None
    created: float
    shown: float
    ended: float
    removed: float | None
    is_retry: bool


@attrs.frozen(kw_only=True)
class Figures:
    """What a server was asked, what struck, and what lives there."""

    requests: int
    faults: Mapping[str, int]
    logons: int
    tokens_alive: int
    sessions: int
    weather: str


# ---------------------------------------------------------------- one server


class SoakServer(Simulator):
    """A simulator that is rained on, and tells what really happened."""

    def __init__(self, lane: Lane, setting: Setting) -> None:
        self._name = f"{setting.seed} {lane.name}"
        self._rng = random.Random(f"{self._name} sessions")
        super().__init__(
            sessions=60,
            running=10,
            speed=1,
            seed=self._rng.randrange(1 << 30),
            tls=lane.is_tls,
            product=lane.product,  # type: ignore[arg-type]  # one of the three
            start=setting.start,
            clock_offsets=_offsets(self._rng) if setting.apart else (),
        )
        self._setting = setting
        self._doomed: set[UUID] = set()
        self._removed: list[Happened] = []
        self._weather = "calm"
        self._is_hushed = True

    def place(self) -> Place:
        """Where it is, with the jobs that can be started."""
        return Place(
            url=self.url,
            username=self.username,
            password=self.password,
            fingerprint=self.fingerprint,
            jobs=self._started_jobs(),
        )

    def _started_jobs(self) -> list[UUID]:
        """Jobs that clients start, which run for nobody else."""
        jobs = self._world.jobs.values()
        return [job.id for job in jobs if job.type == "Backup"][:STARTED]

    # ------------------------------------------------------------- changing

    def add(self, count: int, *, removed: bool = False) -> list[str]:
        """Add sessions that are watched from now on; some are *removed* later."""
        added = [self._add() for _ in range(count)]
        if removed:
            loop = asyncio.get_running_loop()
            for session_id in added[:2]:
                self._doomed.add(session_id)
                seconds = self._rng.uniform(0.5, 6)
                loop.call_later(seconds, self.remove, session_id)
        return [str(session_id) for session_id in added]

    def _add(self, appears_in: float | None = None) -> UUID:
        rng = self._rng
        is_brief = rng.random() < _BRIEF
        seconds = rng.uniform(0.2, 2) if is_brief else rng.uniform(3, 25)
        script = [("Working", seconds)]
        if not is_brief:
            script = [("Starting", 1.0), *script, ("Stopping", rng.uniform(0, 2))]
        return self.add_session(
            script=script,
            result=rng.choice(("Success", "Warning", "Failed")),
            result_delay=rng.choice((0.0, 0.0, 1.0)),
            job_id=rng.choice(self.job_ids[STARTED:]),
            appears_in=appears_in,
        )

    def remove(self, session_id: UUID) -> None:
        """Have a session forgotten, and remember it here."""
        now = self.now
        run = self._world.run("BackupJobSession", session_id, now)
        if run is not None:
            self._removed.append(_happened(run, now.timestamp()))
            self.remove_session(session_id)

    def sample(self, count: int) -> list[str]:
        """Ids of sessions that are there and stay."""
        stay = [each for each in self.session_ids if each not in self._doomed]
        return [str(each) for each in self._rng.sample(stay, k=count)]

    def plan(self, job_id: UUID) -> None:
        """Draw what the next start of a job comes to."""
        rng = self._rng
        retries = rng.choice(((), (), ("Success",), ("Failed", "Warning"), ("Failed",)))
        self.next_run(
            job_id,
            script=[("Starting", 0.5), ("Working", rng.uniform(0.5, 8))],
            result="Failed" if retries else rng.choice(("Success", "Warning")),
            failure_message="Error: Not enough space.",
            retries=retries,
            retry_in=rng.uniform(1, 4),
            appears_in=rng.uniform(0, 3),
            links=rng.random() < 1 / 2,
        )

    def is_idle(self, job_id: UUID) -> bool:
        """Whether nothing of a job runs or is still to come."""
        now, job = self.now, self._world.jobs[job_id]
        later = datetime.fromtimestamp(now.timestamp() + 3600, now.tzinfo)
        newest = next(iter(self._world.runs_of(job, later)), None)
        return newest is None or newest.is_stopped(now)

    # -------------------------------------------------------------- weather

    def hush(self, hushed: bool) -> None:  # noqa: FBT001 - one thing to say
        """Have nothing go wrong, until that is over."""
        self._is_hushed = hushed
        if hushed:
            self.faults = Faults()
            self.restart(0)

    async def live(self) -> None:
        """Let weather pass and sessions begin, and then be calm for ever."""
        sessions = asyncio.create_task(self._begin_sessions())
        try:
            for spell in forecast(self._name, self._setting.storm):
                await self._pass(spell)
        finally:
            sessions.cancel()
            self._weather = "calm"
            self.hush(True)

    async def _begin_sessions(self) -> None:
        while True:
            await asyncio.sleep(self._rng.expovariate(self._setting.rate))
            # Some are collected late, a few of them after their end.
            is_late = self._rng.random() < _LATE
            self._add(self._rng.uniform(2, 20) if is_late else None)

    async def _pass(self, spell: Spell) -> None:
        self._weather = spell.name
        time = asyncio.get_running_loop().time
        ends = time() + spell.seconds
        if spell.expires:
            self.expire_tokens()
        while (left := ends - time()) > 0:
            if not self._is_hushed:
                self.faults = spell.faults
                if spell.answer is not None:
                    self.restart(left, answer=spell.answer, is_page=spell.is_page)
            await asyncio.sleep(min(left, 0.5))
        self.restart(0)

    # ---------------------------------------------------------------- truth

    def truth(self) -> list[Happened]:
        """All backup sessions that ever were."""
        runs = self._world.runs("BackupJobSession", self.now)
        return [*self._removed, *(_happened(run, None) for run in runs)]

    def figures(self) -> Figures:
        """What was asked and struck until now."""
        stats = self.stats
        return Figures(
            requests=stats.requests,
            faults=stats.faults,
            logons=stats.logons,
            tokens_alive=stats.tokens_alive,
            sessions=len(self._world.runs("BackupJobSession", self.now)),
            weather=self._weather,
        )


def _offsets(rng: random.Random) -> list[float]:
    return [rng.choice(_OFFSETS) * rng.choice((-1, 1)) for _ in range(2)]


def _happened(run: Any, removed: float | None) -> Happened:
    return Happened(
        id=str(run.id),
        job=None if run.job is None else str(run.job.id),
        created=run.created.timestamp(),
        shown=(run.visible_from or run.created).timestamp(),
        ended=run.ended.timestamp(),
        removed=removed,
        is_retry=run.is_retry,
    )


# --------------------------------------------------------------- all of them


class Stage(Protocol):
    """Whoever is asked for what happens at the servers; `async with`."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    async def ask(self, lane: int, name: str, *args: Any, **settings: Any) -> Any:
        """Result of the method of that *name* of the server of a *lane*."""
        ...

    async def ask_all(self, name: str, *args: Any) -> list[Any]:
        """The same of all servers, in their order."""
        ...


class Local:
    """The servers in the loop that asks."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._stack = AsyncExitStack()
        self._servers: list[SoakServer] = []
        self._lives: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        for lane in self._setting.lanes:
            server = SoakServer(lane, self._setting)
            await self._stack.enter_async_context(server)
            self._servers.append(server)
        self._lives = [asyncio.create_task(each.live()) for each in self._servers]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for life in self._lives:
            life.cancel()
        await asyncio.wait(self._lives)
        await self._stack.aclose()

    async def ask(self, lane: int, name: str, *args: Any, **settings: Any) -> Any:
        """Call the server's method."""
        return getattr(self._servers[lane], name)(*args, **settings)

    async def ask_all(self, name: str, *args: Any) -> list[Any]:
        """Call the method of each server."""
        return [getattr(server, name)(*args) for server in self._servers]


class Remote:
    """The servers in another process, asked over a pipe, one thing at a time."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        # Not the loop's own threads, in which bodies are read and files saved.
        self._thread = ThreadPoolExecutor(1)

    async def __aenter__(self) -> Self:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(theirs, self._setting), daemon=True
        )
        self._process.start()
        theirs.close()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pipe.send(None)
        await asyncio.to_thread(self._process.join)
        self._pipe.close()
        self._thread.shutdown()

    async def ask(self, lane: int, name: str, *args: Any, **settings: Any) -> Any:
        """Ask the process about one server."""
        return await self._ask((lane, name, args, settings))

    async def ask_all(self, name: str, *args: Any) -> list[Any]:
        """Ask the process about all."""
        return list(await self._ask((None, name, args, {})))

    async def _ask(self, question: object) -> Any:
        """Answer to a question; who asks may be cancelled, and the answer is taken."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._exchange, question)

    def _exchange(self, question: object) -> Any:
        self._pipe.send(question)
        return self._pipe.recv()


def _serve(pipe: Connection, setting: Setting) -> None:
    asyncio.run(_answer(pipe, setting))


async def _answer(pipe: Connection, setting: Setting) -> None:
    async with Local(setting) as stage:
        while (question := await asyncio.to_thread(_next, pipe)) is not None:
            lane, name, args, settings = question
            if lane is None:
                pipe.send(await stage.ask_all(name, *args))
            else:
                pipe.send(await stage.ask(lane, name, *args, **settings))


def _next(pipe: Connection) -> Any:
    try:
        return pipe.recv()
    except EOFError:
        # The clients' process is gone.
        return None


def total(figures: Sequence[Figures]) -> Counter[str]:
    """Faults of all servers, by their name."""
    counts: Counter[str] = Counter()
    for each in figures:
        counts.update(each.faults)
    return counts
