"""All that one run came to, and the targets of fetching that are held against it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import attrs

from benchmarks.cold import ASYNCIO, GET, HELP, IMPORT, VERSION
from benchmarks.extras import Extras
from benchmarks.roster import (
    AIOHTTP,
    BUFFERED,
    ORDERED,
    OURS,
    PLAIN,
    PYCURL_DECODED,
    RELEASED,
    WREQ_DECODED,
)
from benchmarks.rounds import Outcome, Spread, Summary
from benchmarks.target import Figure, MissingError, Target

_MIB = 2**20
_QUIET = 0.9


@attrs.frozen(kw_only=True)
class Results:
    """Outcomes by the key of their subject, and what else was measured."""

    machine: dict[str, str]
    outcomes: dict[str, Outcome]
    extras: Extras
    minutes: float
    quick: bool

    def summary(self, subject: str, client: str) -> Summary:
        """Give what a client came to; MissingError where it is absent."""
        outcome = self.outcomes.get(subject)
        if outcome is None or client not in outcome.summaries:
            raise MissingError
        return outcome.summaries[client]

    @property
    def ceilings(self) -> dict[str, float]:
        """Requests a second that the server's processor could answer, by subject."""
        return {
            key: 1e6 / self.summary(key, BUFFERED).server.median
            for key in ("base", "plain")
            if key in self.outcomes and BUFFERED in self.outcomes[key].summaries
        }

    def quiet(self, subject: str, *clients: str) -> float:
        """The share of the time that the clients of a subject had their processor.

        They never wait where a target is taken, so what is missing from the least share
        was taken by something else, or by a server that could not keep up.
        """
        summaries = self.outcomes[subject].summaries
        found = (summaries[client] for client in clients if client in summaries)
        shares = [one.cpu.median / one.wall.median for one in found]
        return min(shares, default=1.0)


def targets(results: Results) -> list[Target[Results]]:
    """Give all targets of fetching."""
    few, many = (end(results.extras.memory, default=0) for end in (min, max))
    begun = ((IMPORT, "≤ 2.5"), (VERSION, "≤ 1.5"), (HELP, "≤ 3.5"), (GET, "≤ 4.5"))
    return [
        Target("gain over 0.1.0, CPU of a request, TLS", "≥ 1.27", _gain("base")),
        Target("gain over 0.1.0, CPU of a request, plain", "≥ 1.15", _gain("plain")),
        _over("base", PYCURL_DECODED, "both with TLS", "≥ 0.87"),
        _over("base", WREQ_DECODED, "both with TLS", "≥ 1.2"),
        _over("base", AIOHTTP, "both with TLS", "≥ 3.6"),
        _over("plain", PYCURL_DECODED, "plain", "≥ 0.72"),
        _over("plain", WREQ_DECODED, "plain", "≥ 1.25"),
        _over("plain", AIOHTTP, "both on asyncio", "≥ 2.5"),
        _over("uvloop-plain", AIOHTTP, "both on uvloop", "≥ 2"),
        Target(
            "over the raw Protocol floor, allocation threshold fixed",
            "≥ 0.6",
            _rate("allocator", OURS, PLAIN),
        ),
        Target("CPU of a request, over bare aiohttp", "≤ 0.36", _cpu),
        Target(
            f"growth of memory from {few:,} to {many:,} ids", "≤ 10", _memory, " MiB"
        ),
        Target("ordered=True over unordered", "≥ 0.9", _rate("base", ORDERED, OURS)),
        _decoding("JSON", "pydantic", "≤ 1.75"),
        _decoding("XML", "xmltodict.parse alone", "≤ 0.65"),
        *(
            Target(f"CPU of `{what}`, over `{ASYNCIO}`", wanted, _start(what))
            for what, wanted in begun
        ),
        Target(
            "CPU of the constructors of fifty managers, tls=True",
            "≤ 100",
            _managers,
            " ms",
        ),
    ]


Measure = Callable[[Results], Figure]


def _over(subject: str, peer: str, how: str, wanted: str) -> Target[Results]:
    """Compare with a peer."""
    name = f"bare {peer}" if peer == AIOHTTP else peer
    return Target(f"over {name}, {how}", wanted, _rate(subject, OURS, peer))


def _rate(subject: str, one: str, other: str) -> Measure:
    """Compare rates; where neighbours took the processor, what was used of it."""

    def figure(results: Results) -> Figure:
        ours, theirs = results.summary(subject, one), results.summary(subject, other)
        by_rate = ours.rate.median / theirs.rate.median
        by_cpu = theirs.cpu.median / ours.cpu.median
        is_disturbed = results.quiet(subject, one, other) < _QUIET
        rates = f"{ours.rate.median:,.0f} and {theirs.rate.median:,.0f} requests/s"
        return Figure(
            by_cpu if is_disturbed else by_rate,
            f"{rates}, {_both(ours.cpu, theirs.cpu)} µs of CPU",
            by_rate,
            by_cpu,
        )

    return figure


def _gain(subject: str) -> Measure:
    """Compare with what was released, by CPU: both are clients of one processor."""

    def figure(results: Results) -> Figure:
        ours, before = (results.summary(subject, one).cpu for one in (OURS, RELEASED))
        return Figure(before.median / ours.median, f"{_both(ours, before)} µs")

    return figure


def _cpu(results: Results) -> Figure:
    ours, theirs = (results.summary("plain", one).cpu for one in (OURS, AIOHTTP))
    return Figure(ours.median / theirs.median, f"{_both(ours, theirs)} µs")


def _memory(results: Results) -> Figure:
    peaks = results.extras.memory
    if len(peaks) < 2:
        raise MissingError
    grown = (peaks[max(peaks)] - peaks[min(peaks)]) / _MIB
    told = ", ".join(f"{n:,}: {most / _MIB:.1f} MiB" for n, most in peaks.items())
    return Figure(grown, told)


def _decoding(form: str, other: str, wanted: str) -> Target[Results]:
    def figure(results: Results) -> Figure:
        names = (f"{form}: veeam_async", f"{form}: {other}")
        ours, theirs = (_spread(results, "decode", name) for name in names)
        return Figure(ours.median / theirs.median, f"{_both(ours, theirs)} µs")

    return Target(f"{form} decoding, over {other}", wanted, figure)


def _start(what: str) -> Measure:
    def figure(results: Results) -> Figure:
        ours, bare = (_spread(results, "start", name) for name in (what, ASYNCIO))
        told = f"{ours.median:.0f} and {bare.median:.0f} ms"
        return Figure(ours.median / bare.median, told)

    return figure


def _managers(results: Results) -> Figure:
    took = results.extras.managers
    if took is None:
        raise MissingError
    return Figure(took.median, f"{took.median:.0f} ms")


def _spread(results: Results, of: Literal["decode", "start"], name: str) -> Spread:
    spreads = results.extras.decode if of == "decode" else results.extras.start
    if name not in spreads:
        raise MissingError
    return spreads[name]


def _both(one: Spread, other: Spread) -> str:
    return f"{one.median:.1f} and {other.median:.1f}"
