"""RESULTS.md: the tables, how they were measured, and what is absent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from benchmarks.results import Results
from benchmarks.roster import AIOHTTP, OURS, ROSTER
from benchmarks.rounds import Outcome
from benchmarks.summary import Spread, Summary
from benchmarks.targets import Target, targets

_HOW = """\
`make bench` measured all of this on one machine in one run; `results.json` holds the
same numbers and more.

- The server is a process of its own on one processor: prepared answers on a raw uvloop
  protocol. Clients run on another processor, each round in a fresh process, in turns
  (A B C, A B C, …). *server busy* is the share of the time that the server's processor
  worked: near 100 % a row would measure the server.
- A client opens its connections and is warm (four requests on each) before the clock
  starts. It fetches as fast as it can for a fixed time, by as many tasks (or threads)
  as there are connections, all drawing from one iterator of ids.
- Every answer is checked while the clock runs, by the same rule for all: it holds the
  id asked for, and the state `Stopped`.
- `veeam_async` does what it does for a user: token, retry, adaptive slots, status,
  decoding into attrs models, a result object. The others do what their row says;
  `bytes` means that nothing is decoded.
- Everything is the median of the rounds, with least and most. CPU is the client's whole
  process, its native threads too. *x aiohttp* compares medians of the rate with bare
  aiohttp, *x CPU* those of the CPU, which noise disturbs less.
- The client keeps its processor busy, so that on a quiet machine rate and CPU say the
  same. Where a client lost more than a tenth of it, the target is judged by CPU.
- One thing is varied at a time, unless the subject says so. The base case: TLS, which
  is all that a real Enterprise Manager speaks, asyncio's own loop, JSON, a body of
  1.4 KB with six links, 32 connections, no latency. Every client verifies the server's
  certificate; handshakes are over before the clock starts.
- `veeam_async 0.1.0` is the released client, unpacked from the history of this one.
- The raw Protocol floor depends on luck: asyncio allocates 256 KiB for each read, which
  is cheap in a process whose C library has raised its threshold for mapping memory, and
  costs more than all else where it has not. Its rounds over plain HTTP show both; the
  last subject fixes that threshold, and the target is taken from there.
"""


def report(results: Results) -> str:
    """Write the whole page."""
    parts = ["# Benchmark results\n", _machine(results), "## Targets\n"]
    parts += [_targets(targets(results)), "## How it was measured\n", _HOW]
    parts += [_subject(outcome) for outcome in results.outcomes.values()]
    parts += ["## Decoding\n", _spreads("body", "µs", results.extras.decode)]
    parts += ["## Time to the first result, opening and logon included\n"]
    parts += [_spreads("client", "ms", results.extras.first)]
    parts += _start(results)
    parts += ["## Memory\n", _memory(results), "## Absent\n", _absent(results)]
    return "\n".join(parts)


def _machine(results: Results) -> str:
    known = dict(results.machine)
    head = "\n".join(
        f"- {name}: {known.pop(name)}"
        for name in ("processor", "system", "Python", "OpenSSL")
    )
    versions = ", ".join(f"{name} {number}" for name, number in known.items())
    ceilings = " and ".join(
        f"{one:,.0f} requests/s {'over TLS' if key == 'base' else 'plain'}"
        for key, one in results.ceilings.items()
    )
    ceilings = ceilings or "not measured"
    quick = "\n- **A quick run**: too short to be quoted." if results.quick else ""
    return (
        f"{head}\n- {versions}\n- the server's own ceiling: {ceilings}\n"
        f"- `veeam_async` had its processor {results.quiet('base'):.0%} of the time\n"
        f"- {results.minutes:.1f} minutes{quick}\n"
    )


def _targets(wanted: Sequence[Target]) -> str:
    rows = [
        (
            one.what,
            f"{'≤' if one.at_most else '≥'} {one.wanted:g}{one.unit}",
            "" if one.measured is None else f"{one.measured:.2f}{one.unit}",
            one.verdict,
            "" if one.by_rate is None else f"{one.by_rate:.2f}",
            "" if one.by_cpu is None else f"{one.by_cpu:.2f}",
            one.figures,
        )
        for one in wanted
    ]
    head = ("what", "target", "measured", "verdict", "by rate", "by CPU", "figures")
    return table(head, rows)


def _subject(outcome: Outcome) -> str:
    summaries = outcome.summaries
    ranked = sorted(summaries.items(), key=lambda item: -item[1].rate.median)
    base = summaries.get(AIOHTTP)
    rows = [_row(name, one, base, summaries.get(OURS)) for name, one in ranked]
    head = ("client", "gives", "requests/s", "least-most", "µs", "CPU µs", "least-most")
    ratios = ("x aiohttp", "x CPU", "server busy")
    missing = "".join(
        f"\nAbsent: {name} ({why}).\n" for name, why in outcome.absent.items()
    )
    rounds = max((one.rounds for one in summaries.values()), default=0)
    return (
        f"## {outcome.subject.title}\n\n{rounds} rounds.\n\n"
        f"{table((*head, *ratios), rows)}{missing}"
    )


def _row(
    name: str, one: Summary, base: Summary | None, ours: Summary | None
) -> tuple[str, ...]:
    mark = "**" if one is ours else ""
    return (
        f"{mark}{name}{mark}",
        ROSTER[name].does,
        f"{one.rate.median:,.0f}",
        f"{one.rate.min:,.0f}-{one.rate.max:,.0f}",
        f"{one.wall.median:.1f}",
        f"{one.cpu.median:.1f}",
        f"{one.cpu.min:.1f}-{one.cpu.max:.1f}",
        f"{one.rate.median / base.rate.median:.2f}" if base else "",
        f"{base.cpu.median / one.cpu.median:.2f}" if base else "",
        f"{one.busy.median:.0%}",
    )


def _spreads(what: str, unit: str, spreads: dict[str, Spread]) -> str:
    rows = [
        (name, f"{one.median:.1f}", f"{one.min:.1f}-{one.max:.1f}")
        for name, one in spreads.items()
    ]
    return table((what, unit, "least-most"), rows)


def _start(results: Results) -> list[str]:
    """How processes begin, where the run has measured it."""
    start = dict(results.extras.start)
    if not start:
        return []
    if results.extras.managers is not None:
        start["fifty managers with tls=True, their constructors"] = (
            results.extras.managers
        )
    head = "## CPU of whole processes that begin, in turns\n"
    return [head, _spreads("process", "CPU ms", start)]


def _memory(results: Results) -> str:
    rows = [
        (f"{count:,}", f"{most / 2**20:.1f} MiB")
        for count, most in results.extras.memory.items()
    ]
    return table(("ids", "peak of resident memory"), rows)


def _absent(results: Results) -> str:
    missing = dict(results.extras.absent)
    for outcome in results.outcomes.values():
        missing.update(outcome.absent)
    if not missing:
        return "Nothing: every client took part.\n"
    return "\n".join(f"- {name}: {why}" for name, why in missing.items()) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table; all columns but the first are aligned as they come."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
