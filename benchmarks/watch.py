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
from concurrent.futures import ThreadPoolExecutor

import attrs

from benchmarks import suite
from benchmarks.process import attempt
from benchmarks.watching.rows import KEYS, Part, Run, page, table, targets


def main() -> int:
    """Measure, write, print; give the exit status."""
    given = suite.options("benchmarks.watch", __doc__, KEYS)
    recorded = given.out / "watch.json"
    run = suite.load(recorded, Run) if given.again else _measured(given)
    rows = [row for row in targets(run) if row.key in given.only]
    pages = {"watch.json": suite.dump(run, rows=rows), "WATCH.md": page(run, rows)}
    suite.write(given.out, pages)
    print(table(rows))
    for name, why in run.failed.items():
        print(f"{name} failed: {why}", file=sys.stderr)
    return 1 if run.failed else 0


def _measured(given: argparse.Namespace) -> Run:
    """Run the parts that tell times, then the others, so many of each at once."""
    began = time.monotonic()
    run = Run(
        machine=suite.describe(), minutes=0, quick=given.quick, parts={}, failed={}
    )
    parts = [part for part in run.plan.parts if part.key in given.only]
    for timed, many in ((True, run.plan.timed_at_once), (False, run.plan.at_once)):
        chosen = [part for part in parts if part.is_timed == timed]
        with ThreadPoolExecutor(max_workers=many) as threads:
            list(threads.map(lambda part: _measure(part, run), chosen))
    return attrs.evolve(run, minutes=(time.monotonic() - began) / 60)


def _measure(part: Part, run: Run) -> None:
    found = attempt(run.failed, part.name, part.call, **part.given)
    if found is not None:
        run.parts[part.name] = found


if __name__ == "__main__":
    sys.exit(main())
