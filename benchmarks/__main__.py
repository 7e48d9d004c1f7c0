"""Measure how fast this project fetches, beside what one could use instead.

`make bench` installs the other clients and runs all of it in some seven minutes;
`python -m benchmarks --quick` takes one, for a look while changing something.
It writes results.json, RESULTS.md, fetch.svg and decode.svg into the folder given, and
leaves the numbers to you: nothing fails because a target is missed. Without make:
`python -m benchmarks.peers` installs the other clients, those that can be.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from math import inf
from pathlib import Path

from benchmarks.certificate import write_into
from benchmarks.drawing import decode_picture, fetch_picture
from benchmarks.extras import Extras, measure
from benchmarks.machine import describe
from benchmarks.plan import Subject, subjects
from benchmarks.report import report
from benchmarks.results import Results
from benchmarks.roster import absent
from benchmarks.rounds import Outcome, run_subject
from benchmarks.targets import targets

_HERE = Path(__file__).parent
_EXAMPLES = """examples:
  python -m benchmarks                     all of it, written beside this file
  python -m benchmarks --quick --out /tmp  a short look, too short to be quoted
  python -m benchmarks --only plain        TLS, plain HTTP, and what is no rate
"""


def main() -> None:
    """Read the command line, measure, write and print."""
    options = _parser().parse_args()
    again = options.out / "results.json"
    if options.again and not again.is_file():
        raise SystemExit(f"there is no {again} to write the pages from")
    results = Results.read(again) if options.again else _measured(options)
    _write(results, options.out)
    _print(results, options.out)


def _measured(options: argparse.Namespace) -> Results:
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        pem = write_into(Path(folder))
        outcomes = _outcomes(options, pem)
        extras = _extras(pem, quick=options.quick)
    return Results(
        machine=describe(),
        outcomes=outcomes,
        extras=extras,
        minutes=(time.monotonic() - began) / 60,
        quick=options.quick,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    keys = [subject.key for subject in subjects(1, 1)]
    parser.add_argument("--quick", action="store_true", help="one minute, two rounds")
    parser.add_argument(
        "--rounds", type=_rounds, default=7, help="of the base case (7)"
    )
    parser.add_argument(
        "--seconds", type=_seconds, default=0.6, help="of fetching in each round (0.6)"
    )
    parser.add_argument(
        "--only",
        nargs="+",
        choices=keys,
        metavar="SUBJECT",
        help=f"measure the base case and these alone: {', '.join(keys[1:])}",
    )
    parser.add_argument(
        "--out", type=Path, default=_HERE, help="folder to write into (benchmarks/)"
    )
    parser.add_argument(
        "--again", action="store_true", help="write the pages anew from results.json"
    )
    return parser


def _rounds(text: str) -> int:
    if not (text.isdecimal() and int(text)):
        raise argparse.ArgumentTypeError("it is a whole number, at least 1")
    return int(text)


def _seconds(text: str) -> float:
    if not 0 < (seconds := float(text)) < inf:
        raise argparse.ArgumentTypeError("it is a number of seconds above 0")
    return seconds


def _outcomes(options: argparse.Namespace, pem: Path) -> dict[str, Outcome]:
    missing = absent()
    return {
        subject.key: run_subject(subject, missing, pem) for subject in _chosen(options)
    }


def _chosen(options: argparse.Namespace) -> list[Subject]:
    rounds, seconds = (2, 0.2) if options.quick else (options.rounds, options.seconds)
    keys = {"base", *options.only} if options.only else None
    return [one for one in subjects(rounds, seconds) if not keys or one.key in keys]


def _extras(pem: Path, *, quick: bool) -> Extras:
    if quick:
        return measure(pem, rounds=2, ids=(1_000, 20_000))
    return measure(pem, rounds=5, ids=(1_000, 100_000, 1_000_000))


def _write(results: Results, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    results.write(folder / "results.json")
    pages = {
        "RESULTS.md": report(results),
        "fetch.svg": fetch_picture(results),
        "decode.svg": decode_picture(results),
    }
    for name, page in pages.items():
        (folder / name).write_text(page, encoding="utf-8")


def _print(results: Results, folder: Path) -> None:
    print(report(results))
    for target in targets(results):
        measured = "" if target.measured is None else f"{target.measured:.2f}"
        print(f"{target.verdict:12} {target.what:44} {measured}{target.unit}")
    print(f"written: {folder / 'RESULTS.md'}, results.json, fetch.svg, decode.svg")


if __name__ == "__main__":
    main()
