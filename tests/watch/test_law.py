"""The laws of every watch, over servers that have bad minutes of every kind.

A server whose answers are late, missing, stale or refused never makes an event false,
and no session stays unseen for longer than `patience` plus two intervals while any way
to it works. Each session is found once, first, and ends once, last, however often the
process that watches sleeps, is stopped or killed, and goes on from a checkpoint.

`make laws LAWS=2000` plays so many histories of each law instead of a few; SHRINK=1
makes one that fails shorter, which takes minutes.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import attrs
import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from tests.support.truth import (
    SLACK,
    Span,
    assert_in_sight,
    assert_told,
    assert_true,
    seconds,
)
from tests.support.unruly import EVERYTHING, FAULTS, HANG, LISTS, LONG, Trouble, Unruly
from tests.support.watching import not_found
from tests.support.world import FOR_EVER, Life, new_loop, told
from veeam_async import BackupJobSession, NotFound, SessionFailed, WatchEvent
from veeam_async.models import Session
from veeam_async.watch.polling.request import Strategy
from veeam_async.watch.tracker.schedule import Rules
from veeam_async.watch.waits import Goal, reached

pytestmark = pytest.mark.timeout(120 if "LAWS" not in os.environ else 0)

HISTORIES = int(os.environ.get("LAWS", "12"))
"""How many examples each law is tried on."""

# To make a long history short takes minutes.
PHASES = [Phase.explicit, Phase.reuse, Phase.generate]
if "SHRINK" in os.environ:
    PHASES.append(Phase.shrink)

SETTLED = 6.0
"""Seconds after which a watch has begun; until then nothing goes wrong."""

PULSE = 1000
"""From this number on: sessions that begin one after another."""

LAST = 130.0
"""Seconds within which all that has ended is told, once all is well."""

Events: TypeAlias = list[WatchEvent[BackupJobSession]]

# ---------------------------------------------------------------- what can happen

WALKS = [
    ["Working"],
    ["Starting", "Working"],
    ["Starting", "Working", "Stopping"],
    ["Working", "Pausing", "Resuming", "Working"],
    ["Working", "Pausing", "Stopping"],
    ["Starting", "Stopping"],
    ["Starting", "Working", "Idle", "Working"],
]
"""Ways through the states, each before Stopped."""


@st.composite
def lives(draw: st.DrawFn) -> Life:
    """Draw a session that ends within a few minutes, and is shown at last."""
    created = draw(st.integers(-50, 100))
    walk, at, states = draw(st.sampled_from(WALKS)), 0.0, []
    for state in walk:
        states.append((at, state))
        at += draw(st.sampled_from([0.5, 1, 3, 10, 40, 100]))
    flaps = draw(
        st.lists(
            st.tuples(st.integers(7, 150), st.sampled_from([1, 4, 12, 30, 90])),
            max_size=2,
        )
    )
    return Life(
        created=created,
        ended=created + at,
        shown=created + draw(st.sampled_from([0, 0, 2, 50, 90])),
        hidden=[(since, since + lasts) for since, lasts in flaps],
        late=draw(st.sampled_from([0, 0, 0.5, 1e6])),
        states=states,
    )


few = st.frozensets(st.integers(0, 4), min_size=1, max_size=3)
whole = st.tuples(
    st.sampled_from(
        [
            LISTS,
            LISTS | {"references"},
            frozenset({"page"}),
            LONG,
            frozenset({"get"}),
            frozenset({"references"}),
            frozenset({"control"}),
            EVERYTHING,
        ]
    ),
    st.sampled_from(sorted(FAULTS)),
    st.none(),
)
"""Troubles of requests of some kinds."""
some = st.tuples(
    st.just(frozenset({"get"})),
    st.sampled_from(["404", "500", "cut", "mixed up", "hang"]),
    few,
)
"""Troubles of the GETs of some sessions."""
rows = st.tuples(
    st.just(frozenset({"row"})),
    st.sampled_from(["unreadable", "leave out"]),
    few,
)
pages = st.tuples(
    st.sampled_from([frozenset({"page"}), LONG]), st.just("another page"), st.none()
)


@st.composite
def troubles(draw: st.DrawFn) -> Trouble:
    """Draw a bad time of the server."""
    kinds, fault, about = draw(st.one_of(whole, some, rows, pages))
    since = draw(st.integers(7, 200))
    lasts = draw(st.sampled_from([3, 15, 40, 70, 120, 240]))
    return Trouble(
        kinds=kinds, since=since, until=since + lasts, fault=fault, numbers=about
    )


paces = st.one_of(
    st.just([(0.0, 0.25)]),
    st.lists(
        st.tuples(
            st.sampled_from([0.0, 0.25, 2.0]), st.sampled_from([0.0, 0.25, 3.0, 7.0])
        ),
        min_size=1,
        max_size=4,
    ),
)
"""How late answers come, and how old they are by then."""

steps = st.lists(
    st.tuples(
        st.sampled_from([0, 0.2, 1, 4, 13, 30]),
        st.sampled_from(["save", "resume", "crash", "sleep", "doze"]),
    ),
    max_size=8,
)


@attrs.frozen(kw_only=True)
class History:
    """All that happens in one example of a law.

    *is_crowded*: many other sessions are watched, so that a list is worth its cost.
    """

    lives: list[Life]
    troubles: list[Trouble]
    paces: list[tuple[float, float]]
    rules: Rules
    script: list[tuple[float, str]]
    is_crowded: bool


histories = st.builds(
    History,
    lives=st.lists(lives(), min_size=1, max_size=5),
    troubles=st.lists(troubles(), max_size=3),
    paces=paces,
    rules=st.builds(
        Rules,
        patience=st.sampled_from([20.0, 60.0]),
        gone_after=st.sampled_from([20.0, 60.0, 300.0]),
        phase=st.just(0.0),
    ),
    script=steps,
    is_crowded=st.booleans(),
)


# ---------------------------------------------------------------- a course


class Course:
    """A watch of *ids*, or of everything, over a world in which things happen.

    *listening* is when somebody did, without a break, since the process began. What
    has ended *since* that time is news to a watch of everything.
    """

    def __init__(
        self, world: Unruly, rules: Rules, strategy: Strategy, ids: list[int] | None
    ) -> None:
        self.world = world
        self.rules = rules
        self.strategy: Strategy = strategy
        self.everything = ids is None
        self.events: Events = []
        self.listening: list[Span] = []
        self.is_over = False
        self.since = SETTLED
        self.watch = world.listen(ids, rules, strategy)
        self.saved: tuple[int, int, Any] = (0, 0, None)

    async def run(self, script: Sequence[tuple[float, str]]) -> None:
        """Do what the script says, then listen to the end."""
        await self.hear(SETTLED)
        self.save()
        for pause, step in script:
            await self.hear(pause)
            await getattr(self, f"do_{step}")()
        loop = asyncio.get_running_loop()
        rest = last_change(self.world) - loop.time()
        await self.hear(max(0, rest) + 250)
        await self.watch.aclose()

    def watched(self) -> list[int]:
        """Give the sessions that are to be seen: in everything those that run."""
        lives = self.world.lives.items()
        late = [
            number
            for number, life in lives
            if life.ended > self.since and life.shown < life.ended
        ]
        return late if self.everything else list(self.world.lives)

    async def hear(self, lasts: float, *, most: int | None = None) -> None:
        """Listen for so many seconds, or until so *many* events."""
        loop = asyncio.get_running_loop()
        since, until = loop.time(), loop.time() + lasts
        heard = len(self.events)
        try:
            async with asyncio.timeout_at(until):
                while most is None or len(self.events) < heard + most:
                    self.events.append(await anext(self.watch))
        except TimeoutError:
            pass
        except StopAsyncIteration:
            self.is_over = True
        if self.listening and self.listening[-1][1] == since:
            since = self.listening.pop()[0]
        self.listening.append((since, loop.time()))

    def save(self) -> None:
        data = json.loads(json.dumps(self.watch.checkpoint()))
        self.saved = len(self.events), len(self.world.heard), data

    async def do_save(self) -> None:
        self.save()

    async def do_resume(self) -> None:
        self.save()
        await self.do_crash()

    async def do_crash(self) -> None:
        """Forget what came after the checkpoint, and go on from that."""
        await self.watch.aclose()
        assert_seen(self)
        events, heard, data = self.saved
        del self.events[events:]
        del self.world.heard[heard:]
        self.is_over = False
        self.listening.clear()
        self.watch = self.world.listen(None, self.rules, self.strategy, data)

    async def do_sleep(self) -> None:
        """Take nothing for minutes, the last wait having been cancelled."""
        await asyncio.sleep(150)

    async def do_doze(self) -> None:
        """Take an event, and none after it for a while."""
        await self.hear(30, most=1)
        await asyncio.sleep(45)


def last_change(world: Unruly) -> float:
    """Give when all is well again, and nothing but the pulse goes on."""
    times = [trouble.until + HANG for trouble in world.troubles]
    for number, life in world.lives.items():
        times += [until for _, until in life.hidden]
        times += [life.ended] if number < PULSE else []
    return max(times, default=0.0)


def peopled(drawn: History, strategy: Strategy, *, everything: bool) -> Unruly:
    """Give a world of the *drawn* history, and of what else a law takes."""
    lives = dict(enumerate(drawn.lives))
    world = Unruly(lives, page_size=5, troubles=drawn.troubles, paces=drawn.paces)
    if strategy == "auto" and drawn.is_crowded:  # enough of them for lists
        world.page_size = 12
        dull = {number: Life(created=-60, ended=300) for number in range(100, 135)}
        world.lives |= dull
    if everything:  # so that its time goes on
        world.page_size = 20
        beats = range(-50, 400, 10)
        pulse = {PULSE + 50 + at: Life(created=at, ended=at + 4) for at in beats}
        world.lives |= pulse
    return world


def played(
    world: Unruly,
    drawn: History,
    strategy: Strategy,
    ids: list[int] | None,
    *,
    since: float = SETTLED,
) -> Course:
    """Give a course that has run, on a loop with a time of its own."""

    async def run() -> Course:
        course = Course(world, drawn.rules, strategy, ids)
        course.since = since
        await course.run(drawn.script)
        return course

    with asyncio.Runner(loop_factory=new_loop) as runner:
        return runner.run(run())


def assert_accounted_for(course: Course) -> None:
    """Each of the ids, or each that runs after the watch has begun, however short."""
    world, everything = course.world, course.everything
    assert course.is_over is not everything
    by = course.listening[-1][1] - LAST
    for number, life in world.lives.items():
        kinds = told(course.events, number)
        is_due = life.ended > course.since and max(life.ended, life.shown) < by
        if is_due or not everything:
            assert kinds[-1:] in (["STOPPED"], ["GONE"]), (number, kinds)


def assert_seen(course: Course) -> None:
    """No session is out of sight for long while any way to it works."""
    ended = {
        course.world.number_of(event.id): seconds(event.observed_at)
        for event in course.events
        if str(event.kind) in ("STOPPED", "GONE") and event.id is not None
    }
    for number in course.watched():
        told_at = ended.get(number, FOR_EVER)
        assert_told(number, course.listening, told_at, course.world, course.rules)
        assert_in_sight(
            number,
            course.listening,
            told_at,
            world=course.world,
            rules=course.rules,
            strategy=course.strategy,
            everything=course.everything,
        )


@pytest.mark.parametrize("everything", [False, True], ids=["ids", "everything"])
@pytest.mark.parametrize("strategy", ["get", "query", "auto"])
@settings(max_examples=HISTORIES, phases=PHASES, report_multiple_bugs=False)
@given(drawn=histories)
def test_no_event_is_false_and_no_session_is_out_of_sight(
    everything: bool,  # noqa: FBT001 - a parameter
    strategy: Strategy,
    drawn: History,
) -> None:
    """And each is accounted for, whatever the server and the listener do."""
    world = peopled(drawn, strategy, everything=everything)
    ids = None if everything else list(world.lives)
    course = played(world, drawn, strategy, ids)

    assert_true(course.events, world, drawn.rules, everything=everything)
    assert_accounted_for(course)
    assert_seen(course)


# ---------------------------------------------------------------- clocks

CLOCKS = [
    sign * seconds
    for seconds in (25.0, 60.0, 1200.0, 7200.0, 86400.0)
    for sign in (-1, 1)
]
"""Seconds by which a backup server's clock is ahead of another's."""

LOOKING_BACK_FAILS = History(
    lives=[
        Life(created=82, ended=272),
        Life(created=46, ended=50, hidden=[(28, 60)], late=1e6),
        Life(created=60, ended=161, late=0.5, states=[(0, "Working"), (1, "Stopping")]),
        Life(created=87, ended=188, shown=137, late=0.5, states=[(0, "Working")]),
    ],
    troubles=[
        Trouble(kinds=frozenset({"page"}), since=167, until=287, fault="another page"),
        Trouble(kinds=frozenset({"page"}), since=29, until=44, fault="another page"),
        Trouble(
            kinds=frozenset({"row"}),
            since=54,
            until=174,
            fault="leave out",
            numbers=frozenset({3}),
        ),
    ],
    paces=[(0.0, 7.0)],
    rules=Rules(gone_after=60.0, phase=0.0),
    script=[(0, "resume")],
    is_crowded=False,
)
"""Lists that look back have two pages, which are mixed up; others have one."""


@pytest.mark.parametrize("everything", [False, True], ids=["ids", "everything"])
@pytest.mark.parametrize("strategy", ["query", "auto"])
@settings(max_examples=HISTORIES // 3, phases=PHASES, report_multiple_bugs=False)
@given(drawn=histories, ahead=st.sampled_from(CLOCKS))
@example(drawn=LOOKING_BACK_FAILS, ahead=86400.0)
def test_the_same_holds_where_backup_servers_have_clocks_of_their_own(
    everything: bool,  # noqa: FBT001 - a parameter
    strategy: Strategy,
    drawn: History,
    ahead: float,
) -> None:
    """Half of the sessions are dated otherwise than the other half."""
    world = peopled(drawn, strategy, everything=everything)
    world.clocks = {"other": lambda _: ahead}
    world.lives = {
        number: attrs.evolve(
            life, server=("own", "other")[number % 20 // 10 ^ number % 2]
        )
        for number, life in world.lives.items()
    }
    ids = None if everything else list(world.lives)
    course = played(world, drawn, strategy, ids)

    assert_true(course.events, world, drawn.rules, everything=everything)
    assert_accounted_for(course)
    assert_seen(course)


# ---------------------------------------------------------------- waits


WAYS = ["the end", "a state", "a callable"]


class Waited(NamedTuple):
    """How a wait ended: "met", "missed" or "gone", with which session, and when."""

    how: str
    session: Session | None
    at: float


def is_half_way(session: BackupJobSession) -> bool:
    """Tell whether it has left its first states, as a caller's goal."""
    return session.state in ("Pausing", "Resuming", "Stopping")


def waited(
    world: Unruly, drawn: History, strategy: Strategy, goal: Goal[Any]
) -> Waited:
    """Wait for the first session of a world, as `wait` does."""

    async def run() -> Waited:
        loop = asyncio.get_running_loop()
        rules = attrs.evolve(
            drawn.rules,
            appear_within=0.0,
            progress=goal.is_callable,
            each_look=goal.is_callable,
        )
        async with asyncio.timeout(5000), world.listen([0], rules, strategy) as watch:
            found = await reached(watch, goal, lambda _: not_found())
            match found:
                case NotFound():
                    return Waited("gone", None, loop.time())
                case SessionFailed():
                    return Waited("missed", found.session, loop.time())
            return Waited("met", found, loop.time())

    with asyncio.Runner(loop_factory=new_loop) as runner:
        return runner.run(run())


@pytest.mark.parametrize("until", [None, "Stopping", is_half_way], ids=WAYS)
@pytest.mark.parametrize("strategy", ["get", "query", "auto"])
@settings(max_examples=HISTORIES, phases=PHASES, report_multiple_bugs=False)
@given(drawn=histories)
def test_a_wait_ends_by_what_was_seen_and_at_once(
    strategy: Strategy, until: str | Callable[[Any], bool] | None, drawn: History
) -> None:
    """Met, missed or gone, whatever the server does meanwhile."""
    world = Unruly({0: drawn.lives[0]}, troubles=drawn.troubles, paces=drawn.paces)
    goal: Goal[Any] = Goal(until)
    end = waited(world, drawn, strategy, goal)

    seen = [look for look in world.heard if look.row is not None]
    met = [look for look in seen if _meets(look.row, goal)]
    if end.how == "gone":
        last = max((look.asked for look in seen), default=0.0)
        missed = [x.at for x in world.heard if x.row is None and x.asked >= last]
        assert not seen or missed[-1] - missed[0] >= drawn.rules.gone_after - SLACK
        return
    assert end.session is not None
    assert any(end.session == look.row for look in seen)
    assert end.how == ("met" if met else "missed")
    if not met or until is None:
        assert end.session.is_stopped
        assert_told(
            0, [(0, FOR_EVER)], end.at, world, attrs.evolve(drawn.rules, patience=60)
        )
    else:
        assert end.at - met[0].at <= SLACK


def _meets(row: BackupJobSession | None, goal: Goal[Any]) -> bool:
    if row is None:
        return False
    if callable(goal.until):
        return goal.until(row)
    return row.state == (goal.until or "Stopped")
