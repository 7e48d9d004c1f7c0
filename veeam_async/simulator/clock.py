"""Loop time in, the simulated time of day out: the one clock of the simulator."""

import asyncio
import math
from datetime import UTC, datetime, timedelta
from email.utils import formatdate


class Clock:
    """A time of day that runs *speed* times as fast as the event loop's clock."""

    def __init__(self, *, start: datetime, speed: float) -> None:
        self.start = start.astimezone(UTC)
        self._speed = speed
        self._loop = asyncio.get_running_loop()
        self._origin = self._loop.time()
        self._advanced = timedelta()
        # Every answer has it: it is written once a second.
        self._told = (0, formatdate(0, usegmt=True))

    def now(self) -> datetime:
        """Tell the simulated time, aware and in UTC."""
        elapsed = (self._loop.time() - self._origin) * self._speed
        return self.start + timedelta(seconds=elapsed) + self._advanced

    def http_date(self) -> str:
        """Tell it as the header Date does, in whole seconds."""
        second = int(self.now().timestamp())
        if second != self._told[0]:
            self._told = second, formatdate(second, usegmt=True)
        return self._told[1]

    def advance(self, seconds: float) -> None:
        """Move the clock forward at once by *seconds* of simulated time."""
        if not (math.isfinite(seconds) and seconds >= 0):
            raise ValueError(f"time does not run backwards: {seconds}")
        self._advanced += timedelta(seconds=seconds)
