"""Many measured times: the percentiles that describe them, and a drawn histogram."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

import attrs

# From a microsecond to hours; nearly even on a logarithmic scale, and readable. The
# bounds are fixed, so that two measurements can be compared row by row.
_STEPS = (1, 1.5, 2, 3, 5, 7)
_BOUNDS = [step * 10.0**power / 1e6 for power in range(10) for step in _STEPS]

_LABEL, _COUNT, _PERCENT, _MARKS = 12, 9, 7, 19
_LONGEST = 60
_SHORTEST = 8
_FULL, _PARTS = "\u2588", "\u258f\u258e\u258d\u258c\u258b\u258a\u2589"
_GAP_ROWS = 2
"""How many empty rows in a line are drawn; more are drawn as one."""


@attrs.frozen(kw_only=True)
class Percentiles:
    """What 50, 90 and 99 of a hundred times do not exceed, and the longest; seconds."""

    p50: float
    p90: float
    p99: float
    max: float


def percentiles(times: Sequence[float]) -> Percentiles | None:
    """The nearest-rank percentiles of *times*, or None without any."""
    if not times:
        return None
    ordered = sorted(times)
    return Percentiles(
        p50=_nearest_rank(ordered, 50),
        p90=_nearest_rank(ordered, 90),
        p99=_nearest_rank(ordered, 99),
        max=ordered[-1],
    )


def _nearest_rank(ordered: Sequence[float], percent: int) -> float:
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


@attrs.frozen(kw_only=True)
class Bucket:
    """How many times were at least *above* seconds and below *below*."""

    above: float
    below: float
    count: int


def buckets(times: Sequence[float]) -> list[Bucket]:
    """Sort times into buckets without a gap, from the fastest to the slowest."""
    counts = Counter(bisect_right(_BOUNDS, time) for time in times)
    if not counts:
        return []
    return [
        Bucket(above=_bound(place - 1), below=_bound(place), count=counts[place])
        for place in range(min(counts), max(counts) + 1)
    ]


def _bound(place: int) -> float:
    if place < 0:
        return 0.0
    return round(_BOUNDS[place], 7) if place < len(_BOUNDS) else float("inf")


def histogram(
    found: Sequence[Bucket], marks: Percentiles, *, width: int, ascii_only: bool
) -> Iterator[str]:
    """Draw each bucket as a row of at most *width* columns; *marks* tag their rows."""
    most = max(bucket.count for bucket in found)
    total = sum(bucket.count for bucket in found)
    available = max(_SHORTEST, width - _LABEL - _COUNT - _PERCENT - _MARKS - 2)
    length = min(_LONGEST, available)
    tags = attrs.asdict(marks)
    for is_empty, group in groupby(found, lambda bucket: bucket.count == 0):
        rows = list(group)
        if is_empty and len(rows) > _GAP_ROWS:
            # One time-out among fast answers would fill the screen with empty rows.
            yield f"{'...':>{_LABEL}}"
            continue
        for bucket in rows:
            bar = _bar(bucket.count / most * length, ascii_only=ascii_only)
            yield (
                f"{'< ' + bound_label(bucket.below):>{_LABEL}}  {bar:<{length}}"
                f"{bucket.count:>{_COUNT},}{bucket.count / total:>{_PERCENT}.1%}"
                f"{_tags(bucket, tags)}"
            )


def bound_label(time: float) -> str:
    """A time in the unit that suits it: `150 us`, `1.5 ms`, `20 s`."""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if time >= size:
            return f"{time / size:,.6g} {unit}"
    return f"{time * 1e6:.6g} us"


def _bar(length: float, *, ascii_only: bool) -> str:
    """Draw a bar to an eighth of a column; only a length of 0 draws nothing."""
    if ascii_only:
        return "#" * (max(1, round(length)) if length else 0)
    eighths = max(1, round(length * 8)) if length else 0
    whole, rest = divmod(eighths, 8)
    return _FULL * whole + (_PARTS[rest - 1] if rest else "")


def _tags(bucket: Bucket, tags: Mapping[str, float]) -> str:
    inside = [name for name, at in tags.items() if bucket.above <= at < bucket.below]
    return f"  {' '.join(inside)}" if inside else ""
