"""Sessions that the server does not know: for a bad minute, or for good."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from datetime import timedelta
from itertools import pairwise
from uuid import UUID

import attrs
import pytest

from tests.support.bodies import uuid_of
from tests.support.watching import (
    BUSY,
    START,
    kinds,
    moment,
    not_found,
    now,
    observation,
    restored,
    seen,
    tracker,
)
from tests.support.world import FOR_EVER, ON_ITS_TIME, Life, World, heard, told
from veeam_async import BackupJobSession, HealthChanged, SessionChanged
from veeam_async.codec import to_saved
from veeam_async.watch.persist.checkpoint import save
from veeam_async.watch.polling.request import Strategy
from veeam_async.watch.tracker.discovery import Discovery
from veeam_async.watch.tracker.proof import ControlResult
from veeam_async.watch.tracker.schedule import Rules
from veeam_async.watch.tracker.tracker import Tracker


def missing(*, gone_after: float = 300.0, count: int = 1) -> Tracker[BackupJobSession]:
    """Make a tracker of sessions that were seen at 0 and are missing at 5 and at 6."""
    track = tracker(count, gone_after=gone_after)
    for at, what in ((0, seen()), (5, None), (6, None)):
        for number in range(1, count + 1):
            shown = what and seen(number=number)
            track.feed(observation(at, shown, number=number))
    return track


def control(at: float, error: Exception | None = None) -> ControlResult:
    """Make the result of a control."""
    failed = BUSY if error else None
    return ControlResult(asked_at=at, at=moment(at), error=failed)


# ---------------------------------------------------------------- the tracker


def test_a_session_is_gone_between_two_404s_around_a_good_answer() -> None:
    """After its time; what answers in between is the session of another id."""
    track = tracker(2)
    track.feed(observation(0, seen()))
    track.feed(observation(0, seen(number=2), number=2))
    track.feed(observation(5, None))
    track.feed(observation(304, None))
    assert track.feed(observation(305, None)) == []  # nothing else was answered

    track.feed(observation(306, seen(number=2), number=2))
    (event,) = track.feed(observation(307, None))
    assert (event.kind, event.id) == ("GONE", uuid_of(1))


def test_a_good_answer_between_two_outages_proves_nothing() -> None:
    """The session was not looked at in the moment in which the server was up."""
    track = tracker(2)
    track.feed(observation(0, seen()))
    track.feed(observation(0, seen(number=2), number=2))
    track.feed(observation(5, None))
    track.feed(observation(65, None))
    track.feed(observation(66, seen(number=2), number=2))
    assert track.feed(observation(400, None)) == []

    due = track.take_due(400)
    assert due is not None
    assert due.control  # whether it knows anything now
    track.controlled(control(401, BUSY))
    assert track.feed(observation(402, None)) == []
    track.controlled(control(403))
    assert kinds(track.feed(observation(404, None))) == ["GONE"]


def test_a_server_that_knows_nothing_ends_no_session() -> None:
    """It is asked for what it must know, at each interval, until it answers."""
    track = missing()
    track.take_due(305)
    assert track.feed(observation(305, None)) == []
    for at in (306, 311, 316):
        due = track.take_due(at)
        assert due is not None
        assert due.control
        track.controlled(control(at, BUSY))
        assert not track.has_news

    track.take_due(321)
    track.controlled(control(321))
    due = track.take_due(321)
    assert due is not None
    assert due.session_ids == [uuid_of(1)]  # looked at at once, and once more
    assert kinds(track.feed(observation(322, None))) == ["GONE"]


def test_no_control_is_asked_for_what_is_not_missing_for_long() -> None:
    """A 404 for a minute costs no request more than the looks at the session."""
    track = missing()
    while (due_at := track.next_due()) is not None and due_at < 290:
        due = track.take_due(due_at)
        assert due is not None
        assert not due.control
        track.feed(observation(due_at, None))


def test_what_is_missing_is_looked_at_less_and_less() -> None:
    """A second after the first 404, then by the interval, then ever later."""
    track = tracker()
    track.feed(observation(0, seen()))
    times = [5.0]
    track.feed(observation(5, None))
    while (due_at := track.next_due()) is not None and due_at < 305:
        track.take_due(due_at)
        track.feed(observation(due_at, None))
        times.append(due_at)

    gaps = [later - before for before, later in pairwise(times)]
    assert gaps[:2] == [1, 5]
    assert gaps == sorted(gaps)
    assert len(times) < 25
    assert track.next_due() == 305  # and exactly when it has been too long


def test_what_is_missing_is_never_out_of_sight_for_long() -> None:
    """However long it was missing: it may be shown again at any time."""
    track = tracker(patience=20, gone_after=3600)
    track.feed(observation(0, seen()))
    times = [5.0]
    track.feed(observation(5, None))
    while (due_at := track.next_due()) is not None and due_at < 1000:
        track.take_due(due_at)
        track.feed(observation(due_at, None))
        times.append(due_at)

    assert max(later - before for before, later in pairwise(times)) <= 20


def test_a_404_after_a_change_is_not_when_that_was_seen() -> None:
    """The listener takes the change late: it was seen before the session vanished."""
    track = tracker()
    track.feed(observation(0, seen("Starting")))
    track.note(observation(5, seen("Working")))
    track.note(observation(10, None))

    event = track.tell()
    assert isinstance(event, SessionChanged)
    assert event.observed_at == START + timedelta(seconds=5)


def test_a_session_that_returns_goes_on_as_it_was() -> None:
    """However often it was missed."""
    track = missing(gone_after=30)
    events = track.feed(observation(20, seen("Stopped")))

    assert kinds(events) == ["STOPPED"]


def test_what_never_appeared_needs_a_good_answer_too() -> None:
    """Unless no time to appear was given at all."""
    track = tracker(appear_within=10)
    for at in (0, 5, 10, 15):
        assert track.feed(observation(at, None)) == []
    track.take_due(16)
    track.controlled(control(16))

    assert kinds(track.feed(observation(17, None))) == ["GONE"]
    assert kinds(tracker(appear_within=0).feed(observation(3, None))) == ["GONE"]


def test_by_the_rules_of_0_1_0_the_second_404_is_the_end() -> None:
    """A recording of that release is replayed so."""
    rules = Rules(edition=1)
    track: Tracker[BackupJobSession] = Tracker([uuid_of(1)], rules)
    track.feed(observation(0, seen()))
    track.feed(observation(5, None))

    assert kinds(track.feed(observation(6, None))) == ["GONE"]


def test_a_restart_takes_up_where_it_was() -> None:
    """The time counts on; what proves the end is seen by the new process."""
    track = missing()
    saved = save(track, to_saved, None, kind="BackupJobSession")
    again, _ = restored(saved, Rules(), moment(400))

    assert again.feed(observation(401, None)) == []
    again.take_due(401)
    again.controlled(control(402))
    assert kinds(again.feed(observation(403, None))) == ["GONE"]


# ---------------------------------------------------------------- many at once


def test_many_that_are_missing_at_once_are_an_outage() -> None:
    """Told at once, and its end as soon as enough are back."""
    track = tracker(20)
    for number in range(1, 21):
        track.feed(observation(0, seen(number=number), number=number))
    events = [
        event
        for number in (1, 2, 3)
        for event in track.feed(observation(5, None, number=number))
    ]
    (event,) = events
    assert isinstance(event, HealthChanged)
    assert (event.kind, event.id, event.observed_at) == (
        "DEGRADED",
        None,
        START + timedelta(seconds=5),
    )
    assert event.scope == "server"
    assert "restarting" in str(event.error)

    assert track.feed(observation(5, seen(number=4), number=4)) == []
    (event,) = track.feed(observation(10, seen(number=1), number=1))
    assert event.kind == "RECOVERED"


@pytest.mark.parametrize(("count", "gone"), [(20, 2), (40, 3), (2, 2)])
def test_few_that_are_missing_are_none(count: int, gone: int) -> None:
    """Fewer than three, or than one of ten."""
    track = tracker(count)
    for number in range(1, count + 1):
        track.feed(observation(0, seen(number=number), number=number))

    for number in range(1, gone + 1):
        assert track.feed(observation(5, None, number=number)) == []


# ---------------------------------------------------------------- coming back


def everything(*, began: float = 0) -> Tracker[BackupJobSession]:
    """Make a tracker of everything that has begun."""
    where = Discovery(where=None, lookback=timedelta(seconds=900), begun=True)
    return Tracker([], Rules(gone_after=10), discovery=where)


@pytest.mark.parametrize("resume", [False, True], ids=["at once", "resumed"])
def test_a_session_that_comes_back_after_its_end_is_told_again(resume: bool) -> None:  # noqa: FBT001 - a parameter
    """From FOUND on, where it runs; one that has stopped had its end."""
    track = everything()
    for number in (1, 2, 3):
        track.feed(observation(0, seen(number=number), number=number))
    for at in (5, 12, 16):
        track.feed(observation(at, seen(number=3), number=3))
        for number in (1, 2):
            track.feed(observation(at + 1, None, number=number))
    assert track.active == (uuid_of(3),)
    if resume:
        saved = save(track, to_saved, None, kind="BackupJobSession")
        track, _ = restored(saved, track.rules, moment(18))

    assert kinds(track.feed(observation(20, seen()))) == ["FOUND"]
    assert track.feed(observation(20, seen("Stopped", number=2), number=2)) == []
    assert kinds(track.feed(observation(25, seen("Stopped")))) == ["STOPPED"]
    assert track.feed(observation(30, seen())) == []  # it has ended for good


def test_by_the_rules_of_0_1_0_nothing_comes_back() -> None:
    """A recording of that release is replayed so."""
    where = Discovery(where=None, lookback=timedelta(seconds=900), begun=True)
    track: Tracker[BackupJobSession] = Tracker([], Rules(edition=1), discovery=where)
    track.feed(observation(0, seen()))
    track.feed(observation(5, None))

    assert kinds(track.feed(observation(6, None))) == ["GONE"]
    assert track.feed(observation(20, seen())) == []


@ON_ITS_TIME
@pytest.mark.parametrize("away", [400.0, 1200.0])
@pytest.mark.parametrize("strategy", ["get", "query"])
async def test_what_comes_back_is_told_again_whatever_shows_it(
    strategy: Strategy, away: float
) -> None:
    """A list that tells no states shows it too, and may show it all the time."""
    back = 100 + away
    lives = {
        1: Life(created=-10, hidden=[(100, back)], ended=back + 300),
        2: Life(created=-10),
    }
    world = _AllListed(lives)
    async with world.watch(strategy=strategy) as watch:
        events = await heard(watch, back + 400)

    assert told(events, 1) == ["FOUND", "GONE", "FOUND", "STOPPED"]
    assert told(events, 2) == ["FOUND"]
    assert world.asked["get"] <= 2 * (back + 400) / 5


class _AllListed(World):
    """A world whose references name sessions that it does not show."""

    async def references(self) -> Collection[UUID]:
        self.asked["references"] += 1
        return [uuid_of(number) for number in self.lives]


# ---------------------------------------------------------------- how late


def test_an_old_state_was_surely_there_when_the_look_was_asked_for() -> None:
    """The change came after that, however long the answer took."""
    track = tracker()
    track.feed(observation(3, seen(), asked_at=0))
    track.feed(observation(9, seen(), asked_at=6))
    (event,) = track.feed(observation(15, seen("Stopping"), asked_at=12))

    assert isinstance(event, SessionChanged)
    assert event.not_before == START + timedelta(seconds=6)
    assert track.latest_delay == 9


def test_an_old_state_is_never_older_than_the_end() -> None:
    """By the server's clock that can be earlier; the delay goes by the looks."""
    track = tracker()
    track.feed(observation(5, seen()))
    ended = attrs.evolve(seen("Stopped"), end_time=START + timedelta(seconds=2))
    (event,) = track.feed(observation(10, ended))

    assert isinstance(event, SessionChanged)
    assert event.not_before == START + timedelta(seconds=2)
    assert track.latest_delay == 5


# ---------------------------------------------------------------- a whole watch


class Restarting(World):
    """A world that answers 404 to everything *while* its service restarts."""

    def __init__(self, lives: dict[int, Life], *while_: tuple[float, float]) -> None:
        super().__init__(lives)
        self._while = while_

    async def _answer(self, kind: str) -> None:
        await super()._answer(kind)
        if any(since <= now() < until for since, until in self._while):
            raise not_found()


def lives(count: int) -> dict[int, Life]:
    """Make sessions that end one after another, some while nothing answers."""
    return {
        number: Life(ended=60 + 10 * number, created=-60) for number in range(count)
    }


@ON_ITS_TIME
@pytest.mark.parametrize("strategy", ["auto", "query", "get"])
@pytest.mark.parametrize("ids", [range(40), None], ids=["ids", "everything"])
@pytest.mark.parametrize("seconds", [60, 400])
async def test_a_restart_ends_no_session(
    strategy: Strategy, ids: Sequence[int] | None, seconds: float
) -> None:
    """None is GONE, each STOPPED is told once, and the outage is told."""
    world = Restarting(lives(40), (100, 100 + seconds))
    watch = world.watch(ids, strategy=strategy)
    events = await heard(watch, 1200)
    await watch.aclose()

    assert [told(events, number) for number in range(40)] == [["FOUND", "STOPPED"]] * 40
    health = [
        event
        for event in events
        if isinstance(event, HealthChanged) and event.scope == "server"
    ]
    assert [event.kind for event in health] == ["DEGRADED", "RECOVERED"]
    assert health[0].observed_at <= START + timedelta(seconds=100 + 60 + 10)


@ON_ITS_TIME
@pytest.mark.parametrize("strategy", ["auto", "query", "get"])
@pytest.mark.parametrize("ids", [range(40), None], ids=["ids", "everything"])
@pytest.mark.parametrize("left", [0, 1])
async def test_what_was_deleted_is_gone(
    strategy: Strategy, ids: Sequence[int] | None, left: int
) -> None:
    """All within its time and two intervals, be there another session or none."""
    world = World(
        {
            number: Life(hidden=[(100, FOR_EVER)] if number >= left else ())
            for number in range(40)
        }
    )
    watch = world.watch(ids, strategy=strategy)
    events = await heard(watch, 100 + 300 + 10 + 2)
    await watch.aclose()

    assert [told(events, number) for number in range(left, 40)] == [
        ["FOUND", "GONE"]
    ] * (40 - left)


@ON_ITS_TIME
async def test_unknown_ids_cost_little() -> None:
    """Five hundred of them, until they are gone."""
    world = World({1: Life()})
    watch = world.watch([*range(1, 501)])
    async with asyncio.timeout_at(320):
        async for event in watch:
            if event.kind == "GONE":
                break
    await watch.aclose()

    assert len(world.got) < 500 * 20
