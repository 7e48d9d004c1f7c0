"""What is run (plan.toml), the targets that a run is held against, and WATCH.md."""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from math import nan
from pathlib import Path
from typing import Any

import attrs
from cattrs import structure

from benchmarks.serving import Figures
from benchmarks.suite import MISSING, Row, judge, markdown
from benchmarks.watching.following import feed, follow, wait
from benchmarks.watching.holding import hold, watch_as_a_fleet
from benchmarks.watching.hours import pass_a_week, pass_an_hour_away

_TEMPLATE = Path(__file__).parent.with_name("WATCH.template")
_KIB, _MIB = 2**10, 2**20

KEYS = ("following", "waits", "tracker", "managers", "memory", "week", "away")
"""What can be chosen to be measured."""

_UNTIMED = ("memory", "week", "away")
_CALLED = (follow, wait, feed, watch_as_a_fleet, hold, pass_a_week, pass_an_hour_away)
_FUNCTIONS: dict[str, Callable[..., Figures]] = {one.__name__: one for one in _CALLED}


@attrs.frozen
class Part:
    """A *function* with what it is *given*, and the *key* of the rows that need it."""

    name: str
    key: str
    function: str
    given: dict[str, Any]

    @property
    def call(self) -> Callable[..., Figures]:
        """The function."""
        return _FUNCTIONS[self.function]

    @property
    def is_timed(self) -> bool:
        """Whether it tells of times, which something beside it would change."""
        return self.key not in _UNTIMED


@attrs.frozen(kw_only=True)
class Plan:
    """How much is measured, and the numbers that rows speak of, times in seconds.

    Of the numbers *held* in memory, the growth is taken between the first and the
    third, and the last is the whole that the target speaks of. *at_once* parts that
    tell no times run at the same time, and *timed_at_once* others.
    """

    sizes: tuple[int, int, int]
    interval: float
    held: tuple[int, int, int, int]
    managers: int
    managers_interval: float
    at_once: int
    timed_at_once: int
    parts: list[Part]


_PLAN = Path(__file__).with_name("plan.toml").read_text(encoding="utf-8")
_PLANS = tomllib.loads(_PLAN)
FULL, QUICK = structure(_PLANS["full"], Plan), structure(_PLANS["quick"], Plan)


@attrs.frozen(kw_only=True)
class Run:
    """What each part found, by its name, and why one *failed*."""

    machine: dict[str, str]
    minutes: float
    quick: bool
    parts: dict[str, Any]
    failed: dict[str, str]

    @property
    def plan(self) -> Plan:
        """How much was measured."""
        return QUICK if self.quick else FULL

    def __getitem__(self, name: str) -> Figures:
        """Give what a part found, MISSING where it failed or did not run."""
        found: Figures = self.parts.get(name, MISSING)
        return found

    def held(self, *, everything: bool) -> dict[int, float]:
        """Give the peaks of memory by the number of sessions, where there are some."""
        how = "of everything" if everything else "by their ids"
        names = {n: f"memory of {n:,} {how}" for n in self.plan.held}
        return {n: self[x]["peak"] for n, x in names.items() if x in self.parts}


def page(run: Run, rows: Iterable[Row]) -> str:
    """Write the whole page."""
    return _TEMPLATE.read_text(encoding="utf-8").format(
        machine=defaultdict(lambda: "none", run.machine),
        minutes=run.minutes,
        quick="\n- **a quick run**: too short to be quoted" if run.quick else "",
        table=table(rows),
    )


def table(rows: Iterable[Row]) -> str:
    """Write the table."""
    return markdown(("what", "target", "measured", "ratio", ""), map(_cells, rows))


def _cells(row: Row) -> tuple[str, ...]:
    """Write a row as a line of a table of the table."""
    ratio = "" if row.value is None else _ratio(row.value, row.unit)
    return row.what, row.wanted, row.figures, ratio, row.verdict


def _ratio(ratio: float, unit: str) -> str:
    """Write a small ratio as the part that it is, and an amount with its unit."""
    if unit:
        return f"{ratio:.2f}{unit}"
    if 0 < ratio < 0.2:
        return f"1/{1 / ratio:.1f}"
    return f"{ratio:.2f}" if ratio != 1 else "1"


def targets(found: Run) -> Iterator[Row]:
    """Hold all that was found against all targets."""
    yield from _following(found)
    yield from _waits(found["waits"])
    fed = found["tracker"]
    yield judge(
        "observations without a change, over bare look-ups of their ids",
        "≥ 1/10",
        fed["look_up"] / fed["feed"],
        f"{fed['feed']:,.0f} ns, {fed['look_up']:,.0f} ns a look-up",
        key="tracker",
    )
    yield from _managers(found.plan, found["managers"])
    yield from _memory(found)
    yield from _week(found["week"])
    yield from _away("by their ids", found["away"])
    yield from _away("everything", found["away, everything"])


def _following(found: Run) -> Iterator[Row]:
    row, plan = partial(judge, key="following"), found.plan
    watched = [found[f"query, {size:,} sessions"] for size in plan.sizes]
    most, gets = watched[-1], found["gets"]
    yield row(
        "requests of a round, over one GET each",
        "≤ 1/50",
        most["requests"] / gets["requests"],
        f"{most['requests']:,.1f}, {gets['requests']:,.0f} by GETs",
    )
    yield row(
        "client CPU of a round, over decoding its pages alone",
        "≤ 3",
        most["cpu"] / most["decoding"],
        f"{most['cpu'] * 1e3:,.0f} ms, {most['decoding'] * 1e3:,.0f} ms decoding",
    )
    costs = [one["cpu"] / n * 1e6 for one, n in zip(watched, plan.sizes, strict=True)]
    each = zip(costs, plan.sizes, strict=True)
    _, some, many = plan.sizes
    # More than caches and noise would not be linear.
    yield row(
        f"CPU of a session in a round, at {many:,} over at {some:,}",
        "≤ 1.25",
        costs[-1] / costs[-2],
        ", ".join(f"{cost:,.0f} µs at {n:,}" for cost, n in each),
    )
    for name, wanted in (("p50", "≤ 0.6"), ("p99", "≤ 1.15")):
        what = f"delay from the change to the event, {name}, over the interval"
        figures = f"{most[name]:.2f} s, seen after {most[f'seen_{name}']:.2f} s"
        yield row(what, wanted, most[name] / plan.interval, figures)
    kept = most["changes"] - most["missing"] - most["doubled"]
    yield _all("following", "changes at the server told once", kept, most["changes"])


def _waits(found: Figures) -> Iterator[Row]:
    yield judge(
        "requests of many waits at once, over as many lone loops",
        "≤ 1/20",
        found["requests"] / found["loops"],
        f"{found['requests']:,}, {found['loops']:,} by loops",
        key="waits",
    )
    what = "waits that returned, of those whose session ended"
    yield _all("waits", what, found["ended"] - found["missing"], found["ended"])


def _managers(plan: Plan, fleet: Figures) -> Iterator[Row]:
    row, every = partial(judge, key="managers"), f"{plan.managers_interval:g} s"
    many = f"{plan.managers} managers, tls=True, each watching all every {every}"
    made = f"{fleet['looks']:,} looks; {fleet['made'] * 1e3:,.0f} ms to make them"
    yield row(f"{many}: CPU over the time", "", fleet["share"], made)
    whole = f"{fleet['each'] * plan.managers / _MIB:.1f} MiB"
    yield row(f"{many}: memory of each", "", fleet["each"] / _KIB, whole, unit=" KiB")


def _memory(found: Run) -> Iterator[Row]:
    row, what = partial(judge, key="memory", unit=" KiB"), "memory of a watched session"
    few, _, some, most = found.plan.held
    named, every = found.held(everything=False), found.held(everything=True)
    grown = named.get(some, nan) - named.get(few, nan)
    yield row(
        f"{what} by its id, from {few:,} to {some:,}",
        "≤ 4",
        grown / _KIB / (some - few),
        _mebibytes({n: one for n, one in named.items() if n in (few, some)}),
    )
    for by, peaks, wanted in (("by ids", named, ""), ("everything", every, "≤ 5")):
        each = peaks.get(most, nan) / _KIB / most
        whole = f"{what}, the whole process, {by}, {most:,}"
        yield row(whole, wanted, each, _mebibytes(peaks))


def _mebibytes(peaks: dict[int, float]) -> str:
    return ", ".join(f"{one / _MIB:.1f} MiB at {size:,}" for size, one in peaks.items())


def _week(week: Figures) -> Iterator[Row]:
    row, of = partial(judge, key="week"), "after a week of everything, over the first"
    last, first = week["last_resident"], week["first_resident"]
    told = f"{last / _MIB:.1f} MiB, {first / _MIB:.1f} MiB"
    yield row(f"resident memory {of} day's", "≤ 1.1", last / first, told)
    last, first = week["last_blocks"], week["first_blocks"]
    told = f"{last:,.0f}, {first:,.0f}"
    yield row(f"blocks of the watch {of} day's", "≤ 1.1", last / first, told)
    what = "sessions of the week found once and ended once"
    yield _all("week", what, week["once"], week["sessions"])


def _away(of: str, hours: Figures) -> Iterator[Row]:
    yield judge(
        f"requests while the server is away, over a healthy hour, {of}",
        "≤ 0.1",
        hours["away"] / hours["healthy"],
        f"{hours['away']:,}, {hours['healthy']:,} in the healthy hour",
        key="away",
    )
    what = f"sessions accounted for after it came back, {of}"
    yield _all("away", what, hours["once"], hours["sessions"])


def _all(key: str, what: str, kept: float, count: float) -> Row:
    """Judge a row that is met where all of the *count* were *kept*."""
    return judge(what, "all", kept / (count or nan), f"{kept:,} of {count:,}", key=key)
