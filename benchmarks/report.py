"""RESULTS.md: the tables, how they were measured, and what is absent."""

from __future__ import annotations

from benchmarks.plan import SUBJECTS
from benchmarks.results import Results, targets
from benchmarks.roster import AIOHTTP, OURS, ROSTER
from benchmarks.rounds import Outcome, Spread, Summary
from benchmarks.target import Row, markdown

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


HEAD = ("what", "target", "measured", "verdict", "by rate", "by CPU", "figures")
_SUBJECT_HEAD = (
    *("client", "gives", "requests/s", "least-most", "µs", "CPU µs", "least-most"),
    *("x aiohttp", "x CPU", "server busy"),
)


def report(results: Results) -> str:
    """Write the whole page."""
    extras = results.extras
    start = dict(extras.start)
    if extras.managers is not None:
        start["fifty managers with tls=True, their constructors"] = extras.managers
    memory = [
        (f"{n:,}", f"{most / 2**20:.1f} MiB") for n, most in extras.memory.items()
    ]
    chapters = {
        "# Benchmark results": _machine(results),
        "## Targets": markdown(HEAD, map(cells, judged(results))),
        "## How it was measured": _HOW,
        **{
            f"## {SUBJECTS[key].title}": _subject(outcome)
            for key, outcome in results.outcomes.items()
        },
        "## Decoding": _spreads("body", "µs", extras.decode),
        "## Time to the first result, opening and logon included": _spreads(
            "client", "ms", extras.first
        ),
        "## CPU of whole processes that begin, in turns": _spreads(
            "process", "CPU ms", start
        ),
        "## Memory": markdown(("ids", "peak of resident memory"), memory),
        "## Absent": _absent(results),
    }
    return "\n".join(f"{head}\n\n{text}" for head, text in chapters.items())


def judged(results: Results) -> list[Row]:
    """Hold a run against all targets."""
    return [target.judge(results) for target in targets(results)]


def cells(row: Row) -> tuple[str, ...]:
    """Write a target as a line of a table under `HEAD`."""
    measured, by_rate, by_cpu = (
        "" if each is None else f"{each:.2f}"
        for each in (row.value, row.by_rate, row.by_cpu)
    )
    measured += row.unit if measured else ""
    return (row.what, row.wanted, measured, row.verdict, by_rate, by_cpu, row.figures)


def _machine(results: Results) -> str:
    known = dict(results.machine)
    lines = [
        f"{name}: {known.pop(name)}"
        for name in ("processor", "system", "Python", "OpenSSL")
    ]
    ceilings = " and ".join(
        f"{one:,.0f} requests/s {'over TLS' if key == 'base' else 'plain'}"
        for key, one in results.ceilings.items()
    )
    lines += [
        ", ".join(f"{name} {number}" for name, number in known.items()),
        f"the server's own ceiling: {ceilings or 'not measured'}",
        f"`{OURS}` had its processor {results.quiet('base', OURS):.0%} of the time",
        f"{results.minutes:.1f} minutes",
    ]
    if results.quick:
        lines.append("**A quick run**: too short to be quoted.")
    return "".join(f"- {line}\n" for line in lines)


def _subject(outcome: Outcome) -> str:
    summaries = outcome.summaries
    ranked = sorted(summaries.items(), key=lambda item: -item[1].rate.median)
    rows = [_row(name, one, summaries.get(AIOHTTP)) for name, one in ranked]
    rounds = max((one.rounds for one in summaries.values()), default=0)
    missing = "".join(
        f"\nAbsent: {name} ({why}).\n" for name, why in outcome.absent.items()
    )
    return f"{rounds} rounds.\n\n{markdown(_SUBJECT_HEAD, rows)}{missing}"


def _row(name: str, one: Summary, base: Summary | None) -> tuple[str, ...]:
    mark = "**" if name == OURS else ""
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
    return markdown((what, unit, "least-most"), rows)


def _absent(results: Results) -> str:
    missing = dict(results.extras.absent)
    for outcome in results.outcomes.values():
        missing.update(outcome.absent)
    if not missing:
        return "Nothing: every client took part.\n"
    return "".join(f"- {name}: {why}\n" for name, why in missing.items())
