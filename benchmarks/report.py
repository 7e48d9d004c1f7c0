"""RESULTS.md: the tables that fill RESULTS.template, and what is absent."""

from __future__ import annotations

from pathlib import Path

from benchmarks.plan import SUBJECTS
from benchmarks.results import Results, targets
from benchmarks.roster import AIOHTTP, OURS, ROSTER
from benchmarks.rounds import Outcome, Spread, Summary
from benchmarks.target import Row, markdown

_TEMPLATE = Path(__file__).with_name("RESULTS.template")
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
    return _TEMPLATE.read_text(encoding="utf-8").format(
        machine=_machine(results),
        targets=markdown(HEAD, map(cells, targets(results))),
        subjects="\n".join(_subject(*each) for each in results.outcomes.items()),
        decode=_spreads("body", "µs", extras.decode),
        first=_spreads("client", "ms", extras.first),
        start=_spreads("process", "CPU ms", start),
        memory=markdown(("ids", "peak of resident memory"), memory),
        absent=_absent(results),
    )


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


def _subject(key: str, outcome: Outcome) -> str:
    summaries = outcome.summaries
    ranked = sorted(summaries.items(), key=lambda item: -item[1].rate.median)
    rows = [_row(name, one, summaries.get(AIOHTTP)) for name, one in ranked]
    rounds = max((one.rounds for one in summaries.values()), default=0)
    missing = "".join(
        f"\nAbsent: {name} ({why}).\n" for name, why in outcome.absent.items()
    )
    table = markdown(_SUBJECT_HEAD, rows)
    return f"## {SUBJECTS[key].title}\n\n{rounds} rounds.\n\n{table}{missing}"


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
