"""What is run for which rows: each part is a call in a process of its own."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import attrs
from cattrs import structure

from benchmarks.serving import Figures
from benchmarks.watching.feeding import feed
from benchmarks.watching.following import follow, wait
from benchmarks.watching.holding import hold, watch_as_a_fleet
from benchmarks.watching.hours import pass_a_week, pass_an_hour_away

KEYS = ("following", "waits", "tracker", "managers", "memory", "week", "away")
"""What can be chosen to be measured."""

GETS, WAITS, TRACKER, WEEK = "gets", "waits", "tracker", "week"
AWAY, AWAY_EVERYTHING, MANAGERS = "away", "away, everything", "managers"


@attrs.frozen
class Part:
    """A *call*, and the *key* of the rows that need it.

    *alone*: it tells of times, which something that runs beside it would change.
    """

    name: str
    key: str
    call: Callable[[], Figures]
    alone: bool = True


@attrs.frozen(kw_only=True)
class Plan:
    """How much is measured; *sizes* are numbers of sessions, times are in seconds.

    *few* rounds are watched, *many* of the greatest size, which the delays are taken
    from. Of the numbers *held* in memory, the growth is taken between the first and
    the third, and the last is the whole that the target speaks of. *at_once* parts that
    tell no times run at the same time, and *timed_at_once* others.
    """

    sizes: tuple[int, int, int]
    interval: float
    few: int
    many: int
    waits: int
    waits_interval: float
    observations: int
    feedings: int
    day: float
    day_sessions: int
    held: tuple[int, int, int, int]
    held_interval: float
    looks: int
    managers: int
    managers_interval: float
    at_once: int
    timed_at_once: int

    def parts(self) -> Iterator[Part]:
        """Give all of them."""
        few, most = self.few, self.sizes[-1]
        for size in self.sizes:
            rounds = self.many if size == most else few
            query = partial(follow, size, "query", self.interval, rounds)
            yield Part(query_name(size), "following", query)
        gets = partial(follow, most, "get", self.interval, 2, share=0.0)
        yield Part(GETS, "following", gets)
        waits = partial(wait, self.waits, self.waits_interval, 2 * few)
        yield Part(WAITS, "waits", waits)
        yield Part(TRACKER, "tracker", partial(feed, self.observations, self.feedings))
        fleet = partial(watch_as_a_fleet, self.managers, 100, self.managers_interval)
        yield Part(MANAGERS, "managers", partial(fleet, few))
        yield from self._held()
        week = partial(pass_a_week, 7, self.day, self.day_sessions, 60.0)
        yield Part(WEEK, "week", week, alone=False)
        for name in (AWAY, AWAY_EVERYTHING):
            everything = name == AWAY_EVERYTHING
            away = partial(pass_an_hour_away, most, 60.0, everything=everything)
            yield Part(name, "away", away, alone=False)

    def _held(self) -> Iterator[Part]:
        """Hold each number by ids, all but the third as everything too; most first."""
        for size in reversed(self.held):
            for everything in (False,) if size == self.held[2] else (True, False):
                holding = partial(hold, size, self.held_interval, self.looks)
                holding = partial(holding, everything=everything)
                name = held_name(size, everything=everything)
                yield Part(name, "memory", holding, alone=False)


def query_name(size: int) -> str:
    """Give the name of the part that watches so many sessions by query."""
    return f"query, {size:,} sessions"


def held_name(size: int, *, everything: bool) -> str:
    """Give the name of the part that holds so many sessions in memory."""
    return f"memory of {size:,} {'of everything' if everything else 'by their ids'}"


_PLANS = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
FULL, QUICK = structure(_PLANS["full"], Plan), structure(_PLANS["quick"], Plan)
