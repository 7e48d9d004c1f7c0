"""How a fetch ends: by failure, by being left, by being forgotten."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Iterator

import pytest

from veeam_async import Fetch, NotFound, VeeamError
from veeam_async.ids import Id

pytestmark = pytest.mark.looptime

GONE = NotFound(status=404, message=None, method="GET", url="http://em/api/x")


class Server:
    """Takes a second for each id; *fatal* ones end everything."""

    def __init__(self, *fatal: str) -> None:
        self.fatal = fatal
        self.asked: list[str] = []
        self.open = 0
        self.disturbed = 0

    async def get(self, given: Id) -> str:
        """Give the id back."""
        self.asked.append(str(given))
        self.open += 1
        try:
            await asyncio.sleep(1)
            if given in self.fatal:
                raise GONE
            return str(given)
        finally:
            await self._hang_up()

    async def _hang_up(self) -> None:
        """Close as a connection does: it takes a while and can be disturbed."""
        try:
            await asyncio.sleep(0.5)
        except asyncio.CancelledError:
            self.disturbed += 1
            raise
        finally:
            self.open -= 1


def numbers(size: int) -> list[str]:
    """Give the first ids."""
    return [str(number) for number in range(size)]


def fetch(
    server: Server, ids: object, *, concurrency: int = 4, ordered: bool = False
) -> Fetch[str]:
    """Fetch from *server*; a NotFound is fatal here."""
    return Fetch(
        server.get,
        ids,  # type: ignore[arg-type]  # any iterable of texts
        concurrency=concurrency,
        ordered=ordered,
        is_fatal=lambda error: isinstance(error, NotFound),
        finish=lambda answer: answer,
    )


def tasks() -> int:
    """Tell how many tasks there are besides this one."""
    return len(asyncio.all_tasks()) - 1


async def settle() -> None:
    """Let cancelled tasks end."""
    await asyncio.sleep(2)


# ---------------------------------------------------------------- failure


@pytest.mark.parametrize("ordered", [False, True])
async def test_a_fatal_error_ends_everything(ordered: bool) -> None:  # noqa: FBT001 - a parameter
    """It is raised once, then the iterator has ended; no task is left."""
    server = Server("5")
    running = fetch(server, numbers(1000), ordered=ordered)
    with pytest.raises(NotFound):
        async for _ in running:
            pass

    assert (tasks(), server.open, server.disturbed) == (0, 0, 0)
    assert len(server.asked) <= 12
    assert await anext(running, None) is None
    with pytest.raises(RuntimeError, match="this fetch has ended"):
        [one async for one in running]


async def test_a_fatal_error_does_not_wait_until_the_results_run_out() -> None:
    """A consumer that always finds a result still learns of it soon."""
    server = Server("2")
    taken = 0
    with pytest.raises(NotFound):
        async for _ in fetch(server, numbers(1000)):
            taken += 1
            await asyncio.sleep(3)

    assert taken < 12


async def test_what_a_fault_in_the_code_raises_comes_out() -> None:
    """Only the library's own errors are results."""

    async def get(_given: Id) -> str:
        raise KeyError("x")

    running = Fetch(
        get,
        numbers(9),
        concurrency=3,
        is_fatal=lambda _: False,
        finish=lambda answer: answer,
    )
    with pytest.raises(KeyError):
        await anext(running)
    assert tasks() == 0


async def test_an_exception_of_the_ids_comes_out() -> None:
    """The source of the ids is the caller's, so is its exception."""

    def ids() -> Iterator[str]:
        yield from numbers(2)
        raise LookupError("database")

    with pytest.raises(LookupError, match="database"):
        async for _ in fetch(Server(), ids()):
            pass
    assert tasks() == 0


async def test_an_exception_of_async_ids_comes_out() -> None:
    """A VeeamError of a query that gives the ids, for example."""

    async def ids() -> AsyncIterator[str]:
        yield "0"
        raise VeeamError("query")

    with pytest.raises(VeeamError, match="query"):
        async for _ in fetch(Server(), ids()):
            pass
    assert tasks() == 0


async def test_a_worker_cancelled_by_somebody_else_is_no_silent_end() -> None:
    """An id would be lost without a word else."""
    running = fetch(Server(), numbers(20))
    await anext(running)
    victim = next(t for t in asyncio.all_tasks() if t is not asyncio.current_task())
    victim.cancel()

    with pytest.raises(asyncio.CancelledError):
        async for _ in running:
            pass
    assert tasks() == 0


async def test_a_time_out_while_a_failure_winds_up_does_not_hide_it() -> None:
    """The next call meets it."""
    running = fetch(Server("0"), numbers(4), concurrency=2)
    assert (await anext(running)).id == "1"
    # The other worker has drawn an id and now takes half a second to hang up.
    waiting = asyncio.ensure_future(anext(running))
    await asyncio.sleep(0.25)
    waiting.cancel()
    await asyncio.wait([waiting])

    with pytest.raises(NotFound):
        async for _ in running:
            pass


async def test_a_time_out_while_waiting_loses_no_result() -> None:
    """`wait_for` around `anext` may be repeated."""
    running = fetch(Server(), numbers(6), concurrency=2)
    found: list[Id] = []
    while True:
        try:
            found.append((await asyncio.wait_for(anext(running), 0.2)).id)
        except TimeoutError:
            continue
        except StopAsyncIteration:
            break

    assert sorted(map(str, found)) == numbers(6)


# ---------------------------------------------------------------- leaving


async def test_a_break_leaves_nothing_once_nobody_holds_the_fetch() -> None:
    """Without `async with` and without `aclose`."""
    server = Server()
    async for _ in fetch(server, numbers(100)):
        break
    await settle()

    assert (tasks(), server.open, server.disturbed) == (0, 0, 0)
    assert len(server.asked) <= 8


async def test_an_exception_in_the_body_leaves_nothing() -> None:
    """Once it has been dealt with."""
    server = Server()
    try:
        async for _ in fetch(server, numbers(100)):
            raise RuntimeError("body")  # noqa: TRY301 - the body's exception is the subject
    except RuntimeError:
        pass
    await settle()

    assert (tasks(), server.open) == (0, 0)


async def test_cancelling_the_consumer_leaves_nothing() -> None:
    """However far it came."""
    server = Server()

    async def consume() -> None:
        async for _ in fetch(server, numbers(100)):
            await asyncio.sleep(0.1)

    consumer = asyncio.create_task(consume())
    await asyncio.sleep(3.1)
    consumer.cancel()
    with pytest.raises(asyncio.CancelledError):
        await consumer
    del consumer
    await settle()

    assert (tasks(), server.open, server.disturbed) == (0, 0, 0)


async def test_leaving_the_with_waits_until_everything_has_ended() -> None:
    """Right behind it there is no task and no open call."""
    server = Server()
    async with fetch(server, numbers(100)) as running:
        async for _ in running:
            break
        assert tasks() == 4

    assert (tasks(), server.open, server.disturbed) == (0, 0, 0)
    assert await anext(running, None) is None


async def test_closing_twice_at_once_is_closing() -> None:
    """Both wait for the end, and neither disturbs what is hanging up."""
    server = Server()
    running = fetch(server, numbers(100))
    await anext(running)
    await asyncio.gather(running.aclose(), running.aclose())
    await running.aclose()

    assert (tasks(), server.open, server.disturbed) == (0, 0, 0)


async def test_closing_ends_the_wait_of_another_task() -> None:
    """It gets the end, not an error and not a result."""
    running = fetch(Server(), numbers(100))
    waiting = asyncio.ensure_future(anext(running, None))
    await asyncio.sleep(0.5)
    await running.aclose()

    assert await waiting is None


async def test_two_consumers_share_the_results() -> None:
    """Each result goes to one of them."""
    running = fetch(Server(), numbers(20))

    async def consume() -> list[str]:
        return [str(fetched.id) async for fetched in running]

    one, two = await asyncio.gather(consume(), consume())
    assert sorted([*one, *two], key=int) == numbers(20)


async def test_a_fetch_that_was_never_iterated_leaves_nothing() -> None:
    """Neither closed nor forgotten."""
    closed = fetch(Server(), numbers(5))
    await closed.aclose()
    async with fetch(Server(), numbers(5)):
        pass
    fetch(Server(), numbers(5))

    assert await anext(closed, None) is None
    assert tasks() == 0


async def test_a_forgotten_fetch_in_a_cycle_is_collected() -> None:
    """The collector finds it where counting references does not."""
    server = Server()
    running = fetch(server, numbers(100))
    await anext(running)
    ring: list[object] = [running]
    ring.append(ring)
    del running, ring
    gc.collect()
    await settle()

    assert (tasks(), server.open) == (0, 0)


def test_a_fetch_may_outlive_its_loop() -> None:
    """`asyncio.run` cancels its workers; to forget it later is silent."""

    async def main() -> Fetch[str]:
        running = fetch(Server(), numbers(100))
        await anext(running)
        return running

    running = asyncio.run(main())
    del running
    gc.collect()
