"""What watches over the time of every exchange of a transport, with one timer."""

from __future__ import annotations

import asyncio
from typing import Protocol

from veeam_async.errors import VeeamError
from veeam_async.transport.failures import no_answer_within


class Watched(Protocol):
    """What can run out of time."""

    def fail(self, error: VeeamError) -> None:
        """End what is under way with *error*."""
        ...


class Watchdog:
    """End what takes longer than *seconds*.

    It looks at all that is under way several times within that span, instead of
    setting and cancelling a timer for each request.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._tick = min(0.5, seconds / 8)
        self._loop = asyncio.get_running_loop()
        self._ends: dict[Watched, float] = {}
        self._timer: asyncio.TimerHandle | None = None

    def watch(self, one: Watched, began: float) -> None:
        """Watch over *one*, which *began* at that time of the loop."""
        self._ends[one] = began + self._seconds
        if self._timer is None:
            self._timer = self._loop.call_later(self._tick, self._look)

    def leave(self, one: Watched) -> None:
        """Watch over *one* no longer."""
        self._ends.pop(one, None)

    def close(self) -> None:
        """Watch over nothing any more."""
        self._ends.clear()
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        now = self._loop.time()
        for one in [one for one, end in self._ends.items() if end <= now]:
            self.leave(one)
            one.fail(no_answer_within(self._seconds))
        again = self._loop.call_later(self._tick, self._look) if self._ends else None
        self._timer = again
