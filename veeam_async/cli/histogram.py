"""Many measured times to rows of a picture that shows how they are spread."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

import attrs

from veeam_async.cli.percentiles import Percentiles

_STEPS = (1, 1.5, 2, 3, 5, 7)
_BOUNDS = [step * 10.0**power / 1e6 for power in range(10) for step in _STEPS]
"""From a microsecond to hours; nearly even on a logarithmic scale, and readable."""

_LABEL, _COUNT, _PERCENT, _MARKS = 12, 9, 7, 19
_LONGEST = 60
_SHORTEST = 8
_FULL, _PARTS = "\u2588", "\u258f\u258e\u258d\u258c\u258b\u258a\u2589"
_GAP_ROWS = 2
"""How many empty rows in a line are drawn; more are one."""


@attrs.frozen(kw_only=True)
class Bucket:
    """How many times were at least *above* seconds and below *below*."""

    above: float
    below: float
    count: int


def buckets(measured: Sequence[float]) -> list[Bucket]:
    """Sort times into buckets without a gap, from the fastest to the slowest."""
    counts = Counter(bisect_right(_BOUNDS, time) for time in measured)
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


def picture(
    found: Sequence[Bucket], marks: Percentiles, *, width: int, is_plain: bool
) -> Iterator[str]:
    """Draw a row for each bucket within *width*; *is_plain* takes ASCII only."""
    most = max(bucket.count for bucket in found)
    total = sum(bucket.count for bucket in found)
    room = max(_SHORTEST, width - _LABEL - _COUNT - _PERCENT - _MARKS - 2)
    length = min(_LONGEST, room)
    tags = attrs.asdict(marks)
    for is_empty, group in groupby(found, lambda bucket: bucket.count == 0):
        rows = list(group)
        if is_empty and len(rows) > _GAP_ROWS:
            yield f"{'...':>{_LABEL}}"
            continue
        for bucket in rows:
            bar = _bar(bucket.count / most * length, is_plain=is_plain)
            yield (
                f"{'< ' + label(bucket.below):>{_LABEL}}  {bar:<{length}}"
                f"{bucket.count:>{_COUNT},}{bucket.count / total:>{_PERCENT}.1%}"
                f"{_tags(bucket, tags)}"
            )


def label(time: float) -> str:
    """Give a time in the unit that suits it: `150 us`, `1.5 ms`, `20 s`."""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if time >= size:
            return f"{time / size:,.6g} {unit}"
    return f"{time * 1e6:.6g} us"


def _bar(length: float, *, is_plain: bool) -> str:
    """Draw a bar; what is not nothing is seen."""
    if is_plain:
        return "#" * (max(1, round(length)) if length else 0)
    eighths = max(1, round(length * 8)) if length else 0
    whole, rest = divmod(eighths, 8)
    return _FULL * whole + (_PARTS[rest - 1] if rest else "")


def _tags(bucket: Bucket, tags: Mapping[str, float]) -> str:
    inside = [name for name, at in tags.items() if bucket.above <= at < bucket.below]
    return f"  {' '.join(inside)}" if inside else ""
