"""Show what a fetch does to a server that can only serve so many requests a second.

A simulated server in a process of its own sheds (503) or stalls beyond its capacity.
A client with 16 or 256 connections fetches 20 seconds' work from it, alone; then two
clients do half of that each, the second one three seconds after the first. Everything
must be fetched, the server must be kept busy, few requests may be wasted, and each of
the two must get its share. The settings are the library's own. Last: a time-out that
the queue at a stalling server must stay shorter than.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Iterator
from contextlib import asynccontextmanager
from itertools import cycle, islice, product, starmap
from time import monotonic
from typing import TYPE_CHECKING, Any, Literal

import attrs

from veeam_async import EnterpriseManager, RequestDone, Timeout
from veeam_async.simulator import Simulator

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

LEAST_USED = 0.85
"""Of what the server can, this much must be fetched."""
MOST_WASTED = 0.10
"""Of all requests, no more may come to nothing."""
LEAST_SHARE = 0.3
"""Of what the server can, each of two clients must get this much."""

WORK_SECONDS = 20.0
HEAD_START_SECONDS = 3.0
SETTLED_SECONDS = 2.0
"""How long after the second client's start the shares are counted from."""
ROUTE = "/backupSessions/{id}"
OK = 200


@attrs.frozen
class Case:
    """One server, and how many clients of how many connections ask it."""

    capacity: int
    overload: Literal["503", "stall"]
    connections: int
    clients: int
    timeout: float = 60.0

    @property
    def ids(self) -> int:
        """How many ids each client fetches."""
        return int(self.capacity * WORK_SECONDS / self.clients)


CASES = list(starmap(Case, product((100, 1000), ("503", "stall"), (16, 256), (1, 2))))
CASES += [Case(100, "stall", 256, 1, timeout) for timeout in (1.0, 2.0)]


@attrs.frozen(kw_only=True)
class Run:
    """What one client saw; *fetched* are the times at which sessions came."""

    began: float
    fetched: list[float]
    failed: int
    requests: int
    wasted: int
    limit: float


@attrs.frozen
class Verdict:
    """What a case came to."""

    case: Case
    runs: list[Run]

    @property
    def failed(self) -> int:
        """How many ids were not fetched."""
        return sum(run.failed for run in self.runs)

    @property
    def used(self) -> float:
        """How much of the server's capacity gave sessions."""
        began = min(run.began for run in self.runs)
        ended = max(max(run.fetched, default=run.began) for run in self.runs)
        fetched = sum(len(run.fetched) for run in self.runs)
        return fetched / (self.case.capacity * max(ended - began, 1e-9))

    @property
    def wasted(self) -> float:
        """How many of the requests came to nothing."""
        requests = sum(run.requests for run in self.runs)
        return sum(run.wasted for run in self.runs) / max(1, requests)

    @property
    def shares(self) -> list[float]:
        """How much of the capacity each client got while both were there."""
        start = max(run.began for run in self.runs) + SETTLED_SECONDS
        end = min(max(run.fetched, default=run.began) for run in self.runs)
        can = self.case.capacity * max(end - start, 1e-9)
        return [sum(start < at <= end for at in run.fetched) / can for run in self.runs]

    @property
    def is_met(self) -> bool:
        """Whether it came to what was asked."""
        if self.failed or self.used < LEAST_USED:
            return False
        if self.case.clients > 1:
            return min(self.shares) >= LEAST_SHARE
        return self.wasted <= MOST_WASTED

    @property
    def word(self) -> str:
        """Say what it came to."""
        return "met" if self.is_met else "MISSED"


# ---------------------------------------------------------------- the processes


async def serve(case: Case) -> None:
    """Serve until the standard input is closed."""
    async with Simulator(
        running=0, speed=0, capacity=case.capacity, overload=case.overload
    ) as simulator:
        ids = [str(one) for one in simulator.session_ids]
        print(json.dumps({"url": simulator.url, "ids": ids}), flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


async def ask(case: Case, server: dict[str, Any]) -> Run:
    """Fetch as many ids as *case* says from the *server*."""
    done: list[RequestDone] = []
    fetched: list[float] = []
    failed = 0
    async with EnterpriseManager(
        server["url"],
        username="veeam",
        password="simulator",
        max_connections=case.connections,
        timeout=Timeout(connect=min(10.0, case.timeout), request=case.timeout),
        on_request=done.append,
    ) as em:
        began = monotonic()
        async for one in em.backup_sessions.fetch(
            islice(cycle(server["ids"]), case.ids)
        ):
            if one.error is None:
                fetched.append(monotonic())
            else:
                failed += 1
        limit = em.concurrency
    mine = [each for each in done if each.route == ROUTE]
    return Run(
        began=began,
        fetched=fetched,
        failed=failed,
        requests=len(mine),
        wasted=sum(each.status != OK for each in mine),
        limit=limit,
    )


# ---------------------------------------------------------------- the measurement


@asynccontextmanager
async def _process(*arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run this file in a process; what is left of it at the end is ended."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        __file__,
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=64 * 1024 * 1024,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def measure(case: Case) -> Verdict:
    """Run the server and its clients."""
    told = json.dumps(attrs.asdict(case))
    async with _process("--serve", told) as server:
        line = await _line(server)
        asked = (
            _client(told, line, number * HEAD_START_SECONDS)
            for number in range(case.clients)
        )
        return Verdict(case, list(await asyncio.gather(*asked)))


async def _client(case: str, server: bytes, delay: float) -> Run:
    await asyncio.sleep(delay)
    async with _process("--ask", case) as client:
        answer, _ = await client.communicate(server)
        return Run(**json.loads(answer))


async def _line(process: asyncio.subprocess.Process) -> bytes:
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    return await process.stdout.readline()


# ---------------------------------------------------------------- the table

HEAD = (
    "capacity  overload  time-out  connections  clients  fetched  used  wasted  "
    "shares       limit at the end"
)


def row(verdict: Verdict) -> str:
    """Write a case and what it came to on one line."""
    case = verdict.case
    fetched = sum(len(run.fetched) for run in verdict.runs)
    shares = " ".join(f"{share:.2f}" for share in verdict.shares)
    limits = " ".join(f"{run.limit:.0f}" for run in verdict.runs)
    return (
        f"{case.capacity:>6}/s  {case.overload:<8}  {case.timeout:>6.0f} s  "
        f"{case.connections:>11}  "
        f"{case.clients:>7}  {fetched:>7,}  {verdict.used:>4.2f}  "
        f"{verdict.wasted:>6.1%}  {shares if case.clients > 1 else '':<11}  "
        f"{limits:<16}  {verdict.word}"
    )


def explanation() -> Iterator[str]:
    """Say what the columns mean, and what is asked."""
    yield f"fetched  everything: {WORK_SECONDS:.0f} seconds' work of the server"
    yield f"used     at least {LEAST_USED:.2f} of what the server can"
    yield f"wasted   at most {MOST_WASTED:.0%} of the requests, of a client alone"
    yield f"shares   at least {LEAST_SHARE:.2f} of the capacity for each of two clients"


async def compare(cases: list[Case]) -> int:
    """Measure all cases, print the table, give the exit status.

    Those of the small server hardly need a processor, so they run at once.
    """
    print("\n".join(explanation()), end="\n\n")
    print(HEAD, flush=True)
    small = [case for case in cases if case.capacity <= 100]
    verdicts = list(await asyncio.gather(*(measure(case) for case in small)))
    print("".join(f"{row(verdict)}\n" for verdict in verdicts), end="", flush=True)
    for case in cases:
        if case not in small:
            verdicts.append(await measure(case))
            print(row(verdicts[-1]), flush=True)
    words = [verdict.word for verdict in verdicts]
    print(f"\n{words.count('met')} of {len(words)} met")
    return 1 if "MISSED" in words else 0


def main() -> int:
    """Measure, or be one of the processes of a measurement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--capacity", type=int, help="only this one")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("--ask", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        asyncio.run(serve(Case(**json.loads(options.serve))))
        return 0
    if options.ask:
        server = json.loads(sys.stdin.readline())
        run = asyncio.run(ask(Case(**json.loads(options.ask)), server))
        print(json.dumps(attrs.asdict(run)))
        return 0
    return asyncio.run(
        compare([case for case in CASES if options.capacity in (None, case.capacity)])
    )


if __name__ == "__main__":
    sys.exit(main())
