"""Whatever is cancelled, wherever it waits, leaves nothing; the next request works.

Each operation runs once undisturbed, which counts its steps; then again and again,
cancelled at one step and another. Which they are is chosen by the seed that
pytest-randomly prints; with CANCELLATIONS=0 in the environment all are tried.
"""

from __future__ import annotations

import asyncio
import gc
import os
import random
import socket
import ssl
import stat
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from itertools import product
from pathlib import Path
from typing import Any
from uuid import UUID

import attrs
import pytest

from tests.support.fault_server import FaultServer
from tests.support.simulated import ENDLESS, pooled_client
from tests.support.stepping import Steps, counting
from tests.support.transports import TRANSPORTS, transport
from veeam_async import EnterpriseManager, JobRun
from veeam_async.pool.client import Pool
from veeam_async.simulator import Faults, Simulator
from veeam_async.transport.exchange import Request
from veeam_async.transport.tls import trust_of

pytestmark = pytest.mark.ways

_MOST = int(os.environ.get("CANCELLATIONS", "6"))
"""How often each operation is cancelled, in each way; 0 is at every step."""

_CONNECTIONS = 3
_OFTEN = 0.002
_TURNS = 30
"""Turns of the loop until what was cancelled has ended."""


@attrs.frozen
class Here:
    """What an operation is handed: a manager that has logged on, ids, and a job."""

    em: EnterpriseManager
    server: Simulator
    ids: list[UUID]
    endless: UUID

    @property
    def job(self) -> UUID:
        """A job that can be started."""
        return self.server.job_ids[1]

    @property
    def unfinished(self) -> list[UUID]:
        """Sessions of which one does not end."""
        return [*self.ids[:3], self.endless]


Operation = Callable[[Here], Coroutine[Any, Any, object]]


# ---------------------------------------------------------------- operations


async def _get(here: Here) -> None:
    await here.em.backup_sessions.get(here.ids[0])


async def _connect(here: Here) -> None:
    here.server.faults = Faults(close=1)
    await here.em.backup_sessions.get(here.ids[0])
    await here.em.backup_sessions.get(here.ids[0])


async def _fetch(here: Here) -> None:
    assert len([x async for x in here.em.backup_sessions.fetch(here.ids[:6])]) == 6


async def _fetch_ordered(here: Here) -> None:
    async for _ in here.em.backup_sessions.fetch(
        iter(here.ids[:5]), concurrency=5, ordered=True
    ):
        await asyncio.sleep(0)


async def _fetch_left(here: Here) -> None:
    async for _ in here.em.backup_sessions.fetch(here.ids):
        break


async def _fetch_closed(here: Here) -> None:
    async with here.em.backup_sessions.fetch(here.ids) as running:
        await anext(running)


async def _fetch_of_query(here: Here) -> None:
    async def ids() -> AsyncIterator[UUID]:
        async for row in here.em.backup_sessions.query(page_size=4, limit=6):
            yield row.id

    async for _ in here.em.backup_sessions.fetch(ids()):
        pass


async def _query(here: Here) -> None:
    rows = here.em.backup_sessions.query(page_size=3, limit=9)
    assert len([row async for row in rows]) == 9


async def _references(here: Here) -> None:
    await here.em.backup_sessions.references()


async def _follow(here: Here) -> None:
    (first, *_) = await here.em.backup_sessions.references()
    await here.em.follow(first.links[0])


async def _watch(here: Here) -> None:
    async for _ in here.em.backup_sessions.watch(here.ids[:4], interval=_OFTEN):
        pass


async def _watch_left(here: Here) -> None:
    told = 0
    async for _ in here.em.backup_sessions.watch(here.unfinished, interval=_OFTEN):
        told += 1
        if told > 3:
            break


async def _watch_list(here: Here) -> None:
    async with here.em.backup_sessions.watch(
        here.unfinished, interval=_OFTEN, strategy="query"
    ) as watch:
        await anext(watch)
        await anext(watch)


async def _watch_everything(here: Here) -> None:
    async for _ in here.em.backup_sessions.watch(interval=_OFTEN):
        break


async def _watch_by_references(here: Here) -> None:
    async for _ in here.em.backup_sessions.watch(interval=_OFTEN, strategy="get"):
        break


async def _wait(here: Here) -> None:
    await here.em.backup_sessions.wait(here.ids[0], interval=_OFTEN)


async def _wait_late(here: Here) -> None:
    await here.em.backup_sessions.wait(here.ids[0], interval=_OFTEN, timeout=60)


async def _wait_all(here: Here) -> None:
    await here.em.backup_sessions.wait_all(here.ids[:4], interval=_OFTEN)


async def _wait_any(here: Here) -> None:
    await here.em.backup_sessions.wait_any(here.unfinished, interval=_OFTEN)


async def _task_sessions(here: Here) -> None:
    await here.em.backup_sessions.task_sessions(here.ids[0])


async def _job(here: Here) -> None:
    await here.em.jobs.get(here.job)


async def _jobs(here: Here) -> None:
    assert [job async for job in here.em.jobs.query(page_size=2, limit=4)]


async def _start(here: Here) -> None:
    await here.em.jobs.start(here.job)


async def _stop(here: Here) -> None:
    await here.em.jobs.stop(here.job)


async def _retry(here: Here) -> None:
    await here.em.jobs.retry(here.job)


async def _stop_session(here: Here) -> None:
    await here.em.backup_sessions.stop(here.endless)


async def _started(here: Here, **plan: Any) -> JobRun:
    """A run that is over in no time; what the job was running before is."""
    here.server.advance(100_000)
    here.server.next_run(here.job, script=[("Working", 30.0)], **plan)
    return await here.em.jobs.start(here.job)


async def _run_session(here: Here) -> None:
    run = await _started(here, appears_in=5.0)
    await run.session(interval=_OFTEN)


async def _run_wait(here: Here) -> None:
    run = await _started(here)
    await run.wait(interval=_OFTEN, timeout=60, stop_on_cancel=True)


async def _run_watch(here: Here) -> None:
    run = await _started(here, result="Failed", retries=["Success"], retry_in=10.0)
    async for _ in run.watch(interval=_OFTEN, retries=True, timeout=60):
        pass


async def _task(here: Here) -> None:
    run = await _started(here)
    assert run.task is not None
    await here.em.tasks.wait(run.task.task_id, interval=_OFTEN, timeout=60)


async def _renewal(here: Here) -> None:
    here.server.expire_tokens()
    await asyncio.gather(*(here.em.backup_sessions.get(each) for each in here.ids[:5]))


OPERATIONS: list[Operation] = [
    *(
        _get,
        _connect,
        _fetch,
        _fetch_ordered,
        _fetch_left,
        _fetch_closed,
        _fetch_of_query,
    ),
    *(_query, _references, _follow, _task_sessions, _job, _jobs),
    *(_watch, _watch_left, _watch_list, _watch_everything, _watch_by_references),
    *(_wait, _wait_late, _wait_all, _wait_any, _renewal),
    *(_start, _stop, _retry, _stop_session, _task),
    *(_run_session, _run_wait, _run_watch),
]


async def _enter_and_leave(em: EnterpriseManager, _session_id: UUID) -> None:
    async with em:
        pass


async def _enter_lazily(em: EnterpriseManager, session_id: UUID) -> None:
    async with em:
        await em.backup_sessions.get(session_id)


async def _leave_busy(em: EnterpriseManager, session_id: UUID) -> None:
    async with em:
        fetch = em.backup_sessions.fetch([session_id] * 9)
        watch = em.backup_sessions.watch([session_id], interval=_OFTEN)
        await anext(fetch)
        await anext(watch)


Stay = Callable[[EnterpriseManager, UUID], Coroutine[Any, Any, object]]
STAYS: list[Stay] = [_enter_and_leave, _enter_lazily, _leave_busy]

# ---------------------------------------------------------------- manners


def _early(at: int, _again: int) -> Steps:
    """Cancel as soon as it waits."""
    return Steps(lambda step: step == at)


def _late(at: int, _again: int) -> Steps:
    """Cancel once what is waited for has come."""
    return Steps(lambda step: step == at, late=True)


def _twice(at: int, again: int) -> Steps:
    """Cancel as soon as it waits, and once more a little later."""
    return Steps(lambda step: step in (at, again))


def _always(at: int, _again: int) -> Steps:
    """Cancel whenever anything is waited for, from a step on."""
    return Steps(lambda step: step >= at)


MANNERS = [_early, _late, _twice, _always]


async def try_all(
    run: Callable[[Steps], Awaitable[None]], choose: random.Random
) -> None:
    """Have an operation run undisturbed, and then cancelled where *choose* says."""
    await run(counted := Steps())
    every = list(product(range(1, counted.count + 1), MANNERS))
    tried = choose.sample(every, _MOST) if 0 < _MOST < len(every) else every
    for at, manner in tried:
        again = at + choose.randint(1, 9)
        try:
            await run(manner(at, again))
        except Exception as error:
            told = f"{manner.__name__} at {at} and {again} of {counted.count} steps"
            error.add_note(told)
            raise


@pytest.fixture
def choose() -> random.Random:
    """Random numbers by the seed that is printed, and by nothing that a run does."""
    return random.Random(random.getrandbits(32))  # noqa: S311 - no secret


# ---------------------------------------------------------------- what is left


def sockets() -> list[int]:
    """The numbers of this process's sockets, those of its servers as well."""
    found = []
    for name in os.listdir("/dev/fd"):  # noqa: PTH208 - these are no real files
        with suppress(OSError):  # the one that lists them
            if stat.S_ISSOCK(os.fstat(int(name)).st_mode):
                found.append(int(name))
    return found


def open_sockets() -> int:
    """How many there are."""
    return len(sockets())


async def settled(steps: Steps) -> None:
    """Wait a few turns for the tasks of an operation, which end by themselves."""
    for _ in range(_TURNS):
        if all(task.done() for task in steps.tasks):
            return
        await asyncio.sleep(0)
    left = [task for task in steps.tasks if not task.done()]
    raise AssertionError(f"still there: {left}")


async def shared_ended(steps: Steps) -> None:
    """Wait for what others may be waiting for too: a look-up of a name, a logon."""
    shared = [
        task
        for task in steps.tasks
        if any(name in repr(task.get_coro()) for name in ("Resolver.", "Logon."))
    ]
    if shared:
        await asyncio.wait(shared)


def connected_to(port: int) -> int:
    """How many of the sockets lead to a port."""
    found = 0
    for number in sockets():
        with suppress(OSError), socket.socket(fileno=os.dup(number)) as each:
            address = each.getpeername()
            found += isinstance(address, tuple) and address[1] == port
    return found


async def as_before(before: int, count: Callable[[], int] = open_sockets) -> None:
    """Wait until there are no more sockets than there were."""
    for _ in range(500):
        if count() <= before:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"{count()} sockets, {before} before")


@asynccontextmanager
async def silent_server(context: ssl.SSLContext | None) -> AsyncIterator[int]:
    """The port of a server that never says a word, be it goodbye to TLS.

    With a *context* it shakes hands, and reads no further.
    """
    over = asyncio.Event()

    async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if context is not None:
            writer.write(flight(context, await reader.read(100_000)))
        if isinstance(writer.transport, asyncio.ReadTransport):
            writer.transport.pause_reading()
        await over.wait()
        writer.transport.abort()

    server = await asyncio.start_server(hear, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        over.set()
        server.close()
        await server.wait_closed()


def flight(context: ssl.SSLContext, hello: bytes) -> bytes:
    """All that a server of TLS 1.3 says in a handshake, as the answer to a *hello*."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_side=True)
    incoming.write(hello)
    with suppress(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()


@asynccontextmanager
async def serving() -> AsyncIterator[Simulator]:
    """A server whose sessions can be followed to their end in no time."""
    complaints: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: complaints.append(context))
    tls = FaultServer.default_context or False
    before = open_sockets()
    gc.freeze()  # only what is made from here on is looked at in the end
    async with (
        Simulator(sessions=14, running=0, speed=6000, tls=tls) as server,
        counting(),
    ):
        yield server
    await as_before(before)
    gc.collect()  # what was forgotten open complains now
    gc.unfreeze()
    assert not complaints


@attrs.frozen
class Checked:
    """A manager that is asked, and its pool, which tells what is in use."""

    here: Here
    pool: Pool

    async def check(self, steps: Steps) -> None:
        """Fail where an operation has left anything."""
        await shared_ended(steps)
        await settled(steps)
        limiter = self.pool.limiter
        assert (limiter.in_flight, limiter.waiting) == (0, 0)
        await self.here.em.backup_sessions.get(self.here.ids[0])
        assert self.here.server.stats.tokens_alive == 1


@asynccontextmanager
async def opened(server: Simulator) -> AsyncIterator[Checked]:
    """A manager; all of its sockets and logon sessions end with it."""
    before = open_sockets()
    ids = server.session_ids
    endless = server.add_session(script=ENDLESS)
    em, pool = pooled_client(server, max_connections=_CONNECTIONS)
    async with em:
        yield Checked(Here(em, server, ids, endless), pool)
    assert server.stats.tokens_alive == 0
    await as_before(before)


# ---------------------------------------------------------------- the claims


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda made: made.__name__[1:])
async def test_a_cancelled_operation_leaves_nothing(
    operation: Operation, choose: random.Random
) -> None:
    """No task, no slot, no socket and no logon session; the next request works."""
    async with serving() as server, opened(server) as checked:

        async def run(steps: Steps) -> None:
            assert await steps.run(lambda: operation(checked.here)) == steps.asked
            await checked.check(steps)

        await try_all(run, choose)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("stay", STAYS, ids=lambda made: made.__name__[1:])
async def test_a_stay_that_is_cancelled_leaves_nothing(
    stay: Stay, choose: random.Random
) -> None:
    """Entering, being there and leaving: the logon session has been ended after it."""
    async with serving() as server:
        session_id = server.session_ids[-1]
        before = open_sockets()

        async def run(steps: Steps) -> None:
            em, pool = pooled_client(
                server, max_connections=_CONNECTIONS, lazy=stay is _enter_lazily
            )
            assert await steps.run(lambda: stay(em, session_id)) == steps.asked
            await settled(steps)
            assert pool.limiter.in_flight == 0
            assert server.stats.tokens_alive == 0

        await try_all(run, choose)
        await as_before(before)


@pytest.mark.parametrize("shakes_hands", [False, True], ids=["mute", "shakes hands"])
@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("kind", TRANSPORTS)
async def test_a_server_that_says_nothing_keeps_no_socket(
    kind: str,
    scheme: str,
    shakes_hands: bool,  # noqa: FBT001 - a parameter
    tls_everywhere: tuple[ssl.SSLContext, Path],
    choose: random.Random,
) -> None:
    """Neither in the handshake nor after the request, once that is cancelled."""
    context, ca_file = tls_everywhere
    is_tls = scheme == "https"
    trust = trust_of(tls=str(ca_file)) if is_tls else None
    async with silent_server(context if is_tls and shakes_hands else None) as port:
        origin = f"{scheme}://127.0.0.1:{port}"
        async with counting(), transport(kind, origin, trust=trust, request=30) as made:

            async def send() -> None:
                await made.send(Request("GET", "/api/backupSessions"))

            async def run(steps: Steps) -> None:
                task = asyncio.create_task(steps.run(send))
                await asyncio.sleep(0.02)
                steps.cancel()
                await task
                await shared_ended(steps)
                await settled(steps)
                await as_before(0, lambda: connected_to(port))

            await try_all(run, choose)
