"""The targets of watching at scale, each held against what was measured."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Literal

import attrs

from benchmarks.watching.away import Survived
from benchmarks.watching.feeding import Fed
from benchmarks.watching.fleet import Fleet
from benchmarks.watching.following import Followed
from benchmarks.watching.holding import Held
from benchmarks.watching.measured import Measured
from benchmarks.watching.plan import (
    AWAY,
    AWAY_EVERYTHING,
    GETS,
    MANAGERS,
    TRACKER,
    WAITS,
    WEEK,
    Key,
    Plan,
    held_name,
    query_name,
)
from benchmarks.watching.waiting import Waited
from benchmarks.watching.week import Passed

_KIB, _MIB = 2**10, 2**20
_LINEAR = 1.25
"""CPU of a session among many over that among few: the rest is caches and noise."""

Verdict = Literal["met", "missed", "not measured", "no target"]


@attrs.frozen(kw_only=True)
class Row:
    """What is wanted: a *ratio* of at most or at least *wanted*; None was not measured.

    *bound* is how that is written, *figures* are what the ratio was made of. Where
    *wanted* is None, it is told and not judged.
    """

    key: Key
    what: str
    wanted: float | None
    at_most: bool = True
    bound: str = ""
    ratio: float | None = None
    figures: str = ""
    unit: str = ""

    @property
    def verdict(self) -> Verdict:
        """Whether it is met."""
        if self.ratio is None:
            return "not measured"
        if self.wanted is None:
            return "no target"
        if self.at_most:
            return "met" if self.ratio <= self.wanted else "missed"
        return "met" if self.ratio >= self.wanted else "missed"


def rows(measured: Measured, plan: Plan, keys: Collection[Key]) -> list[Row]:
    """Give the rows of these keys."""
    return [row for row in _rows(measured, plan) if row.key in keys]


def _rows(measured: Measured, plan: Plan) -> Iterator[Row]:
    most = measured.get(query_name(plan.most), Followed)
    yield _requests(most, measured.get(GETS, Followed))
    yield _cpu(most)
    yield _linear(measured, plan)
    yield from _delays(most, plan.interval)
    yield from _waits(measured.get(WAITS, Waited))
    yield _tracker(measured.get(TRACKER, Fed))
    yield from _managers(measured.get(MANAGERS, Fleet), plan)
    yield from _memory(measured, plan)
    yield from _week(measured.get(WEEK, Passed))
    for name in (AWAY, AWAY_EVERYTHING):
        yield from _away(name, measured.get(name, Survived))


def _requests(found: Followed | None, gets: Followed | None) -> Row:
    row = Row(
        key="requests",
        what="requests of a round, over one GET each",
        wanted=1 / 50,
        bound="≤ 1/50",
    )
    if found is None or gets is None:
        return row
    return attrs.evolve(
        row,
        ratio=found.requests / gets.requests,
        figures=f"{found.requests:,.1f}, {gets.requests:,.0f} by GETs",
    )


def _cpu(found: Followed | None) -> Row:
    row = Row(
        key="cpu",
        what="client CPU of a round, over decoding its pages alone",
        wanted=3,
        bound="≤ 3",
    )
    if found is None:
        return row
    return attrs.evolve(
        row,
        ratio=found.cpu / found.decoding,
        figures=f"{found.cpu * 1e3:,.0f} ms, {found.decoding * 1e3:,.0f} ms decoding",
    )


def _linear(measured: Measured, plan: Plan) -> Row:
    """Compare the CPU of a session at the greatest size with that at the one below."""
    costs = {}
    for size in plan.sizes:
        found = measured.get(query_name(size), Followed)
        if found is not None:
            costs[size] = found.cpu / size * 1e6
    _, some, many = plan.sizes
    each = ", ".join(f"{cost:,.0f} µs at {size:,}" for size, cost in costs.items())
    return Row(
        key="cpu",
        what=f"CPU of a session in a round, at {many:,} over at {some:,}",
        wanted=_LINEAR,
        bound=f"≤ {_LINEAR}",
        ratio=costs[many] / costs[some] if {some, many} <= set(costs) else None,
        figures=each,
    )


def _delays(found: Followed | None, interval: float) -> Iterator[Row]:
    told = None if found is None else found.delays
    for name, wanted in (("p50", 0.6), ("p99", 1.15)):
        row = Row(
            key="delay",
            what=f"delay from the change to the event, {name}, over the interval",
            wanted=wanted,
            bound=f"≤ {wanted}",
        )
        if told is not None:
            taken = getattr(told, name)
            figures = f"{taken:.2f} s, seen after {getattr(told, f'seen_{name}'):.2f} s"
            row = attrs.evolve(row, ratio=taken / interval, figures=figures)
        yield row
    what = "changes at the server told once"
    if told is None:
        yield _once("delay", what, None, 0)
    else:
        kept = told.changes - told.missing - told.doubled
        yield _once("delay", what, kept, told.changes)


def _waits(found: Waited | None) -> Iterator[Row]:
    row = Row(
        key="waits",
        what="requests of many waits at once, over as many lone loops",
        wanted=1 / 20,
        bound="≤ 1/20",
    )
    what = "waits that returned, of those whose session ended"
    if found is None:
        yield from (row, _once("waits", what, None, 0))
        return
    ours, alone = found.waits, found.loops
    yield attrs.evolve(
        row,
        ratio=ours.requests / alone.requests,
        figures=f"{ours.requests:,}, {alone.requests:,} by loops",
    )
    yield _once("waits", what, ours.ended - ours.missing, ours.ended)


def _tracker(found: Fed | None) -> Row:
    row = Row(
        key="tracker",
        what="observations without a change, over bare look-ups of their ids",
        wanted=1 / 10,
        at_most=False,
        bound="≥ 1/10",
    )
    if found is None:
        return row
    return attrs.evolve(
        row,
        ratio=found.look_up / found.feed,
        figures=f"{found.feed:,.0f} ns, {found.look_up:,.0f} ns a look-up",
    )


def _managers(found: Fleet | None, plan: Plan) -> Iterator[Row]:
    every = f"every {plan.managers_interval:g} s"
    many = f"{plan.managers} managers, tls=True, each watching all {every}"
    share = Row(key="managers", what=f"{many}: CPU over the time", wanted=None)
    memory = Row(
        key="managers", what=f"{many}: memory of each", wanted=None, unit=" KiB"
    )
    if found is not None:
        made = f"{found.looks:,} looks; {found.made * 1e3:,.0f} ms to make them"
        share = attrs.evolve(share, ratio=found.share, figures=made)
        whole = f"{found.each * plan.managers / _MIB:.1f} MiB"
        memory = attrs.evolve(memory, ratio=found.each / _KIB, figures=whole)
    yield from (share, memory)


def _memory(measured: Measured, plan: Plan) -> Iterator[Row]:
    few, _, some, most = plan.held
    named, every = (_peaks(measured, plan, everything=each) for each in (False, True))
    grown = Row(
        key="memory",
        what=f"memory of a watched session by its id, from {few:,} to {some:,}",
        wanted=4,
        bound="≤ 4 KiB",
        unit=" KiB",
        figures=_mebibytes(named, few, some),
    )
    if {few, some} <= set(named):
        kib = (named[some] - named[few]) / _KIB / (some - few)
        grown = attrs.evolve(grown, ratio=kib)
    yield grown
    what = "memory of a watched session, the whole process"
    yield _whole(f"{what}, by ids, {most:,}", named, plan, None)
    yield _whole(f"{what}, everything, {most:,}", every, plan, 5)


def _peaks(measured: Measured, plan: Plan, *, everything: bool) -> dict[int, float]:
    found = {
        size: measured.get(held_name(size, everything=everything), Held)
        for size in plan.held
    }
    return {size: one.peak for size, one in found.items() if one is not None}


def _whole(what: str, peaks: dict[int, float], plan: Plan, wanted: float | None) -> Row:
    most = plan.held[-1]
    return Row(
        key="memory",
        what=what,
        wanted=wanted,
        bound="" if wanted is None else f"≤ {wanted:g} KiB",
        ratio=peaks[most] / _KIB / most if most in peaks else None,
        unit=" KiB",
        figures=_mebibytes(peaks, *plan.held),
    )


def _mebibytes(peaks: dict[int, float], *sizes: int) -> str:
    known = [size for size in sizes if size in peaks]
    return ", ".join(f"{peaks[size] / _MIB:.1f} MiB at {size:,}" for size in known)


def _week(found: Passed | None) -> Iterator[Row]:
    resident, blocks = (
        Row(
            key="week",
            what=f"{what} after a week of everything, over the first day's",
            wanted=1.1,
            bound="≤ 1.1",
        )
        for what in ("resident memory", "blocks of the watch")
    )
    what = "sessions of the week found once and ended once"
    if found is None:
        yield from (resident, blocks, _once("week", what, None, 0))
        return
    first, last = found.first, found.last
    if first.resident:
        figures = f"{last.resident / _MIB:.1f} MiB, {first.resident / _MIB:.1f} MiB"
        resident = attrs.evolve(
            resident, ratio=last.resident / first.resident, figures=figures
        )
    yield resident
    figures = f"{last.blocks:,.0f}, {first.blocks:,.0f}"
    yield attrs.evolve(blocks, ratio=last.blocks / first.blocks, figures=figures)
    yield _once("week", what, found.once, found.sessions)


def _away(name: str, found: Survived | None) -> Iterator[Row]:
    of = ", everything" if name == AWAY_EVERYTHING else ", by their ids"
    row = Row(
        key="away",
        what=f"requests while the server is away, over a healthy hour{of}",
        wanted=0.1,
        bound="≤ 0.1",
    )
    what = f"sessions accounted for after it came back{of}"
    if found is None:
        yield from (row, _once("away", what, None, 0))
        return
    yield attrs.evolve(
        row,
        ratio=found.away / found.healthy,
        figures=f"{found.away:,}, {found.healthy:,} in the healthy hour",
    )
    yield _once("away", what, found.once, found.sessions)


def _once(key: Key, what: str, kept: int | None, count: int) -> Row:
    """Give a row that is met where all of the *count* were *kept*."""
    row = Row(key=key, what=what, wanted=1, at_most=False, bound="all")
    if kept is None or count == 0:
        return row
    return attrs.evolve(row, ratio=kept / count, figures=f"{kept:,} of {count:,}")
