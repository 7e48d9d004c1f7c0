"""Measure how fast this project fetches, beside what one could use instead.

`make bench` installs the other clients and runs all of it in some seven minutes;
`--quick` takes one, for a look while changing something. It writes results.json,
RESULTS.md, fetch.svg and decode.svg into the folder given, and leaves the numbers to
you: nothing fails because a target is missed. The base case is measured always, and so
is what is no rate: decoding, memory, the first result, the start of processes. Without
make, `python -m benchmarks.peers` installs the other clients, those that can be.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from benchmarks import suite
from benchmarks.extras import measure
from benchmarks.results import Results, decode_picture, fetch_picture, report, table
from benchmarks.roster import absent
from benchmarks.rounds import SUBJECTS, run_subject
from benchmarks.serving import write_certificate


def main() -> None:
    """Read the command line, measure, write and print."""
    given = suite.options("benchmarks", __doc__, tuple(SUBJECTS))
    recorded = given.out / "results.json"
    results = suite.load(recorded, Results) if given.again else _measured(given)
    suite.write(
        given.out,
        {
            "results.json": suite.dump(results),
            "RESULTS.md": report(results),
            "fetch.svg": fetch_picture(results),
            "decode.svg": decode_picture(results),
        },
    )
    print(table(results))


def _measured(given: argparse.Namespace) -> Results:
    began, quick, missing = time.monotonic(), given.quick, absent()
    rounds, seconds = (2, 0.2) if quick else (7, 0.6)
    ids = (1_000, 20_000) if quick else (1_000, 100_000, 1_000_000)
    few = max(2, rounds // 2 + 1)
    with tempfile.TemporaryDirectory() as folder:
        pem = write_certificate(Path(folder))
        outcomes = {
            key: run_subject(
                subject, missing, pem, rounds if subject.is_targeted else few, seconds
            )
            for key, subject in SUBJECTS.items()
            if key in {"base", *given.only}
        }
        extras = measure(pem, rounds=2 if quick else 5, ids=ids)
    return Results(
        machine=suite.describe(),
        outcomes=outcomes,
        extras=extras,
        minutes=(time.monotonic() - began) / 60,
        quick=quick,
    )


if __name__ == "__main__":
    main()
