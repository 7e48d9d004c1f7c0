"""One round of one client, in a fresh process: `one_round '<errand as JSON>'`."""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from typing import Any, cast

import attrs

from benchmarks.affinity import loop_factory, pin
from benchmarks.case import Errand, Round
from benchmarks.roster import ROSTER
from benchmarks.serving import busy
from benchmarks.work import Check, Fetch, Work, ids_for

_WARM = 4
"""Requests on each connection before the clock starts: it is open and code is warm."""


def main() -> None:
    """Measure, and print a `Round`."""
    errand = Errand.from_json(sys.argv[1])
    pin(errand.core)
    factory = cast("Any", loop_factory(errand.case.loop))
    with asyncio.Runner(loop_factory=factory) as runner:
        print(json.dumps(attrs.asdict(runner.run(measure(errand)))))


async def measure(errand: Errand) -> Round:
    """Open the client, warm it, and time a fetch."""
    case = errand.case
    work = Work(
        url=errand.url,
        connections=case.connections,
        accept=case.accept,
        ca_file=errand.ca_file,
        check=Check(case.accept),
    )
    async with ROSTER[case.client].load()(work) as fetch:
        await fetch(ids_for(errand.seconds, max(200, _WARM * case.connections)))
        work.check.first = 0.0
        gc.collect()
        return await _timed(fetch, work, errand)


async def _timed(fetch: Fetch, work: Work, errand: Errand) -> Round:
    ids = ids_for(errand.seconds, errand.count)
    served = busy(errand.control)
    wall, cpu = time.perf_counter(), time.process_time()
    count = await fetch(ids)
    cpu, ended = time.process_time() - cpu, time.perf_counter()
    return Round(
        count=count,
        wall=ended - wall,
        cpu=cpu,
        server=busy(errand.control) - served,
        first=work.check.first - wall,
    )


if __name__ == "__main__":
    main()
