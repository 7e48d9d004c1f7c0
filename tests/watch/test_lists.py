"""Lists that do not work: GETs stand in for them, and a list is tried again."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any

import attrs
import pytest

from tests.support.bodies import uuid_of
from tests.support.truth import Span, seconds
from tests.support.unruly import LISTS, Trouble, Unruly
from tests.support.watching import BUSY, START, not_found, now, refusal
from tests.support.world import FOR_EVER, ON_ITS_TIME, Life, World, heard, told
from veeam_async import (
    BackupJobSession,
    BodyTooLarge,
    ConnectionFailed,
    DecodeError,
    HealthChanged,
    RequestTimeout,
    SessionChanged,
    WatchEvent,
)
from veeam_async.watch.polling.request import Listing, Strategy
from veeam_async.watch.tracker.schedule import Rules
from veeam_async.watch.tracker.watermark import Since

pytestmark = ON_ITS_TIME

PATIENCE, INTERVAL = 60.0, 5.0
HTML = DecodeError(
    media_type="text/html", kind="page", problems=("an HTML page",), excerpt=""
)
FAULTS = {
    "400": refusal(400),
    "403": refusal(403),
    "404": not_found(),
    "406": refusal(406),
    "414": refusal(414),
    "429": refusal(429),
    "500": refusal(500),
    "502": refusal(502),
    "503": BUSY,
    "html": HTML,
    "reset": ConnectionFailed("reset"),
    "time-out": RequestTimeout("no answer"),
    "too large": BodyTooLarge(1),
}


def running(count: int, hours: float = 2) -> World:
    """Make a world of sessions that all run for hours."""
    return World({number: Life(ended=hours * 3600) for number in range(count)})


def health(
    events: Sequence[WatchEvent[BackupJobSession]], scope: str = "list"
) -> list[str]:
    """Give the kinds of what was told of lists."""
    return [
        str(event.kind)
        for event in events
        if isinstance(event, HealthChanged) and event.scope == scope
    ]


@pytest.mark.parametrize("fault", FAULTS)
async def test_lists_that_fail_for_a_while_cost_hardly_more(fault: str) -> None:
    """After a quarter of a minute an hour takes what a healthy hour takes."""
    world = running(100)
    watch = world.watch(range(100))
    await heard(watch, 30)
    world.errors["page"] = FAULTS[fault]
    await heard(watch, 45)
    world.errors.clear()
    events = await heard(watch, 900)
    await watch.aclose()

    assert world.asked.total() <= 1.3 * 900 / INTERVAL
    assert not events


@pytest.mark.parametrize("fault", FAULTS)
async def test_lists_that_fail_for_an_hour_hide_no_end(fault: str) -> None:
    """GETs tell it; they cost no more than a GET for each at every look."""
    count = 40
    world = World({number: Life(ended=60 + 15 * number) for number in range(count)})
    watch = world.watch(range(count))
    await heard(watch, 30)
    world.errors["page"] = FAULTS[fault]
    events = await heard(watch, 800)
    await watch.aclose()

    ends = [
        (event.observed_at - event.session.end_time).total_seconds()
        for event in events
        if isinstance(event, SessionChanged) and event.session.end_time is not None
    ]
    assert len(ends) == count
    assert max(ends) <= PATIENCE + 2 * INTERVAL
    assert health(events) == ["DEGRADED"]
    by_gets = sum((60 + 15 * number) / INTERVAL for number in range(count))
    assert world.asked.total() <= 1.05 * by_gets


async def test_a_list_is_tried_again_at_growing_distances() -> None:
    """After two minutes, and half an hour at last, as long as the watch lives."""
    world = running(32, hours=9)
    watch = world.watch(range(32), interval=30)
    await heard(watch, 35)
    world.errors["page"] = FAULTS["403"]
    events = await heard(watch, 125)
    counts = []
    for minutes in (3, 6, 10, 20, 40, 80, 110, 140):
        events += await heard(watch, minutes * 60)
        counts.append(world.asked["page"])
    tries = [count - counts[0] + 1 for count in counts]
    world.errors.clear()
    events += await heard(watch, 180 * 60)
    await watch.aclose()

    assert tries == [1, 2, 3, 4, 5, 6, 7, 8]
    assert health(events) == ["DEGRADED", "RECOVERED"]


class Stalling(World):
    """A world whose lists stop answering after some pages of each."""

    pages_left = float("inf")

    async def page(self, *args: Any) -> Listing[BackupJobSession]:
        if self.pages_left <= 0:
            await asyncio.sleep(1e6)
        self.pages_left -= 1
        return await super().page(*args)


@pytest.mark.parametrize("pages", [0, 1])
async def test_a_list_in_flight_is_not_waited_for(pages: int) -> None:
    """Half of the patience without a page is enough."""
    world = Stalling({number: Life(ended=50) for number in range(40)}, page_size=20)
    watch = world.watch(range(40))
    await heard(watch, 12)
    world.pages_left = pages
    events = await heard(watch, 15 + PATIENCE + 2 * INTERVAL)
    await watch.aclose()

    assert [told(events, number) for number in range(40)] == [["STOPPED"]] * 40


@pytest.mark.parametrize("ids", [range(40), None], ids=["ids", "everything"])
async def test_a_server_that_is_away_is_asked_little(ids: Sequence[int] | None) -> None:
    """Where GETs fail too they stand in for nothing; afterwards lists serve at once."""
    world = running(40)
    watch = world.watch(ids)
    await heard(watch, 12)
    world.errors = dict.fromkeys(("page", "newest", "get", "references"), BUSY)
    before = world.asked.copy()
    events = await heard(watch, 3600)
    away = world.asked - before
    world.errors.clear()
    events += await heard(watch, 3700)
    await watch.aclose()

    # One look each half a minute at last: a list and a GET by turns.
    assert away.total() < 1.2 * 3600 / 30
    assert health(events) == []
    assert health(events, "server") == ["DEGRADED", "RECOVERED"]
    assert (world.asked - before - away).total() < 30


async def test_gets_that_stand_in_are_spread_over_the_interval() -> None:
    """A burst of them is what a list is there to avoid."""
    world = running(320)
    world.errors["page"] = FAULTS["403"]
    watch = world.watch(range(320))
    await heard(watch, 60)
    before = len(world.got)
    await heard(watch, 61)
    await watch.aclose()

    assert 0 < len(world.got) - before < 320 / 2


async def test_everything_is_found_by_references_once_a_minute() -> None:
    """They are all there is without a query, and can be many."""
    world = World({1: Life(), 2: Life(created=300, ended=500)})
    watch = world.watch()
    await heard(watch, 12)
    world.errors["page"] = FAULTS["404"]
    events = await heard(watch, 700)
    await watch.aclose()

    assert told(events, 2) == ["FOUND", "STOPPED"]
    assert 5 < world.asked["references"] <= 12
    assert not health(events, "discovery")


async def test_a_list_that_was_kept_proves_nothing() -> None:
    """References serve for a minute; what they said is no answer of the server now."""
    world = World({1: Life(hidden=[(70, 130)])})
    watch = world.watch(rules=Rules(interval=5.0, phase=0.0, gone_after=20.0))
    await heard(watch, 12)
    world.errors |= {"page": FAULTS["404"], "newest": FAULTS["404"]}
    await heard(watch, 69)  # a list of references has come by then
    world.errors |= {"references": BUSY, "control": BUSY}
    events = await heard(watch, 140)
    await watch.aclose()

    assert told(events, 1) == []


@pytest.mark.parametrize("watched", [False, True], ids=["new", "known"])
async def test_another_page_than_was_asked_for_hides_no_session(
    *, watched: bool
) -> None:
    """Taken for the right one it would leave its rows out, and nobody would know."""
    world = unruly("another page", {"page"}, 60, 600, count=90)
    world.lives[7] = Life(created=-50 if watched else 100, ended=200)
    watch = world.watch()
    events = await heard(watch, 500)
    await watch.aclose()

    found, stopped = [event for event in events if event.id == uuid_of(7)]
    assert isinstance(stopped, SessionChanged)
    assert seconds(found.observed_at) <= max(1, 100 + 60 + 2 * INTERVAL)
    assert seconds(stopped.observed_at) <= 200 + PATIENCE + 2 * INTERVAL
    assert health(events) == ["DEGRADED"]


async def test_an_end_that_a_list_shows_needs_no_get() -> None:
    """Its result does not arrive, and its GETs fail."""
    world = unruly("500", {"get"}, 0, 900, count=40)
    world.lives[7] = Life(ended=50, late=1e6)
    watch = world.watch(range(40))
    events = await heard(watch, 80)
    await watch.aclose()

    assert told(events, 7) == ["FOUND", "STOPPED"]


class Early(World):
    """A world whose lists show session 1 Stopped, without a result, before its end."""

    async def page(
        self, where: str | None, since: Since | None, number: int
    ) -> Listing[BackupJobSession]:
        """Answer a query."""
        listing = await super().page(where, since, number)
        rows = tuple(
            attrs.evolve(row, state="Stopped", result=None)
            if row.id == uuid_of(1) and now() > 50
            else row
            for row in listing.page.rows
        )
        return attrs.evolve(listing, page=attrs.evolve(listing.page, rows=rows))


@pytest.mark.parametrize("ids", [[1], None], ids=["ids", "everything"])
async def test_an_end_that_gets_deny_is_not_told_because_lists_repeat_it(
    ids: Sequence[int] | None,
) -> None:
    """A look at the session alone decides, if later and later."""
    world = Early({1: Life(ended=200)})
    watch = world.watch(ids, strategy="query")
    events = await heard(watch, 400)
    await watch.aclose()

    stopped = [event for event in events if str(event.kind) == "STOPPED"]
    (at,) = [seconds(event.observed_at) for event in stopped]
    assert 200 <= at <= 200 + PATIENCE + 2 * INTERVAL
    assert world.asked["get"] < 10


async def test_a_list_is_tried_sooner_where_what_replaces_it_fails() -> None:
    """References are refused, so that new sessions are out of sight else."""
    world = unruly("502", LISTS, 20, 90, count=3)
    bad = Trouble(kinds=frozenset({"references"}), since=30, until=9e9, fault="403")
    world.troubles = [*world.troubles, bad]
    world.lives[7] = Life(created=95, ended=400)
    watch = world.watch()
    events = await heard(watch, 95 + PATIENCE + 2 * INTERVAL)
    await watch.aclose()

    assert told(events, 7) == ["FOUND"]


async def test_where_gets_fail_a_list_stands_in_for_few_too() -> None:
    """A list of one page shows them all."""
    world = unruly("500", {"get"}, 20, 9e9, count=5)
    world.lives[3] = Life(ended=100)
    watch = world.watch(range(5))
    events = await heard(watch, 100 + PATIENCE + 2 * INTERVAL)
    await watch.aclose()

    assert told(events, 3) == ["FOUND", "STOPPED"]
    assert health(events, "session") == health(events, "server") == []


@pytest.mark.parametrize("fault", ["500", "hang"])
async def test_a_session_that_cannot_be_got_hides_no_other(fault: str) -> None:
    """It is not taken for a sign that the server is away."""
    world = unruly(fault, {"get"}, 0, 9e9, count=40, numbers={0, 1})
    lists = Trouble(kinds=LISTS, since=20, until=9e9, fault="502")
    world.troubles = [*world.troubles, lists]
    world.lives[30] = Life(ended=100)
    watch = world.watch(range(40))
    events = await heard(watch, 100 + PATIENCE + 2 * INTERVAL)
    await watch.aclose()

    assert told(events, 30) == ["FOUND", "STOPPED"]


def unruly(
    fault: str,
    kinds: Collection[str],
    since: float,
    until: float,
    *,
    count: int,
    numbers: Collection[int] | None = None,
) -> Unruly:
    """Make a world of so many sessions that run on, with one trouble."""
    about = None if numbers is None else frozenset(numbers)
    trouble = Trouble(
        kinds=frozenset(kinds), since=since, until=until, fault=fault, numbers=about
    )
    lives = {number: Life(created=-60, ended=9000) for number in range(count)}
    return Unruly(lives, page_size=20, troubles=[trouble])


async def test_what_was_missing_is_got_where_lists_fail_just_then() -> None:
    """The longer lists fail the less they are asked for, but no longer than half."""
    world = unruly("503", LISTS, 162, 9e9, count=1)
    world.lives[7] = Life(created=100, ended=400, shown=150)
    watch = world.watch([7], strategy="query")
    events = await heard(watch, 150 + PATIENCE + 2 * INTERVAL)
    await watch.aclose()

    assert told(events, 7) == ["FOUND"]


class SlowFilter(World):
    """A world that takes a minute for each page of the sessions called Files."""

    async def page(self, *args: Any) -> Listing[BackupJobSession]:
        await asyncio.sleep(60 if args[0] == "Files" else 0)
        return await super().page(*args)


class Short(World):
    """A world whose lists fail that go back for more than a minute, in *bad* times."""

    bad: Span = (20.0, FOR_EVER)

    async def page(
        self, where: str | None, since: Since | None, number: int
    ) -> Listing[BackupJobSession]:
        """Answer a query, unless it asks for much."""
        listing = await super().page(where, since, number)
        at = START + timedelta(seconds=now())
        is_long = since is not None and since.rest < at - timedelta(minutes=1)
        if is_long and self.bad[0] <= now() < self.bad[1]:
            raise BUSY
        return listing


def coming(*numbers: int) -> dict[int, Life]:
    """Make sessions that begin one after another, and each run for half a minute."""
    return {each: Life(created=10 * each, ended=10 * each + 30) for each in numbers}


def assert_seen(
    events: Sequence[WatchEvent[BackupJobSession]], world: World, number: int
) -> None:
    """It was found and ended within a patience and two intervals."""
    most = PATIENCE + 2 * INTERVAL + 4 * world.delay + 1
    life = world.lives[number]
    for kind, at in (("FOUND", life.created), ("STOPPED", life.ended)):
        seen = [e for e in events if e.id == uuid_of(number) and str(e.kind) == kind]
        assert len(seen) == 1
        assert seconds(seen[0].observed_at) <= at + most, number


@pytest.mark.parametrize("strategy", ["query", "auto"])
async def test_a_list_that_works_hides_no_other_that_fails(strategy: Strategy) -> None:
    """Where those of given sessions work, GETs stand in for those of everything."""
    # So slow that sessions and all of them are looked at in turns.
    world = Short({0: Life(ended=2e6)} | coming(*range(1, 60)), delay=7.0)
    world.bad = 20, 640
    watch = world.watch(strategy=strategy)
    events = await heard(watch, 1200)
    await watch.aclose()

    for number in range(1, 60):
        assert_seen(events, world, number)
    kinds = health(events)
    assert kinds == ["DEGRADED", "RECOVERED"] * (len(kinds) // 2)
    assert kinds
    assert health(events, "discovery") == []


async def test_another_watch_whose_lists_work_hides_no_failure() -> None:
    """Nor do its lists fail, but for the moments in which the longer one is tried."""
    given = range(100, 140)
    world = Short({n: Life(ended=2e6) for n in given} | coming(*range(1, 99)))
    poller = world.poller()
    watches = [
        world.watch(given, by=poller, strategy="query", interval=7),
        world.watch(by=poller),
        world.watch(by=poller, lookback=0.0, interval=3),
    ]
    told_given, everything, recent = await asyncio.gather(
        *(heard(each, 900) for each in watches)
    )
    for each in watches:
        await each.aclose()

    for number in range(1, 80):
        assert_seen(everything, world, number)
        assert_seen(recent, world, number)
    assert health(everything)[:1] == ["DEGRADED"]
    assert health(recent)[:1] == ["DEGRADED"]
    assert not any(isinstance(event, HealthChanged) for event in told_given)


async def test_a_list_that_takes_longer_than_an_interval_comes_back() -> None:
    """As long as it took while lists worked, though half a patience at most."""
    world = running(60)
    world.delay = 3.0
    watch = world.watch(range(60), interval=1.0, strategy="query")
    events = await heard(watch, 30)
    world.errors["page"] = BUSY
    events += await heard(watch, 90)
    world.errors.clear()
    events += await heard(watch, 300)
    await watch.aclose()

    assert health(events) == ["DEGRADED", "RECOVERED"]


async def test_a_slow_filter_holds_up_no_other() -> None:
    """Lists of different filters do not wait for each other."""
    world = SlowFilter({1: Life(ended=100), 2: Life(name="Files")})
    poller = world.poller()
    slow = world.watch(where="Files", by=poller)
    quick = world.watch(where="Mail", by=poller)
    listening = asyncio.ensure_future(heard(slow, 120))
    events = await heard(quick, 115)
    await asyncio.gather(listening, slow.aclose(), quick.aclose())

    (stopped,) = [event for event in events if event.kind == "STOPPED"]
    assert stopped.id == uuid_of(1)
    assert isinstance(stopped, SessionChanged)
    assert stopped.session.end_time is not None
    delay = stopped.observed_at - stopped.session.end_time
    assert delay.total_seconds() <= 2 * INTERVAL
