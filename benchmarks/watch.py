"""Measure what it costs to watch many sessions, and hold it against the targets.

`make bench-watch` runs all of it in some four minutes; `python -m benchmarks.watch
--quick` takes a quarter of one, for a look while changing something. It writes
watch.json and WATCH.md into the folder given, and leaves the numbers to you: it fails
where something could not be measured, never because a target is missed.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import attrs

from benchmarks.machine import describe
from benchmarks.watching.measured import Measured, measure
from benchmarks.watching.page import page, table
from benchmarks.watching.plan import FULL, KEYS, QUICK, Key
from benchmarks.watching.rows import Row, rows

_HERE = Path(__file__).parent


def main() -> int:
    """Measure, write, print; give the exit status."""
    options = _parser().parse_args()
    run = _read(options.out) if options.again else _measured(options)
    plan = QUICK if run["quick"] else FULL
    measured = Measured(run["parts"], run["failed"])
    found = rows(measured, plan, options.only)
    _write(options.out, found, run)
    print(table(found))
    for name, why in measured.failed.items():
        print(f"{name} failed: {why}", file=sys.stderr)
    return 1 if measured.failed else 0


def _measured(options: argparse.Namespace) -> dict[str, Any]:
    """Measure, and give what there is to write down but the rows."""
    plan, began = QUICK if options.quick else FULL, time.monotonic()
    measured = measure(
        plan.parts(options.only),
        timed_at_once=plan.timed_at_once,
        at_once=plan.at_once,
    )
    return {
        "machine": describe(),
        "minutes": (time.monotonic() - began) / 60,
        "quick": options.quick,
        "parts": measured.found,
        "failed": measured.failed,
    }


def _read(folder: Path) -> dict[str, Any]:
    """Give what a run before has written down."""
    if not (place := folder / "watch.json").is_file():
        raise SystemExit(f"there is no {place} to write the page from")
    run: dict[str, Any] = json.loads(place.read_text(encoding="utf-8"))
    return run


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.watch", description=__doc__, allow_abbrev=False
    )
    parser.add_argument("--quick", action="store_true", help="a quarter of a minute")
    parser.add_argument(
        "--only",
        type=_keys,
        default=KEYS,
        metavar="KEY[,KEY…]",
        help=f"measure these rows alone: {', '.join(KEYS)}",
    )
    parser.add_argument(
        "--again", action="store_true", help="write the page anew from watch.json"
    )
    parser.add_argument(
        "--out", type=Path, default=_HERE, help="folder to write into (benchmarks/)"
    )
    return parser


def _keys(text: str) -> list[Key]:
    """Read the keys of rows, in any order."""
    named = set(text.split(","))
    if unknown := named.difference(KEYS):
        raise argparse.ArgumentTypeError(f"there is no {', '.join(sorted(unknown))}")
    return [key for key in KEYS if key in named]


def _write(folder: Path, found: list[Row], run: dict[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    told = [{**attrs.asdict(row), "verdict": row.verdict} for row in found]
    first = {name: run[name] for name in ("machine", "minutes", "quick")}
    data = {**first, "rows": told, "parts": run["parts"], "failed": run["failed"]}
    text = json.dumps(data, indent=1, ensure_ascii=False)
    (folder / "watch.json").write_text(f"{text}\n", encoding="utf-8")
    (folder / "WATCH.md").write_text(page(found, **first), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
