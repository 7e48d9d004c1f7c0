"""A clock that can be injected, and a moment on it.

A pool, a watch and a run are each handed a clock when they are made, so that a test or
a simulation can run them at any speed.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import attrs

from veeam_async.loops import NO_LOOP


@attrs.frozen
class Moment:
    """A moment on both clocks: monotonic seconds to measure, an aware time to show."""

    monotonic: float
    wall: datetime


def _now() -> datetime:
    return datetime.now(UTC)


def _loop_time() -> float:
    # Not by `running_loop`, since a watch asks for each step of its own.
    try:
        return asyncio.get_running_loop().time()
    except RuntimeError:
        raise RuntimeError(NO_LOOP) from None


@attrs.frozen(kw_only=True)
class Clock:
    """Monotonic seconds, wall time, sleep, and random numbers in [0, 1).

    The defaults are the running loop's and the system's. Random numbers are part of a
    clock because they only decide on times: when to retry, when to look again.
    """

    monotonic: Callable[[], float] = _loop_time
    wall: Callable[[], datetime] = _now
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    random: Callable[[], float] = random.random

    def moment(self) -> Moment:
        """Now, on both clocks."""
        return Moment(self.monotonic(), self.wall())
