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
from collections.abc import Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import attrs

from benchmarks import suite
from benchmarks.process import attempt
from benchmarks.target import Row, markdown
from benchmarks.watching.plan import FULL, KEYS, QUICK, Part, Plan
from benchmarks.watching.rows import Found, targets

_TEMPLATE = Path(__file__).with_name("WATCH.template")
_HEAD = ("what", "target", "measured", "ratio", "")
_FACTS = ("processor", "system", "Python", "aiohttp", "orjson", "uvloop")


@attrs.frozen(kw_only=True)
class Run:
    """What each part found, by its name, and why one *failed*."""

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
        return [row for row in targets(found) if row.key in keys]

    def page(self, rows: Iterable[Row]) -> str:
        """Write the whole page."""
        facts = [f"{n}: {self.machine[n]}" for n in _FACTS if n in self.machine]
        facts.append(f"{self.minutes:.1f} minutes")
        if self.quick:
            facts.append("**a quick run**: too short to be quoted")
        return _TEMPLATE.read_text(encoding="utf-8").format(
            facts="".join(f"- {fact}\n" for fact in facts),
            table=markdown(_HEAD, map(_cells, rows)),
        )


def main() -> int:
    """Measure, write, print; give the exit status."""
    given = suite.options("benchmarks.watch", __doc__, KEYS)
    recorded = given.out / "watch.json"
    run = suite.load(recorded, Run) if given.again else _measured(given)
    rows = run.rows(given.only)
    pages = {"watch.json": suite.dump(run, rows=rows), "WATCH.md": run.page(rows)}
    suite.write(given.out, pages)
    suite.show(_HEAD, map(_cells, rows))
    for name, why in run.failed.items():
        print(f"{name} failed: {why}", file=sys.stderr)
    return 1 if run.failed else 0


def _measured(given: argparse.Namespace) -> Run:
    """Run the parts that tell times, then the others, so many of each at once."""
    began = time.monotonic()
    run = Run(
        machine=suite.describe(), minutes=0, quick=given.quick, parts={}, failed={}
    )
    parts = [part for part in run.plan.parts() if part.key in given.only]
    for alone, many in ((True, run.plan.timed_at_once), (False, run.plan.at_once)):
        chosen = [part for part in parts if part.alone == alone]
        with ThreadPoolExecutor(max_workers=many) as threads:
            list(threads.map(lambda part: _measure(part, run), chosen))
    return attrs.evolve(run, minutes=(time.monotonic() - began) / 60)


def _measure(part: Part, run: Run) -> None:
    found = attempt(run.failed, part.name, part.call)
    if found is not None:
        run.parts[part.name] = found


def _cells(row: Row) -> tuple[str, ...]:
    """Write a row as a line of a table under `_HEAD`."""
    ratio = "" if row.value is None else _ratio(row.value, row.unit)
    return row.what, row.wanted, row.figures, ratio, row.verdict


def _ratio(ratio: float, unit: str) -> str:
    """Write a small ratio as the part that it is, and an amount with its unit."""
    if unit:
        return f"{ratio:.2f}{unit}"
    if 0 < ratio < 0.2:
        return f"1/{1 / ratio:.1f}"
    return f"{ratio:.2f}" if ratio != 1 else "1"


if __name__ == "__main__":
    sys.exit(main())
