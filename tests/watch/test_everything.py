"""A watch of everything: what it finds, what it passes over, and what it costs."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta

import attrs
import pytest

from tests.support.bodies import uuid_of
from tests.support.watching import BUSY, START, kinds
from tests.support.world import ON_ITS_TIME, Life, World, heard, told
from veeam_async import (
    BackupJobSession,
    BadRequest,
    HealthChanged,
    PermissionDenied,
    WatchEvent,
)
from veeam_async.watch.polling.request import Strategy
from veeam_async.watch.tracker.tombstones import Tombstones

pytestmark = ON_ITS_TIME

OLD, RUNNING, NEW, BRIEF, LATE, NEVER = range(1, 7)


def day() -> World:
    """Make a world with one session of each sort, none of them running after 200 s."""
    return World(
        {
            OLD: Life(created=-500, ended=-100),
            RUNNING: Life(created=-400, ended=42),
            NEW: Life(created=21, ended=73),
            BRIEF: Life(created=31, ended=33),
            LATE: Life(created=40, ended=44, shown=150),
            NEVER: Life(created=-9000, ended=-8000),
        }
    )


FOUND = {RUNNING, NEW, BRIEF, LATE}


class Timeless(World):
    """A world in which the session RUNNING was created *never*."""

    def __init__(self, never: datetime, lives: dict[int, Life]) -> None:
        super().__init__(lives)
        self._never = never

    def see(self, number: int, life: Life, at: float) -> BackupJobSession:
        session = super().see(number, life, at)
        if number != RUNNING:
            return session
        return attrs.evolve(session, creation_time=self._never)


def assert_all_told(events: list[WatchEvent[BackupJobSession]]) -> None:
    """Each of `day` that is news is told once, and nothing else."""
    for number in (OLD, RUNNING, NEW, BRIEF, LATE, NEVER):
        expected = ["FOUND", "STOPPED"] if number in FOUND else []
        assert told(events, number) == expected, number


@pytest.mark.parametrize("strategy", ["auto", "query", "get"])
async def test_everything_that_runs_is_told_once(strategy: Strategy) -> None:
    """Also what ran between two looks, or is shown late; not what was over before."""
    watch = day().watch(strategy=strategy)
    events = await heard(watch, 400)
    await watch.aclose()

    assert_all_told(events)
    assert watch.active == ()


async def test_it_looks_back_once_a_minute() -> None:
    """Else it asks for no more than the last half minute."""
    world = World({1: Life(created=-1)})
    watch = world.watch(lookback=900)
    await heard(watch, 119)
    await watch.aclose()

    newest = START - timedelta(seconds=1)
    back = [newest - since for since in world.since if since is not None]
    assert [seconds.total_seconds() for seconds in back] == (
        [900] + [30] * 11 + [900] + [30] * 11
    )


async def test_without_any_session_the_first_is_news() -> None:
    """Though nothing told the server's time when it began."""
    world = World({1: Life(created=7, ended=8)})
    watch = world.watch()
    events = await heard(watch, 20)
    await watch.aclose()

    assert told(events, 1) == ["FOUND", "STOPPED"]


@pytest.mark.parametrize("strategy", ["auto", "query", "get"])
async def test_a_resumption_at_any_step_loses_and_repeats_nothing(
    strategy: Strategy,
) -> None:
    """From the checkpoint after each event, and from those in between."""
    world = day()
    events, saved = [], None
    for until in range(3, 400, 7):
        watch = world.watch(strategy=strategy, resume=saved)
        events += await heard(watch, until)
        saved = json.loads(json.dumps(watch.checkpoint()))
        await watch.aclose()

    assert_all_told(events)
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))


@pytest.mark.parametrize("after", range(1, 8))
async def test_a_process_that_is_killed_tells_again_what_came_after_its_checkpoint(
    after: int,
) -> None:
    """And all that came while there was none."""
    world = day()
    watch = world.watch()
    events = [await anext(watch) for _ in range(after)]
    saved = watch.checkpoint()
    await heard(watch, 80)
    await watch.aclose()
    watch = world.watch(resume=saved)
    events += await heard(watch, 600)
    await watch.aclose()

    assert_all_told(events)


async def test_where_narrows_it() -> None:
    """The server selects, and nothing else is told."""
    world = World({1: Life(ended=20), 2: Life(ended=20, name="Files")})
    watch = world.watch(where="Files")
    events = await heard(watch, 60)
    await watch.aclose()

    assert (told(events, 1), told(events, 2)) == ([], ["FOUND", "STOPPED"])


async def test_a_filter_that_the_server_does_not_understand_ends_it() -> None:
    """Nothing would mend that."""
    world = day()
    world.refuse()

    with pytest.raises(BadRequest):
        await heard(world.watch(where="Files"), 60)


async def test_a_filter_needs_queries() -> None:
    """Who may not ask any is told so; without a filter there are the references."""
    world = World({1: Life(ended=20, name="Files")})
    world.errors["page"] = world.errors["newest"] = refused()

    with pytest.raises(PermissionDenied):
        await heard(world.watch(where="Files"), 60)


async def test_a_refusal_that_comes_later_may_pass() -> None:
    """A proxy that restarts answers what it likes."""
    world = World({1: Life(ended=200, name="Files")})
    watch = world.watch(where="Files")
    events = await heard(watch, 50)
    world.errors["page"] = refused()
    events += await heard(watch, 150)
    del world.errors["page"]
    events += await heard(watch, 400)
    await watch.aclose()

    assert told(events, 1) == ["FOUND", "STOPPED"]
    health = [each for each in events if isinstance(each, HealthChanged)]
    assert sorted((str(each.kind), each.scope) for each in health) == [
        ("DEGRADED", "discovery"),
        ("DEGRADED", "list"),
        ("RECOVERED", "discovery"),
        ("RECOVERED", "list"),
    ]


@pytest.mark.parametrize("strategy", ["get", "auto"])
async def test_what_hides_new_sessions_for_long_is_told(strategy: Strategy) -> None:
    """Also while those that are known are seen to run, until a list is tried again."""
    world = World({n: Life(created=-1) for n in range(1, 102)})
    watch = world.watch(strategy=strategy)
    events = await heard(watch, 20)
    if strategy == "auto":
        world.broken_page = 2
    else:
        world.errors["references"] = BUSY
    events += await heard(watch, 200)
    world.broken_page = None
    world.errors.clear()
    events += await heard(watch, 450)
    await watch.aclose()

    health = [event for event in events if isinstance(event, HealthChanged)]
    assert [str(event.kind) for event in health] == ["DEGRADED", "RECOVERED"]
    assert [event.id for event in health] == [None, None]


def refused() -> PermissionDenied:
    """Make the error for a user who may not query."""
    return PermissionDenied(status=403, message="no", method="GET", url="https://em/q")


@pytest.mark.parametrize("status", [400, 403, 405, 500, 501])
async def test_refused_queries_fall_back_to_references(status: int) -> None:
    """Everything is found by them, too."""
    world = day()
    world.refuse(status)
    watch = world.watch()
    events = await heard(watch, 400)
    await watch.aclose()

    assert_all_told(events)
    assert world.asked["page"] + world.asked["newest"] == 3  # again after 2 and 6 min
    assert world.got.count(uuid_of(OLD)) == 1


async def test_the_memory_of_what_has_ended_is_bounded() -> None:
    """Long after they ended sessions are known no more, and not told again."""
    world = World({n: Life(created=n * 60, ended=n * 60 + 30) for n in range(1, 600)})
    watch = world.watch(lookback=600, interval=30)
    events = await heard(watch, 36_000)
    remembered = watch.checkpoint()["ended"]
    await watch.aclose()

    assert kinds(events).count("STOPPED") == 599
    assert isinstance(remembered, dict)
    assert 60 < len(remembered) < 90


def test_what_is_listed_is_not_forgotten() -> None:
    """It would come back as news."""
    ended = Tombstones()
    for number in (1, 2, 3):
        ended.add(uuid_of(number), START + timedelta(seconds=number))
    ended.expire({"": START + timedelta(seconds=3)}, but=[uuid_of(1)])

    assert list(ended.marks) == [uuid_of(1), uuid_of(3)]


@pytest.mark.parametrize("strategy", ["auto", "get"])
async def test_what_is_discarded_before_it_is_shown_is_not_told(
    strategy: Strategy,
) -> None:
    """Also before a first look has told the server's time."""
    watch = day().watch(strategy=strategy)
    watch.discard(uuid_of(NEW))
    events = await heard(watch, 400)
    await watch.aclose()

    assert told(events, RUNNING) == ["FOUND", "STOPPED"]
    assert told(events, NEW) == []


NEVER_TIMES = [datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)]


@pytest.mark.parametrize("never", NEVER_TIMES, ids=["year 1", "year 9999"])
@pytest.mark.parametrize("ids", [None, [RUNNING, NEW]], ids=["everything", "ids"])
@pytest.mark.parametrize("alone", [True, False])
async def test_a_session_without_a_time_of_creation_hides_no_other(
    never: datetime,
    ids: list[int] | None,
    alone: bool,  # noqa: FBT001 - a parameter
) -> None:
    """What a server writes for "never" is no time to ask from."""
    world = Timeless(never, {OLD: Life(created=-500, ended=-100)})
    world.lives |= {RUNNING: Life(created=-400, ended=99)}
    if not alone:
        world.lives |= {NEW: Life(created=21, ended=24), 7: Life(created=-9)}
    watch = world.watch(ids, strategy="query")
    events = await heard(watch, 200)
    await watch.aclose()

    assert told(events, OLD) == []
    assert told(events, RUNNING) == ["FOUND", "STOPPED"]
    assert told(events, NEW) == ([] if alone else ["FOUND", "STOPPED"])


async def test_an_old_session_without_a_result_is_not_told() -> None:
    """Where references are looked through: it ran no more when the watch began."""
    world = World({1: Life(created=-500, ended=-100, late=1e6)})
    watch = world.watch(strategy="get")
    events = await heard(watch, 60)
    await watch.aclose()

    assert kinds(events) == []


async def test_another_watch_that_looks_further_back_repeats_nothing() -> None:
    """They share the list, and what one has forgotten is no news to it."""
    world = World({1: Life(created=-5, ended=20), 2: Life(created=-5)})
    world.lives |= {n: Life(created=n, ended=n + 2) for n in range(300, 9000, 300)}
    by = world.poller()
    watch = world.watch(by=by, lookback=60, interval=30)
    events = await heard(watch, 9000)
    other = world.watch(by=by, lookback=86400, interval=30)
    further = asyncio.create_task(heard(other, 9200))
    events += await heard(watch, 9200)
    await further
    await watch.aclose()
    await other.aclose()

    assert told(events, 1) == ["FOUND", "STOPPED"]


async def test_queries_that_are_refused_later_bring_nothing_old_to_light() -> None:
    """References name thirty days; what had ended before it began stays untold."""
    world = day()
    watch = world.watch()
    asyncio.get_running_loop().call_later(12, world.refuse)
    events = await heard(watch, 400)
    await watch.aclose()

    assert_all_told(events)
