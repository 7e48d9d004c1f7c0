"""The slots: who may send now, and how many at once."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.world import ON_ITS_TIME
from veeam_async import (
    ConnectionFailed,
    NotFound,
    RequestTimeout,
    ServerError,
    ServiceUnavailable,
)
from veeam_async.errors import ApiError, is_overload, is_refusal
from veeam_async.pool.limiter import Limiter, Slot

GOOD = object()


def api_error(status: int) -> ApiError:
    """Make the error of a status."""
    kinds = {404: NotFound, 500: ServerError, 503: ServiceUnavailable}
    kind = kinds.get(status, ApiError)
    return kind(status=status, message=None, method="GET", url="http://em/api/x")


SHED = api_error(503)


async def filled(slots: Limiter) -> list[Slot]:
    """Take every free slot."""
    return [await slots.acquire() for _ in range(int(slots.limit))]


async def round_trip(slots: Limiter, outcome: object) -> None:
    """Let as many requests as the limit allows come to the same outcome."""
    for slot in await filled(slots):
        slots.release(slot, outcome)


async def test_no_more_slots_than_the_limit() -> None:
    """Who comes later waits until one is handed back."""
    slots = Limiter(2)
    first, _ = await filled(slots)
    waiting = asyncio.ensure_future(slots.acquire())
    await asyncio.sleep(0)
    assert not waiting.done()

    slots.release(first, GOOD)
    assert (await waiting)[0] == 3


async def test_slots_are_handed_out_in_the_order_of_asking() -> None:
    """Nobody overtakes, not even who asks just when one becomes free."""
    slots = Limiter(1)
    order: list[int] = []

    async def use(number: int) -> None:
        slot = await slots.acquire()
        order.append(number)
        await asyncio.sleep(0)
        slots.release(slot, GOOD)

    held = await slots.acquire()
    users = [asyncio.create_task(use(number)) for number in range(5)]
    await asyncio.sleep(0)
    slots.release(held, GOOD)
    users.append(asyncio.create_task(use(5)))
    await asyncio.gather(*users)

    assert order == [0, 1, 2, 3, 4, 5]


async def test_at_least_one() -> None:
    """With none nothing would ever be sent."""
    with pytest.raises(ValueError, match="at least one"):
        Limiter(0)


# ---------------------------------------------------------------- overload


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (SHED, True),
        (api_error(429), True),
        (RequestTimeout("late", sent=True), True),
        (RequestTimeout("no connection", sent=False), False),
        (api_error(500), False),
        (api_error(404), False),
        (api_error(408), False),
        (api_error(425), False),
        (api_error(502), False),
        (api_error(524), False),
        (ConnectionFailed("reset"), False),
        (GOOD, False),
        (None, False),
    ],
)
def test_what_says_that_the_server_has_too_much_to_do(
    outcome: object,
    expected: bool,  # noqa: FBT001 - a parameter
) -> None:
    """429, 503 and no answer in time; other failures are not of its load."""
    assert is_overload(outcome) is expected


@pytest.mark.parametrize("status", [408, 425, 429, 502, 503, 524])
def test_what_may_pass_is_no_refusal(status: int) -> None:
    """The limit does not grow by it, as by a 404, which a server has time for."""
    assert not is_refusal(api_error(status))
    assert is_refusal(api_error(404))


async def test_a_burst_of_overload_halves_once() -> None:
    """All that were in flight together tell of the same moment."""
    slots = Limiter(16)
    for slot in await filled(slots):
        slots.release(slot, SHED)

    assert slots.limit == 8


async def test_each_round_trip_of_overload_halves_again_down_to_one() -> None:
    """Below one nothing would ever be sent again."""
    slots = Limiter(16)
    limits = []
    for _ in range(6):
        await round_trip(slots, SHED)
        limits.append(slots.limit)

    assert limits == [8, 4, 2, 1, 1, 1]


async def test_who_was_in_flight_at_a_halving_does_not_halve_again() -> None:
    """However late its answer comes."""
    slots = Limiter(8)
    early, *others = await filled(slots)
    slots.release(others[0], SHED)
    for slot in others[1:]:
        slots.release(slot, GOOD)
    before = slots.limit
    slots.release(early, SHED)

    assert slots.limit == before


async def test_waiting_requests_respect_the_halved_limit() -> None:
    """Limiter that come back above the limit are not handed on."""
    slots = Limiter(4)
    held = await filled(slots)
    waiting = [asyncio.create_task(slots.acquire()) for _ in range(4)]
    await asyncio.sleep(0)
    slots.release(held[0], SHED)
    slots.release(held[1], None)
    await asyncio.sleep(0)
    assert [task.done() for task in waiting] == [False] * 4

    slots.release(held[2], None)
    slots.release(held[3], None)
    await asyncio.sleep(0)
    assert [task.done() for task in waiting] == [True, True, False, False]
    for task in waiting[2:]:
        task.cancel()


async def busily(slots: Limiter, requests: int, width: int) -> None:
    """Send good requests with always *width* of them in line."""
    left = iter(range(requests))

    async def use() -> None:
        for _ in left:
            slot = await slots.acquire()
            await asyncio.sleep(0)
            slots.release(slot, GOOD)

    await asyncio.gather(*(use() for _ in range(width)))


async def test_the_limit_grows_by_about_one_a_round_trip() -> None:
    """From one to eight it takes the sum of the limits, and a little more."""
    slots = Limiter(8)
    slots.limit = 1.0
    await busily(slots, 20, 16)
    assert slots.limit < 7

    await busily(slots, 40, 16)
    assert slots.limit == 8


async def test_the_limit_does_not_grow_while_it_holds_nobody_back() -> None:
    """What is never needed is not known to be served."""
    slots = Limiter(8)
    slots.limit = 4.0
    await busily(slots, 100, 3)

    assert slots.limit == 4


@pytest.mark.parametrize("outcome", [None, api_error(500), ConnectionFailed("reset")])
async def test_only_answers_make_the_limit_grow(outcome: object) -> None:
    """A failure of another kind changes nothing."""
    slots = Limiter(8)
    slots.limit = 2.0
    await round_trip(slots, outcome)

    assert slots.limit == 2


@pytest.mark.parametrize("status", [400, 403, 404])
async def test_an_answer_that_refuses_makes_the_limit_grow_too(status: int) -> None:
    """The server had time for it: where all is gone, one at a time would stay one."""
    slots = Limiter(8)
    await round_trip(slots, SHED)
    await round_trip(slots, api_error(status))

    assert slots.limit > 4


async def test_a_refusal_in_the_moment_of_a_cancellation_costs_no_slot() -> None:
    """There is none to hand back: one more than are free would be handed out else."""
    slots = Limiter(1)
    await filled(slots)
    waiting = asyncio.create_task(slots.acquire())
    await asyncio.sleep(0)
    slots.refuse(SHED)
    waiting.cancel()
    await asyncio.wait([waiting])

    assert (slots.in_flight, slots.waiting) == (1, 0)


# ---------------------------------------------------------------- the start


def test_a_start_doubles_in_another_loop_too() -> None:
    """A timer of a loop that has ended never fires."""
    slots = Limiter(100)

    async def fill(until: float) -> None:
        tasks = [asyncio.create_task(slots.acquire()) for _ in range(70)]
        await asyncio.sleep(0)
        while slots.limit < until:
            await asyncio.sleep(0.01)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        for task in tasks:
            if not task.cancelled():
                slots.release(task.result(), None)
        slots.rest()

    asyncio.run(fill(32))
    asyncio.run(fill(64))


@ON_ITS_TIME
async def test_a_start_doubles_with_each_round_trip() -> None:
    """Hundreds at once would be wasted on a server that can serve ten."""
    slots = Limiter(200)
    tasks = [asyncio.create_task(slots.acquire()) for _ in range(32 + 64 + 128 + 200)]
    at_once = []
    while tasks:
        await asyncio.sleep(0.01)
        held = [task for task in tasks if task.done()]
        at_once.append(len(held))
        for task in held:
            tasks.remove(task)
            slots.release(task.result(), GOOD)

    assert at_once == [32, 64, 128, 200]


async def driven(slots: Limiter, requests: int, wait: Callable[[], float]) -> None:
    """Send so many good requests from 256 workers; *wait* says how long one takes."""
    left = iter(range(requests))

    async def use() -> None:
        for _ in left:
            slot = await slots.acquire()
            await asyncio.sleep(wait())
            slots.release(slot, GOOD)

    await asyncio.gather(*(use() for _ in range(256)))


@ON_ITS_TIME
@pytest.mark.parametrize("spread", [0.2, 0.8], ids=["even", "uneven"])
async def test_a_start_on_a_fast_server_takes_all_it_may(spread: float) -> None:
    """However much its answers differ in the time that they take."""
    slots, rng = Limiter(256), random.Random(7)  # noqa: S311 - no secret
    await driven(slots, 2000, lambda: 0.05 * rng.uniform(1 - spread, 1 + spread))

    assert slots.limit == 256


@ON_ITS_TIME
async def test_requests_that_waited_for_nobody_do_not_end_a_start() -> None:
    """A few, one after the other, tell nothing of what many at once would bring."""
    slots = Limiter(256)
    for _ in range(5):
        slot = await slots.acquire()
        await asyncio.sleep(0.05)
        slots.release(slot, GOOD)
    await driven(slots, 2000, lambda: 0.05)

    assert slots.limit == 256


def line(capacity: int) -> Callable[[], float]:
    """Give a server that takes one after the other: how long who comes now waits."""
    clock = asyncio.get_running_loop().time
    free_at = clock()

    def wait() -> float:
        nonlocal free_at
        free_at = max(free_at, clock()) + 1 / capacity
        return free_at - clock()

    return wait


@ON_ITS_TIME
@pytest.mark.parametrize("capacity", [50, 100, 500])
async def test_a_start_that_only_makes_requests_wait_ends(capacity: int) -> None:
    """Where a server takes one after the other, they would run into their time-outs."""
    queue, waits = line(capacity), []

    def queued() -> float:
        waits.append(queue())
        return waits[-1]

    await driven(Limiter(256), 1000, queued)

    assert max(waits) * capacity < 140
    assert waits[-1] * capacity < 100


@ON_ITS_TIME
@pytest.mark.parametrize("capacity", [100, 1000])
async def test_whoever_starts_later_leaves_the_other_a_share(capacity: int) -> None:
    """In a queue that others stand in as well, more requests do bring more answers."""
    first, second, queue = Limiter(256), Limiter(256), line(capacity)
    runs = [asyncio.create_task(driven(first, capacity * 30, queue))]
    await asyncio.sleep(3)
    runs.append(asyncio.create_task(driven(second, capacity * 30, queue)))
    await asyncio.sleep(5)
    before = [slots.given_back for slots in (first, second)]
    await asyncio.sleep(10)
    after = [slots.given_back for slots in (first, second)]
    for run in runs:
        run.cancel()

    shares = [(b - a) / (capacity * 10) for a, b in zip(before, after, strict=True)]
    assert min(shares) > 0.3
    assert sum(shares) > 0.98


async def test_the_first_overload_ends_the_start() -> None:
    """From then on it grows by one in a round trip."""
    slots = Limiter(256)
    await round_trip(slots, SHED)
    assert slots.limit == 16

    await round_trip(slots, GOOD)
    assert 16 < slots.limit < 17.1


async def test_a_start_on_a_slow_server_does_not_wait_for_its_answers() -> None:
    """Where nothing at all comes back, it doubles with time."""
    slots = Limiter(100)
    tasks = [asyncio.create_task(slots.acquire()) for _ in range(100)]
    async with asyncio.timeout(5):
        held = await asyncio.gather(*tasks)

    assert slots.in_flight == slots.limit == 100
    for slot in held:
        slots.release(slot, GOOD)


@ON_ITS_TIME
async def test_a_start_that_has_answers_does_not_double_with_time() -> None:
    """A pause says nothing then: in a queue others' requests may lie between."""
    slots = Limiter(100)
    held = await filled(slots)
    tasks = [asyncio.create_task(slots.acquire()) for _ in range(100)]
    await asyncio.sleep(0.1)
    slots.release(held[0], GOOD)
    await asyncio.sleep(5)
    assert slots.limit == 33

    slots.release(held[1], SHED)
    await asyncio.sleep(5)
    assert slots.limit == 16.5
    for task in tasks:
        task.cancel()


# ---------------------------------------------------------------- cancelling


async def test_a_cancelled_waiter_is_passed_over() -> None:
    """The next in line gets the slot."""
    slots = Limiter(1)
    held = await slots.acquire()
    first, second = (asyncio.create_task(slots.acquire()) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    slots.release(held, GOOD)

    assert (await second)[0] == 2
    assert slots.in_flight == 1


async def test_who_is_cancelled_just_when_handed_a_slot_hands_it_on() -> None:
    """Between the handing and the waking there is one turn of the loop."""
    slots = Limiter(1)
    held = await slots.acquire()
    first, second = (asyncio.create_task(slots.acquire()) for _ in range(2))
    await asyncio.sleep(0)
    slots.release(held, GOOD)
    first.cancel()

    assert (await second)[0] == 2
    assert slots.in_flight == 1
    assert first.cancelled()


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["ask", "cancel", "good", "shed", "lost", "turn"]),
        st.integers(0, 1000),
    ),
    max_size=60,
)


@given(st.integers(1, 5), STEPS)
async def test_no_interleaving_loses_a_slot(
    most: int, steps: list[tuple[str, int]]
) -> None:
    """The limit stays in its bounds and is kept; whoever waits gets a slot at last."""
    slots = Limiter(most)
    outcomes = {"good": GOOD, "shed": SHED, "lost": None}
    tasks: list[asyncio.Task[Slot]] = []
    for step, pick in steps:
        held = [t for t in tasks if t.done() and not t.cancelled()]
        if step == "ask":
            tasks.append(asyncio.create_task(slots.acquire()))
        elif step == "cancel" and (waiting := [t for t in tasks if not t.done()]):
            waiting[pick % len(waiting)].cancel()
        elif step in outcomes and held:
            back = held[pick % len(held)]
            tasks.remove(back)
            slots.release(back.result(), outcomes[step])
        elif step == "turn":
            await asyncio.sleep(0)
        assert 1 <= slots.limit <= most
        assert 0 <= slots.in_flight <= most

    await drained(slots, tasks)


async def drained(slots: Limiter, tasks: list[asyncio.Task[Slot]]) -> None:
    """Hand everything back until nobody waits, and see that nothing is missing."""
    numbers = set()
    for _ in range(len(tasks) + 2):
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        for task in [task for task in tasks if task.done()]:
            tasks.remove(task)
            if not task.cancelled():
                numbers.add(task.result()[0])
                slots.release(task.result(), None)
    assert tasks == []
    assert slots.in_flight == 0
    assert not slots.waiting


async def test_cancel_churn_costs_no_slot() -> None:
    """Four thousand requests, a third of them cancelled at a random moment."""
    slots, rng, most = Limiter(10), random.Random(7), 0  # noqa: S311 - no secret
    answered = 0

    async def use() -> None:
        nonlocal answered, most
        slot = await slots.acquire()
        try:
            most = max(most, slots.in_flight)
            await asyncio.sleep(0)
            answered += 1
        finally:
            slots.release(slot, GOOD)

    users = [asyncio.create_task(use()) for _ in range(4000)]
    for user in rng.sample(users, 1300):
        user.cancel()
        if rng.random() < 0.2:
            await asyncio.sleep(0)
    await asyncio.gather(*users, return_exceptions=True)

    assert (slots.in_flight, most) == (0, 10)
    assert answered >= 2700
