"""What is run for which rows: each part is a function with an errand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import attrs

from benchmarks.watching import feeding, following, holding, hours, waiting

KEYS = (
    *("requests", "cpu", "delay", "waits", "tracker"),
    *("managers", "memory", "week", "away"),
)
"""What can be chosen to be measured."""

GETS, WAITS, TRACKER, WEEK = "gets", "waits", "tracker", "week"
AWAY, AWAY_EVERYTHING, MANAGERS = "away", "away, everything", "managers"
_DAY = 86_400.0


@attrs.frozen
class Part:
    """What runs in a process of its own, and the keys of the rows that need it.

    *alone*: it tells of times, which something that runs beside it would change.
    """

    name: str
    function: Callable[[Any], Any]
    errand: attrs.AttrsInstance
    keys: frozenset[str]
    alone: bool = True


@attrs.frozen(kw_only=True)
class Plan:
    """How much is measured; *sizes* are numbers of sessions, times are in seconds.

    *few* rounds are watched, *many* of the greatest size, which the delays are taken
    from. Of the numbers *held* in memory, the growth is taken between the first and
    the third, and the last is the whole that the target speaks of. *at_once* parts that
    tell no times run at the same time, and *timed_at_once* others.
    """

    sizes: tuple[int, int, int] = (100, 1_000, 10_000)
    interval: float = 5.0
    few: int = 3
    many: int = 12
    waits: int = 400
    waits_interval: float = 2.0
    observations: int = 10_000
    feedings: int = 15
    day: float = _DAY
    day_sessions: int = 50_000
    held: tuple[int, int, int, int] = (1_000, 10_000, 20_000, 50_000)
    held_interval: float = 2.0
    looks: int = 4
    managers: int = 50
    managers_interval: float = 4.0
    at_once: int = 2
    timed_at_once: int = 1

    @property
    def most(self) -> int:
        """The number of sessions that the targets speak of."""
        return self.sizes[-1]

    def parts(self) -> Iterator[Part]:
        """Give all of them, those that tell times first."""
        yield from self._followed()
        yield _part(
            WAITS,
            waiting.wait,
            waiting.Errand(
                waits=self.waits, interval=self.waits_interval, rounds=2 * self.few
            ),
        )
        yield _part(
            TRACKER,
            feeding.feed,
            feeding.Errand(sessions=self.observations, rounds=self.feedings),
        )
        yield _part(
            MANAGERS,
            holding.watch_as_a_fleet,
            holding.FleetErrand(
                managers=self.managers,
                sessions=100,
                interval=self.managers_interval,
                rounds=self.few,
            ),
        )
        yield from self._held()
        yield from self._hours()

    def _followed(self) -> Iterator[Part]:
        """Watch by query at each size, and by GETs at the greatest one."""
        for size in self.sizes:
            most = size == self.most
            errand = following.Errand(
                sessions=size,
                strategy="query",
                interval=self.interval,
                rounds=self.many if most else self.few,
            )
            keys = ("requests", "cpu", "delay") if most else ("cpu",)
            yield _part(query_name(size), following.follow, errand, *keys)
        gets = following.Errand(
            sessions=self.most,
            strategy="get",
            interval=self.interval,
            rounds=2,
            share=0.0,
        )
        yield _part(GETS, following.follow, gets, "requests")

    def _held(self) -> Iterator[Part]:
        """Hold each number by ids, all but the third as everything too; most first."""
        for size in reversed(self.held):
            for everything in (False,) if size == self.held[2] else (True, False):
                errand = holding.HoldErrand(
                    sessions=size,
                    everything=everything,
                    interval=self.held_interval,
                    looks=self.looks,
                )
                name = held_name(size, everything=everything)
                yield _part(name, holding.hold, errand, "memory", alone=False)

    def _hours(self) -> Iterator[Part]:
        week = hours.WeekErrand(
            days=7, day=self.day, sessions=self.day_sessions, interval=60.0
        )
        yield _part(WEEK, hours.pass_a_week, week, alone=False)
        for name, everything in ((AWAY, False), (AWAY_EVERYTHING, True)):
            away = hours.AwayErrand(
                sessions=self.most, interval=60.0, everything=everything
            )
            yield _part(name, hours.pass_an_hour_away, away, "away", alone=False)


def _part(
    name: str,
    function: Callable[[Any], Any],
    errand: attrs.AttrsInstance,
    *keys: str,
    alone: bool = True,
) -> Part:
    return Part(name, function, errand, frozenset(keys or (name,)), alone)


def query_name(size: int) -> str:
    """Give the name of the part that watches so many sessions by query."""
    return f"query, {size:,} sessions"


def held_name(size: int, *, everything: bool) -> str:
    """Give the name of the part that holds so many sessions in memory."""
    return f"memory of {size:,} {'of everything' if everything else 'by their ids'}"


FULL = Plan()
QUICK = Plan(
    sizes=(10, 100, 500),
    interval=1.0,
    few=2,
    many=2,
    waits=100,
    waits_interval=1.0,
    observations=1_000,
    feedings=3,
    day=6_000.0,
    day_sessions=2_000,
    held=(50, 100, 200, 500),
    held_interval=0.5,
    looks=2,
    managers=5,
    managers_interval=1.0,
    at_once=6,
    timed_at_once=6,
)
