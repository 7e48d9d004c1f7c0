"""The pages of the benchmarks, and a short run of one: by no figure that is a time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import attrs
import pytest

from benchmarks import peers, suite
from benchmarks.cold import STARTS, managers, starts
from benchmarks.process import call
from benchmarks.results import Results, decode_picture, fetch_picture, report, targets
from benchmarks.roster import (
    AIOHTTP,
    BUFFERED,
    OURS,
    PYCURL_DECODED,
    RELEASED,
    WREQ_DECODED,
)
from benchmarks.rounds import (
    SUBJECTS,
    Case,
    Outcome,
    Spread,
    Subject,
    run_subject,
    summarise,
)
from benchmarks.server import serve_prepared
from benchmarks.serving import running, write_certificate
from benchmarks.watching.following import follow
from benchmarks.watching.rows import Run, page
from benchmarks.watching.rows import targets as targets_of_watching
from tests.support.paths import ROOT

PLACE = ROOT / "benchmarks"


def read(folder: Path, name: str) -> str:
    """Give the text of a file."""
    return (folder / name).read_text(encoding="utf-8")


def recorded() -> Results:
    """Give the run whose figures the pages tell."""
    return suite.load(PLACE / "results.json", Results)


def watched(folder: Path) -> Any:
    """Give what a run of the watching benchmark wrote down."""
    return json.loads(read(folder, "watch.json"))


def test_the_page_of_results_tells_the_numbers_beside_it() -> None:
    """`python -m benchmarks --again` would write the same page and pictures."""
    results = recorded()

    assert report(results) == read(PLACE, "RESULTS.md")
    assert fetch_picture(results) == read(PLACE, "fetch.svg")
    assert decode_picture(results) == read(PLACE, "decode.svg")


def test_the_page_of_watching_tells_the_numbers_beside_it() -> None:
    """Verdicts included; and the numbers are of a whole run."""
    run = suite.load(PLACE / "watch.json", Run)
    rows = list(targets_of_watching(run))

    assert [row.verdict for row in rows] == [
        row["verdict"] for row in watched(PLACE)["rows"]
    ]
    assert (run.quick, run.failed) == (False, {})
    assert page(run, rows) == read(PLACE, "WATCH.md")


@pytest.mark.skipif(sys.platform == "win32", reason="it counts no children's CPU")
def test_the_start_of_processes_is_measured_and_judged(tmp_path: Path) -> None:
    """Each way to begin runs to its end, and is a row and a target of the page."""
    pem = write_certificate(tmp_path)
    with running(serve_prepared, certificate=pem) as place:
        measured = call(starts, place, rounds=1)
    extras = attrs.evolve(
        recorded().extras,
        start={name: Spread.of(times) for name, times in measured.items()},
        managers=Spread.of(call(managers, 50)["managers"]),
    )
    shown = report(attrs.evolve(recorded(), extras=extras))

    assert set(measured) == set(STARTS)
    assert all(f"\n| {name} | " in shown for name in measured)
    judged = [row for row in shown.split("\n") if row.startswith("| CPU of")]
    assert len(judged) == 1 + len(measured)
    assert not any("not measured" in row for row in judged)


@pytest.mark.timeout(120)
def test_a_watch_is_followed_by_the_log_of_its_server() -> None:
    """Requests and processor are counted, and each change is held against events."""
    found = call(follow, 100, "query", interval=0.5, rounds=2)

    assert all(found[name] > 0 for name in ("requests", "cpu", "decoding", "changes"))
    assert (found["missing"], found["doubled"]) == (0, 0)
    assert found["p99"] >= found["seen_p50"] > 0


def whole() -> Results:
    """Give what a run would come to in which every client took part."""
    names = ("rate", "wall", "cpu", "server", "busy")
    one = summarise([dict.fromkeys(names, 1.0)])
    outcomes = {
        key: Outcome(summaries=dict.fromkeys(subject.clients, one), absent={})
        for key, subject in SUBJECTS.items()
    }
    begun = dict.fromkeys(STARTS, Spread.of([1.0]))
    extras = attrs.evolve(recorded().extras, start=begun, managers=Spread.of([1.0]))
    return attrs.evolve(recorded(), outcomes=outcomes, extras=extras)


def test_a_run_measures_all_that_a_target_needs() -> None:
    """No target names a client that its subject leaves out."""
    missing = [row for row in targets(whole()) if row.verdict == "not measured"]
    assert missing == []


def test_the_base_case_and_the_first_picture_are_over_tls() -> None:
    """Beside plain HTTP, with each client that decodes in both."""
    base, plain, *others = SUBJECTS.values()
    clients = set(plain.clients)

    assert base.case == Case()
    assert base.case.tls
    assert plain.case == Case(tls=False)
    assert {OURS, RELEASED, PYCURL_DECODED, WREQ_DECODED, AIOHTTP} <= clients
    assert clients < set(base.clients)
    assert all("plain" in one.title.lower() for one in others if not one.case.tls)
    assert "over TLS" in fetch_picture(whole())
    assert RELEASED not in fetch_picture(whole())


def test_clients_are_held_against_each_other_over_tls(tmp_path: Path) -> None:
    """In turns, with verified answers; and one that cannot take part is named."""
    names = (OURS, AIOHTTP, BUFFERED, "curl")
    subject = Subject("Base case", list(names), Case(connections=2))
    pem = write_certificate(tmp_path)
    outcome = run_subject(subject, {"curl": "not here"}, pem, rounds=2, seconds=0.02)

    assert outcome.absent == {"curl": "not here"}
    assert {n: one.rounds for n, one in outcome.summaries.items()} == dict.fromkeys(
        names[:3], 2
    )


def test_the_released_client_comes_from_the_history(tmp_path: Path) -> None:
    """Where that reaches back so far, and not from what lies in the checkout."""
    if not peers.unpack(tmp_path):
        pytest.skip("the history here does not reach back to 0.1.0")
    found = tmp_path / "veeam_async"

    assert (found / "bulk").is_dir()
    assert not (ROOT / "veeam_async" / "bulk").exists()


def watch(folder: Path, *options: str) -> None:
    """Run the benchmark of watching, a short one that writes into *folder*."""
    # Its processes are the benchmark's own, without coverage in them.
    given = {n: value for n, value in os.environ.items() if not n.startswith("COV")}
    done = subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-m", "benchmarks.watch", *options, "--out", str(folder)],
        cwd=ROOT,
        env={**given, "PYTHONIOENCODING": "utf-8"},
        check=False,
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.timeout(300)
@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_the_memory_of_watches_and_many_managers_are_measured(tmp_path: Path) -> None:
    """Each is a row of the page, which `--again` writes just so from the numbers."""
    keys = ("managers", "memory")
    watch(tmp_path, "--quick", "--only", *keys)
    told = read(tmp_path, "WATCH.md"), read(tmp_path, "watch.json")
    watch(tmp_path, "--again", "--only", *keys)

    assert (read(tmp_path, "WATCH.md"), read(tmp_path, "watch.json")) == told
    rows = watched(tmp_path)["rows"]
    assert [row["key"] for row in rows] == ["managers"] * 2 + ["memory"] * 3
    assert all(row["value"] > 0 and row["figures"] for row in rows)
    judged = [row["verdict"] != "no target" for row in rows]
    assert judged == [False, False, True, False, True]


@pytest.mark.timeout(300)
@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_the_benchmark_of_watching_measures_what_it_is_asked_for(
    tmp_path: Path,
) -> None:
    """And no session is lost or told twice, in whatever time."""
    watch(tmp_path, "--quick", "--only", "tracker", "week", "away")

    data = watched(tmp_path)
    rows = data["rows"]
    assert [row["key"] for row in rows] == ["tracker"] + ["week"] * 3 + ["away"] * 4
    assert all(row["verdict"] in ("met", "missed") for row in rows)
    counted = [row for row in rows if row["wanted"] == "all"]
    assert len(counted) == 3
    assert [row["verdict"] for row in counted] == ["met"] * 3, counted
    shown = read(tmp_path, "WATCH.md")
    assert "a quick run" in shown
    assert all(f"| {row['what']} |" in shown for row in rows)
