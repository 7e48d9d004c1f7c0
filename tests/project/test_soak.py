"""A small part of the soak on virtual time, and the judge that compares."""

from __future__ import annotations

import asyncio
import logging
import os
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs
import pytest

from tests.faults.virtual_time import VirtualTimeLoop
from tests.soak.journal import Journal, Line
from tests.soak.judge import PROMISES, judge
from tests.soak.measure import Turns, kept, timed
from tests.soak.page import page_of
from tests.soak.play import Plan, Report, Soak
from tests.soak.stage import LANES, Happened, Setting
from tests.soak.weather import BAD_MINUTE, SPELLS, forecast
from veeam_async.simulator.substitutes import SUBSTITUTES

SEED = int(os.environ.get("SOAK_SEED") or random.randrange(1 << 32))
"""Set SOAK_SEED to the number that a failure prints, to see it again."""

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _mute() -> Iterator[None]:
    """What the library logs of a fault is no news here."""
    logger = logging.getLogger("veeam_async")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    yield
    logger.setLevel(before)


# ------------------------------------------------------------- a small soak


def soaked(folder: Path, seed: int, *, lane: int) -> Report:
    """Play a soak over one lane, with client and server in one loop."""
    setting = Setting(
        seed=seed, lanes=[LANES[lane]], storm=30, rate=0.5, apart=True, start=START
    )
    plan = Plan(setting=setting, calm=110, shifts=2, gone_after=20, pause=4.0)
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(Soak(plan, folder, remote=False).run())


@pytest.mark.timeout(240)
@pytest.mark.parametrize("transport", ["direct", "aiohttp"])
def test_nothing_is_lost_doubled_or_made_up(transport: str, tmp_path: Path) -> None:
    """Fetches, watches, waits and runs at once in a storm, by a seed."""
    print(f"SOAK_SEED={SEED}")
    lanes = [n for n, lane in enumerate(LANES) if lane.transport == transport]
    report = soaked(tmp_path, SEED, lane=random.Random(SEED).choice(lanes))

    assert report.violations == []
    assert report.faults.total()
    assert {"came", "STOPPED", "waited", "ran"} <= set(report.counts)


# ---------------------------------------------------------------- the weather


def test_each_kind_of_weather_comes_in_a_long_run() -> None:
    """Each fault, each answer of a restart, the minute of 404, lists in each way."""
    spells = forecast("7 a", 490)
    names = {spell.name for spell in spells}

    assert set(SPELLS) | {f"restart: {answer}" for answer in SUBSTITUTES} <= names
    assert [each.seconds for each in spells].count(BAD_MINUTE) == 1
    assert len([name for name in names if name.startswith("lists: ")]) >= 4


def test_the_same_seed_gives_the_same_weather() -> None:
    """And another seed another one."""
    assert forecast("7 a", 300) == forecast("7 a", 300)
    assert forecast("7 a", 300) != forecast("8 a", 300)


# ------------------------------------------------------------------ the judge

END = 1000.0
RAN = Happened(
    id="s", job="j", created=10, shown=10, ended=20, removed=None, is_retry=False
)
RETRY = Happened(
    id="r", job="j", created=25, shown=25, ended=30, removed=None, is_retry=True
)
WATCH = Line(5, "a/ids-get", "watch", {"watch": 1, "ids": ["s"], "gone_after": 90})
ALL = Line(5, "a/all-get", "watch", {"watch": 1, "ids": None})
START_RUN = Line(9, "a/run-0", "start", {"run": 1, "job": "j", "retries": True})


def told(begun: Line, *events: tuple[float, str]) -> list[Line]:
    """Make lines of a watch that told these of the session, and when."""
    given = {"watch": 1, "id": "s"}
    return [begun, *(Line(at, begun.actor, what, given) for at, what in events)]


def of(actor: str, *lines: tuple[float, str, dict[str, Any]]) -> list[Line]:
    """Make lines of an actor."""
    return [Line(at, actor, what, details) for at, what, details in lines]


def ran(last: str, *, at: float = 31) -> Line:
    """Make the line of a run that was told to have ended."""
    return Line(at, "a/run-0", "ran", {"run": 1, "session": "s", "last": last})


def kinds(lines: Sequence[Line], *truth: Happened) -> list[str]:
    """Judge lines, and give the kinds of what is wrong."""
    return [each.kind for each in judge(lines, {"a": truth or (RAN,)}, END)]


@pytest.mark.parametrize(
    "lines",
    [
        told(WATCH, (11, "FOUND"), (21, "STOPPED")),
        told(ALL, (11, "FOUND"), (12, "CHANGED"), (21, "STOPPED")),
        of("a/fetch-0", (1, "fetch", {"ids": ["s"]}), (2, "came", {"ids": ["s"]})),
        of("a/wait-0", (1, "waits", {"ids": ["s"]}), (21, "waited", {"id": "s"})),
        [START_RUN, ran("s")],
        [Line(500, "a/run-0", "start", {"run": 1, "job": "j", "retries": False})],
    ],
)
def test_what_was_told_as_it_happened_is_right(lines: list[Line]) -> None:
    """No promise is broken then."""
    assert kinds(lines) == []


@pytest.mark.parametrize("begun", [WATCH, ALL])
@pytest.mark.parametrize(
    ("events", "wrong"),
    [
        ([(11, "FOUND")], ["lost"]),
        ([(11, "FOUND"), (12, "FOUND"), (21, "STOPPED")], ["twice"]),
        ([(11, "FOUND"), (21, "STOPPED"), (22, "STOPPED")], ["twice"]),
        ([(11, "FOUND"), (12, "STOPPED")], ["false"]),
        ([(11, "FOUND"), (21, "GONE"), (22, "STOPPED")], ["twice", "false"]),
    ],
)
def test_a_watch_that_tells_something_else_is_found_out(
    begun: Line, events: list[tuple[float, str]], wrong: list[str]
) -> None:
    """Be it of ids or of everything."""
    assert kinds(told(begun, *events)) == wrong


def test_a_session_that_was_removed_is_to_be_gone() -> None:
    """Its end is owed as any other, and told as that."""
    removed = attrs.evolve(RAN, removed=15)

    assert kinds(told(WATCH, (11, "FOUND"), (110, "GONE")), removed) == []
    assert kinds(told(WATCH, (11, "FOUND")), removed) == ["lost"]


def test_a_session_that_a_watch_of_everything_never_showed_is_missed() -> None:
    """Unless it had ended before, or nobody could have seen it."""
    before = Happened(
        id="b", job="j", created=1, shown=1, ended=4, removed=None, is_retry=False
    )

    assert kinds([ALL], RAN, before) == ["missed"]


@pytest.mark.parametrize(
    ("lines", "wrong"),
    [
        (of("a/fetch-0", (1, "fetch", {"ids": ["s"]})), "lost"),
        (of("a/fetch-0", (1, "fetched twice", {"id": "s"})), "twice"),
        (of("a/fetch-0", (1, "fetch ended early", {"ids": ["s"]})), "lost"),
        (of("a/fetch-0", (1, "mixed up", {"id": "s", "came": "t"})), "mixed up"),
        (of("a/wait-0", (1, "waits", {"ids": ["s"]})), "lost"),
        (
            of(
                "a/wait-0",
                (1, "waits", {"ids": ["s"]}),
                (15, "waited", {"id": "s"}),
            ),
            "false",
        ),
        (
            of(
                "a/wait-0",
                (1, "waits", {"ids": ["s"]}),
                (15, "not found", {"id": "s"}),
            ),
            "false",
        ),
        (of("a/wait-0", (1, "raised", {"error": "?"})), "raised"),
    ],
)
def test_what_was_asked_for_and_came_otherwise_is_found_out(
    lines: list[Line], wrong: str
) -> None:
    """Of a fetch, and of a wait."""
    assert kinds(lines) == [wrong]


@pytest.mark.parametrize(
    ("lines", "truth", "wrong"),
    [
        ([START_RUN], (RAN,), ["lost"]),
        ([START_RUN, ran("s")], (RAN, RETRY), ["mixed up"]),
        ([START_RUN, ran("s", at=12)], (RAN,), ["false"]),
        ([START_RUN, ran("t")], (RAN,), ["mixed up"]),
        (
            [START_RUN, Line(40, "a/run-0", "SessionMissing", {"run": 1})],
            (RAN,),
            ["lost"],
        ),
        (
            [START_RUN, Line(40, "a/run-0", "StartUnconfirmed", {"run": 1})],
            (),
            [],
        ),
    ],
)
def test_a_run_that_comes_to_something_else_is_found_out(
    lines: list[Line], truth: tuple[Happened, ...], wrong: list[str]
) -> None:
    """As is one that was lost; that nobody began one may be said."""
    other = Happened(
        id="o", job="k", created=10, shown=10, ended=20, removed=None, is_retry=False
    )

    assert kinds(lines, *truth, other) == wrong


def test_a_job_that_was_started_twice_is_found_out() -> None:
    """By the sessions that are there."""
    again = Happened(
        id="t", job="j", created=12, shown=12, ended=19, removed=None, is_retry=False
    )

    assert "twice" in kinds([START_RUN, ran("s")], RAN, again)


# ------------------------------------------------------------- what is written


def test_what_was_told_is_read_again(tmp_path: Path) -> None:
    """And how often each sort of it was."""
    with Journal(tmp_path / "journal", lambda: 7.5) as journal:
        journal.note("a/fetch-0", "came", ids=["s"])
        journal.count("requests", 3)

        assert list(journal.lines()) == [Line(7.5, "a/fetch-0", "came", {"ids": ["s"]})]
        assert journal.counts == Counter(came=1, requests=3)


def test_the_page_tells_what_must_not_be_and_what_was() -> None:
    """Each promise stands in it, with how often it was broken."""
    report = Report(
        violations=judge([START_RUN], {"a": [RAN]}, END),
        requests=1234,
        faults=Counter(reset=5),
        logons=1,
        sessions=1,
        counts=Counter(ran=2),
        growth=0,
        resident=0,
        turns=Turns(),
    )
    page = page_of(report, seconds=60, seed=7, apart=True)

    assert all(f"| {kind}: {says} |" in page for kind, says in PROMISES.items())
    assert f"| lost: {PROMISES['lost']} | 1 |" in page
    assert "| requests | 1,234 |" in page


def test_the_turns_of_a_loop_are_measured() -> None:
    """By the work of the thread, in which waiting is none."""

    async def work() -> int:
        await asyncio.sleep(0.01)
        return len(asyncio.all_tasks())

    with timed() as turns, asyncio.Runner() as runner:
        assert runner.run(work()) == 1
    count = turns.count
    with asyncio.Runner() as runner:
        runner.run(work())

    assert turns.count == count > 1
    assert turns.longest > 0


async def test_what_a_process_holds_is_counted() -> None:
    """A task more is one more."""
    before = kept()
    task = asyncio.create_task(asyncio.sleep(60))
    after = kept()
    task.cancel()

    assert after.tasks == before.tasks + 1
