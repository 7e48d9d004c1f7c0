"""A manager is at home in the loop that opened it: elsewhere it refuses, at once."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from itertools import repeat
from typing import Any, Self

import pytest

from tests.cli.command import environment
from tests.support.bodies import uuid_of
from tests.support.simulated import client
from veeam_async import EnterpriseManager
from veeam_async.simulator import Simulator
from veeam_async.simulator.threaded import ThreadedSimulator

ONE = uuid_of(1)


async def first(iterator: AsyncIterator[object]) -> object:
    """Its first gift; it is kept until then."""
    async for found in iterator:
        return found
    return None


Use = Callable[[EnterpriseManager], Awaitable[object]]

USES: dict[str, Use] = {
    "get": lambda em: em.backup_sessions.get(ONE),
    "references": lambda em: em.jobs.references(),
    "query": lambda em: first(em.backup_sessions.query()),
    "fetch": lambda em: first(em.backup_sessions.fetch([ONE])),
    "watch": lambda em: first(em.backup_sessions.watch([ONE])),
    "watch everything": lambda em: first(em.backup_sessions.watch()),
    "wait": lambda em: em.backup_sessions.wait(ONE, timeout=60),
    "start": lambda em: em.jobs.start(ONE),
    "stop": lambda em: em.backup_sessions.stop(ONE),
    "tasks": lambda em: em.tasks.wait("task-1", timeout=60),
}
"""Everything that asks the server something."""


class OtherLoop:
    """A loop in a thread of its own."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()

    async def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """The result of *work* there."""
        there = asyncio.run_coroutine_threadsafe(work, self.loop)
        return await asyncio.wrap_future(there)


@pytest.fixture
def server() -> Iterator[ThreadedSimulator]:
    """A server that any loop can ask."""
    with ThreadedSimulator(sessions=5) as server:
        yield server


async def told(use: Use, em: EnterpriseManager) -> str:
    """The sentence with which that is refused."""
    with pytest.raises(RuntimeError) as caught:
        await use(em)
    return str(caught.value)


async def test_in_another_loop_whatever_asks_is_refused(
    server: ThreadedSimulator,
) -> None:
    """With one sentence, where it would wait for ever; its own loop still works."""
    em = client(server)
    with OtherLoop() as other:
        await other.run(em.open())
        said = {await told(use, em) for use in USES.values()}
        said |= {await told(lambda em: em.aclose(), em), await told(opened, em)}
        assert await other.run(em.backup_sessions.references())
        await other.run(em.aclose())

    assert said == {
        (
            "this EnterpriseManager was opened in another event loop: leave it there, "
            "and make one of its own for each loop"
        )
    }
    assert server.stats.logouts == 1


async def opened(em: EnterpriseManager) -> None:
    """Open it, which entering does too."""
    await em.open()


async def test_what_began_in_a_loop_goes_on_there_alone(
    server: ThreadedSimulator,
) -> None:
    """A fetch and a watch neither hang in another loop nor are closed from there."""
    em = client(server)
    with OtherLoop() as other:
        await other.run(em.open())
        fetch = em.backup_sessions.fetch(repeat(server.session_ids[0]))
        watch = em.backup_sessions.watch()
        await other.run(anext(fetch))
        await other.run(anext(watch))
        # What is there already may be taken, but nothing is waited for.
        for iterator in (fetch, watch):
            with pytest.raises(RuntimeError, match="began in another event loop"):
                async for _ in iterator:
                    pass
            with pytest.raises(RuntimeError, match="began in another event loop"):
                await iterator.aclose()
        await other.run(em.aclose())


@pytest.mark.parametrize("name", USES)
async def test_before_and_after_its_time_it_says_what_to_do(name: str) -> None:
    """Never opened, and closed."""
    async with Simulator(sessions=1) as server:
        em = client(server)
        before = await told(USES[name], em)
        await em.aclose()  # of no effect
        async with em:
            pass
        after = await told(USES[name], em)

    assert before == (
        "this EnterpriseManager is not connected: use `async with "
        "EnterpriseManager(…)`, or await its open()"
    )
    assert after.startswith(
        "this EnterpriseManager is not connected any more, since it"
    )


@pytest.mark.parametrize("name", [*USES, "open"])
def test_without_a_loop_of_asyncio_it_says_so(name: str) -> None:
    """As under trio, which steps the coroutine itself."""
    em = EnterpriseManager("http://127.0.0.1:1", username="u", password="p")
    use = (USES | {"open": opened})[name]

    with pytest.raises(RuntimeError) as caught:
        step(use(em))

    said = str(caught.value)
    is_other = name not in (
        "open",
        "fetch",
        "watch",
        "watch everything",
        "wait",
        "tasks",
    )
    assert said.startswith(
        "this EnterpriseManager is not connected"
        if is_other
        else "no asyncio event loop runs here: veeam_async works inside of asyncio.run"
    )


def step(work: Awaitable[object]) -> None:
    """Run *work* as a loop of no asyncio would."""
    iterator = work.__await__()
    try:
        next(iterator)
    finally:
        close = getattr(work, "close", None)
        if close is not None:
            close()


async def test_an_open_one_under_no_loop_says_so_too(server: ThreadedSimulator) -> None:
    """Where it was opened under asyncio, and is used elsewhere without a loop."""
    em = await client(server).open()

    def use() -> str:
        with pytest.raises(RuntimeError) as caught:
            step(em.backup_sessions.get(ONE))
        return str(caught.value)

    said = await asyncio.to_thread(use)
    await em.aclose()

    assert said.startswith("no asyncio event loop runs here")


def test_a_loop_that_has_ended_is_told() -> None:
    """Whoever forgot to leave it before makes another one."""
    # Lazy, so that nothing was connected that could be left open.
    em = EnterpriseManager("http://127.0.0.1:1", username="u", password="p", lazy=True)
    asyncio.run(opened(em))

    with pytest.raises(RuntimeError, match="which has ended since: make one for this"):
        asyncio.run(opened(em))
    with pytest.raises(RuntimeError, match="which has ended since: make one for this"):
        asyncio.run(em.backup_sessions.get(ONE))


FORKED = """
import asyncio, os, sys
from veeam_async import EnterpriseManager

loop = asyncio.new_event_loop()
url, username, password = (
    os.environ[f"VEEAM_{name}"] for name in ("URL", "USERNAME", "PASSWORD")
)
em = EnterpriseManager(url, username=username, password=password)
loop.run_until_complete(em.open())
child = os.fork()
if not child:
    for run in (loop.run_until_complete, asyncio.run):
        for use in (em.backup_sessions.references, em.aclose, em.open):
            try:
                run(use())
            except RuntimeError as error:
                print(error, flush=True)
    os._exit(0)
os.waitpid(child, 0)
print(len(loop.run_until_complete(em.backup_sessions.references())))
loop.run_until_complete(em.aclose())
loop.close()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
async def test_after_a_fork_the_parent_alone_goes_on() -> None:
    """The child is told, in the parent's loop too, and reads none of its answers."""
    async with Simulator(sessions=3, running=0) as server:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", FORKED),
            env=environment(server),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()

    lines = out.decode().splitlines()
    assert (process.returncode, len(lines)) == (0, 7), err.decode()
    assert lines[6] == "3"
    assert set(lines[:6]) == {
        (
            "this EnterpriseManager was opened before a fork, by the parent process: "
            "make one of its own in each process"
        )
    }
    assert server.stats.logouts == 1
