"""How the observer looks: by a GET for each, or by one list for all who ask."""

from __future__ import annotations

import asyncio
import logging

import pytest

from tests.support.bodies import uuid_of
from tests.support.watching import BUSY, kinds, now, refusal
from tests.support.world import ON_ITS_TIME, Life, World, heard, told
from veeam_async import AuthenticationFailed, DecodeError
from veeam_async.watch.polling.request import Strategy

pytestmark = ON_ITS_TIME

DENIED = AuthenticationFailed(status=401, message=None, method="POST", url="u")


def world_of(count: int, *, ended: float = 3.0, others: int = 0) -> World:
    """Make a world of sessions that run until *ended*, and *others* that go on."""
    lives = {number: Life(ended=ended) for number in range(1, count + 1)}
    lives |= {number: Life(created=-1) for number in range(10_000, 10_000 + others)}
    return World(lives)


async def test_few_are_looked_at_one_by_one() -> None:
    """Up to 31 ids one GET each, and no query."""
    world = world_of(31)
    await heard(world.watch(range(1, 32)), 100)

    assert world.asked == {"get": 62}


async def test_many_are_looked_at_by_one_query() -> None:
    """From 32 ids one query a look; what has just ended comes with it."""
    world = world_of(32)
    events = await heard(world.watch(range(1, 33)), 100)

    assert world.asked == {"page": 2}
    assert [told(events, number) for number in range(1, 33)] == [
        ["FOUND", "STOPPED"]
    ] * 32


async def test_an_id_in_no_row_is_got_by_itself() -> None:
    """One GET decides about what ended long ago."""
    world = world_of(40)
    world.lives[41] = Life(created=-9000, ended=-8000)
    events = await heard(world.watch(range(1, 42)), 100)

    assert world.asked == {"page": 2, "get": 1}
    assert told(events, 41) == ["FOUND", "STOPPED"]


@pytest.mark.parametrize(
    ("strategy", "count", "asked"),
    [
        ("get", 40, {"get": 80}),
        ("query", 1, {"page": 2}),
        ("auto", 1, {"get": 2}),
        ("auto", 40, {"page": 2}),
    ],
)
async def test_the_caller_can_say_how_to_look(
    strategy: Strategy, count: int, asked: dict[str, int]
) -> None:
    """A strategy is kept to, and left alone looks are as cheap as they can be."""
    world = world_of(count)
    await heard(world.watch(range(1, count + 1), strategy=strategy), 100)

    assert world.asked == asked


@pytest.mark.parametrize("status", [400, 403, 404, 405, 500, 501])
async def test_queries_that_are_refused_from_the_start_mean_gets(
    status: int, caplog: pytest.LogCaptureFixture
) -> None:
    """At once; the query is tried once at first, and one warning tells of it."""
    world = world_of(40, ended=13)
    world.errors["page"] = refusal(status)
    events = await heard(world.watch(range(1, 41)), 100)

    assert world.asked == {"page": 1, "get": 160}
    assert kinds(events).count("STOPPED") == 40
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


@pytest.mark.parametrize("everything", [True, False])
async def test_a_row_that_cannot_be_read_is_got_by_itself(
    everything: bool,  # noqa: FBT001 - a parameter
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The list goes on serving for all others, and one warning tells of it."""
    world = world_of(40, ended=50)
    world.unreadable = [7]
    watch = world.watch(None if everything else range(1, 41))
    events = await heard(watch, 100)
    await watch.aclose()

    assert kinds(events).count("FOUND") == kinds(events).count("STOPPED") == 40
    assert set(world.got) == {uuid_of(7)}
    assert str(uuid_of(7)) in caplog.text
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


@pytest.mark.parametrize("everything", [True, False])
async def test_a_session_that_can_nowhere_be_read_hides_no_other(
    everything: bool,  # noqa: FBT001 - a parameter
) -> None:
    """Neither in the list nor by a GET."""
    world = world_of(40, ended=50)
    world.unreadable = [7]
    world.errors["get"] = unreadable("expected text @ $.href")
    watch = world.watch(None if everything else range(1, 41))
    events = await heard(watch, 100)
    await watch.aclose()

    assert kinds(events).count("FOUND") == kinds(events).count("STOPPED") == 39


async def test_a_page_without_a_row_that_can_be_read_ends_no_list() -> None:
    """The pages behind it are read all the same."""
    world = world_of(40)
    world.page_size = 4
    world.unreadable = range(1, 13)
    events = await heard(world.watch(range(1, 41)), 100)

    assert kinds(events).count("FOUND") == kinds(events).count("STOPPED") == 40


async def test_what_nothing_mends_ends_a_watch_by_an_unreadable_row_too() -> None:
    """The GET of such a row meets what every other request would."""
    world = world_of(40)
    world.unreadable = [7]
    world.errors["get"] = DENIED

    with pytest.raises(AuthenticationFailed):
        await heard(world.watch(), 100)


def unreadable(*problems: str) -> DecodeError:
    """Make the error for a body that has these problems."""
    return DecodeError(
        media_type="application/json", kind="Page", problems=problems, excerpt=""
    )


async def test_a_page_of_a_proxy_is_no_refusal() -> None:
    """The query is tried again, as long as half a watch's patience lasts."""
    world = world_of(40, ended=500)
    world.errors["page"] = unreadable("the body is an HTML page")
    asyncio.get_running_loop().call_later(20, world.errors.clear)
    watch = world.watch(range(1, 41))
    await heard(watch, 100)
    await watch.aclose()

    assert world.asked["page"] > 3
    assert "get" not in world.asked


async def test_a_fault_that_passes_is_no_refusal() -> None:
    """After 503 the query is asked again."""
    world = world_of(40)
    world.errors["page"] = BUSY
    asyncio.get_running_loop().call_later(2, world.errors.clear)
    events = await heard(world.watch(range(1, 41)), 100)

    assert "get" not in world.asked
    assert kinds(events).count("STOPPED") == 40


async def test_all_who_ask_in_one_tick_share_one_look() -> None:
    """Four hundred waits for a session each are one sweep."""
    world = world_of(400)
    by = world.poller(collect=0.002)
    watches = [world.watch([number], by=by) for number in range(1, 401)]
    await asyncio.gather(*(heard(watch, 100) for watch in watches))

    assert world.asked == {"page": 8}


async def test_who_began_at_another_time_shares_the_ticks_all_the_same() -> None:
    """The first look of each is at once, all others fall together."""
    world = world_of(32, ended=13)
    by = world.poller(collect=0.002)

    async def later() -> None:
        await asyncio.sleep(1.7)
        await heard(world.watch(range(1, 33), by=by), 100)

    await asyncio.gather(heard(world.watch(range(1, 33), by=by), 100), later())

    assert world.asked == {"page": 2 + 3}


@pytest.mark.parametrize("count", [5, 100])
async def test_an_ask_that_is_given_up_leaves_no_task(count: int) -> None:
    """Its looks end with it."""
    world = world_of(count)
    world.delay = 10.0
    watch = world.watch(range(1, count + 1))
    assert await heard(watch, 1) == []
    await watch.aclose()

    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert now() == 1


async def test_who_gives_up_takes_nothing_from_the_others() -> None:
    """A look goes on as long as one waits for it."""
    world = world_of(40)
    world.delay = 2.0
    by = world.poller()
    quitter, stayer = (world.watch(range(1, 41), by=by) for _ in range(2))
    quitting = asyncio.create_task(heard(quitter, 1))
    events = await heard(stayer, 100)
    await quitting
    await quitter.aclose()

    assert kinds(events).count("STOPPED") == 40


async def test_among_very_many_pages_few_ids_are_got() -> None:
    """A list of more pages than ids is dearer than a GET for each."""
    world = world_of(40, others=4100, ended=13)
    events = await heard(world.watch(range(1, 41)), 100)

    assert world.asked["page"] == 1
    assert world.asked["get"] <= 160
    assert kinds(events).count("STOPPED") == 40


async def test_an_error_among_the_pages_costs_only_what_was_not_seen() -> None:
    """The rows of the pages before it are told, the others when it has passed."""
    world = world_of(250)
    world.broken_page = 3

    def mend() -> None:
        world.broken_page = None

    asyncio.get_running_loop().call_later(0.5, mend)
    watch = world.watch(range(1, 251))
    first = await heard(watch, 0.4)
    rest = await heard(watch, 100)

    assert kinds(first) == ["FOUND"] * 200
    assert kinds(rest).count("FOUND") == 50
    assert kinds(rest).count("STOPPED") == 250


@pytest.mark.parametrize(("count", "kind"), [(1, "get"), (40, "page")])
async def test_what_nothing_mends_ends_every_watch(count: int, kind: str) -> None:
    """Each of those that look together raises it."""
    world = world_of(count)
    world.errors[kind] = DENIED
    by = world.poller(collect=0.002)
    watches = [world.watch(range(1, count + 1), by=by) for _ in range(3)]
    ends = await asyncio.gather(
        *(heard(watch, 100) for watch in watches), return_exceptions=True
    )

    assert [type(end) for end in ends] == [AuthenticationFailed] * 3
    assert len(set(map(id, ends))) == 3


async def test_who_asks_while_a_query_is_being_refused_sends_no_other(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """What waits for its turn behind it is got at once, and nothing is told twice."""
    world = world_of(80)
    world.refuse()
    world.delay = 1.0
    by = world.poller()

    async def later() -> None:
        await asyncio.sleep(0.5)
        await heard(world.watch(range(41, 81), by=by), 100)

    await asyncio.gather(heard(world.watch(range(1, 41), by=by), 100), later())

    assert world.asked["page"] == 1
    assert len(caplog.records) == 1


async def test_a_session_that_many_ask_for_is_got_once() -> None:
    """Ten waits for the same session cost as much as one."""
    world = world_of(1)
    by = world.poller(collect=0.002)
    watches = [world.watch([1], by=by) for _ in range(10)]
    events = await asyncio.gather(*(heard(watch, 100) for watch in watches))

    assert world.asked == {"get": 2}
    assert [kinds(each) for each in events] == [["FOUND", "STOPPED"]] * 10


async def test_a_row_that_is_nobodys_ends_no_watch() -> None:
    """A row whose UID names no UUID is passed over."""
    world = world_of(40)
    world.strange = True
    events = await heard(world.watch(range(1, 41)), 100)

    assert kinds(events).count("STOPPED") == 40
