"""What is measured besides rates: decoding, memory, the first result, the start."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from pathlib import Path

import attrs

from benchmarks.cold import first_of, managers, memory_of, starts
from benchmarks.decode import decoding
from benchmarks.process import attempt
from benchmarks.roster import AIOHTTP, ORDERED, OURS
from benchmarks.rounds import Spread
from benchmarks.server import serve_prepared
from benchmarks.serving import running

_COLD = list(product((OURS, ORDERED, AIOHTTP), (1_000, 1_000_000)))


@attrs.frozen(kw_only=True)
class Extras:
    """Microseconds for a body by way; peak bytes by ids; milliseconds by client.

    *start* has milliseconds of CPU by what a process was asked for, *managers* those
    that it takes to make many. *absent* says what is missing, and why.
    """

    decode: dict[str, Spread]
    memory: dict[int, float]
    first: dict[str, Spread]
    start: dict[str, Spread]
    managers: Spread | None
    absent: dict[str, str]


def measure(pem: Path, *, rounds: int, ids: Iterable[int]) -> Extras:
    """Measure all of it, over TLS with the certificate of *pem*.

    Clients are cold in turns, with a thousand ids and with a million.
    """
    absent: dict[str, str] = {}
    decode: dict[str, list[float]] = defaultdict(list)
    first: dict[str, list[float | None]] = defaultdict(list)
    with running(serve_prepared, certificate=pem) as place:
        for _ in range(3):
            found = attempt(absent, "decode", decoding, rounds) or {}
            for way, times in found.items():
                decode[way] += times
        peaks = {
            count: attempt(absent, f"memory, {count:,}", memory_of, OURS, place, count)
            for count in ids
        }
        for client, count in _COLD * rounds:
            name = f"{client}, {count:,} ids"
            first[name].append(attempt(absent, name, first_of, client, place, count))
        start = attempt(absent, "start", starts, place, 3 * rounds) or {}
        made = [attempt(absent, "managers", managers, 50) for _ in range(rounds)]
    return Extras(
        decode=_spreads(decode),
        memory={n: float(most) for n, most in peaks.items() if most is not None},
        first=_spreads(first),
        start=_spreads(start),
        managers=_spreads({"": made}).get(""),
        absent=absent,
    )


def _spreads(taken: Mapping[str, Sequence[float | None]]) -> dict[str, Spread]:
    """Describe what was taken without failing."""
    good = {
        name: [each for each in times if each is not None]
        for name, times in taken.items()
    }
    return {name: Spread.of(times) for name, times in good.items() if times}
