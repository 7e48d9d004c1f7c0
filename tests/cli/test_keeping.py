import asyncio
import json
import math
import signal
import sys
from pathlib import Path

import pytest

from tests.cli.command import Run, environment, start
from veeam_async.simulator import Simulator

FAST = ("--interval", "0.1")


async def test_the_next_run_goes_on(
    run: Run, simulator: Simulator, tmp_path: Path
) -> None:
    """With --checkpoint nothing is told twice, and ids that are new are added."""
    one = str(simulator.add_session(script=[("Working", 36_000)]))
    command = ("watch", one, *FAST, "--checkpoint", str(tmp_path / "kept.json"))
    first = await run(*command, "--timeout", "1")
    other = str(simulator.add_session(script=()))
    simulator.advance(36_000)
    second = await run(*command, other)
    third = await run(*command, other)
    kinds = {(row["id"], row["kind"]) for row in second.rows}

    assert first.code == 4
    assert [row["kind"] for row in first.rows] == ["FOUND"]
    assert kinds == {(one, "STOPPED"), (other, "FOUND"), (other, "STOPPED")}
    assert (third.code, third.rows) == (0, [])


async def test_a_watch_of_everything_goes_on(
    run: Run, simulator: Simulator, tmp_path: Path
) -> None:
    """Also what ran only between two runs is told, and nothing twice."""
    simulator.add_session(script=[("Working", math.inf)])
    path = str(tmp_path / "kept.json")
    command = ("watch", *FAST, "--checkpoint", path, "--until-failed")
    first = await run(*command, "--timeout", "2")
    failed = str(simulator.add_session(script=(), result="Failed", created_in=5))
    simulator.advance(60)
    second = await run(*command)

    assert (first.code, len(first.rows)) == (0, 1)
    assert second.code == 3
    assert [row["id"] for row in second.rows] == [failed, failed]


async def test_another_watch_is_refused(
    run: Run, simulator: Simulator, tmp_path: Path
) -> None:
    """A checkpoint of ids is none of everything, and one --where is not another."""
    one = str(simulator.add_session(script=()))
    of_ids, of_all = str(tmp_path / "ids.json"), str(tmp_path / "all.json")
    await run("watch", one, "--checkpoint", of_ids)
    await run("watch", "--timeout", "0.1", "--checkpoint", of_all)
    refused = await asyncio.gather(
        run("watch", "--checkpoint", of_ids),
        run("watch", one, "--checkpoint", of_all),
        run("watch", "--where", 'Name=="x"', "--checkpoint", of_all),
    )

    assert [each.code for each in refused] == [2, 2, 2]
    assert all("give another file" in each.err for each in refused)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
async def test_a_killed_watch_goes_on(
    run: Run, simulator: Simulator, tmp_path: Path
) -> None:
    """What was told is saved soon after, not only at the end."""
    one = str(simulator.add_session(script=[("Working", 36_000)]))
    path = tmp_path / "kept.json"
    command = ("watch", one, *FAST, "--checkpoint", str(path))
    killed = await start(*command, env=environment(simulator))
    while not path.exists() or json.loads(path.read_text())["sequence"] < 1:
        await asyncio.sleep(0.02)
    killed.send_signal(signal.SIGKILL)
    await killed.wait()
    simulator.advance(36_000)
    resumed = await run(*command)

    assert [row["kind"] for row in resumed.rows] == ["STOPPED"]
    assert resumed.code == 0
