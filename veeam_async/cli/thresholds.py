"""Thresholds as monitoring plugins take them, and performance data that shows them.

A threshold is a range that is fine: `10` from 0 to 10, `10:` from 10 on, `~:10` up to
10, `5:10` between them, and with `@` before it the range that is not. `~:` is always
fine. Where it is of a time a number has a unit, `26h` for example; without, it is
seconds, the unit of the performance data.
"""

from __future__ import annotations

import re
from math import inf, isfinite

import attrs

from veeam_async.cli.plugin import State

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_NUMBER = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)"
_RANGE = re.compile(
    rf"(?P<inverted>@)?(?:(?P<low>~|{_NUMBER}[smhdw]?)?(?P<colon>:))?"
    rf"(?P<high>{_NUMBER}[smhdw]?)?",
    re.ASCII,
)
_HOW = (
    "is a range of monitoring plugins: 10 alerts above 10 or below 0, 10: below 10, "
    "~:10 above 10, 5:10 outside, @5:10 inside, ~: never"
)


@attrs.frozen
class Range:
    """All from *low* to *high* is fine, or where it is *inverted* all else."""

    low: float
    high: float
    inverted: bool = False

    @classmethod
    def parse(cls, given: str, option: str, *, of_time: bool = False) -> Range:
        """Read the value of an *option*; ValueError where it is no range."""
        match = _RANGE.fullmatch(given.strip())
        if match is None or not (match["colon"] or match["high"]):
            raise ValueError(f"{option} {_HOW}, not {given!r}")
        low = _number(match["low"], 0.0, of_time=of_time)
        high = _number(match["high"], inf, of_time=of_time)
        if low is None or high is None:
            raise ValueError(f"{option} takes no unit of time, but a number: {given!r}")
        if low > high:
            raise ValueError(f"{option} begins above its end: {given!r}")
        return cls(low, high, bool(match["inverted"]))

    def alerts(self, value: float) -> bool:
        """Whether *value* is not fine."""
        return (self.low <= value <= self.high) is self.inverted

    def __str__(self) -> str:
        """The range as performance data write it: numbers without units."""
        low = "~" if self.low == -inf else number(self.low)
        high = number(self.high) if isfinite(self.high) else ""
        start = "" if self.low == 0 and high else f"{low}:"
        return f"{'@' if self.inverted else ''}{start}{high}"


def _number(text: str | None, otherwise: float, *, of_time: bool) -> float | None:
    """The number, with its unit of time; None where it must have none."""
    if text is None:
        return otherwise
    if text == "~":
        return -inf
    digits = text.rstrip("smhdw")
    unit = text.removeprefix(digits)
    return None if unit and not of_time else float(digits) * _UNITS[unit]


def number(value: float) -> str:
    """A number as performance data write it: no exponent, no needless zeros."""
    return f"{value:.3f}".rstrip("0").rstrip(".")


@attrs.frozen(kw_only=True)
class Limits:
    """The thresholds of one metric; None never alerts."""

    warning: Range | None = None
    critical: Range | None = None

    def state(self, value: float) -> State:
        """The state that *value* means."""
        if self.critical is not None and self.critical.alerts(value):
            return State.CRITICAL
        if self.warning is not None and self.warning.alerts(value):
            return State.WARNING
        return State.OK


def performance(
    label: str, value: float | None, limits: Limits | None = None, unit: str = ""
) -> str:
    """A metric as performance data: `label=value;warning;critical;least`.

    A *value* that is not known is None. None is ever below 0.
    """
    shown = "U" if value is None else f"{number(value)}{unit}"
    limits = limits or Limits()
    ranges = [str(each) if each else "" for each in (limits.warning, limits.critical)]
    return f"{label}={shown};{';'.join(ranges)};0"
