"""The targets of watching at scale, and what each is made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import attrs
from cattrs import structure

from benchmarks.target import Figure, MissingError, Target, share
from benchmarks.watching.feeding import Fed
from benchmarks.watching.following import Followed
from benchmarks.watching.holding import Fleet, Held
from benchmarks.watching.hours import Passed, Survived
from benchmarks.watching.plan import (
    AWAY,
    AWAY_EVERYTHING,
    GETS,
    MANAGERS,
    TRACKER,
    WAITS,
    WEEK,
    Plan,
    held_name,
    query_name,
)
from benchmarks.watching.waiting import Waited

K = TypeVar("K")

_KIB, _MIB = 2**10, 2**20


@attrs.frozen
class Found:
    """What the parts of a *plan* found, by their names."""

    plan: Plan
    parts: dict[str, Any]

    def get(self, name: str, kind: type[K]) -> K:
        """Give what a part found; MissingError where it failed or did not run."""
        if name not in self.parts:
            raise MissingError
        return structure(self.parts[name], kind)

    def followed(self, size: int) -> Followed:
        """Give what came of the watch of so many sessions by query."""
        return self.get(query_name(size), Followed)

    @property
    def most(self) -> Followed:
        """What came of the greatest watch."""
        return self.followed(self.plan.most)

    def held(self, *sizes: int, everything: bool) -> dict[int, float]:
        """Give the peaks of memory of these numbers of sessions, where they ran."""
        names = {size: held_name(size, everything=everything) for size in sizes}
        return {
            size: self.get(name, Held).peak
            for size, name in names.items()
            if name in self.parts
        }


def targets(plan: Plan) -> list[Target[Found]]:
    """Give all targets of watching."""
    _, some, many = plan.sizes
    few, _, third, most = plan.held
    fleet = f"{plan.managers} managers, tls=True, each watching all every"
    fleet = f"{fleet} {plan.managers_interval:g} s"
    each = "memory of a watched session"
    late = "delay from the change to the event"
    away = "requests while the server is away, over a healthy hour"
    back = "sessions accounted for after it came back"
    week = "after a week of everything, over the first day's"
    return [
        _row("requests", "requests of a round, over one GET each", "≤ 1/50", _requests),
        _row(
            "cpu", "client CPU of a round, over decoding its pages alone", "≤ 3", _cpu
        ),
        _row(
            "cpu",
            f"CPU of a session in a round, at {many:,} over at {some:,}",
            "≤ 1.25",
            _linear,
        ),
        _row("delay", f"{late}, p50, over the interval", "≤ 0.6", _delay("p50")),
        _row("delay", f"{late}, p99, over the interval", "≤ 1.15", _delay("p99")),
        _row("delay", "changes at the server told once", "all", _told),
        _row(
            "waits",
            "requests of many waits at once, over as many lone loops",
            "≤ 1/20",
            _waits,
        ),
        _row(
            "waits",
            "waits that returned, of those whose session ended",
            "all",
            _returned,
        ),
        _row(
            "tracker",
            "observations without a change, over bare look-ups of their ids",
            "≥ 1/10",
            _tracker,
        ),
        _row("managers", f"{fleet}: CPU over the time", "", _share),
        _row("managers", f"{fleet}: memory of each", "", _manager, " KiB"),
        _row(
            "memory",
            f"{each} by its id, from {few:,} to {third:,}",
            "≤ 4",
            _grown,
            " KiB",
        ),
        _row(
            "memory",
            f"{each}, the whole process, by ids, {most:,}",
            "",
            _whole(everything=False),
            " KiB",
        ),
        _row(
            "memory",
            f"{each}, the whole process, everything, {most:,}",
            "≤ 5",
            _whole(everything=True),
            " KiB",
        ),
        _row("week", f"resident memory {week}", "≤ 1.1", _resident),
        _row("week", f"blocks of the watch {week}", "≤ 1.1", _blocks),
        _row("week", "sessions of the week found once and ended once", "all", _week),
        _row("away", f"{away}, by their ids", "≤ 0.1", _away(AWAY)),
        _row("away", f"{back}, by their ids", "all", _back(AWAY)),
        _row("away", f"{away}, everything", "≤ 0.1", _away(AWAY_EVERYTHING)),
        _row("away", f"{back}, everything", "all", _back(AWAY_EVERYTHING)),
    ]


Measure = Callable[[Found], Figure]


def _row(
    key: str, what: str, wanted: str, figure: Measure, unit: str = ""
) -> Target[Found]:
    return Target(what, wanted, figure, unit, key)


def _requests(found: Found) -> Figure:
    ours, gets = found.most.requests, found.get(GETS, Followed).requests
    return Figure(ours / gets, f"{ours:,.1f}, {gets:,.0f} by GETs")


def _cpu(found: Found) -> Figure:
    cpu, bare = found.most.cpu, found.most.decoding
    return Figure(cpu / bare, f"{cpu * 1e3:,.0f} ms, {bare * 1e3:,.0f} ms decoding")


def _linear(found: Found) -> Figure:
    """Compare with the size below: more than caches and noise would be no line."""
    sizes = found.plan.sizes
    costs = [found.followed(size).cpu / size * 1e6 for size in sizes]
    each = zip(costs, sizes, strict=True)
    told = ", ".join(f"{cost:,.0f} µs at {size:,}" for cost, size in each)
    return Figure(costs[2] / costs[1], told)


def _delay(name: str) -> Measure:
    def figure(found: Found) -> Figure:
        delays = found.most.delays
        taken, seen = getattr(delays, name), getattr(delays, f"seen_{name}")
        told = f"{taken:.2f} s, seen after {seen:.2f} s"
        return Figure(taken / found.plan.interval, told)

    return figure


def _told(found: Found) -> Figure:
    told = found.most.delays
    return share(told.changes - told.missing - told.doubled, told.changes)


def _waits(found: Found) -> Figure:
    both = found.get(WAITS, Waited)
    ours, alone = both.waits.requests, both.loops.requests
    return Figure(ours / alone, f"{ours:,}, {alone:,} by loops")


def _returned(found: Found) -> Figure:
    waits = found.get(WAITS, Waited).waits
    return share(waits.ended - waits.missing, waits.ended)


def _tracker(found: Found) -> Figure:
    fed = found.get(TRACKER, Fed)
    told = f"{fed.feed:,.0f} ns, {fed.look_up:,.0f} ns a look-up"
    return Figure(fed.look_up / fed.feed, told)


def _share(found: Found) -> Figure:
    fleet = found.get(MANAGERS, Fleet)
    told = f"{fleet.looks:,} looks; {fleet.made * 1e3:,.0f} ms to make them"
    return Figure(fleet.share, told)


def _manager(found: Found) -> Figure:
    each = found.get(MANAGERS, Fleet).each
    return Figure(each / _KIB, f"{each * found.plan.managers / _MIB:.1f} MiB")


def _grown(found: Found) -> Figure:
    few, _, third, _ = found.plan.held
    peaks = found.held(few, third, everything=False)
    if len(peaks) < 2:
        raise MissingError
    kib = (peaks[third] - peaks[few]) / _KIB / (third - few)
    return Figure(kib, _mebibytes(peaks))


def _whole(*, everything: bool) -> Measure:
    def figure(found: Found) -> Figure:
        *_, most = found.plan.held
        peaks = found.held(*found.plan.held, everything=everything)
        if most not in peaks:
            raise MissingError
        return Figure(peaks[most] / _KIB / most, _mebibytes(peaks))

    return figure


def _mebibytes(peaks: dict[int, float]) -> str:
    return ", ".join(f"{one / _MIB:.1f} MiB at {size:,}" for size, one in peaks.items())


def _resident(found: Found) -> Figure:
    week = found.get(WEEK, Passed)
    last, first = week.last.resident, week.first.resident
    if not first:
        raise MissingError
    return Figure(last / first, f"{last / _MIB:.1f} MiB, {first / _MIB:.1f} MiB")


def _blocks(found: Found) -> Figure:
    week = found.get(WEEK, Passed)
    last, first = week.last.blocks, week.first.blocks
    return Figure(last / first, f"{last:,.0f}, {first:,.0f}")


def _week(found: Found) -> Figure:
    week = found.get(WEEK, Passed)
    return share(week.once, week.sessions)


def _away(name: str) -> Measure:
    def figure(found: Found) -> Figure:
        hours = found.get(name, Survived)
        told = f"{hours.away:,}, {hours.healthy:,} in the healthy hour"
        return Figure(hours.away / hours.healthy, told)

    return figure


def _back(name: str) -> Measure:
    def figure(found: Found) -> Figure:
        hours = found.get(name, Survived)
        return share(hours.once, hours.sessions)

    return figure
