"""What is measured besides rates: decoding, memory, the first result, the start."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import TypeVar

import attrs

from benchmarks.cold import Fetching, Starting, first_of, managers, memory_of, starts
from benchmarks.decode import decoding
from benchmarks.process import FailedError, call
from benchmarks.roster import AIOHTTP, ORDERED, OURS
from benchmarks.rounds import Spread
from benchmarks.server import Prepared, serve_prepared
from benchmarks.serving import Place, running

E = TypeVar("E")
R = TypeVar("R")

_MANAGERS = 50


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


class _Attempts:
    """Calls in fresh processes; *absent* has those that failed, and why."""

    def __init__(self) -> None:
        self.absent: dict[str, str] = {}

    def call(self, told: str, function: Callable[[E], R], errand: E) -> R | None:
        """Give what *function* gives, None where it fails."""
        print(told, file=sys.stderr, flush=True)
        try:
            return call(function, errand)
        except FailedError as error:
            self.absent[told] = str(error)
            return None


def measure(pem: Path, *, rounds: int, ids: Iterable[int]) -> Extras:
    """Measure all of it, over TLS with the certificate of *pem*."""
    attempts = _Attempts()
    with running(serve_prepared, Prepared(certificate=str(pem))) as place:
        decode: dict[str, list[float]] = defaultdict(list)
        for _ in range(3):
            for way, times in (attempts.call("decode", decoding, rounds) or {}).items():
                decode[way] += times
        memory = {n: _peak(attempts, place, n) for n in ids}
        first = _first(attempts, place, rounds)
        starting = Starting(place=place, rounds=3 * rounds)
        start = attempts.call("start", starts, starting) or {}
        made = [attempts.call("managers", managers, _MANAGERS) for _ in range(rounds)]
    took = [each for each in made if each is not None]
    return Extras(
        decode=_spreads(decode),
        memory={n: float(most) for n, most in memory.items() if most is not None},
        first=_spreads(first),
        start=_spreads(start),
        managers=Spread.of(took) if took else None,
        absent=attempts.absent,
    )


def _peak(attempts: _Attempts, place: Place, count: int) -> int | None:
    errand = Fetching(client=OURS, place=place, count=count)
    return attempts.call(f"memory of {count:,} ids", memory_of, errand)


def _first(attempts: _Attempts, place: Place, rounds: int) -> dict[str, list[float]]:
    """Take turns: cold clients, a thousand ids and a million."""
    taken: dict[str, list[float]] = defaultdict(list)
    for _ in range(rounds):
        for client, count in product((OURS, ORDERED, AIOHTTP), (1_000, 1_000_000)):
            told = f"{client}, {count:,} ids"
            errand = Fetching(client=client, place=place, count=count)
            took = attempts.call(told, first_of, errand)
            if took is not None:
                taken[told].append(took)
    return taken


def _spreads(taken: Mapping[str, Sequence[float]]) -> dict[str, Spread]:
    return {name: Spread.of(times) for name, times in taken.items()}
