"""All that one run came to, its targets, and what tells them: a page, two pictures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from html import escape
from math import nan
from pathlib import Path
from string import Template

import attrs

from benchmarks import roster
from benchmarks.cold import ASYNCIO, GET, HELP, IMPORT, VERSION
from benchmarks.extras import Extras
from benchmarks.rounds import SUBJECTS, Outcome, Spread, Summary
from benchmarks.suite import MISSING, Row, judge, markdown

_MIB = 2**20
_BARS = Path(__file__).with_name("bars.template")
_WIDTH, _LEFT, _RIGHT, _ROW, _TOP = 760, 210, 140, 26, 58
_QUIET = 0.9
_BEGUN = {IMPORT: "≤ 2.5", VERSION: "≤ 1.5", HELP: "≤ 3.5", GET: "≤ 4.5"}
_FLOOR = "over the raw Protocol floor, allocation threshold fixed"


@attrs.frozen(kw_only=True)
class Results:
    """Outcomes by the key of their subject, and what else was measured."""

    machine: dict[str, str]
    outcomes: dict[str, Outcome]
    extras: Extras
    minutes: float
    quick: bool

    def summary(self, subject: str, client: str) -> Summary:
        """Give what a client came to, MISSING where it is absent."""
        outcome = self.outcomes.get(subject)
        found: Summary = outcome.summaries.get(client, MISSING) if outcome else MISSING
        return found

    def quiet(self, subject: str, *clients: str) -> float:
        """The share of the time that the clients of a subject had their processor.

        They never wait where a target is taken, so what is missing from the least share
        was taken by something else, or by a server that could not keep up.
        """
        found = (self.summary(subject, client) for client in clients)
        return min(one.cpu.median / one.wall.median for one in found)


def targets(results: Results) -> list[Row]:
    """Hold a run of fetching against all of its targets."""
    rated, decode = partial(_rated, results), results.extras.decode
    curl, wreq = roster.PYCURL_DECODED, roster.WREQ_DECODED
    bare, floor = (roster.OURS, roster.AIOHTTP), (roster.OURS, roster.PLAIN)
    in_turn = (roster.ORDERED, roster.OURS)
    cpu = (results.summary("plain", name).cpu for name in bare)
    return [
        _gain(results, "base", "TLS", "≥ 1.27"),
        _gain(results, "plain", "plain", "≥ 1.15"),
        rated("base", (roster.OURS, curl), f"over {curl}, both with TLS", "≥ 0.87"),
        rated("base", (roster.OURS, wreq), f"over {wreq}, both with TLS", "≥ 1.2"),
        rated("base", bare, "over bare aiohttp, both with TLS", "≥ 3.6"),
        rated("plain", (roster.OURS, curl), f"over {curl}, plain", "≥ 0.72"),
        rated("plain", (roster.OURS, wreq), f"over {wreq}, plain", "≥ 1.25"),
        rated("plain", bare, "over bare aiohttp, both on asyncio", "≥ 2.5"),
        rated("uvloop-plain", bare, "over bare aiohttp, both on uvloop", "≥ 2"),
        rated("allocator", floor, _FLOOR, "≥ 0.6"),
        _part("CPU of a request, over bare aiohttp", "≤ 0.36", cpu),
        _memory(results),
        rated("base", in_turn, "ordered=True over unordered", "≥ 0.9"),
        _decoded(decode, "JSON", "pydantic", "≤ 1.75"),
        _decoded(decode, "XML", "xmltodict.parse alone", "≤ 0.65"),
        *(_begun(results, name, wanted) for name, wanted in _BEGUN.items()),
        _managers(results),
    ]


def _rated(
    results: Results, subject: str, pair: tuple[str, str], what: str, wanted: str
) -> Row:
    """Compare rates; where neighbours took the processor, what was used of it."""
    ours, theirs = (results.summary(subject, one) for one in pair)
    by_rate = ours.rate.median / theirs.rate.median
    by_cpu = theirs.cpu.median / ours.cpu.median
    is_disturbed = results.quiet(subject, *pair) < _QUIET
    return judge(
        what,
        wanted,
        by_cpu if is_disturbed else by_rate,
        f"{ours.rate.median:,.0f} and {theirs.rate.median:,.0f} requests/s, "
        f"{_both(ours.cpu, theirs.cpu)} µs of CPU",
        by_rate=by_rate,
        by_cpu=by_cpu,
    )


def _gain(results: Results, subject: str, over: str, wanted: str) -> Row:
    """Compare with what was released, by CPU: both are clients of one processor."""
    ours, before = (
        results.summary(subject, one).cpu for one in (roster.OURS, roster.RELEASED)
    )
    what, gain = (
        f"gain over 0.1.0, CPU of a request, {over}",
        before.median / ours.median,
    )
    return judge(what, wanted, gain, f"{_both(ours, before)} µs")


def _part(what: str, wanted: str, pair: Iterable[Spread], unit: str = "µs") -> Row:
    one, other = pair
    told = f"{_both(one, other, '.1f' if unit == 'µs' else '.0f')} {unit}"
    return judge(what, wanted, one.median / other.median, told)


def _decoded(spreads: dict[str, Spread], form: str, other: str, wanted: str) -> Row:
    both = (spreads.get(f"{form}: {one}", MISSING) for one in ("veeam_async", other))
    return _part(f"{form} decoding, over {other}", wanted, both)


def _begun(results: Results, name: str, wanted: str) -> Row:
    both = (results.extras.start.get(one, MISSING) for one in (name, ASYNCIO))
    return _part(f"CPU of `{name}`, over `{ASYNCIO}`", wanted, both, "ms")


def _memory(results: Results) -> Row:
    peaks = results.extras.memory
    few, many = min(peaks, default=0), max(peaks, default=0)
    grown = (peaks[many] - peaks[few]) / _MIB if few < many else nan
    told = ", ".join(f"{n:,}: {most / _MIB:.1f} MiB" for n, most in peaks.items())
    what = f"growth of memory from {few:,} to {many:,} ids"
    return judge(what, "≤ 10", grown, told, unit=" MiB")


def _managers(results: Results) -> Row:
    took = (results.extras.managers or MISSING).median
    what = "CPU of the constructors of fifty managers, tls=True"
    return judge(what, "≤ 100", took, f"{took:.0f} ms", unit=" ms")


def _both(one: Spread, other: Spread, spec: str = ".1f") -> str:
    return f"{one.median:{spec}} and {other.median:{spec}}"


_TEMPLATE = Path(__file__).with_name("RESULTS.template")
_HEAD = ("what", "target", "measured", "verdict", "by rate", "by CPU", "figures")
_ABOVE = ("processor", "system", "Python", "OpenSSL")
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
        machine=results.machine,
        versions=", ".join(
            f"{name} {version}"
            for name, version in results.machine.items()
            if name not in _ABOVE
        ),
        ceilings=_ceilings(results),
        quiet=results.quiet("base", roster.OURS),
        minutes=results.minutes,
        quick="\n- **A quick run**: too short to be quoted." if results.quick else "",
        targets=table(results),
        subjects="\n".join(_subject(*each) for each in results.outcomes.items()),
        decode=_spreads("body", "µs", extras.decode),
        first=_spreads("client", "ms", extras.first),
        start=_spreads("process", "CPU ms", start),
        memory=markdown(("ids", "peak of resident memory"), memory),
        absent=_absent(results),
    )


def _ceilings(results: Results) -> str:
    """Tell how many requests a second the server's processor could answer."""
    floors = (results.summary(key, roster.BUFFERED) for key in ("base", "plain"))
    tls, plain = (1e6 / floor.server.median for floor in floors)
    return f"{tls:,.0f} requests/s over TLS and {plain:,.0f} requests/s plain"


def table(results: Results) -> str:
    """Write the table of targets."""
    return markdown(_HEAD, map(_cells, targets(results)))


def _cells(row: Row) -> tuple[str, ...]:
    measured, by_rate, by_cpu = (
        "" if each is None else f"{each:.2f}"
        for each in (row.value, row.by_rate, row.by_cpu)
    )
    measured += row.unit if measured else ""
    return (row.what, row.wanted, measured, row.verdict, by_rate, by_cpu, row.figures)


def _subject(key: str, outcome: Outcome) -> str:
    summaries = outcome.summaries
    ranked = sorted(summaries.items(), key=lambda item: -item[1].rate.median)
    rows = [_row(name, one, summaries.get(roster.AIOHTTP)) for name, one in ranked]
    rounds = max((one.rounds for one in summaries.values()), default=0)
    missing = "".join(
        f"\nAbsent: {name} ({why}).\n" for name, why in outcome.absent.items()
    )
    table = markdown(_SUBJECT_HEAD, rows)
    return f"## {SUBJECTS[key].title}\n\n{rounds} rounds.\n\n{table}{missing}"


def _row(name: str, one: Summary, base: Summary | None) -> tuple[str, ...]:
    mark = "**" if name == roster.OURS else ""
    return (
        f"{mark}{name}{mark}",
        roster.ROSTER[name].does,
        *one.rate.told(",.0f"),
        f"{one.wall.median:.1f}",
        *one.cpu.told(".1f"),
        f"{one.rate.median / base.rate.median:.2f}" if base else "",
        f"{base.cpu.median / one.cpu.median:.2f}" if base else "",
        f"{one.busy.median:.0%}",
    )


def _spreads(what: str, unit: str, spreads: dict[str, Spread]) -> str:
    rows = [(name, *one.told(".1f")) for name, one in spreads.items()]
    return markdown((what, unit, "least-most"), rows)


def _absent(results: Results) -> str:
    missing = dict(results.extras.absent)
    for outcome in results.outcomes.values():
        missing.update(outcome.absent)
    told = "".join(f"- {name}: {why}\n" for name, why in missing.items())
    return told or "Nothing: every client took part.\n"


def fetch_picture(results: Results) -> str:
    """Draw requests a second over TLS by client, the fastest first.

    Who looks for a client is not helped by a release of before.
    """
    found = results.outcomes["base"].summaries.items()
    bars = [
        (
            name,
            one.rate,
            f"{one.rate.median:,.0f} {roster.ROSTER[name].gives}",
            roster.ROSTER[name].kind,
        )
        for name, one in sorted(found, key=lambda item: -item[1].rate.median)
        if name != roster.RELEASED
    ]
    note = "one client core, 32 connections, JSON of 1.4 KB; median, least and most"
    return _chart("Sessions fetched in a second, over TLS", note, bars)


def decode_picture(results: Results) -> str:
    """Draw the microseconds that a body takes."""
    bars = [
        (
            name,
            took,
            f"{took.median:.1f} µs",
            "ours" if roster.OURS in name else "python",
        )
        for name, took in results.extras.decode.items()
    ]
    note = "an entity of 1.4 KB with six links; median, least and most"
    return _chart("Microseconds to decode a session", note, bars)


def _chart(title: str, note: str, bars: Sequence[tuple[str, Spread, str, str]]) -> str:
    """Draw bars: a label, what is drawn, what stands at its end, and its style."""
    most = max((spread.max for _, spread, _, _ in bars), default=1)
    scale = (_WIDTH - _LEFT - _RIGHT) / most
    drawn = [_bar(*bar, (_TOP + n * _ROW, scale)) for n, bar in enumerate(bars)]
    return Template(_BARS.read_text(encoding="utf-8")).substitute(
        width=_WIDTH,
        height=_TOP + _ROW * len(bars) + 8,
        title=escape(title),
        note=escape(note),
        bars="\n".join(drawn),
    )


def _bar(
    label: str, spread: Spread, told: str, style: str, at: tuple[int, float]
) -> str:
    """Draw the median as a bar, least and most as a line."""
    top, scale = at
    middle, base = top + _ROW // 2 - 3, top + _ROW // 2 + 2
    least, most = (f"{_LEFT + each * scale:.1f}" for each in (spread.min, spread.max))
    end = f"{_LEFT + spread.max * scale + 8:.1f}"
    width = f"{spread.median * scale:.1f}"
    return (
        f'<text x="{_LEFT - 10}" y="{base}" text-anchor="end">{escape(label)}</text>'
        f'<rect class="{style}" x="{_LEFT}" y="{top}" rx="2" width="{width}" '
        f'height="{_ROW - 6}"/><line class="reach" x1="{least}" y1="{middle}" '
        f'x2="{most}" y2="{middle}"/><text x="{end}" y="{base}">{escape(told)}</text>'
    )
