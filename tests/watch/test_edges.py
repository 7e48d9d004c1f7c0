"""The edges of watches and waits: odd arguments, no time, the end."""

from __future__ import annotations

import asyncio
from typing import Any

import attrs
import pytest

from tests.support.bodies import error, session, uuid_of
from tests.support.clients import gets, talking
from tests.support.fault_server import Answer
from tests.support.watching import BUSY, CLOCK, watches
from tests.support.world import Life, World, heard
from veeam_async import (
    BackupJobSession,
    DeadlineExceeded,
    InvalidId,
    SessionState,
)
from veeam_async.watch.options import WatchOptions, narrowing
from veeam_async.watch.waits import Goal

ONE = uuid_of(1)
WORKING = Answer(body=session(1, state="Working", progress=40))


@pytest.mark.parametrize(
    "where",
    [
        'EndTimeUTC>="2026-01-01T00:00:00Z"',
        '"State"=="Working"',
        "'Result' != 'None'",
        'Name=="x";(endtime>"2026")',
        "State==Working",
    ],
)
def test_what_changes_cannot_narrow_a_watch(where: str) -> None:
    """However it is written."""
    with pytest.raises(ValueError, match="which change while"):
        narrowing(where, BackupJobSession)


@pytest.mark.parametrize(
    "where",
    ['Name=="State==1"', "Name=='Result!=x'", 'Name=="a ""State""==b"', "JobState==1"],
)
def test_a_value_is_no_field(where: str) -> None:
    """Whatever stands in it."""
    assert narrowing(where, BackupJobSession) == where


@pytest.mark.parametrize("text", ["working", "WORKING", "Working"])
def test_a_state_is_waited_for_in_any_case(text: str) -> None:
    """Nobody remembers how the server writes it."""
    assert Goal(text).until == SessionState.WORKING


def test_an_unknown_state_is_refused() -> None:
    """It would be waited for for ever; a callable can."""
    with pytest.raises(ValueError, match=r"'Wroking' is no known state .*lambda"):
        Goal("Wroking")


async def test_a_callable_is_asked_at_each_look() -> None:
    """Also where nothing has changed."""
    asked: list[BackupJobSession] = []

    def until(seen: BackupJobSession) -> bool:
        asked.append(seen)
        return len(asked) == 5

    async with talking(gets(WORKING)) as (em, _):
        found = await em.backup_sessions.wait(ONE, until=until, interval=0.01)

    assert asked == [found] * 5


async def test_no_time_is_one_look() -> None:
    """What is Stopped already is given; else the error shows what was seen."""
    async with talking(gets(Answer(body=session(1)))) as (em, _):
        assert (await em.backup_sessions.wait(ONE, timeout=0)).is_stopped
    async with talking(gets(WORKING)) as (em, server):
        with pytest.raises(DeadlineExceeded) as caught:
            await em.backup_sessions.wait(ONE, timeout=0)

    assert server.count("GET") == 1
    seen = caught.value.last_seen[ONE]
    assert seen is not None
    assert f"{ONE} was {seen.state} ({seen.progress} %) when last seen" in str(
        caught.value
    )


async def test_an_end_by_time_tells_what_was_met() -> None:
    """The last error, where nothing was ever seen."""
    async with talking(gets(error(500, "Out of order."))) as (em, _):
        with pytest.raises(DeadlineExceeded, match=r"never seen; .*Out of order") as e:
            await em.backup_sessions.wait(ONE, timeout=0.05, interval=0.01)

    assert e.value.last_seen == {ONE: None}
    assert "Out of order" in str(e.value.errors[ONE])


@pytest.mark.looptime
async def test_nothing_is_added_to_a_watch_that_has_ended() -> None:
    """It would be lost without a word."""
    watch = World({1: Life(ended=2)}).watch([1])
    await heard(watch, 30)
    with pytest.raises(RuntimeError, match="this watch has ended"):
        watch.add(ONE)


OTHERS: list[Any] = [
    f"urn:veeam:Job:{ONE}",
    f"urn:veeam:ReplicaJobSession:{ONE}",
    f"https://em:9398/api/replicaSessions/{ONE}?format=Entity",
    f"/api/jobs/{ONE}",
]


@pytest.mark.parametrize("value", OTHERS)
async def test_an_id_of_another_kind_is_refused(value: str) -> None:
    """By every call that takes one; in a fetch it is that id's error."""
    async with talking(gets(BUSY_ANSWER)) as (em, server):
        sessions = em.backup_sessions
        for call in (sessions.get, sessions.wait, sessions.stop):
            with pytest.raises(InvalidId, match="another kind") as caught:
                await call(value)
            assert caught.value.wanted_kind == "BackupJobSession"
        with pytest.raises(InvalidId):
            sessions.watch([value])
        (fetched,) = [each async for each in sessions.fetch([value])]
        assert isinstance(fetched.error, InvalidId)

    assert server.count("GET") == 0


BUSY_ANSWER = error(503, str(BUSY))


@pytest.mark.parametrize(
    "value", [f"urn:veeam:Tomorrow:{ONE}", f"/api/tomorrow/{ONE}", f"urn:x:{ONE}"]
)
async def test_an_id_of_an_unknown_kind_passes(value: str) -> None:
    """A server may name its own as it likes."""
    async with talking(gets(Answer(body=session(1)))) as (em, _):
        assert (await em.backup_sessions.get(value)).id == ONE


@pytest.mark.looptime
async def test_a_watch_whose_listener_was_cancelled_does_not_go_on() -> None:
    """Even where its task is kept; who asks again sees what is due then."""
    world = World({1: Life(ended=500)})
    watch = world.watch([1])

    async def listen() -> None:
        async for _ in watch:
            pass

    task = asyncio.create_task(listen())
    await asyncio.sleep(12)
    task.cancel()
    await asyncio.wait([task])
    asked = world.asked.total()
    await asyncio.sleep(600)

    assert world.asked.total() == asked
    assert [event.kind for event in await heard(watch, 700)] == ["STOPPED"]


@pytest.mark.looptime
async def test_a_listener_that_is_away_for_long_pauses_the_looks() -> None:
    """After a minute; nothing is behind then."""
    world = World({1: Life(ended=500)})
    watch = world.watch([1])
    await anext(watch)
    await asyncio.sleep(1000)

    assert 10 < world.asked.total() < 16
    assert watch.stats.behind == 0
    assert (await anext(watch)).kind == "STOPPED"
    await watch.aclose()


@pytest.mark.looptime
async def test_the_one_look_of_no_time_is_waited_for_in_peace() -> None:
    """Not by asking again and again whether it is over."""
    turns = 0

    async def sleep(seconds: float) -> None:
        nonlocal turns
        turns += 1
        await asyncio.sleep(seconds)

    world = World({1: Life(ended=500)}, delay=10)
    clock = attrs.evolve(CLOCK, sleep=sleep)
    options = WatchOptions(ids=[ONE], timeout=0)
    watch = watches(world.poller().poll, clock).watch(options)
    with pytest.raises(DeadlineExceeded):
        async for _ in watch:
            pass

    assert world.asked.total() == 1
    assert turns < 5
