"""What is measured besides rates: decoding, memory, the first result, the start."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import attrs

from benchmarks.affinity import cores
from benchmarks.fresh import FailedError, run
from benchmarks.roster import AIOHTTP, ORDERED, OURS
from benchmarks.serving import server
from benchmarks.summary import Spread

_THOUSAND, _MILLION = 1000, 1_000_000
_PLACES = ("url", "ca_file")
"""What differs from run to run, and is not told."""

ASYNCIO = "import asyncio"
"""What all others are compared with: no asyncio program begins with less."""

IMPORT = "from veeam_async import EnterpriseManager, F"
VERSION, HELP = "veeam-async --version", "veeam-async --help"
GET = "veeam-async get, over TLS"


@attrs.frozen(kw_only=True)
class Extras:
    """Microseconds for a body by way; peak bytes by ids; milliseconds by client.

    *start* has milliseconds of CPU by what a process was asked for, *managers* those
    that it takes to make many. Runs of before have neither.

    *absent* says what is missing, and why.
    """

    decode: dict[str, Spread]
    memory: dict[int, float]
    first: dict[str, Spread]
    absent: dict[str, str]
    start: dict[str, Spread] = attrs.field(factory=dict)
    managers: Spread | None = None


def measure(pem: Path, *, rounds: int, ids: Iterable[int]) -> Extras:
    """Measure all of it, over TLS with the certificate of *pem*."""
    absent: dict[str, str] = {}
    with server(size=1400, latency=0, certificate=pem, core=cores()[1]) as serving:
        where = {"url": serving.url, "ca_file": str(pem.with_name("ca.pem"))}
        return Extras(
            decode=_decode(rounds, absent),
            memory=_memory(where, ids, absent),
            first=_first(where, rounds, absent),
            absent=absent,
            start=_start(where, rounds, absent),
            managers=_managers(rounds, absent),
        )


def _decode(rounds: int, absent: dict[str, str]) -> dict[str, Spread]:
    measured: dict[str, list[float]] = {}
    for _ in range(3):
        found = _run("decode", {"rounds": rounds}, absent) or {}
        for name, times in found.items():
            measured.setdefault(name, []).extend(times)
    return {name: Spread.of(times) for name, times in measured.items()}


def _memory(
    where: dict[str, str], ids: Iterable[int], absent: dict[str, str]
) -> dict[int, float]:
    found = {n: _run("memory", {**where, "count": n}, absent) for n in ids}
    return {count: float(most) for count, most in found.items() if most is not None}


def _first(
    where: dict[str, str], rounds: int, absent: dict[str, str]
) -> dict[str, Spread]:
    """Take turns: cold clients, a thousand ids and a million."""
    measured: dict[str, list[float]] = {}
    for _ in range(rounds):
        for client in (OURS, ORDERED, AIOHTTP):
            for count in (_THOUSAND, _MILLION):
                given = {**where, "client": client, "count": count}
                took = _run("first", given, absent)
                if took is not None:
                    times = measured.setdefault(f"{client}, {count:,} ids", [])
                    times.append(took * 1e3)
    return {name: Spread.of(times) for name, times in measured.items()}


def _start(
    where: dict[str, str], rounds: int, absent: dict[str, str]
) -> dict[str, Spread]:
    """Whole processes in turns."""
    found = _run("start", {**where, "rounds": 3 * rounds}, absent) or {}
    return {name: _milliseconds(times) for name, times in found.items()}


def _managers(rounds: int, absent: dict[str, str]) -> Spread | None:
    found = [_run("managers", {}, absent) for _ in range(rounds)]
    times = [took for took in found if took is not None]
    return _milliseconds(times) if times else None


def _milliseconds(times: Iterable[float]) -> Spread:
    return Spread.of([took * 1e3 for took in times])


def _run(module: str, given: dict[str, object], absent: dict[str, str]) -> Any:
    told = {name: value for name, value in given.items() if name not in _PLACES}
    print(f"{module:16} {told}", file=sys.stderr, flush=True)
    try:
        return run(module, json.dumps({**given, "core": cores()[0]}))
    except FailedError as error:
        absent[f"{module} {told}"] = str(error)
        return None
