"""Show what a fetch does to a server that can only serve so many requests a second.

A simulated server in a process of its own sheds (503) or stalls beyond its capacity.
A client with 16 or 256 connections fetches 20 seconds' work from it, alone; then two
clients do half of that each, the second one three seconds after the first. Everything
must be fetched, the server must be kept busy, few requests may be wasted, and each of
the two must get its share. The settings are the library's own. Last: a time-out that
the queue at a stalling server must stay shorter than.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, cycle, islice, product, starmap
from typing import Any, Literal

import attrs

from benchmarks.process import beside, call
from benchmarks.suite import markdown
from veeam_async import EnterpriseManager, RequestDone, Timeout
from veeam_async.simulator import Simulator

_WORK_SECONDS = 20.0
_HEAD_START_SECONDS = 3.0
_SETTLED_SECONDS = 2.0
"""How long after the second client's start the shares are counted from."""
_ROUTE = "/backupSessions/{id}"
_HEAD = (
    *("capacity", "overload", "time-out", "connections", "clients", "fetched"),
    *("used: ≥ 0.85", "wasted alone: ≤ 10%", "shares: ≥ 0.3", "limit at the end", ""),
)


@attrs.frozen
class Case:
    """One server, and how many clients of how many connections ask it."""

    capacity: int
    overload: Literal["503", "stall"]
    connections: int
    clients: int
    timeout: float = 60.0


_CASES = list(starmap(Case, product((100, 1000), ("503", "stall"), (16, 256), (1, 2))))
_CASES += [Case(100, "stall", 256, 1, timeout) for timeout in (1.0, 2.0)]


@attrs.frozen(kw_only=True)
class Asked:
    """What one client saw; *fetched* are the times at which sessions came."""

    began: float
    fetched: list[float]
    failed: int
    requests: int
    wasted: int
    limit: float


def main() -> int:
    """Measure all cases, print the table, give the exit status.

    Those of the small server hardly need a processor, so they run at once.
    """
    small = [case for case in _CASES if case.capacity <= 100]
    large = [case for case in _CASES if case.capacity > 100]
    verdicts = set()
    sys.stdout.write(markdown(_HEAD, []))
    with ThreadPoolExecutor(len(small)) as threads:
        for row in chain(threads.map(measure, small), map(measure, large)):
            sys.stdout.write(f"| {' | '.join(row)} |\n")
            sys.stdout.flush()
            verdicts.add(row[-1])
    return 1 if "MISSED" in verdicts else 0


def measure(case: Case) -> tuple[str, ...]:
    """Run the server and its clients, and write what came of it as a row."""
    with (
        beside(None, serve, case) as printed,
        ThreadPoolExecutor(case.clients) as threads,
    ):
        server = json.loads(printed.readline())
        delays = [number * _HEAD_START_SECONDS for number in range(case.clients)]
        asking = [threads.submit(call, ask, case, server, delay) for delay in delays]
        return _row(case, [each.result() for each in asking])


def _row(case: Case, asked: list[Asked]) -> tuple[str, ...]:
    fetched = sum(len(one.fetched) for one in asked)
    ended = [max(one.fetched, default=one.began) for one in asked]
    took = max(ended) - min(one.began for one in asked)
    used = fetched / (case.capacity * max(took, 1e-9))
    wasted = sum(one.wasted for one in asked) / max(1, sum(a.requests for a in asked))
    start, end = max(one.began for one in asked) + _SETTLED_SECONDS, min(ended)
    can = case.capacity * max(end - start, 1e-9)
    shares = [sum(start < at <= end for at in one.fetched) / can for one in asked]
    is_fair = wasted <= 0.1 if case.clients == 1 else min(shares) >= 0.3
    is_met = is_fair and used >= 0.85 and not any(one.failed for one in asked)
    return (
        f"{case.capacity}/s",
        case.overload,
        f"{case.timeout:.0f} s",
        f"{case.connections}",
        f"{case.clients}",
        f"{fetched:,}",
        f"{used:.2f}",
        f"{wasted:.1%}",
        " ".join(f"{share:.2f}" for share in shares) if case.clients > 1 else "",
        " ".join(f"{one.limit:.0f}" for one in asked),
        "met" if is_met else "MISSED",
    )


# ------------------------------------------------------------ in fresh processes


def serve(case: Case) -> None:
    """Serve until the standard input is closed; prints where, and the ids."""
    asyncio.run(_serve(case))


async def _serve(case: Case) -> None:
    async with Simulator(
        running=0, speed=0, capacity=case.capacity, overload=case.overload
    ) as simulator:
        ids = [str(one) for one in simulator.session_ids]
        sys.stdout.write(json.dumps({"url": simulator.url, "ids": ids}) + "\n")
        sys.stdout.flush()
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


def ask(case: Case, server: dict[str, Any], delay: float) -> Asked:
    """Fetch this client's part of the work, after a *delay*."""
    time.sleep(delay)
    return asyncio.run(_ask(case, server))


async def _ask(case: Case, server: dict[str, Any]) -> Asked:
    done: list[RequestDone] = []
    fetched: list[float] = []
    failed = 0
    count = int(case.capacity * _WORK_SECONDS / case.clients)
    async with EnterpriseManager(
        server["url"],
        username="veeam",
        password="simulator",
        max_connections=case.connections,
        timeout=Timeout(connect=min(10.0, case.timeout), request=case.timeout),
        on_request=done.append,
    ) as em:
        began = time.monotonic()
        ids = islice(cycle(server["ids"]), count)
        async for one in em.backup_sessions.fetch(ids):
            if one.error is None:
                fetched.append(time.monotonic())
            else:
                failed += 1
        limit = em.concurrency
    mine = [each.status for each in done if each.route == _ROUTE]
    return Asked(
        began=began,
        fetched=fetched,
        failed=failed,
        requests=len(mine),
        wasted=sum(status != 200 for status in mine),
        limit=limit,
    )


if __name__ == "__main__":
    # Under its name, by which a fresh process finds what it is given.
    from tests.overload.__main__ import main as begin

    sys.exit(begin())
