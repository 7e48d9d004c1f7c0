"""What is measured besides rates: decoding, memory, the first result."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from typing import Any

import attrs

from benchmarks.affinity import cores
from benchmarks.fresh import FailedError, run
from benchmarks.roster import AIOHTTP, ORDERED, OURS
from benchmarks.serving import server
from benchmarks.summary import Spread

_THOUSAND, _MILLION = 1000, 1_000_000


@attrs.frozen(kw_only=True)
class Extras:
    """Microseconds for a body by way; peak bytes by ids; milliseconds by client.

    *absent* says what is missing, and why.
    """

    decode: dict[str, Spread]
    memory: dict[int, float]
    first: dict[str, Spread]
    absent: dict[str, str]


def measure(*, rounds: int, ids: Iterable[int]) -> Extras:
    """Measure all three."""
    absent: dict[str, str] = {}
    with server(size=1400, latency=0, certificate=None, core=cores()[1]) as serving:
        return Extras(
            decode=_decode(rounds, absent),
            memory=_memory(serving.url, ids, absent),
            first=_first(serving.url, rounds, absent),
            absent=absent,
        )


def _decode(rounds: int, absent: dict[str, str]) -> dict[str, Spread]:
    measured: dict[str, list[float]] = {}
    for _ in range(3):
        found = _run("decode", {"rounds": rounds}, absent) or {}
        for name, times in found.items():
            measured.setdefault(name, []).extend(times)
    return {name: Spread.of(times) for name, times in measured.items()}


def _memory(url: str, ids: Iterable[int], absent: dict[str, str]) -> dict[int, float]:
    found = {n: _run("memory", {"url": url, "count": n}, absent) for n in ids}
    return {count: float(most) for count, most in found.items() if most is not None}


def _first(url: str, rounds: int, absent: dict[str, str]) -> dict[str, Spread]:
    """Take turns: cold clients, a thousand ids and a million."""
    measured: dict[str, list[float]] = {}
    for _ in range(rounds):
        for client in (OURS, ORDERED, AIOHTTP):
            for count in (_THOUSAND, _MILLION):
                given = {"url": url, "client": client, "count": count}
                took = _run("first", given, absent)
                if took is not None:
                    times = measured.setdefault(f"{client}, {count:,} ids", [])
                    times.append(took * 1e3)
    return {name: Spread.of(times) for name, times in measured.items()}


def _run(module: str, given: dict[str, object], absent: dict[str, str]) -> Any:
    told = {name: value for name, value in given.items() if name != "url"}
    print(f"{module:16} {told}", file=sys.stderr, flush=True)
    try:
        return run(module, json.dumps({**given, "core": cores()[0]}))
    except FailedError as error:
        absent[f"{module} {told}"] = str(error)
        return None
