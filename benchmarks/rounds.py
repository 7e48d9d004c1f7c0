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
from benchmarks.process import CLIENT_CORE, FailedError, call, pin
from benchmarks.roster import ROSTER
from benchmarks.server import Prepared, serve_prepared
from benchmarks.serving import Place, running
from benchmarks.work import Check, Fetch, Work, ids_for

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
class Errand:
    """What a fresh process needs for a round: who asks whom how, and for how long."""

    client: str
    case: Case
    place: Place
    seconds: float
    count: int = 20_000


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
    setting = Prepared(
        size=case.size,
        latency=case.latency,
        certificate=str(pem) if case.tls else None,
    )
    with running(serve_prepared, setting) as place:
        for client in subject.clients * rounds:
            if client in missing:
                continue
            errand = Errand(client=client, case=case, place=place, seconds=seconds)
            try:
                one = call(timed, errand, fixed=case.fixed_threshold)
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


def timed(errand: Errand) -> Round:
    """Open the client, warm it, and time a fetch."""
    pin(CLIENT_CORE)
    factory: Any = None
    if errand.case.loop == "uvloop":
        import uvloop  # noqa: PLC0415 - not on Windows

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(_timed(errand))


async def _timed(errand: Errand) -> Round:
    case, entry = errand.case, ROSTER[errand.client]
    work = Work(
        url=errand.place.url,
        connections=case.connections,
        accept=case.accept,
        ca_file=errand.place.ca_file,
        check=Check(case.accept),
        gives=entry.answers,
    )
    async with entry.load()(work) as fetch:
        await fetch(ids_for(errand.seconds, max(200, _WARM * case.connections)))
        gc.collect()
        return await _one(fetch, errand)


async def _one(fetch: Fetch, errand: Errand) -> Round:
    ids = ids_for(errand.seconds, errand.count)
    served = errand.place.json("busy")
    wall, cpu = time.perf_counter(), time.process_time()
    count = await fetch(ids)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return Round(
        count=count, wall=wall, cpu=cpu, server=errand.place.json("busy") - served
    )
