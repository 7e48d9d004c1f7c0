import asyncio
import json
import re

import pytest

from tests.cli.command import Ended, Run, environment
from tests.cli.terminal import needs_terminal, on_terminal
from veeam_async.cli.render.histogram import (
    Bucket,
    Percentiles,
    bound_label,
    buckets,
    histogram,
    percentiles,
)
from veeam_async.simulator import Faults, Simulator


def test_percentiles_are_measured_values() -> None:
    """The nearest rank counts: no value is made up between two others."""
    assert Percentiles(p50=50, p90=90, p99=99, max=100) == percentiles(
        list(range(100, 0, -1))
    )
    assert Percentiles(p50=7, p90=7, p99=7, max=7) == percentiles([7])
    assert percentiles([]) is None


async def test_a_bench_says_what_it_will_do_and_what_it_found(run: Run) -> None:
    """It fetches as many as asked for, the same ones again where it must."""
    text, figures = await asyncio.gather(
        run("bench", "--count", "30", "--connections", "2"),
        run("bench", "-n", "1", "--json"),
    )
    found = json.loads(figures.out)

    assert text.code == 0
    assert "Fetching 30 sessions of http://127.0.0.1" in text.err
    assert "over 2 connections, 12 different ones. Nothing is changed" in text.err
    assert "(30 sessions in " in text.out
    assert "Answers   200: 30\nErrors    none\n" in text.out
    assert (found["sessions"], found["requests"], found["failed"]) == (1, 1, 0)
    assert found["latency"]["max"] > 0


async def test_a_bench_counts_errors_by_kind(quick: Run, simulator: Simulator) -> None:
    """What cannot be read is an error, though it was an answer."""
    simulator.faults = Faults(malformed=0.5)
    figures = await quick("bench", "-n", "20", "--json")
    found = json.loads(figures.out or "null")
    if found is None:  # the list itself was struck
        assert figures.code == 1
        return

    assert figures.code == 1
    assert {"DecodeError": found["failed"]} == found["errors"]
    assert found["answers"] == {"200": 20}


async def test_a_bench_without_sessions(quick: Run, simulator: Simulator) -> None:
    """A server without sessions cannot be measured."""
    for session_id in simulator.session_ids:
        simulator.remove_session(session_id)
    ended = await quick("bench")

    assert (
        ended.code,
        ended.err,
    ) == (1, "veeam-async: the server has no session to fetch\n")


async def test_a_bench_is_small_unless_asked_for_more(
    quick: Run, simulator: Simulator
) -> None:
    """At most 500 sessions, four at once, and it says so before the first."""
    ended = await quick("bench")

    assert ended.code == 0
    assert ended.err == (
        f"Fetching 500 sessions of {simulator.url} over 4 connections, 12 different "
        "ones. Nothing is changed there, and what fails is not tried again.\n"
    )
    assert simulator.stats.by_route["GET /backupSessions/{id}"] == 500
    assert simulator.stats.requests == 500 + len(["logon", "list", "logout"])


async def test_a_bench_sends_no_more_than_it_announced(
    quick: Run, simulator: Simulator
) -> None:
    """A failure counts as an error by its kind, and is not asked for again."""
    simulator.faults = Faults(unavailable=0.5)
    announced = 40 + len(["logon", "list", "logout"])
    ended = Ended(None, "", "")
    while not ended.out:  # the logon or the list was struck
        before = simulator.stats.requests
        ended = await quick("bench", "-n", "40", "--json")
        assert simulator.stats.requests - before <= announced
    found = json.loads(ended.out)

    assert ended.code == 1
    assert found["errors"] == {"ServiceUnavailable": found["failed"]}
    assert found["answers"]["503"] == found["failed"] > 0
    assert 1 <= found["settled"] < 4


async def test_a_bench_draws_how_the_times_are_spread(run: Run) -> None:
    """In a pipe; without a block where the stream has none."""
    drawn, plain = await asyncio.gather(
        run("bench", "-n", "50", COLUMNS="60"),
        run(
            "bench", "-n", "50", COLUMNS="200", PYTHONUTF8="0", PYTHONIOENCODING="ascii"
        ),
    )
    rows = [line for line in drawn.out.splitlines() if line.startswith(" ")]

    assert rows
    assert all(len(row) <= 60 for row in rows)
    assert sum(int(row.split()[-2]) for row in untagged(rows)) == 50
    assert "\u2588" in drawn.out
    assert "####" in plain.out
    assert plain.out.isascii()


def untagged(rows: list[str]) -> list[str]:
    """The rows that have a count, up to their percentage."""
    return [row[: row.index("%")] for row in rows if "%" in row]


@needs_terminal
@pytest.mark.parametrize("columns", [60, 200])
async def test_the_histogram_fits_a_terminal(
    simulator: Simulator, columns: int
) -> None:
    """No row is broken in two; wide ones do not spread across the screen."""
    env = environment(simulator)
    shown = await on_terminal("bench", "-n", "30", env=env, columns=columns)
    rows = [line for line in shown.lines if re.match(r" +< ", line)]

    assert shown.code == 0
    assert rows
    assert all(
        line.rstrip().endswith(("%", "p50", "p90", "p99", "max")) for line in rows
    )
    assert max(map(len, rows)) <= min(columns, 112)


# ---------------------------------------------------------------- the histogram


def test_each_time_falls_into_one_bucket() -> None:
    """From the fastest to the slowest without a gap; a bound belongs to the upper."""
    found = buckets([0.002, 0.0029, 0.003, 0.007])

    assert [(bucket.above, bucket.below, bucket.count) for bucket in found] == [
        (0.002, 0.003, 2),
        (0.003, 0.005, 1),
        (0.005, 0.007, 0),
        (0.007, 0.01, 1),
    ]
    assert buckets([]) == []
    assert buckets([0.0])[0] == Bucket(above=0.0, below=1e-06, count=1)
    assert buckets([1e9])[0].below == float("inf")


def test_a_long_gap_is_one_row() -> None:
    """A single time-out among fast answers does not fill the screen."""
    times = [0.001] * 99 + [60.0]
    marks = percentiles(times)
    assert marks is not None
    rows = list(histogram(buckets(times), marks, width=60, ascii_only=True))

    assert rows == [
        "    < 1.5 ms  ###########       99  99.0%  p50 p90 p99",
        "         ...",
        "      < 70 s  #                  1   1.0%  max",
    ]


@pytest.mark.parametrize(
    ("time", "expected"),
    [(1.5e-4, "150 us"), (0.0015, "1.5 ms"), (0.7, "700 ms"), (20.0, "20 s")],
)
def test_a_bound_is_told_in_its_unit(time: float, expected: str) -> None:
    """Short enough for the margin of the histogram."""
    assert bound_label(time) == expected
