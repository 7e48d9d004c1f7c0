"""Run a subject: its clients in turns, each round in a fresh process."""

from __future__ import annotations

import asyncio
import gc
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import attrs

from benchmarks.plan import Case, Subject
from benchmarks.process import CLIENT_CORE, FailedError, call_with, pin
from benchmarks.roster import ROSTER
from benchmarks.server import serve_prepared
from benchmarks.serving import Place, running
from benchmarks.work import Check, Work, ids_for

_THRESHOLD = "MALLOC_MMAP_THRESHOLD_"
_MOST = 20_000
_WARM = 4
"""Requests on each connection before the clock starts: it is open and code is warm."""


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


@attrs.frozen(kw_only=True)
class Outcome:
    """What a subject came to; *absent* are the clients that are missing, and why."""

    summaries: dict[str, Summary]
    absent: dict[str, str]


@attrs.frozen(kw_only=True)
class Round:
    """What one process measured: requests, seconds by the clock and of processors.

    *server* is how long the server's processor was busy meanwhile.
    """

    count: int
    wall: float
    cpu: float
    server: float


def run_subject(
    subject: Subject, absent: dict[str, str], pem: Path, rounds: int, seconds: float
) -> Outcome:
    """Measure all clients of *subject* but those that are *absent*."""
    missing = {name: absent[name] for name in subject.clients if name in absent}
    found: dict[str, list[Round]] = {name: [] for name in subject.clients}
    case = subject.case
    environment = {_THRESHOLD: str(128 * 1024)} if case.fixed_threshold else {}
    with running(
        serve_prepared,
        certificate=pem if case.tls else None,
        size=case.size,
        latency=case.latency,
    ) as place:
        for client in subject.clients * rounds:
            if client in missing:
                continue
            try:
                one = call_with(environment, timed, client, case, place, seconds)
            except FailedError as error:
                missing[client] = str(error)
            else:
                found[client].append(one)
                _show(subject.title, client, one)
    complete = {name: got for name, got in found.items() if name not in missing}
    return Outcome(
        summaries={name: summarise(got) for name, got in complete.items()},
        absent=missing,
    )


def summarise(rounds: Sequence[Round]) -> Summary:
    """Describe the *rounds* of a client."""

    def spread(number: Callable[[Round], float]) -> Spread:
        return Spread.of([number(one) for one in rounds])

    return Summary(
        rounds=len(rounds),
        rate=spread(lambda one: one.count / one.wall),
        wall=spread(lambda one: one.wall / one.count * 1e6),
        cpu=spread(lambda one: one.cpu / one.count * 1e6),
        server=spread(lambda one: one.server / one.count * 1e6),
        busy=spread(lambda one: one.server / one.wall),
    )


def _show(title: str, client: str, one: Round) -> None:
    """Tell on standard error what goes on."""
    wall, cpu = one.wall / one.count * 1e6, one.cpu / one.count * 1e6
    told = f"{title[:32]:32} {client:24} {wall:7.1f} µs, CPU {cpu:7.1f} µs"
    print(told, file=sys.stderr, flush=True)


# ------------------------------------------------------------ in the fresh process


def timed(client: str, case: Case, place: Place, seconds: float) -> Round:
    """Open a client, warm it, and time a fetch."""
    pin(CLIENT_CORE)
    factory: Any = None
    if case.loop == "uvloop":
        import uvloop  # noqa: PLC0415 - not on Windows

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(_timed(client, case, place, seconds))


async def _timed(client: str, case: Case, place: Place, seconds: float) -> Round:
    entry = ROSTER[client]
    work = Work(
        url=place.url,
        connections=case.connections,
        accept=case.accept,
        ca_file=place.ca_file,
        check=Check(case.accept),
        gives=entry.answers,
    )
    async with entry.load()(work) as fetch:
        await fetch(ids_for(seconds, max(200, _WARM * case.connections)))
        gc.collect()
        ids, served = ids_for(seconds, _MOST), place.json("busy")
        wall, cpu = time.perf_counter(), time.process_time()
        count = await fetch(ids)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        busy = place.json("busy") - served
    return Round(count=count, wall=wall, cpu=cpu, server=busy)
