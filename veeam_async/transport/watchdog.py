"""What watches over the time of every exchange of a transport, with one timer."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from math import inf
from typing import Protocol

from veeam_async.errors import VeeamError
from veeam_async.transport.failures import no_answer_within


class Watched(Protocol):
    """What can run out of time: at *ends*, by the loop's clock."""

    @property
    def ends(self) -> float:
        """When its time is over, infinity while nothing is under way."""
        ...

    def fail(self, error: VeeamError) -> None:
        """End what is under way with *error*."""
        ...


class Watchdog:
    """End what takes longer than *seconds*, among all that are *watched*.

    It looks at them several times within that span, instead of setting and cancelling a
    timer for each request, and sleeps while nothing is under way: *is_awake* tells, and
    whoever begins something wakes it.
    """

    def __init__(self, seconds: float, watched: Collection[Watched]) -> None:
        self._seconds = seconds
        self._watched = watched
        self._tick = min(0.5, seconds / 8)
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self.is_awake = False

    def wake(self) -> None:
        """Look from now on, until nothing is under way."""
        self.is_awake = True
        self._timer = self._loop.call_later(self._tick, self._look)

    def sleep(self) -> None:
        """Look no more, until it is woken again."""
        self.is_awake = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        now = self._loop.time()
        for one in [one for one in self._watched if one.ends <= now]:
            one.fail(no_answer_within(self._seconds))
        if any(now < one.ends < inf for one in self._watched):
            self.wake()
        else:
            self.sleep()
