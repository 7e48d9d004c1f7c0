"""Requests in, the moment at which each may be served out: an overloaded server.

A queue in time: each request takes its share of a second, and what comes
while the server is still busy waits, or is turned away.
"""

import asyncio
from typing import Literal, TypeAlias

Overload: TypeAlias = Literal["503", "stall"]

SHEDDING_BACKLOG = 0.1
"""How many seconds of work may wait before a shedding server turns away."""


class Capacity:
    """How many requests a second can be served, and what happens to the rest.

    Args:
        per_second: None: any number.
        overload: `503` turns away what would wait for longer than
            `SHEDDING_BACKLOG`, `stall` lets everything wait for its turn.
    """

    def __init__(self, per_second: float | None, overload: Overload) -> None:
        if per_second is not None and not per_second > 0:
            raise ValueError(f"capacity must be above zero: {per_second}")
        self._per_second = per_second
        self._overload = overload
        self._free_at = 0.0

    def admit(self) -> float | None:
        """Tell how long a request that comes now waits; None: it is turned away."""
        if self._per_second is None:
            return 0.0
        now = asyncio.get_running_loop().time()
        start = max(now, self._free_at)
        if self._overload == "503" and start - now > SHEDDING_BACKLOG:
            return None
        self._free_at = start + 1 / self._per_second
        return start - now
