"""What is measured besides rates: decoding, memory, the first result, the start."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from itertools import product
from pathlib import Path

import attrs

from benchmarks import cold
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
    with running(serve_prepared, certificate=pem) as place:
        decode = [attempt(absent, "decode", cold.decoding, rounds) for _ in range(3)]
        peaks = {
            n: attempt(absent, f"memory, {n:,}", cold.memory_of, OURS, place, n)
            for n in ids
        }
        first = [
            attempt(absent, f"first, {who}, {n:,}", cold.first_of, who, place, n)
            for who, n in _COLD * rounds
        ]
        start = [attempt(absent, "start", cold.starts, place, 3 * rounds)]
        made = [attempt(absent, "managers", cold.managers, 50) for _ in range(rounds)]
    return Extras(
        decode=_spreads(decode),
        memory={count: most for count, most in peaks.items() if most is not None},
        first=_spreads(first),
        start=_spreads(start),
        managers=_spreads(made).get("managers"),
        absent=absent,
    )


def _spreads(taken: Iterable[cold.Times | None]) -> dict[str, Spread]:
    """Describe what was taken without failing."""
    every: cold.Times = defaultdict(list)
    for found in taken:
        for name, times in (found or {}).items():
            every[name] += times
    return {name: Spread.of(times) for name, times in every.items()}
