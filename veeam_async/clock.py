"""The clocks that everything here goes by, and a moment as they show it.

Nothing reads a clock of its own: a pool or a watch is handed one when it is made, so
that a test, a replay or a simulation can run it at any speed.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import attrs


@attrs.frozen
class Moment:
    """A moment on both clocks: monotonic seconds to measure by, wall time to tell."""

    monotonic: float
    wall: datetime


def _now() -> datetime:
    return datetime.now(UTC)


def _loop_time() -> float:
    return asyncio.get_running_loop().time()


@attrs.frozen(kw_only=True)
class Clock:
    """Monotonic seconds, wall time, sleep, and random numbers in [0, 1).

    The running loop's own unless given. Random numbers belong to it because only
    waits are drawn by them: when to retry, when to look again.
    """

    monotonic: Callable[[], float] = _loop_time
    wall: Callable[[], datetime] = _now
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    random: Callable[[], float] = random.random

    def moment(self) -> Moment:
        """Now, on both clocks."""
        return Moment(self.monotonic(), self.wall())
