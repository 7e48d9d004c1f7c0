"""The two pictures that the README shows: bars as SVG, on light and dark pages."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from string import Template

from benchmarks.results import Results
from benchmarks.roster import OURS, RELEASED, ROSTER
from benchmarks.rounds import Spread

_TEMPLATE = Path(__file__).with_name("bars.template")
_WIDTH, _LEFT, _RIGHT, _ROW, _TOP = 760, 210, 140, 26, 58


def fetch_picture(results: Results) -> str:
    """Draw requests a second over TLS by client, the fastest first.

    Who looks for a client is not helped by a release of before.
    """
    found = results.outcomes["base"].summaries.items()
    bars = [
        (
            name,
            one.rate,
            f"{one.rate.median:,.0f} {ROSTER[name].gives}",
            ROSTER[name].kind,
        )
        for name, one in sorted(found, key=lambda item: -item[1].rate.median)
        if name != RELEASED
    ]
    note = "one client core, 32 connections, JSON of 1.4 KB; median, least and most"
    return _chart("Sessions fetched in a second, over TLS", note, bars)


def decode_picture(results: Results) -> str:
    """Draw the microseconds that a body takes."""
    bars = [
        (name, took, f"{took.median:.1f} µs", "ours" if OURS in name else "python")
        for name, took in results.extras.decode.items()
    ]
    note = "an entity of 1.4 KB with six links; median, least and most"
    return _chart("Microseconds to decode a session", note, bars)


def _chart(title: str, note: str, bars: Sequence[tuple[str, Spread, str, str]]) -> str:
    """Draw bars: a label, what is drawn, what stands at its end, and its style."""
    most = max((spread.max for _, spread, _, _ in bars), default=1)
    scale = (_WIDTH - _LEFT - _RIGHT) / most
    drawn = [_bar(*bar, (_TOP + n * _ROW, scale)) for n, bar in enumerate(bars)]
    return Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(
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
