"""The two pictures that the README shows."""

from __future__ import annotations

from benchmarks.pictures import Bar, chart
from benchmarks.results import Results
from benchmarks.roster import RELEASED, ROSTER


def fetch_picture(results: Results) -> str:
    """Draw requests a second over TLS by client, the fastest first.

    Who looks for a client is not helped by a release of before.
    """
    outcome = results.outcomes["base"]
    bars = [
        Bar(
            label=name,
            value=one.rate.median,
            least=one.rate.min,
            most=one.rate.max,
            told=f"{one.rate.median:,.0f} {ROSTER[name].gives}",
            kind=ROSTER[name].kind,
        )
        for name, one in outcome.summaries.items()
        if name != RELEASED
    ]
    note = "one client core, 32 connections, JSON of 1.4 KB; median, least and most"
    ranked = sorted(bars, key=lambda bar: -bar.value)
    return chart("Sessions fetched in a second, over TLS", note, ranked)


def decode_picture(results: Results) -> str:
    """Draw the microseconds that a body takes."""
    bars = [
        Bar(
            label=name,
            value=took.median,
            least=took.min,
            most=took.max,
            told=f"{took.median:.1f} µs",
            kind="ours" if "veeam_async" in name else "python",
        )
        for name, took in results.extras.decode.items()
    ]
    note = "an entity of 1.4 KB with six links; median, least and most"
    return chart("Microseconds to decode a session", note, bars)
