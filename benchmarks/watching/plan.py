"""What is run for which rows: each part is a call in a process of its own."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
from cattrs import structure

from benchmarks.serving import Figures
from benchmarks.watching.feeding import feed
from benchmarks.watching.following import follow, wait
from benchmarks.watching.holding import hold, watch_as_a_fleet
from benchmarks.watching.hours import pass_a_week, pass_an_hour_away

KEYS = ("following", "waits", "tracker", "managers", "memory", "week", "away")
"""What can be chosen to be measured."""

_UNTIMED = ("memory", "week", "away")
_FUNCTIONS: dict[str, Callable[..., Figures]] = {
    each.__name__: each
    for each in (follow, wait, feed, watch_as_a_fleet, hold, pass_a_week)
}
_FUNCTIONS[pass_an_hour_away.__name__] = pass_an_hour_away


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


_PLANS = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
FULL, QUICK = structure(_PLANS["full"], Plan), structure(_PLANS["quick"], Plan)
