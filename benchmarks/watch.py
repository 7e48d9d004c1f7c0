"""Measure what it costs to watch many sessions, and hold it against the targets.

`make bench-watch` runs all of it in some four minutes; `--quick` takes a quarter of
one, for a look while changing something. It writes watch.json and WATCH.md into the
folder given, and leaves the numbers to you: it fails where something could not be
measured, never because a target is missed.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import attrs
from cattrs import unstructure

from benchmarks import suite
from benchmarks.process import FailedError, call
from benchmarks.target import Row
from benchmarks.watching.page import HEAD, cells, page
from benchmarks.watching.plan import FULL, KEYS, QUICK, Part, Plan
from benchmarks.watching.rows import Found, targets


@attrs.frozen(kw_only=True)
class Run:
    """What each part found, as plain JSON by its name, and why one *failed*."""

    machine: dict[str, str]
    minutes: float
    quick: bool
    parts: dict[str, Any]
    failed: dict[str, str]

    @property
    def plan(self) -> Plan:
        """How much was measured."""
        return QUICK if self.quick else FULL

    def rows(self, keys: Collection[str] = KEYS) -> list[Row]:
        """Hold it against the targets of these keys."""
        found = Found(self.plan, self.parts)
        return [one.judge(found) for one in targets(self.plan) if one.key in keys]


def main() -> int:
    """Measure, write, print; give the exit status."""
    given = suite.options("benchmarks.watch", __doc__, KEYS)
    recorded = given.out / "watch.json"
    run = suite.load(recorded, Run) if given.again else _measured(given)
    rows = run.rows(given.only)
    told = page(rows, run.machine, minutes=run.minutes, quick=run.quick)
    suite.write(given.out, {"watch.json": suite.dump(run, rows=rows), "WATCH.md": told})
    suite.show(HEAD, map(cells, rows))
    for name, why in run.failed.items():
        print(f"{name} failed: {why}", file=sys.stderr)
    return 1 if run.failed else 0


def _measured(given: argparse.Namespace) -> Run:
    """Run the parts that tell times, then the others, so many of each at once."""
    began = time.monotonic()
    run = Run(
        machine=suite.describe(), minutes=0, quick=given.quick, parts={}, failed={}
    )
    parts = [part for part in run.plan.parts() if part.keys.intersection(given.only)]
    for alone, many in ((True, run.plan.timed_at_once), (False, run.plan.at_once)):
        chosen = [part for part in parts if part.alone == alone]
        with ThreadPoolExecutor(max_workers=many) as threads:
            list(threads.map(lambda part: _measure(part, run), chosen))
    return attrs.evolve(run, minutes=(time.monotonic() - began) / 60)


def _measure(part: Part, run: Run) -> None:
    print(f"{part.name:24} {part.errand}", file=sys.stderr, flush=True)
    try:
        run.parts[part.name] = unstructure(call(part.function, part.errand))
    except FailedError as error:
        run.failed[part.name] = str(error)
        print(f"{part.name:24} failed: {error}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
