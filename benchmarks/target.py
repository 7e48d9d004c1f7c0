"""What is wanted, and whether what was measured meets it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from typing import Generic, Literal, TypeVar

import attrs

R = TypeVar("R")

Verdict = Literal["met", "missed", "not measured", "no target"]


class MissingError(Exception):
    """What a target is taken from was not measured."""


@attrs.frozen
class Figure:
    """What was measured, and the *figures* that it was made of.

    *by_rate* and *by_cpu* are the same ratio by the clock and by the processor of the
    client, of which *value* is the one that counts.
    """

    value: float
    figures: str
    by_rate: float | None = None
    by_cpu: float | None = None


@attrs.frozen
class Row:
    """A target as a page tells it; what was not measured has no *value*."""

    key: str
    what: str
    wanted: str
    verdict: Verdict
    unit: str = ""
    value: float | None = None
    figures: str = ""
    by_rate: float | None = None
    by_cpu: float | None = None


@attrs.frozen
class Target(Generic[R]):
    """*wanted* is `≤ 1.25`, `≥ 1/10`, `all`, or nothing where it is only told.

    *figure* makes it of all that was measured, or raises MissingError; *key* is that of
    the part of a run which it is taken from.
    """

    what: str
    wanted: str
    figure: Callable[[R], Figure]
    unit: str = ""
    key: str = ""

    def judge(self, measured: R) -> Row:
        """Hold what was measured against it."""
        bound = self.wanted
        told = bound + self.unit if bound not in ("", "all") else bound
        try:
            found = self.figure(measured)
        except MissingError:
            return Row(self.key, self.what, told, "not measured", self.unit)
        verdict = _verdict(bound, found.value)
        return Row(self.key, self.what, told, verdict, self.unit, *attrs.astuple(found))


def _verdict(wanted: str, value: float) -> Verdict:
    if not wanted:
        return "no target"
    sign, bound = ("≥ 1" if wanted == "all" else wanted).split()
    limit = float(Fraction(bound))
    is_met = value <= limit if sign == "≤" else value >= limit
    return "met" if is_met else "missed"


def share(kept: int, count: int) -> Figure:
    """Give the part of *count* that was kept, where all should be."""
    if not count:
        raise MissingError
    return Figure(kept / count, f"{kept:,} of {count:,}")


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table; all columns are aligned as they come."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
