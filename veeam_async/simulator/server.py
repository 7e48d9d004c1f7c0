"""The simulator as users see it: entered, looked at, changed while it serves."""

import asyncio
import math
import ssl
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

import attrs
from aiohttp import web

from veeam_async.simulator.auth import LogonRegistry
from veeam_async.simulator.dispatch import Dispatcher
from veeam_async.simulator.faults import Capacity, FaultInjector, Faults, Overload
from veeam_async.simulator.listener import Listener
from veeam_async.simulator.population import SERVERS, populate
from veeam_async.simulator.roles import ROLES, Role
from veeam_async.simulator.runs import Kind
from veeam_async.simulator.schedule import Scheduler
from veeam_async.simulator.substitutes import Substitute
from veeam_async.simulator.wire import Product
from veeam_async.simulator.world import (
    ADDED_SCRIPT,
    APPEARING_SECONDS,
    STARTED_SCRIPT,
    AddedSession,
    Clock,
    PlannedRun,
    World,
)

CREDENTIALS = ("veeam", "simulator")
"""Default user name and password."""
LARGEST_OFFSET = 100 * 365 * 86_400.0
"""How many seconds the clock of a backup server may be ahead or behind."""


@attrs.frozen(kw_only=True)
class Stats:
    """A snapshot of what happened since the start."""

    by_route: Mapping[str, int]
    """Requests by method and route, such as `GET /backupSessions/{id}`.

    The routes are spelt as the reference spells them, whatever the request's
    case; what matches none is counted under `/?`.
    """
    requests: int
    """All requests, those that a fault or the capacity turned away included."""
    logons: int
    """Successful logons."""
    logouts: int
    """Logon sessions ended by a DELETE."""
    tokens_alive: int
    """Logon sessions that have neither been ended nor expired."""
    shed: int
    """Requests turned away because `capacity` was exceeded."""
    faults: Mapping[str, int]
    """Faults that struck, by their name in `Faults`; latency is not counted.

    `restart` counts what was answered while the service was away.
    """


class Simulator:
    """An Enterprise Manager on loopback; enter it with `async with`.

    Sessions are functions of a simulated clock that runs *speed* times as fast
    as the event loop's; nothing happens in the background. With the defaults
    all running sessions have stopped within ten real seconds.

    ```python
    async with Simulator(sessions=50) as simulator:
        print(simulator.url, simulator.username, simulator.password)
    ```

    Args:
        sessions: Backup sessions at the start, the running ones included;
            replications and restores come on top, a tenth and a twentieth.
        running: How many of them run at the start, at most all of them.
        speed: Simulated seconds for each real second; with 0 time stands still
            and moves by `advance` only.
        seed: Decides ids, names, jobs, durations, results and faults.
        tls: True for HTTPS with a self-signed certificate made at the start,
            or a server's context of one's own.
        product: The version imitated. `13` spells JSON in camelCase.
        faults: What goes wrong, and how often; None: nothing.
        capacity: Requests that can be served in a real second; None: any number.
        overload: What happens to more: `503` turns them away, `stall` makes
            them wait.
        host: The address to listen on.
        port: The port; 0 takes a free one.
        username: Who may log on; without a domain in it, with any domain.
        password: The password.
        idle_seconds: Real seconds after which an unused token is dead.
        start: The simulated time of day at the start; None: the real one.
        public_url: The server's own idea of its URL, used in every Href; None:
            the URL it listens on.
        clock_offsets: By how many seconds the clocks of its two backup servers
            are ahead of its own, which the header Date tells; behind where below
            zero, and right where left out. Sessions, their names and filters
            have the times of their backup server.
        role: What its user is and may do; what he may not is answered with 403.
        scheduled: Whether jobs start by schedules too, each once an hour of its
            clock, so that about *running* sessions always run. What is older than
            its 30 days is forgotten then, and so is the oldest of more than some
            ten thousand sessions. Else nothing starts but what somebody starts.

    Raises:
        ValueError: A number of sessions, the speed, the capacity or an offset is
            out of its range, or the product or the role is unknown.
        RuntimeError: On entering: TLS is asked for and cryptography is missing.
    """

    def __init__(
        self,
        *,
        sessions: int = 200,
        running: int = 20,
        speed: float = 60,
        seed: int = 7,
        tls: bool | ssl.SSLContext = False,
        product: Product = "13",
        faults: Faults | None = None,
        capacity: float | None = None,
        overload: Overload = "503",
        host: str = "127.0.0.1",
        port: int = 0,
        username: str = CREDENTIALS[0],
        password: str = CREDENTIALS[1],
        idle_seconds: float = 900.0,
        start: datetime | None = None,
        public_url: str | None = None,
        clock_offsets: Sequence[float] = (),
        role: Role = "Portal Administrator",
        scheduled: bool = False,
    ) -> None:
        _check(sessions=sessions, running=running, speed=speed, product=product)
        _check_role(role)
        _check_offsets(clock_offsets)
        self.username = username
        self.password = password
        self._sessions = sessions
        self._running = min(running, sessions)
        self._speed = speed
        self._seed = seed
        self._product: Product = product
        self._injector = FaultInjector(seed, faults or Faults())
        self._capacity = Capacity(capacity, overload)
        self._listener = Listener(host=host, port=port, tls=tls)
        self._idle_seconds = idle_seconds
        self._start = start
        self._public_url = public_url
        self._role: Role = role
        self._clock_offsets = tuple(clock_offsets)
        self._scheduled = scheduled
        # Set on entering: only then is the port known, which decides the Hrefs.
        self._world: World
        self._logons: LogonRegistry
        self._dispatcher: Dispatcher

    # ----------------------------------------------------------------- life

    async def __aenter__(self) -> Self:
        # The port decides the Hrefs, so the socket comes first.
        await self._listener.open(self._serve)
        self._build()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._listener.is_listening:
            self._dispatcher.close()
            await self._listener.close()

    def _build(self) -> None:
        """Build everything from the seed, so that entering it again starts over."""
        # Product 13 writes six digits of a second's fraction in a session's name.
        digits = 6 if self._product == "13" else 0
        time = asyncio.get_running_loop().time
        clock = Clock(
            start=self._start or datetime.now(UTC), speed=self._speed, time=time
        )
        population = populate(
            seed=self._seed,
            now=clock.start,
            sessions=self._sessions,
            running=self._running,
            digits=digits,
            clock_offsets=self._clock_offsets,
        )
        self._world = World(population, clock, seed=self._seed, digits=digits)
        if self._scheduled:
            scheduler = Scheduler(self._world, seed=self._seed, running=self._running)
            self._world.catch_up = scheduler.catch_up
        self._logons = LogonRegistry(
            username=self.username,
            password=self.password,
            seed=self._seed,
            idle_seconds=self._idle_seconds,
            time=time,
        )
        self._injector = FaultInjector(self._seed, self._injector.faults)
        self._dispatcher = Dispatcher(
            world=self._world,
            logons=self._logons,
            injector=self._injector,
            capacity=self._capacity,
            base=f"{(self._public_url or self.url).rstrip('/')}/api",
            product=self._product,
            role=self._role,
            time=time,
        )

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        return await self._dispatcher.serve(request)

    # -------------------------------------------------------------- looking

    @property
    def url(self) -> str:
        """Where it listens: scheme, address and port, without `/api`."""
        return self._listener.url

    @property
    def fingerprint(self) -> str | None:
        """SHA-256 of its own certificate in hex; None without one."""
        return self._listener.fingerprint

    @property
    def certificate(self) -> str | None:
        """Its own certificate as PEM text, fit for a CA file; None without one."""
        return self._listener.certificate

    @property
    def now(self) -> datetime:
        """The simulated time of day, in UTC."""
        return self._world.now()

    @property
    def stats(self) -> Stats:
        """What has been asked so far, as a snapshot."""
        dispatcher = self._dispatcher
        return Stats(
            by_route=dict(dispatcher.by_route),
            requests=dispatcher.by_route.total(),
            logons=self._logons.opened,
            logouts=self._logons.closed,
            tokens_alive=len(self._logons.living()),
            shed=dispatcher.shed,
            faults=dict(dispatcher.by_fault),
        )

    @property
    def session_ids(self) -> list[uuid.UUID]:
        """The ids of all visible backup sessions, the newest first."""
        return [run.id for run in self._world.runs("BackupJobSession", self.now)]

    @property
    def running_ids(self) -> list[uuid.UUID]:
        """The ids of the backup sessions that have not stopped, the newest first."""
        now = self.now
        runs = self._world.runs("BackupJobSession", now)
        return [run.id for run in runs if not run.is_stopped(now)]

    @property
    def job_ids(self) -> list[uuid.UUID]:
        """The ids of all jobs, in a fixed order."""
        return list(self._world.jobs)

    @property
    def server_ids(self) -> list[uuid.UUID]:
        """The ids of the backup servers, in the order of `clock_offsets`."""
        return list(self._world.servers)

    def job_ids_of(self, server_id: uuid.UUID) -> list[uuid.UUID]:
        """The ids of one backup server's jobs, in the order of `job_ids`."""
        jobs = self._world.jobs.values()
        return [job.id for job in jobs if job.server.id == server_id]

    # ------------------------------------------------------------- changing

    @property
    def faults(self) -> Faults:
        """What goes wrong; may be replaced at any time."""
        return self._injector.faults

    @faults.setter
    def faults(self, faults: Faults) -> None:
        self._injector.faults = faults

    def expire_tokens(self) -> None:
        """End every logon session, as if all had been idle for too long."""
        self._logons.expire_all()

    def restart(
        self, seconds: float, *, answer: Substitute = "404", is_page: bool = True
    ) -> None:
        """Answer every request, logons too, in the service's place for a while.

        What runs goes on meanwhile, and tokens live on: `expire_tokens` ends them.

        Args:
            seconds: How long, in real seconds from now; 0 ends it at once,
                `math.inf` lasts until then.
            answer: A status, or `html` for a page with 200.
            is_page: Whether the web server says so, in HTML; else the service does,
                in the error document that it has for a single session too.

        Raises:
            ValueError: *seconds* are below zero, or the answer is unknown.
        """
        self._dispatcher.outage.begin(seconds, answer, is_page=is_page)

    def advance(self, seconds: float) -> None:
        """Move the simulated clock forward by *seconds* of its time.

        Tokens do not age by it: their idleness is counted in real seconds.

        Raises:
            ValueError: *seconds* are below zero.
        """
        self._world.clock.advance(seconds)

    def remove_session(self, session_id: uuid.UUID) -> None:
        """Forget a session: it is answered with 404 from now on.

        Raises:
            ValueError: There is no such session.
        """
        self._world.remove(session_id)

    def add_session(
        self,
        *,
        script: Sequence[tuple[str, float]] = ADDED_SCRIPT,
        result: str = "Success",
        created_in: float = 0.0,
        appears_in: float | None = None,
        gone_in: float | None = None,
        result_delay: float = 0.0,
        job_id: uuid.UUID | None = None,
        job_name: str | None = None,
        job_type: str | None = None,
        failure_message: str | None = None,
        is_retry: bool = False,
        kind: Kind = "BackupJobSession",
        clock_offset: float | None = None,
    ) -> uuid.UUID:
        """Add a session that goes through *script*, and tell its id.

        All times are simulated seconds; `speed` of them pass in a real one.

        Args:
            script: Pairs of a state and how long it lasts, from the creation
                on; then it is Stopped. `math.inf` never ends. Any text will do
                as a state, and `()` makes a session that has stopped already.
            result: What it ends with.
            created_in: Its creation, counted from now; negative: in the past.
            appears_in: When it is first shown, counted from now; None: with
                its creation.
            gone_in: When it is forgotten (404), counted from now; None: never.
            result_delay: How long after its end the result is still None.
            job_id: One of `job_ids`; None: the first of them, or no job for a
                restore.
            job_name: Another name than the job's.
            job_type: Another type than the job's.
            failure_message: Told once it has stopped.
            is_retry: Whether it calls itself a retry.
            kind: `BackupJobSession`, `ReplicaJobSession` or `RestoreSession`.
            clock_offset: By how much the times it is shown with are ahead of when
                that happens; None: as far as its backup server's clock is.

        Raises:
            ValueError: There is no such job, or the offset is out of its range.
        """
        _check_offsets(() if clock_offset is None else (clock_offset,))
        added = AddedSession(
            script=tuple(script),
            result=result,
            created_in=created_in,
            appears_in=appears_in,
            gone_in=gone_in,
            result_delay=result_delay,
            job_id=job_id,
            job_name=job_name,
            job_type=job_type,
            failure_message=failure_message,
            is_retry=is_retry,
            kind=kind,
            clock_offset=clock_offset,
        )
        return self._world.add(added).id

    def next_run(
        self,
        job_id: uuid.UUID,
        *,
        script: Sequence[tuple[str, float]] = STARTED_SCRIPT,
        result: str = "Success",
        failure_message: str | None = None,
        retries: Sequence[str] = (),
        retry_in: float = 600.0,
        appears_in: float = APPEARING_SECONDS,
        links: bool = True,
        refusal: str | None = None,
    ) -> None:
        """Say what the next start of a job comes to; the one after it is as usual.

        All times are simulated seconds.

        Args:
            job_id: One of `job_ids`.
            script: What its session goes through, and its retries too.
            result: What that ends with.
            failure_message: Told once a session has ended with Failed.
            retries: The results of the server's own retries: sessions of their
                own, one after the other, until somebody stops one.
            retry_in: How long after the end of a session the next retry is created.
            appears_in: How long after its creation a session is shown.
            links: Whether the task names the session once that has been collected;
                else it is finished before.
            refusal: With these words the task fails, and nothing is started.

        Raises:
            ValueError: There is no such job, or the script never ends and there are
                retries to follow it.
        """
        self._world.plans[self._world.job(job_id).id] = PlannedRun(
            script=tuple(script),
            result=result,
            failure_message=failure_message,
            retries=tuple(retries),
            retry_in=retry_in,
            appears_in=appears_in,
            links=links,
            refusal=refusal,
        )


def _check_role(role: str) -> None:
    if role not in ROLES:
        raise ValueError(f"role must be one of {', '.join(ROLES)}: {role}")


def _check_offsets(offsets: Sequence[float]) -> None:
    if len(offsets) > len(SERVERS):
        raise ValueError(f"there are {len(SERVERS)} backup servers: {offsets}")
    if not all(abs(offset) <= LARGEST_OFFSET for offset in offsets):
        raise ValueError(f"a clock is at most a hundred years off: {offsets}")


def _check(*, sessions: int, running: int, speed: float, product: str) -> None:
    if min(sessions, running) < 0:
        raise ValueError(f"counts must not be negative: {sessions}, {running}")
    if not (math.isfinite(speed) and speed >= 0):
        raise ValueError(f"speed must not be below zero: {speed}")
    if product not in {"11", "12", "13"}:
        raise ValueError(f"product must be 11, 12 or 13: {product}")
