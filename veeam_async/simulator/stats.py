"""What was asked of the simulator, counted."""

from collections import Counter
from collections.abc import Mapping

import attrs


@attrs.frozen(kw_only=True)
class Stats:
    """A snapshot of what happened since the start."""

    by_route: Mapping[str, int]
    """Requests by method and route, such as `GET /backupSessions/{id}`.

    The routes are spelt as the reference spells them, whatever the request's
    case; what matches none is counted under `/?`.
    """
    requests: int
    """All requests, those that a fault or the capacity turned away included."""
    logons: int
    """Successful logons."""
    logouts: int
    """Logon sessions ended by a DELETE."""
    tokens_alive: int
    """Logon sessions that have neither been ended nor expired."""
    shed: int
    """Requests turned away because `capacity` was exceeded."""
    faults: Mapping[str, int]
    """Faults that struck, by their name in `Faults`; latency is not counted."""


class Tally:
    """The counters behind the snapshots."""

    def __init__(self) -> None:
        self.by_route: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.shed = 0
