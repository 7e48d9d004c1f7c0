"""One cell: a fault, an operation, a scheme and a transport, run and judged."""

from __future__ import annotations

import asyncio
import random
import ssl
import weakref
from contextvars import ContextVar, copy_context
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import trustme

from tests.faults.acts import BODY_LIMIT
from tests.faults.operations import Family, Operation, World
from tests.faults.proxy import Aim, FaultProxy
from tests.faults.table import Fault
from tests.support.clients import pooled_em
from veeam_async import EnterpriseManager, Retry, Timeout
from veeam_async.clock import Clock
from veeam_async.simulator import Simulator

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ATTEMPTS = 3
RETRY = Retry(attempts=ATTEMPTS, wait_initial=0.1, wait_max=1.0)
TIMEOUT = Timeout(connect=2.0, request=4.0)
TRANSPORTS = ("direct", "aiohttp")
_PAUSE_SECONDS = 61.0
NEVER_ENDS = 1000.0
"""Virtual seconds after which a cell is taken for one that never ends."""


@attrs.frozen
class Cell:
    """A fault met by an operation, one way."""

    fault: Fault
    operation: Operation
    is_tls: bool
    transport: str

    @property
    def name(self) -> str:
        """As `--only` takes it."""
        fault, operation = self.fault.name, self.operation.name
        scheme = "tls" if self.is_tls else "plain"
        return f"{fault},{operation},{scheme},{self.transport}"


@attrs.frozen(kw_only=True)
class Outcome:
    """What came out of a cell: the *value*, or the *error*.

    *requests* is how many the server was sent, *logons* how many of them logons,
    *struck* how many a fault had. *logons_left* are the logon sessions alive at the
    end, *left* is what else was left behind, *after* what failed afterwards.
    """

    value: object = None
    error: BaseException | None = None
    requests: int = 0
    logons: int = 0
    struck: int = 0
    logons_left: int = 0
    left: tuple[str, ...] = ()
    after: BaseException | None = None

    @property
    def word(self) -> str:
        """The class of the error, or "result"."""
        return "result" if self.error is None else type(self.error).__name__


class Certificates:
    """The contexts of TLS: the proxy's, others that it may show, the client's."""

    def __init__(self) -> None:
        authority = trustme.CA()
        past = datetime.now(UTC) - timedelta(days=3)
        self.server = _serving(authority.issue_cert("127.0.0.1"))
        self.others = {
            "stranger": _serving(trustme.CA().issue_cert("127.0.0.1")),
            "expired": _serving(authority.issue_cert("127.0.0.1", not_after=past)),
            "name": _serving(authority.issue_cert("elsewhere.example")),
        }
        self.client = ssl.create_default_context()
        authority.configure_trust(self.client)


def _serving(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


# ------------------------------------------------------------- who began a task

_CELL: ContextVar[weakref.WeakSet[asyncio.Task[Any]] | None] = ContextVar(
    "_CELL", default=None
)


def track_tasks(loop: asyncio.AbstractEventLoop) -> None:
    """Have *loop* note for each task in which cell's client it was begun."""

    def make(
        loop: asyncio.AbstractEventLoop, coro: Any, **options: Any
    ) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.Task(coro, loop=loop, **options)
        begun = _CELL.get()
        if begun is not None:
            begun.add(task)
        return task

    loop.set_task_factory(make)


# ------------------------------------------------------------- running


async def run(cell: Cell, certificates: Certificates, seed: int) -> Outcome:
    """Run *cell*; what is left to chance is decided by *seed*."""
    rng = random.Random(f"{seed} {cell.name}")
    server = Simulator(
        sessions=9,
        running=0,
        speed=1,
        seed=7,
        start=START,
        public_url="http://em.example:9399",
    )
    async with server:
        world = World.made(server)
        proxy = FaultProxy(
            server.url,
            context=certificates.server if cell.is_tls else None,
            others=certificates.others,
            rng=rng,
        )
        async with proxy:
            em = _manager(cell, proxy.url, certificates, server, rng)
            return await _Run(cell, world, proxy, em).outcome()


def _manager(
    cell: Cell,
    url: str,
    certificates: Certificates,
    server: Simulator,
    rng: random.Random,
) -> EnterpriseManager:
    loop = asyncio.get_running_loop()
    began = loop.time()
    clock = Clock(
        wall=lambda: START + timedelta(seconds=loop.time() - began), random=rng.random
    )
    made, _ = pooled_em(
        url,
        clock=clock,
        tls=certificates.client,
        username=server.username,
        password=server.password,
        accept=cell.fault.accept,
        max_connections=4,
        timeout=TIMEOUT,
        retry=RETRY,
        max_body_size=BODY_LIMIT,
        transport="auto" if cell.transport == "direct" else "aiohttp",
    )
    return made


class _Run:
    """The steps of a cell."""

    def __init__(
        self, cell: Cell, world: World, proxy: FaultProxy, em: EnterpriseManager
    ) -> None:
        self._cell = cell
        self._world = world
        self._proxy = proxy
        self._em = em
        self._begun: weakref.WeakSet[asyncio.Task[Any]] = weakref.WeakSet()
        self._value: object = None
        self._error: BaseException | None = None
        self._after: BaseException | None = None

    async def outcome(self) -> Outcome:
        """Run the client in a context of its own, and look at what it left."""
        context = copy_context()
        context.run(_CELL.set, self._begun)
        client = asyncio.get_running_loop().create_task(self._client(), context=context)
        done, _ = await asyncio.wait([client], timeout=NEVER_ENDS)
        if not done:
            client.cancel()
            await asyncio.wait([client])
            self._error = TimeoutError("it never ends")
        elif (failure := client.exception()) is not None:
            self._after = failure
        await self._proxy.emptied()
        asked = self._proxy.asked
        return Outcome(
            value=self._value,
            error=self._error,
            requests=len(asked),
            logons=sum(
                each.method == "POST" and "sessionMngr" in each.target for each in asked
            ),
            struck=self._proxy.struck,
            logons_left=self._world.server.stats.tokens_alive,
            left=tuple(self._left(client)),
            after=self._after,
        )

    def _left(self, client: asyncio.Task[Any]) -> list[str]:
        """What should not be there any more."""
        tasks = [each for each in self._begun if each is not client and not each.done()]
        sockets = self._proxy.open_lines
        counts = {"task": len(tasks), "socket": sockets}
        return [f"{count} {name}" for name, count in counts.items() if count]

    async def _client(self) -> None:
        operation, em = self._cell.operation, self._em
        if not operation.is_open:
            await self._arm()
            await self._operate(None)
            return
        await em.__aenter__()
        try:
            given = await operation.prepare(em, self._world)
            if operation.renews:
                self._world.server.expire_tokens()
            await self._arm()
            await self._operate(given)
            self._proxy.disarm()
            if operation.family is not Family.LEAVE:
                await self._goes_on()
        finally:
            await em.__aexit__(None, None, None)

    async def _goes_on(self) -> None:
        """Ask once more, which must work now that nothing is wrong any more."""
        if self._cell.operation.family is Family.LOGON:
            # What refused a logon is not asked again for a minute.
            await asyncio.sleep(_PAUSE_SECONDS)
        found = await self._em.backup_sessions.get(self._world.ids[1])
        if found.id != self._world.ids[1]:
            raise AssertionError(f"{found.id} came for {self._world.ids[1]}")

    async def _arm(self) -> None:
        fault, operation = self._cell.fault, self._cell.operation
        if fault.idle:
            await self._proxy.whisper(fault.idle)
        if fault.connect is not None:
            await self._proxy.arm_connections(fault.connect, lasting=fault.lasting)
        if fault.act is not None:
            aim = Aim(operation.wants, first=operation.first, lasting=fault.lasting)
            self._proxy.arm(fault.act, aim)

    async def _operate(self, given: Any) -> None:
        try:
            self._value = await self._cell.operation.run(self._em, self._world, given)
        except Exception as error:  # noqa: BLE001 - whatever comes is judged
            self._error = error
