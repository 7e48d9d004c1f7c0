"""Hold what a watch told against what changed at the server."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TypeAlias
from uuid import UUID

import attrs

from benchmarks.watching.population import Change, Kind

Told: TypeAlias = tuple[UUID, str, float, float]
"""An event: whose, of what kind, when it was taken, and what it says it was seen at."""

_KINDS: dict[str, Kind] = {"FOUND": "started", "STOPPED": "ended"}


@attrs.frozen(kw_only=True)
class Delays:
    """*changes* between two marks, and the seconds from each to its event.

    *missing* were never told, *doubled* more than once. To the event's arrival in the
    caller's hand are *p50* and *p99*, to its `observed_at` the *seen* ones.
    """

    changes: int
    missing: int
    doubled: int
    p50: float
    p99: float
    seen_p50: float
    seen_p99: float


def compare(
    changes: Sequence[Change], told: Sequence[Told], window: tuple[float, float]
) -> Delays:
    """Find the events of the changes within the *window* of wall times."""
    events: dict[tuple[str, Kind], list[list[float]]] = defaultdict(list)
    for id_, kind, *times in told:
        if kind in _KINDS:
            events[str(id_), _KINDS[kind]].append(times)
    begin, end = window
    due = [one for one in changes if begin <= one.at < end]
    found = [(one.at, events.get((one.id, one.kind), [])) for one in due]
    taken = sorted(times[0][0] - at for at, times in found if times)
    seen = sorted(times[0][1] - at for at, times in found if times)
    return Delays(
        changes=len(due),
        missing=sum(not times for _, times in found),
        doubled=sum(len(times) > 1 for times in events.values()),
        p50=percentile(taken, 0.5),
        p99=percentile(taken, 0.99),
        seen_p50=percentile(seen, 0.5),
        seen_p99=percentile(seen, 0.99),
    )


def percentile(ordered: Sequence[float], share: float) -> float:
    """Give what a *share* of the *ordered* numbers do not exceed, 0 without any."""
    if not ordered:
        return 0.0
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
