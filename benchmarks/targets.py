"""The targets of this project, each held against what was measured."""

from __future__ import annotations

import attrs

from benchmarks.extras import ASYNCIO, GET, HELP, IMPORT, VERSION
from benchmarks.results import Results
from benchmarks.roster import (
    AIOHTTP,
    ORDERED,
    OURS,
    PLAIN,
    PYCURL_DECODED,
    RELEASED,
    WREQ_DECODED,
)

_MIB = 2**20
_FLOOR = "over the raw Protocol floor, allocation threshold fixed"
_AIOHTTP, _CURL, _WREQ = (
    (OURS, one) for one in (AIOHTTP, PYCURL_DECODED, WREQ_DECODED)
)


@attrs.frozen(kw_only=True)
class Target:
    """What is wanted: at least, or *at_most*, so much; *measured* None was not.

    *by_rate* and *by_cpu* are the same ratio by the clock and by the processor of the
    client; *measured* is the one that counts.
    """

    what: str
    wanted: float
    measured: float | None
    by_rate: float | None = None
    by_cpu: float | None = None
    figures: str
    at_most: bool = False
    unit: str = ""

    @property
    def verdict(self) -> str:
        """Whether it is met."""
        if self.measured is None:
            return "not measured"
        met = (
            self.measured <= self.wanted
            if self.at_most
            else self.measured >= self.wanted
        )
        return "met" if met else "missed"


def targets(results: Results) -> list[Target]:
    """Give all targets."""
    return [
        _gain(results, "TLS", 1.27, "base"),
        _gain(results, "plain", 1.15, "plain"),
        _rate(results, f"over {PYCURL_DECODED}, both with TLS", 0.87, _CURL, "base"),
        _rate(results, f"over {WREQ_DECODED}, both with TLS", 1.2, _WREQ, "base"),
        _rate(results, "over bare aiohttp, both with TLS", 3.6, _AIOHTTP, "base"),
        _rate(results, f"over {PYCURL_DECODED}, plain", 0.72, _CURL, "plain"),
        _rate(results, f"over {WREQ_DECODED}, plain", 1.25, _WREQ, "plain"),
        _rate(results, "over bare aiohttp, both on asyncio", 2.5, _AIOHTTP, "plain"),
        _rate(
            results, "over bare aiohttp, both on uvloop", 2.0, _AIOHTTP, "uvloop-plain"
        ),
        _rate(results, _FLOOR, 0.6, (OURS, PLAIN), "allocator"),
        _cpu(results),
        _memory(results),
        _rate(results, "ordered=True over unordered", 0.9, (ORDERED, OURS), "base"),
        _decoded(results, "JSON", "veeam_async", "pydantic", 1.75),
        _decoded(results, "XML", "veeam_async", "xmltodict.parse alone", 0.65),
        _start(results, IMPORT, 2.5),
        _start(results, VERSION, 1.5),
        _start(results, HELP, 3.5),
        _start(results, GET, 4.5),
        _managers(results),
    ]


def _rate(
    results: Results, what: str, wanted: float, pair: tuple[str, str], subject: str
) -> Target:
    """Compare rates; where neighbours took the processor, what was used of it."""
    ours, theirs = (results.summary(subject, client) for client in pair)
    if ours is None or theirs is None:
        return Target(what=what, wanted=wanted, measured=None, figures="")
    by_rate = ours.rate.median / theirs.rate.median
    by_cpu = theirs.cpu.median / ours.cpu.median
    rates = f"{ours.rate.median:,.0f} and {theirs.rate.median:,.0f} requests/s"
    return Target(
        what=what,
        wanted=wanted,
        measured=by_cpu if results.is_disturbed(subject, *pair) else by_rate,
        by_rate=by_rate,
        by_cpu=by_cpu,
        figures=f"{rates}, {ours.cpu.median:.1f} and {theirs.cpu.median:.1f} µs of CPU",
    )


def _gain(results: Results, over: str, wanted: float, subject: str) -> Target:
    """Compare with what was released, by CPU: both are clients of one processor."""
    ours, before = (results.summary(subject, one) for one in (OURS, RELEASED))
    return Target(
        what=f"gain over 0.1.0, CPU of a request, {over}",
        wanted=wanted,
        measured=before.cpu.median / ours.cpu.median if ours and before else None,
        figures=f"{ours.cpu.median:.1f} and {before.cpu.median:.1f} µs"
        if ours and before
        else "",
    )


def _cpu(results: Results) -> Target:
    ours, theirs = (results.summary("plain", one) for one in _AIOHTTP)
    return Target(
        what="CPU of a request, over bare aiohttp",
        wanted=0.36,
        measured=ours.cpu.median / theirs.cpu.median if ours and theirs else None,
        figures=f"{ours.cpu.median:.1f} and {theirs.cpu.median:.1f} µs"
        if ours and theirs
        else "",
        at_most=True,
    )


def _memory(results: Results) -> Target:
    peaks = results.extras.memory
    few, many = min(peaks, default=0), max(peaks, default=0)
    grown = (peaks[many] - peaks[few]) / _MIB if len(peaks) > 1 else None
    return Target(
        what=f"growth of memory from {few:,} to {many:,} ids",
        wanted=10,
        measured=grown,
        figures=", ".join(f"{n:,}: {most / _MIB:.1f} MiB" for n, most in peaks.items()),
        at_most=True,
        unit=" MiB",
    )


def _start(results: Results, what: str, wanted: float) -> Target:
    took = results.extras.start
    one, other = took.get(what), took.get(ASYNCIO)
    return Target(
        what=f"CPU of `{what}`, over `{ASYNCIO}`",
        wanted=wanted,
        measured=one.median / other.median if one and other else None,
        figures=f"{one.median:.0f} and {other.median:.0f} ms" if one and other else "",
        at_most=True,
    )


def _managers(results: Results) -> Target:
    took = results.extras.managers
    return Target(
        what="CPU of the constructors of fifty managers, tls=True",
        wanted=100,
        measured=took.median if took else None,
        figures=f"{took.median:.0f} ms" if took else "",
        at_most=True,
        unit=" ms",
    )


def _decoded(
    results: Results, form: str, ours: str, theirs: str, wanted: float
) -> Target:
    times = results.extras.decode
    one, other = times.get(f"{form}: {ours}"), times.get(f"{form}: {theirs}")
    return Target(
        what=f"{form} decoding, over {theirs}",
        wanted=wanted,
        measured=one.median / other.median if one and other else None,
        figures=f"{one.median:.1f} and {other.median:.1f} µs" if one and other else "",
        at_most=True,
    )
