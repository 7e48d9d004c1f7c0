"""What is run for which rows: each part is a module with an errand."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, Literal, get_args

import attrs

from benchmarks.watching import away, feeding, following, waiting, week

Key = Literal["requests", "cpu", "delay", "waits", "tracker", "week", "away"]
"""What can be chosen to be measured."""

KEYS: tuple[Key, ...] = get_args(Key)
_DAY = 86_400.0


@attrs.frozen
class Part:
    """What runs in a process of its own, and the keys of the rows that need it."""

    name: str
    module: str
    errand: attrs.AttrsInstance
    keys: tuple[Key, ...]

    @property
    def given(self) -> dict[str, Any]:
        """The errand in plain JSON types."""
        return attrs.asdict(self.errand)


@attrs.frozen(kw_only=True)
class Plan:
    """How much is measured; *sizes* are numbers of sessions, times are in seconds.

    *few* rounds are watched, *many* of the greatest size, which the delays are taken
    from. *at_once* parts run at the same time.
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
    at_once: int = 1

    @property
    def most(self) -> int:
        """The number of sessions that the targets speak of."""
        return self.sizes[-1]

    def parts(self, keys: Collection[Key]) -> list[Part]:
        """Give the parts that these rows need."""
        every = (*self._watched(), *self._others())
        return [part for part in every if set(part.keys) & set(keys)]

    def _watched(self) -> Iterator[Part]:
        """Watch by query at each size, and by GETs at the greatest one."""
        for size in self.sizes:
            most = size == self.most
            errand = following.Errand(
                sessions=size,
                strategy="query",
                interval=self.interval,
                rounds=self.many if most else self.few,
            )
            keys: tuple[Key, ...] = ("requests", "cpu", "delay") if most else ("cpu",)
            yield Part(query_name(size), "following", errand, keys)
        gets = following.Errand(
            sessions=self.most,
            strategy="get",
            interval=self.interval,
            rounds=2,
            share=0.0,
        )
        yield Part(GETS, "following", gets, ("requests",))

    def _others(self) -> Iterator[Part]:
        waits = waiting.Errand(
            waits=self.waits, interval=self.waits_interval, rounds=2 * self.few
        )
        yield Part(WAITS, "waiting", waits, ("waits",))
        feeds = feeding.Errand(sessions=self.observations, rounds=self.feedings)
        yield Part(TRACKER, "feeding", feeds, ("tracker",))
        days = week.Errand(
            days=7, day=self.day, sessions=self.day_sessions, interval=60.0
        )
        yield Part(WEEK, "week", days, ("week",))
        for name, everything in ((AWAY, False), (AWAY_EVERYTHING, True)):
            errand = away.Errand(
                sessions=self.most, interval=60.0, everything=everything
            )
            yield Part(name, "away", errand, ("away",))


GETS, WAITS, TRACKER, WEEK = "gets", "waits", "tracker", "week"
AWAY, AWAY_EVERYTHING = "away", "away, everything"


def query_name(size: int) -> str:
    """Give the name of the part that watches so many sessions by query."""
    return f"query, {size:,} sessions"


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
    at_once=6,
)
