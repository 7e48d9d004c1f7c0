"""The fetch engine over scripted coroutines, on the loop's own time."""

from __future__ import annotations

import asyncio
import math
import weakref
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from veeam_async import DecodeError, Fetch, Fetched, NotFound, VeeamError
from veeam_async.ids import Id

pytestmark = pytest.mark.looptime


class Body:
    """A result that can be watched by a weak reference."""

    def __init__(self, text: str) -> None:
        self.text = text


class Server:
    """Answers by delays and failures; it records who came and how many at once."""

    def __init__(
        self,
        delays: dict[str, float] | None = None,
        failing: Iterable[str] = (),
        *,
        delay: float = 1.0,
        error: type[Exception] = VeeamError,
    ) -> None:
        self.delays = delays or {}
        self.delay = delay
        self.failing = set(failing)
        self.error = error
        self.asked: list[str] = []
        self.at_once = 0
        self.most = 0

    async def get(self, given: Id) -> Body:
        """Give the body of an id after its delay."""
        one = str(given)
        self.asked.append(one)
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        try:
            await asyncio.sleep(self.delays.get(one, self.delay))
        finally:
            self.at_once -= 1
        if one in self.failing:
            raise self.error(one)
        return Body(one)


class Drawn:
    """An iterator over numbers that counts how many were drawn."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.count = 0

    def __iter__(self) -> Iterator[str]:
        for number in range(self.size):
            self.count += 1
            yield str(number)


def numbers(size: int) -> list[str]:
    """Give the first ids."""
    return [str(number) for number in range(size)]


def fetch(
    server: Server, ids: object, *, concurrency: int = 4, ordered: bool = False
) -> Fetch[Body]:
    """Fetch from *server*; a NotFound is fatal here."""
    return Fetch(
        server.get,
        ids,  # type: ignore[arg-type]  # some tests give what is none
        concurrency=concurrency,
        ordered=ordered,
        is_fatal=lambda error: isinstance(error, NotFound),
        finish=lambda answer: answer,
    )


async def all_ids(fetch: Fetch[Body]) -> list[str]:
    """Give the ids of the results in the order of their coming."""
    return [str(fetched.id) async for fetched in fetch]


# ---------------------------------------------------------------- drawing


@pytest.mark.parametrize("ordered", [False, True])
async def test_at_most_so_many_are_under_way(ordered: bool) -> None:  # noqa: FBT001 - a parameter
    """And that many are, as long as there are ids."""
    server = Server()
    await all_ids(fetch(server, numbers(40), concurrency=7, ordered=ordered))

    assert server.most == 7
    assert asyncio.get_running_loop().time() == 6


async def test_nothing_is_drawn_before_the_first_result_is_asked_for() -> None:
    """To make a fetch does nothing yet."""
    ids = Drawn(10)
    fetch(Server(), ids)
    await asyncio.sleep(10)

    assert ids.count == 0


async def test_ids_are_drawn_as_workers_become_free() -> None:
    """Drawn is what was handed out, what is under way and what waits."""
    ids = Drawn(100)
    running = fetch(Server(), ids, concurrency=4)
    async for _ in running:
        break
    assert ids.count < 2 * 4

    await asyncio.sleep(100)
    assert ids.count <= 1 + 2 * 4
    await running.aclose()


@pytest.mark.parametrize("ordered", [False, True])
async def test_a_slow_consumer_holds_the_drawing_back(ordered: bool) -> None:  # noqa: FBT001 - a parameter
    """No id is drawn while as many results as may be under way wait."""
    ids = Drawn(1000)
    taken = 0
    async for _ in fetch(Server(), ids, concurrency=5, ordered=ordered):
        taken += 1
        await asyncio.sleep(20)
        assert ids.count - taken < 2 * 5
        if taken == 50:
            break


async def test_in_order_drawing_stops_while_many_wait_for_an_earlier_one() -> None:
    """The first is slow; three workers fill the room behind it and stop."""
    ids = Drawn(1000)
    running = fetch(Server({"0": 1000.0}), ids, concurrency=4, ordered=True)
    first = asyncio.ensure_future(anext(running))
    await asyncio.sleep(900)

    assert ids.count <= 4 + 4
    assert not first.done()
    assert (await first).id == "0"
    await running.aclose()


async def test_room_is_asked_for_at_the_moment_of_drawing() -> None:
    """A worker that waited for the source does not draw into a room filled since."""
    drawn: list[int] = []

    async def slowly() -> AsyncIterator[str]:
        for number in range(100):
            await asyncio.sleep(1)
            drawn.append(number)
            yield str(number)

    running = fetch(Server(delay=0), slowly(), concurrency=3)
    await anext(running)
    await asyncio.sleep(60)
    await running.aclose()

    # Handed out, waiting, and the one in the act of being drawn.
    assert len(drawn) <= 1 + 3 + 1


async def test_of_a_hundred_thousand_ids_few_results_are_alive() -> None:
    """A million ids need no more memory than a thousand."""
    alive: weakref.WeakSet[Body] = weakref.WeakSet()
    server = Server(delay=0)
    ids, most, count = Drawn(100_000), 0, 0
    async for fetched in fetch(server, ids, concurrency=16):
        count += 1
        alive.add(fetched.result())
        if count % 100 == 0:
            most = max(most, len(alive))
            assert ids.count - count <= 2 * 16
        server.asked.clear()

    assert count == 100_000
    assert most <= 2 * 16 + 2


# ---------------------------------------------------------------- order


DELAYS = {"0": 3.0, "1": 1.0, "2": 2.0}


async def test_results_come_as_they_arrive() -> None:
    """The quickest first."""
    assert await all_ids(fetch(Server(DELAYS), numbers(3))) == ["1", "2", "0"]


async def test_results_come_in_order_where_asked() -> None:
    """The slowest holds the others up."""
    found = await all_ids(fetch(Server(DELAYS), numbers(3), ordered=True))
    assert found == ["0", "1", "2"]


async def test_the_same_id_twice_is_two_results() -> None:
    """Each drawn id has its own."""
    assert await all_ids(fetch(Server(), ["7", "7"], ordered=True)) == ["7", "7"]


# ---------------------------------------------------------------- ids


@pytest.mark.parametrize("ids", [[], (), iter([]), {}])
async def test_no_ids_no_results(ids: object) -> None:
    """It just ends, and goes on having ended."""
    running = fetch(Server(), ids)

    assert await all_ids(running) == []
    assert await anext(running, None) is None


async def test_an_async_iterable_is_drawn_from_one_at_a_time() -> None:
    """An async generator must not be asked again before it has answered."""

    async def ids() -> AsyncIterator[str]:
        for number in range(20):
            await asyncio.sleep(0.1)
            yield str(number)

    found = await all_ids(fetch(Server(), ids(), concurrency=5))
    assert sorted(found, key=int) == numbers(20)


async def test_a_single_text_is_taken_for_a_mistake() -> None:
    """Its letters are no ids."""
    with pytest.raises(ValueError, match="in a list"):
        fetch(Server(), "88b395e2-81ff-439c-558c-188d97274c15")


@pytest.mark.parametrize("ids", [None, 5])
async def test_what_cannot_be_iterated_is_refused_at_once(ids: object) -> None:
    """Not in the loop that comes later."""
    with pytest.raises(ValueError, match="ids are an iterable"):
        fetch(Server(), ids)


@pytest.mark.parametrize("wrong", [0, 1.5, math.inf, "8"])
async def test_concurrency_is_at_least_one(wrong: Any) -> None:
    """Zero would never end."""
    with pytest.raises(ValueError, match="at least 1"):
        fetch(Server(), [], concurrency=wrong)


# ---------------------------------------------------------------- failures


async def test_one_failing_id_costs_no_other() -> None:
    """Its error is its result."""
    found = [f async for f in fetch(Server(failing={"3"}), numbers(10), ordered=True)]

    assert [str(f.id) for f in found if f.error] == ["3"]
    assert [f.session.text for f in found if f.session] == [
        one for one in numbers(10) if one != "3"
    ]
    with pytest.raises(VeeamError, match="3"):
        found[3].result()


async def test_a_fetched_gives_its_session() -> None:
    """The result is what there is."""
    body = Body("x")
    assert Fetched(id="x", session=body).result() is body


@st.composite
def workloads(draw: st.DrawFn) -> tuple[int, set[str], dict[str, float], int, bool]:
    """Draw how many ids, which fail, their delays, the concurrency, and the order."""
    size = draw(st.integers(0, 30))
    some = st.sampled_from(numbers(size)) if size else st.nothing()
    return (
        size,
        draw(st.sets(some)),
        draw(st.dictionaries(some, st.sampled_from([0.0, 0.5, 2.0, 7.0]))),
        draw(st.integers(1, 8)),
        draw(st.booleans()),
    )


@given(workloads(), st.sampled_from([0.0, 0.3, 3.0]))
async def test_every_id_has_exactly_one_result(
    workload: tuple[int, set[str], dict[str, float], int, bool], pause: float
) -> None:
    """Whatever fails, however long each takes, however slow the consumer is."""
    size, failing, delays, concurrency, ordered = workload
    server = Server(delays, failing)
    found = []
    ids = numbers(size)
    async for fetched in fetch(server, ids, concurrency=concurrency, ordered=ordered):
        found.append(fetched)
        await asyncio.sleep(pause)

    came = [str(fetched.id) for fetched in found]
    assert sorted(came, key=int) == ids
    assert {str(f.id) for f in found if f.error} == failing
    assert server.most <= concurrency
    if ordered:
        assert came == ids


async def test_what_cannot_be_finished_is_the_error_of_its_id() -> None:
    """And costs no other one."""

    def finish(answer: Body) -> Body:
        if answer is bodies[3]:
            raise DecodeError(media_type="m", kind="k", problems=("p",), excerpt="")
        return answer

    bodies = [Body(text) for text in numbers(6)]

    async def get(given: Id) -> Body:
        return bodies[int(str(given))]

    found = [
        fetched
        async for fetched in Fetch(
            get, numbers(6), concurrency=2, is_fatal=lambda _: False, finish=finish
        )
    ]

    failed = [fetched.id for fetched in found if fetched.error is not None]
    assert failed == ["3"]
    assert len(found) == 6
