"""Many measured times to the few numbers that describe them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import attrs


@attrs.frozen(kw_only=True)
class Percentiles:
    """Of many seconds: what 50, 90 and 99 of a hundred do not exceed, and the worst."""

    p50: float
    p90: float
    p99: float
    max: float


def percentiles(measured: Sequence[float]) -> Percentiles | None:
    """Give the nearest-rank percentiles, None of nothing."""
    if not measured:
        return None
    ordered = sorted(measured)
    return Percentiles(
        p50=_rank(ordered, 50),
        p90=_rank(ordered, 90),
        p99=_rank(ordered, 99),
        max=ordered[-1],
    )


def _rank(ordered: Sequence[float], percent: int) -> float:
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]
