"""From rounds to the few numbers that describe them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median

import attrs

from benchmarks.case import Case, Round


@attrs.frozen(kw_only=True)
class Spread:
    """The median of some measurements, with the least and the greatest."""

    median: float
    min: float
    max: float

    @classmethod
    def of(cls, measured: Sequence[float]) -> Spread:
        """Describe what was *measured*."""
        return cls(median=median(measured), min=min(measured), max=max(measured))


@attrs.frozen(kw_only=True)
class Summary:
    """What the rounds of one case came to.

    *rate* is in requests a second; *wall*, *cpu* and *server* are microseconds a
    request: by the clock, of the client's processor and of the server's; *busy* is the
    share of the time that the server's processor was busy, *first* the milliseconds
    until the first answer of a warm client.
    """

    case: Case
    rounds: int
    count: int
    rate: Spread
    wall: Spread
    cpu: Spread
    server: Spread
    busy: Spread
    first: Spread


def summarise(case: Case, rounds: Sequence[Round]) -> Summary:
    """Describe the *rounds* of a *case*."""

    def spread(number: Callable[[Round], float]) -> Spread:
        return Spread.of([number(one) for one in rounds])

    return Summary(
        case=case,
        rounds=len(rounds),
        count=sum(one.count for one in rounds),
        rate=spread(lambda one: one.count / one.wall),
        wall=spread(lambda one: one.wall / one.count * 1e6),
        cpu=spread(lambda one: one.cpu / one.count * 1e6),
        server=spread(lambda one: one.server / one.count * 1e6),
        busy=spread(lambda one: one.server / one.wall),
        first=spread(lambda one: one.first * 1e3),
    )
