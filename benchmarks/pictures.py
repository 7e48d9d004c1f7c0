"""The two pictures that the README shows: bars as SVG, on light and dark pages."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import attrs

from benchmarks.results import Results
from benchmarks.roster import RELEASED, ROSTER, Kind
from benchmarks.rounds import Spread

_WIDTH, _LEFT, _RIGHT, _ROW, _TOP = 760, 210, 140, 26, 58
_STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1f2328; }
.title { font-size: 16px; font-weight: 600; }
.note { fill: #59636e; }
.ours { fill: #0969da; } .python { fill: #8c959f; }
.native { fill: #bc4c00; } .floor { fill: #d0d7de; }
.reach { stroke: #1f2328; stroke-width: 1.5; }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc; } .note { fill: #9198a1; }
  .ours { fill: #4493f8; } .python { fill: #656c76; }
  .native { fill: #db6d28; } .floor { fill: #3d444d; }
  .reach { stroke: #f0f6fc; }
}
"""


@attrs.frozen
class _Bar:
    """The median is drawn and *told* at its end; least and most are a line."""

    label: str
    spread: Spread
    told: str
    kind: Kind


def fetch_picture(results: Results) -> str:
    """Draw requests a second over TLS by client, the fastest first.

    Who looks for a client is not helped by a release of before.
    """
    bars = [
        _Bar(
            name,
            one.rate,
            f"{one.rate.median:,.0f} {ROSTER[name].gives}",
            ROSTER[name].kind,
        )
        for name, one in results.outcomes["base"].summaries.items()
        if name != RELEASED
    ]
    note = "one client core, 32 connections, JSON of 1.4 KB; median, least and most"
    ranked = sorted(bars, key=lambda bar: -bar.spread.median)
    return _chart("Sessions fetched in a second, over TLS", note, ranked)


def decode_picture(results: Results) -> str:
    """Draw the microseconds that a body takes."""
    bars = [
        _Bar(
            name,
            took,
            f"{took.median:.1f} µs",
            "ours" if "veeam_async" in name else "python",
        )
        for name, took in results.extras.decode.items()
    ]
    note = "an entity of 1.4 KB with six links; median, least and most"
    return _chart("Microseconds to decode a session", note, bars)


def _chart(title: str, note: str, bars: Sequence[_Bar]) -> str:
    """Draw *bars* under a title and a note."""
    height = _TOP + _ROW * len(bars) + 8
    scale = (_WIDTH - _LEFT - _RIGHT) / max((bar.spread.max for bar in bars), default=1)
    drawn = "\n".join(_row(bar, n, scale) for n, bar in enumerate(bars))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" '
        f'width="{_WIDTH}" height="{height}" role="img" aria-label="{escape(title)}">\n'
        f"<style>{_STYLE}</style>\n"
        f'<text class="title" x="8" y="22">{escape(title)}</text>\n'
        f'<text class="note" x="8" y="42">{escape(note)}</text>\n'
        f"{drawn}\n</svg>\n"
    )


def _row(bar: _Bar, number: int, scale: float) -> str:
    top = _TOP + number * _ROW
    middle, base = top + _ROW // 2 - 3, top + _ROW // 2 + 2
    end = _LEFT + bar.spread.max * scale + 8
    return (
        f'<text x="{_LEFT - 10}" y="{base}" text-anchor="end">'
        f"{escape(bar.label)}</text>"
        f'<rect class="{bar.kind}" x="{_LEFT}" y="{top}" rx="2"'
        f' width="{bar.spread.median * scale:.1f}" height="{_ROW - 6}"/>'
        f'<line class="reach" x1="{_LEFT + bar.spread.min * scale:.1f}" y1="{middle}"'
        f' x2="{_LEFT + bar.spread.max * scale:.1f}" y2="{middle}"/>'
        f'<text x="{end:.1f}" y="{base}">{escape(bar.told)}</text>'
    )
