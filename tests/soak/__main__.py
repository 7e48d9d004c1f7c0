"""Soak the clients: `python -m tests.soak`, or `make soak`.

Everything at once, against servers on which everything goes wrong; what was told is
compared afterwards with what happened. Ends with 1 where a promise was broken.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import secrets
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.soak.journal import Journal
from tests.soak.measure import MIB, timed
from tests.soak.page import page_of
from tests.soak.play import Plan, Report, Soak
from tests.soak.stage import LANES, Figures, Setting, total

_SHOWN_EACH = 10.0
_CALM = 110.0
"""Seconds until all is told: everything is looked at by references once a minute, and
what failed is tried again after half of one."""
_LEAST_STORM = 20.0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600, help="how long it takes")
    parser.add_argument("--seed", type=int, help="the seed of an earlier run")
    parser.add_argument(
        "--one-clock",
        action="store_true",
        help="the backup servers' clocks are right, not minutes to a day off",
    )
    parser.add_argument("--page", type=Path, help="write a page about the run")
    parser.add_argument("--journal", type=Path, help="keep what was told in a folder")
    return parser.parse_args()


def plan_of(options: argparse.Namespace, seed: int) -> Plan:
    """Shares of a run of so many seconds."""
    storm = max(options.seconds - _CALM, _LEAST_STORM)
    setting = Setting(
        seed=seed, lanes=LANES, storm=storm, rate=1.5, apart=not options.one_clock
    )
    return Plan(setting=setting, calm=_CALM, shifts=max(4, round(storm / 80)))


def main() -> int:
    """Run what was asked for; 1 where a promise was broken."""
    options = _options()
    seed = secrets.randbelow(2**32) if options.seed is None else options.seed
    again = f"--seed {seed}{' --one-clock' if options.one_clock else ''}"
    _say(f"seed {seed}; the same weather again: --seconds {options.seconds:g} {again}")
    # What the library logs of a fault is no news here.
    logging.getLogger("veeam_async").setLevel(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as made:
        folder = options.journal or Path(made)
        folder.mkdir(parents=True, exist_ok=True)
        report = _run(plan_of(options, seed), folder)
    if options.page:
        options.page.parent.mkdir(parents=True, exist_ok=True)
        text = page_of(
            report, seconds=options.seconds, seed=seed, apart=not options.one_clock
        )
        options.page.write_text(text, encoding="utf-8")
    return _tell(report, again)


def _run(plan: Plan, folder: Path) -> Report:
    shown = 0.0

    def progress(elapsed: float, figures: Sequence[Figures], journal: Journal) -> None:
        nonlocal shown
        if elapsed - shown >= _SHOWN_EACH:
            shown = elapsed
            _say(_progress(elapsed, figures, journal))

    with timed() as turns, asyncio.Runner() as runner:
        soak = Soak(plan, folder, remote=True, turns=turns, progress=progress)
        return runner.run(soak.run())


def _progress(elapsed: float, figures: Sequence[Figures], journal: Journal) -> str:
    requests = sum(each.requests for each in figures)
    faults = sum(total(figures).values())
    weather = ", ".join(each.weather for each in figures)
    return (
        f"{elapsed:4.0f} s  {requests:,} requests, {faults:,} faults, "
        f"{journal.counts['STOPPED']:,} STOPPED, {journal.counts['GONE']:,} GONE, "
        f"{journal.counts['ran']:,} runs, {journal.counts['raised']:,} errors; "
        f"{weather}"
    )


def _tell(report: Report, again: str) -> int:
    for each in report.violations:
        _say(f"{each.kind}: {each.says}")
    for what, number in sorted(report.counts.items()):
        _say(f"{number:9,} {what}")
    _say(
        f"{report.requests:,} requests, {sum(report.faults.values()):,} faults, "
        f"{report.sessions:,} sessions, {report.logons:,} logons; grew by "
        f"{report.growth / MIB:.1f} MiB (tracemalloc; resident "
        f"{report.resident / MIB:.1f}); the longest of {report.turns.count:,} turns "
        f"took {report.turns.longest * 1000:.0f} ms of CPU, and "
        f"{report.turns.collecting * 1000:.0f} ms in the garbage collector"
    )
    if report.violations:
        _say(f"{len(report.violations)} promises were broken; again with {again}")
    return 1 if report.violations else 0


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
