"""What is wanted, and whether what was measured meets it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from math import isnan, nan
from typing import Any, Literal

import attrs

Verdict = Literal["met", "missed", "not measured", "no target"]


class _Missing(float):
    """Not a number, whatever is asked of it: so is what is computed from it."""

    def __getattr__(self, name: str) -> _Missing:
        return self

    def __getitem__(self, name: str) -> _Missing:
        return self


MISSING: Any = _Missing(nan)
"""Stands for what was not measured."""


@attrs.frozen
class Row:
    """A target as a page tells it; what was not measured has no *value*.

    *figures* are what the value was made of. *by_rate* and *by_cpu* are the same ratio
    by the clock and by the processor of the client, of which *value* is the one that
    counts. *key* is that of the part of a run from which it comes.
    """

    what: str
    wanted: str
    verdict: Verdict
    value: float | None
    figures: str
    unit: str
    key: str
    by_rate: float | None
    by_cpu: float | None


def judge(
    what: str,
    wanted: str,
    value: float,
    figures: str,
    *,
    unit: str = "",
    key: str = "",
    by_rate: float = nan,
    by_cpu: float = nan,
) -> Row:
    """Hold a *value* against what is *wanted* of it.

    That is `≤ 1.25`, `≥ 1/10`, `all`, or nothing where it is only told.
    """
    told = wanted + unit if wanted not in ("", "all") else wanted
    ratios = (None if isnan(each) else each for each in (by_rate, by_cpu))
    if isnan(value):
        return Row(what, told, "not measured", None, "", unit, key, None, None)
    return Row(what, told, _verdict(wanted, value), value, figures, unit, key, *ratios)


def _verdict(wanted: str, value: float) -> Verdict:
    if not wanted:
        return "no target"
    sign, bound = ("≥ 1" if wanted == "all" else wanted).split()
    limit = float(Fraction(bound))
    is_met = value <= limit if sign == "≤" else value >= limit
    return "met" if is_met else "missed"


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table; all columns are aligned as they come."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
