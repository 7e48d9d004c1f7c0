"""One law of every watch: each session is found once, first, and ends once, last.

Whatever the server shows late, hides, refuses or fails at, and however often the
process that watches is stopped or killed and goes on from a checkpoint.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any, TypeAlias

import looptime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.watching import BUSY
from tests.support.world import Life, World, heard, told
from veeam_async import BackupJobSession, WatchEvent
from veeam_async.watch.polling.request import Strategy

pytestmark = pytest.mark.timeout(120)

SETTLED = 6.0
"""Seconds after which a watch has begun; until then nothing goes wrong."""

Events: TypeAlias = list[WatchEvent[BackupJobSession]]


@st.composite
def lives(draw: st.DrawFn) -> Life:
    """Draw a session that ends within a few minutes, and is shown at last."""
    created = draw(st.integers(-50, 100))
    flaps = draw(
        st.lists(st.tuples(st.integers(7, 150), st.integers(1, 30)), max_size=2)
    )
    return Life(
        created=created,
        ended=created + draw(st.sampled_from([0.5, 1, 3, 10, 40, 100])),
        shown=created + draw(st.sampled_from([0, 0, 2, 50, 90])),
        hidden=[(since, since + seconds) for since, seconds in flaps],
        late=draw(st.sampled_from([0, 0, 0.5, 1e6])),
    )


steps = st.lists(
    st.tuples(
        st.sampled_from([0, 0.2, 1, 4, 13, 30]),
        st.sampled_from(["save", "resume", "crash", "refuse", "busy", "mend"]),
    ),
    max_size=12,
)


class Course:
    """A watch of *ids*, or of everything, over a world in which things happen."""

    def __init__(self, world: World, strategy: Strategy, ids: list[int] | None) -> None:
        self.world = world
        self.strategy: Strategy = strategy
        self.events: Events = []
        self.watch = world.watch(ids, strategy=strategy)
        self.saved: tuple[int, Any] = (0, None)

    async def run(self, script: list[tuple[float, str]]) -> None:
        """Do what the script says, then listen to the end."""
        await self.hear(SETTLED)
        self.save()
        for pause, step in script:
            await self.hear(pause)
            await getattr(self, f"do_{step}")()
        await self.do_mend()
        await self.hear(250)
        await self.watch.aclose()

    async def hear(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        self.events += await heard(self.watch, loop.time() + seconds)

    def save(self) -> None:
        self.saved = len(self.events), json.loads(json.dumps(self.watch.checkpoint()))

    async def do_save(self) -> None:
        self.save()

    async def do_resume(self) -> None:
        self.save()
        await self.do_crash()

    async def do_crash(self) -> None:
        """Forget what was told after the checkpoint, and go on from that."""
        await self.watch.aclose()
        count, saved = self.saved
        del self.events[count:]
        self.watch = self.world.watch(resume=saved, strategy=self.strategy)

    async def do_refuse(self) -> None:
        self.world.refuse()

    async def do_busy(self) -> None:
        for kind in ("get", "page", "newest", "references"):
            self.world.errors.setdefault(kind, BUSY)

    async def do_mend(self) -> None:
        for kind, error in list(self.world.errors.items()):
            if error is BUSY:
                del self.world.errors[kind]


def peopled(drawn: list[Life], strategy: Strategy, *, everything: bool) -> World:
    """Give a world of the *drawn* lives, and of what else a law takes."""
    world = World(dict(enumerate(drawn)), page_size=5, delay=0.25)
    if strategy == "auto":  # enough of them for lists
        world.page_size = 12
        dull = {number: Life(created=-60, ended=150) for number in range(100, 135)}
        world.lives |= dull
    if everything:  # so that its time goes on
        beats = range(-50, 200, 10)
        pulse = {1000 + at: Life(created=at, ended=at + 4) for at in beats}
        world.lives |= pulse
    return world


def play(
    world: World,
    script: list[tuple[float, str]],
    strategy: Strategy,
    ids: list[int] | None,
) -> Events:
    """Run *script* over a *world*, on a loop with a time of its own."""

    async def run() -> Events:
        course = Course(world, strategy, ids)
        await course.run(script)
        assert not course.watch.active
        return course.events

    with asyncio.Runner(loop_factory=looptime.new_event_loop) as runner:
        return runner.run(run())


def assert_lawful(kinds: list[str], life: Life) -> None:
    """One FOUND first, one end last; nothing is gone that was never hidden."""
    ends = {"STOPPED", "GONE"} if life.hidden else {"STOPPED"}
    assert kinds[:1] == ["FOUND"]
    assert kinds[-1] in ends
    assert not {"FOUND", "STOPPED", "GONE"}.intersection(kinds[1:-1])


@pytest.mark.parametrize("everything", [False, True])
@pytest.mark.parametrize("strategy", ["get", "query", "auto"])
@settings(max_examples=25)
@given(drawn=st.lists(lives(), min_size=1, max_size=5), script=steps)
def test_each_session_is_found_once_and_ends_once(
    everything: bool,  # noqa: FBT001 - a parameter
    strategy: Strategy,
    drawn: list[Life],
    script: list[tuple[float, str]],
) -> None:
    """Each of the ids, or each that runs after the watch has begun, however short."""
    world = peopled(drawn, strategy, everything=everything)
    ids = None if everything else list(world.lives)
    events = play(world, script, strategy, ids)

    for number, life in world.lives.items():
        kinds = told(events, number)
        if kinds or life.ended > SETTLED or not everything:
            assert_lawful(kinds, life)
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
