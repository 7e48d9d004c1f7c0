"""Clocks that are not one: each backup server's, Enterprise Manager's, and ours."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest

from tests.support.watching import BUSY, START
from tests.support.world import EM, ON_ITS_TIME, Life, World, heard, told
from veeam_async import BackupJobSession, HealthChanged, WatchEvent
from veeam_async.errors import Json
from veeam_async.watch.polling.request import Strategy

pytestmark = ON_ITS_TIME

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
APART = [0.0, MINUTE, 20 * MINUTE, 2 * HOUR, DAY]
YEAR = 365 * DAY
END = 800.0
A, B = "vbr-a", "vbr-b"
STRANGE = 9999

Clock = Callable[[float], float]


def off(seconds: float) -> Clock:
    """Make a clock that is so much ahead."""
    return lambda _: seconds


def stepped(at: float, before: float, after: float) -> Clock:
    """Make a clock that is set at a time."""
    return lambda time: before if time < at else after


def brief_runs() -> dict[int, Life]:
    """Give runs of 2 s on two servers in turn, each 37 s; some were before."""
    return {
        n: Life(created=at, ended=at + 2, server=(A, B)[n % 2])
        for n, at in enumerate(range(-3600, int(END), 37), start=1)
    }


def strange() -> Life:
    """Give a session that is dated a year ahead."""
    return Life(created=-100, ended=-50, server=A, dated=YEAR)


RIGHT = off(0)


def of(clock_a: Clock = RIGHT, clock_b: Clock = RIGHT, **values: object) -> World:
    """Make a world of two servers with those clocks."""
    world = World(brief_runs(), clocks={A: clock_a, B: clock_b})
    for name, value in values.items():
        setattr(world, name, value)
    return world


async def watched(
    world: World,
    *,
    strategy: Strategy = "auto",
    where: str | None = None,
    pieces: int = 1,
) -> list[WatchEvent[BackupJobSession]]:
    """Watch everything to the end, resumed from a checkpoint between the pieces."""
    events: list[WatchEvent[BackupJobSession]] = []
    saved: Json = None
    for piece in range(1, pieces + 1):
        narrowed = where if saved is None else None
        watch = world.watch(
            strategy=strategy, where=narrowed, resume=saved, interval=10
        )
        events += await heard(watch, (END + 30) * piece / pieces)
        saved = json.loads(json.dumps(watch.checkpoint()))
        await watch.aclose()
    return events


def assert_all_told(
    world: World,
    events: list[WatchEvent[BackupJobSession]],
    *,
    since: float = 0,
    lost: tuple[float, float] = (0, 0),
) -> None:
    """Each run that ended since then is told once, and nothing else."""
    for number, life in world.lives.items():
        if lost[0] <= life.created < lost[1]:
            continue
        is_news = number != STRANGE and life.ended > since
        expected = ["FOUND", "STOPPED"] if is_news else []
        assert told(events, number) == expected, (number, life)
    assert not any(isinstance(event, HealthChanged) for event in events)


@pytest.mark.parametrize("apart", [*APART, *(-each for each in APART[1:])])
@pytest.mark.parametrize("ahead", [False, True], ids=["", "a year ahead"])
async def test_every_run_is_told_whatever_the_clocks_say(
    apart: float,
    ahead: bool,  # noqa: FBT001 - a parameter
) -> None:
    """And a look lists no more than half as much again as with one clock."""
    same, world = of(), of(off(0), off(apart))
    if ahead:
        world.lives[STRANGE] = strange()
    _, events = await asyncio.gather(watched(same), watched(world))

    assert_all_told(world, events)
    looks, of_one = world.asked["page"], same.listed / same.asked["page"]
    assert (world.listed - ahead * looks) / looks <= 1.5 * of_one


@pytest.mark.parametrize("apart", [20 * MINUTE, -2 * HOUR])
@pytest.mark.parametrize("strategy", ["query", "get"])
@pytest.mark.parametrize("pieces", [1, 7])
async def test_a_resumption_keeps_what_is_known_of_the_clocks(
    apart: float, strategy: Strategy, pieces: int
) -> None:
    """By each strategy that can look at everything."""
    world = of(off(0), off(apart))
    if strategy == "query":
        world.lives[STRANGE] = strange()
    events = await watched(world, strategy=strategy, pieces=pieces)

    assert_all_told(world, events)


@pytest.mark.parametrize("apart", [20 * MINUTE, -20 * MINUTE, DAY])
async def test_a_watch_with_a_filter_keeps_to_the_clocks_too(apart: float) -> None:
    """It learns of the servers by its own sessions."""
    world = of(off(0), off(apart))
    world.lives |= {n + 5000: each for n, each in brief_runs().items()}
    for n in range(5001, 5001 + len(brief_runs())):
        life = world.lives[n]
        world.lives[n] = Life(
            created=life.created, ended=life.ended, server=life.server, name="Files"
        )
    events = await watched(world, where="Mail")

    others = {event.id for event in events}
    world.lives = {n: each for n, each in world.lives.items() if n < 5000}
    assert_all_told(world, events)
    assert len(others) == sum(each.ended > 0 for each in world.lives.values())


@pytest.mark.parametrize(
    "values",
    [
        {"date": None},
        {"date": -40 * YEAR},
        {"date": 40 * YEAR},
        {"date": 3 * MINUTE},
        {"date": -10 * MINUTE},
        {"without_parts": True},
        {"names": {A: "", B: 'the "other" one'}},
        {"names": {A: "same", B: "same"}},
    ],
    ids=str,
)
@pytest.mark.parametrize("apart", [10 * MINUTE, -10 * MINUTE])
async def test_every_run_is_told_whatever_else_is_off(
    values: dict[str, object], apart: float
) -> None:
    """No Date or an absurd one, a clock of the manager's, and names that say little."""
    world = of(off(0), off(apart), **values)
    assert_all_told(world, await watched(world))


async def test_without_parts_the_filter_is_asked_once() -> None:
    """What was refused is not tried again."""
    world = of(off(0), off(-2 * MINUTE), without_parts=True)
    events = await watched(world)

    assert_all_told(world, events)
    assert world.asked["newest"] == 2
    assert world.asked["page"] < END / 5 * 1.5


@pytest.mark.parametrize("step", [MINUTE, 20 * MINUTE, 2 * HOUR])
async def test_a_clock_set_forward_loses_nothing(step: float) -> None:
    """Its new sessions show it, look after look."""
    world = of(stepped(400, 0, step))
    assert_all_told(world, await watched(world))


@pytest.mark.parametrize("step", [MINUTE, 10 * MINUTE, 20 * MINUTE, 2 * HOUR, DAY])
async def test_a_clock_set_back_is_known_by_the_first_session_that_runs(
    step: float,
) -> None:
    """Only what no look saw run until then can be lost; nothing is told twice."""
    world = of(stepped(400, step, 0))
    world.lives[700] = Life(created=430, ended=450, server=A)
    events = await watched(world)

    lost = (400, 440) if step > 75 * MINUTE else (0, 0)
    assert_all_told(world, events, lost=lost)


@pytest.mark.parametrize("step", [20 * MINUTE, 2 * HOUR, DAY, YEAR])
@pytest.mark.parametrize("before", [0.0, 1.0], ids=["right before", "right after"])
async def test_clocks_set_back_all_at_once_are_known_by_the_answers(
    step: float, before: float
) -> None:
    """Though no look sees a session run: they are on one machine, or one time."""
    clock = stepped(400, before * step, (before - 1) * step)
    world = of(clock, clock)
    world.clocks[EM] = clock
    events = await watched(world)

    # Two looks: the first finds out, and what the second shows may be old.
    lost = (380, 415) if step > 75 * MINUTE else (0, 0)
    assert_all_told(world, events, lost=lost)


def of_one_mark(saved: Any, at: float) -> Any:
    """Make a checkpoint as 0.1.0 did: its newest time, *at* then, was all servers'."""
    newest, began = ((START + timedelta(seconds=x)).isoformat() for x in (at, at - 90))
    for name in ("ended_on", "proven_at", "gone_ids", "lists"):
        saved.pop(name)
    for name in ("servers", "em_time", "called"):
        saved["everything"].pop(name)
    saved["everything"] |= {"newest": newest, "began": began}
    return saved | {"version": 2, "ended": dict.fromkeys(saved["ended"], newest)}


@pytest.mark.parametrize("apart", [*APART, *(-each for each in APART[1:])])
@pytest.mark.parametrize("gap", [0, 60])
@pytest.mark.parametrize("twice", [False, True], ids=["", "saved again"])
async def test_a_checkpoint_of_one_mark_learns_the_clocks(
    apart: float,
    gap: float,
    twice: bool,  # noqa: FBT001 - a parameter
) -> None:
    """Each run that ends after the first look is told, as each is where they agree."""
    world = of(off(0), off(apart))
    watch = world.watch()
    await heard(watch, 100)
    saved = of_one_mark(watch.checkpoint(), 95 + max(apart, 0))
    await watch.aclose()
    await asyncio.sleep(gap)
    if twice:
        before = world.watch(resume=saved)
        saved = json.loads(json.dumps(before.checkpoint()))
        await before.aclose()
    watch = world.watch(resume=saved)
    looks, rows = world.asked["page"], world.listed
    events = await heard(watch, END + 30)
    await watch.aclose()

    lost = (98, 100 + gap) if abs(apart) > 15 * MINUTE else (0, 0)
    assert_all_told(world, events, since=100, lost=lost)
    assert world.listed - rows <= 6 * (world.asked["page"] - looks)


async def test_a_server_that_is_renamed_is_the_same() -> None:
    """Whatever the old name was good for."""
    world = of(off(0), off(-10 * MINUTE))
    watch = world.watch()
    events = await heard(watch, 400)
    world.names = {B: "new"}
    events += await heard(watch, END + 30)
    await watch.aclose()

    assert_all_told(world, events)


def of_many(count: int, *clocks: float) -> World:
    """Make a world of so many servers, with those clocks in turn, that run brief."""
    servers = [f"vbr-{n}" for n in range(count)]
    return World(
        {
            n: Life(created=at, ended=at + 2, server=servers[n % count])
            for n, at in enumerate(range(-600, int(END), 7), start=1)
        },
        clocks={each: off(clocks[n % len(clocks)]) for n, each in enumerate(servers)},
    )


FAR_APART = (0, -20 * MINUTE, 0, MINUTE, -2 * HOUR, 2 * HOUR, -DAY)
MANY = [
    (30, [10.0 * n - 150 for n in range(30)]),
    (21, FAR_APART),
    (25, FAR_APART),
    (40, FAR_APART),
]


@pytest.mark.parametrize(("count", "clocks"), MANY)
async def test_of_many_servers_the_rest_is_asked_from_the_smallest_mark(
    count: int, clocks: Sequence[float]
) -> None:
    """Twenty have a part of the filter, and the rest are close together."""
    world = of_many(count, *clocks)
    assert_all_told(world, await watched(world))


async def test_many_servers_that_two_watches_share_out_differently() -> None:
    """One list for both asks for what each of them would."""
    world = of_many(40, *FAR_APART)
    world.page_size = 500
    poller = world.poller()

    async def listen(late: float) -> list[WatchEvent[BackupJobSession]]:
        await asyncio.sleep(late)
        watch = world.watch(by=poller, interval=10, lookback=900 + late)
        events = await heard(watch, END + 30)
        await watch.aclose()
        return events

    first, second = await asyncio.gather(listen(0), listen(200))

    assert_all_told(world, first)
    assert_all_told(world, second, since=200)


@pytest.mark.parametrize("apart", [0, 2 * HOUR, -2 * HOUR])
async def test_the_memory_of_ended_ids_shrinks(apart: float) -> None:
    """Though one session is dated a year ahead."""
    world = of(off(0), off(apart))
    world.lives = {
        n: Life(created=at, ended=at + 2, server=(A, B)[n % 2])
        for n, at in enumerate(range(-600, 4 * int(HOUR), 37), start=1)
    }
    world.lives[STRANGE] = strange()
    watch = world.watch(interval=20)
    await heard(watch, 4 * HOUR)
    saved = json.loads(json.dumps(watch.checkpoint()))
    await watch.aclose()

    # Those of the look-back and an hour, and what a minute between two looks adds.
    assert len(saved["ended"]) <= 1.1 * (HOUR + 30 * MINUTE) / 37 + 2


@pytest.mark.parametrize(
    ("away", "date"),
    [(20, 0.0), (300, 0.0), (1000, 0.0), (20, 5 * MINUTE), (20, None), (300, None)],
)
async def test_what_ended_since_the_watch_was_called_is_told(
    away: float, date: float | None
) -> None:
    """Though the server was away then; what had ended before is not."""
    world = of(date=date)
    if date:
        world.clocks = {A: off(date), B: off(date)}
    world.errors = dict.fromkeys(("page", "newest", "get", "references"), BUSY)
    watch = world.watch()
    events = await heard(watch, away)
    world.errors = {}
    events += await heard(watch, max(END, away) + 60)
    await watch.aclose()

    events = [each for each in events if not isinstance(each, HealthChanged)]
    assert_all_told(world, events)


async def test_a_checkpoint_taken_while_the_server_is_away_knows_the_call() -> None:
    """A resumed watch tells what ended since the first one was called."""
    world = of()
    world.errors = dict.fromkeys(("page", "newest", "get", "references"), BUSY)
    watch = world.watch()
    events = await heard(watch, 100)
    saved = json.loads(json.dumps(watch.checkpoint()))
    await watch.aclose()
    watch = world.watch(resume=saved)
    events += await heard(watch, 200)
    world.errors = {}
    events += await heard(watch, END + 30)
    await watch.aclose()

    events = [each for each in events if not isinstance(each, HealthChanged)]
    assert_all_told(world, events)


async def test_a_list_of_given_ids_shows_their_ends_whatever_the_clocks_say() -> None:
    """No GET has to find out what a list asked for from too late a time."""
    runs = {
        n: Life(created=-10, ended=100 + n, server=(A, B)[n % 2]) for n in range(1, 61)
    }
    world = World({**runs, STRANGE: strange()}, clocks={A: off(0), B: off(-2 * HOUR)})
    watch = world.watch(list(runs), strategy="query")
    events = await heard(watch, 300)
    await watch.aclose()

    assert all(told(events, n) == ["FOUND", "STOPPED"] for n in runs)
    assert world.asked["get"] == 0
