import asyncio
import json
import math
import signal
import sys
from pathlib import Path

import pytest

from tests.cli.command import Run, after_lists, environment, start
from tests.support.simulated import client
from veeam_async import CheckpointFile
from veeam_async.cli.pipeline import saving_checkpoint
from veeam_async.simulator import Simulator

FAST = ("--interval", "0.1")


async def test_the_next_run_goes_on(
    run: Run, simulator: Simulator, tmp_path: Path
) -> None:
    """With --checkpoint nothing is told twice, and ids that are new are added."""
    session_id = str(simulator.add_session(script=[("Working", 36_000)]))
    failed = str(simulator.add_session(script=(), result="Failed"))
    new = str(simulator.add_session(script=()))
    options = (*FAST, "--checkpoint", str(tmp_path / "kept.json"))
    first = await run("watch", session_id, failed, *options, "--until-failed")
    simulator.advance(36_000)
    second = await run("watch", session_id, failed, new, *options)
    third = await run("watch", session_id, failed, new, *options)
    told = [(row["id"], row["kind"]) for row in first.rows + second.rows]

    assert (first.code, third.code, third.rows) == (3, 0, [])
    assert {(failed, "FOUND"), (failed, "STOPPED")} <= set(told)
    assert [told.count((session_id, kind)) for kind in ("FOUND", "STOPPED")] == [1, 1]
    assert [told.count((new, kind)) for kind in ("FOUND", "STOPPED")] == [1, 1]
    assert len(set(told)) == len(told)


async def test_a_watch_of_everything_goes_on(
    run: Run, simulator: Simulator, tmp_path: Path
) -> None:
    """Also what ran only between two runs is told, and nothing twice."""
    simulator.add_session(script=[("Working", math.inf)])
    simulator.add_session(script=(), result="Failed", created_in=4_000)
    path = str(tmp_path / "kept.json")
    command = ("watch", *FAST, "--checkpoint", path, "--until-failed")
    first, _ = await asyncio.gather(run(*command), after_lists(simulator, 4_000))
    failed = str(simulator.add_session(script=(), result="Failed", created_in=5))
    simulator.advance(60)
    second = await run(*command)

    assert (first.code, len(first.rows)) == (3, 3)
    assert second.code == 3
    assert [row["id"] for row in second.rows] == [failed, failed]


async def test_an_event_that_was_broken_off_is_told_again(
    simulator: Simulator, tmp_path: Path
) -> None:
    """A reader that goes away in the middle of an event has not seen it."""
    session_id = simulator.add_session(script=())
    file = CheckpointFile(tmp_path / "kept.json")
    async with client(simulator) as em:
        events = em.backup_sessions.watch([session_id])
        with pytest.raises(BrokenPipeError):
            async with saving_checkpoint(events, file) as saver:
                assert saver is not None
                await anext(events)
                async with saver.handling():
                    raise BrokenPipeError

    assert file.load() is None


async def test_another_watch_is_refused(
    run: Run, simulator: Simulator, tmp_path: Path
) -> None:
    """A checkpoint of ids is none of everything, and one --where is not another."""
    session_id = str(simulator.add_session(script=()))
    of_ids, of_all = str(tmp_path / "ids.json"), str(tmp_path / "all.json")
    await run("watch", session_id, "--checkpoint", of_ids)
    await run("watch", "--timeout", "0.1", "--checkpoint", of_all)
    refused = await asyncio.gather(
        run("watch", "--checkpoint", of_ids),
        run("watch", session_id, "--checkpoint", of_all),
        run("watch", "--where", 'Name=="x"', "--checkpoint", of_all),
    )

    assert [each.code for each in refused] == [2, 2, 2]
    assert all("give another file" in each.err for each in refused)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
async def test_a_killed_watch_goes_on(
    run: Run, simulator: Simulator, tmp_path: Path
) -> None:
    """Events are saved soon after they were printed, not only at the end."""
    session_id = str(simulator.add_session(script=[("Working", 36_000)]))
    path = tmp_path / "kept.json"
    command = ("watch", session_id, *FAST, "--checkpoint", str(path))
    killed = await start(*command, env=environment(simulator))
    while not path.exists() or json.loads(path.read_text())["sequence"] < 1:
        await asyncio.sleep(0.02)
    killed.send_signal(signal.SIGKILL)
    await killed.wait()
    simulator.advance(36_000)
    resumed = await run(*command)

    assert [row["kind"] for row in resumed.rows] == ["STOPPED"]
    assert resumed.code == 0
