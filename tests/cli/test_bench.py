import asyncio
import json

from tests.cli.command import Run
from veeam_async.cli.percentiles import Percentiles, percentiles
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
    """Answers that were tried again count as answers, not as errors."""
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
    for one in simulator.session_ids:
        simulator.remove_session(one)
    ended = await quick("bench")

    assert (
        ended.code,
        ended.err,
    ) == (1, "veeam-async: the server has no session to fetch\n")
