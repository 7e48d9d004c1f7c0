"""The subjects of plan.toml: clients in turns, each round in a fresh process."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import time
import tomllib
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any, Literal

import attrs

from benchmarks.process import CLIENT_CORE, attempt, pin
from benchmarks.roster import ROSTER
from benchmarks.server import serve_prepared
from benchmarks.serving import Figures, Place, running
from benchmarks.work import Check, Work, ids_for

_THRESHOLD = "MALLOC_MMAP_THRESHOLD_"
_MOST = 20_000
_WARM = 4
"""Requests on each connection before the clock starts: it is open and code is warm."""


@attrs.frozen(kw_only=True)
class Case:
    """What can be varied around a client. The defaults are the base.

    *size* is in bytes, *latency* in seconds; *fixed_threshold* keeps glibc from
    adapting the size above which it maps memory anew.
    """

    loop: Literal["asyncio", "uvloop"] = "asyncio"
    tls: bool = True
    accept: str = "json"
    connections: int = 32
    size: int = 1400
    latency: float = 0.0
    fixed_threshold: bool = False


@attrs.frozen
class Subject:
    """Clients that are measured in turns: A B C, A B C, and so on.

    Where a target is taken from it, it gets all rounds; the others get half.
    """

    title: str
    clients: list[str]
    case: Case = Case()
    is_targeted: bool = False


_PLAN = Path(__file__).with_name("plan.toml").read_text(encoding="utf-8")
SUBJECTS = {
    key: Subject(**{**given, "case": Case(**given.get("case", {}))})
    for key, given in tomllib.loads(_PLAN).items()
}


@attrs.frozen(kw_only=True)
class Spread:
    """The median of some measurements, with the least and the greatest."""

    median: float
    min: float
    max: float

    @classmethod
    def of(cls, measured: Sequence[float]) -> Spread:
        """Describe what was *measured*."""
        return cls(median=median(measured), min=min(measured), max=max(measured))

    def told(self, spec: str) -> tuple[str, str]:
        """Write the median, and the range."""
        return f"{self.median:{spec}}", f"{self.min:{spec}}-{self.max:{spec}}"


@attrs.frozen(kw_only=True)
class Summary:
    """What the rounds of one client came to.

    *rate* is in requests a second; *wall*, *cpu* and *server* are microseconds a
    request: by the clock, of the client's processor and of the server's; *busy* is the
    share of the time that the server's processor was busy.
    """

    rounds: int
    rate: Spread
    wall: Spread
    cpu: Spread
    server: Spread
    busy: Spread


@attrs.frozen
class Outcome:
    """What a subject came to; *absent* are the clients that are missing, and why."""

    summaries: dict[str, Summary]
    absent: dict[str, str]


def run_subject(
    subject: Subject, absent: dict[str, str], pem: Path, rounds: int, seconds: float
) -> Outcome:
    """Measure all clients of *subject* but those that are *absent*."""
    missing = {name: absent[name] for name in subject.clients if name in absent}
    found: dict[str, list[Figures]] = {name: [] for name in subject.clients}
    case = subject.case
    with running(
        serve_prepared,
        certificate=pem if case.tls else None,
        size=case.size,
        latency=case.latency,
    ) as place:
        for client in subject.clients * rounds:
            if client in missing:
                continue
            one = attempt(missing, client, timed, client, case, place, seconds)
            if one is not None:
                found[client].append(one)
                told = f"{one['wall']:7.1f} µs, CPU {one['cpu']:7.1f} µs"
                print(f"  {told}: {subject.title}", file=sys.stderr)
    complete = {name: got for name, got in found.items() if name not in missing}
    return Outcome({name: summarise(got) for name, got in complete.items()}, missing)


def summarise(rounds: Sequence[Figures]) -> Summary:
    """Describe the *rounds* of a client."""
    each = {name: Spread.of([one[name] for one in rounds]) for name in rounds[0]}
    return Summary(rounds=len(rounds), **each)


# ------------------------------------------------------------ in the fresh process


def timed(client: str, case: Case, place: Place, seconds: float) -> Figures:
    """Open a client, warm it, and time a fetch: what a `Summary` has of each round."""
    if case.fixed_threshold and _THRESHOLD not in os.environ:
        # The C library reads it when a process begins: this one begins again.
        os.environ[_THRESHOLD] = str(128 * 1024)
        os.execv(sys.executable, sys.orig_argv)  # noqa: S606 - as it was begun
    pin(CLIENT_CORE)
    factory: Any = None
    if case.loop == "uvloop":
        import uvloop  # noqa: PLC0415 - not on Windows

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(_timed(client, case, place, seconds))


async def _timed(client: str, case: Case, place: Place, seconds: float) -> Figures:
    entry = ROSTER[client]
    check = Check(case.accept)
    work = Work(
        url=place.url,
        connections=case.connections,
        accept=case.accept,
        ca_file=place.ca_file,
        check=check,
        judge=getattr(check, entry.answers),
    )
    async with entry.load()(work) as fetch:
        await fetch(ids_for(seconds, max(200, _WARM * case.connections)))
        gc.collect()
        ids, served = ids_for(seconds, _MOST), place.json("busy")
        wall, cpu = time.perf_counter(), time.process_time()
        count = await fetch(ids)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        busy = place.json("busy") - served
    return {
        "rate": count / wall,
        "wall": wall / count * 1e6,
        "cpu": cpu / count * 1e6,
        "server": busy / count * 1e6,
        "busy": busy / wall,
    }
