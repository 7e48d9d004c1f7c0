import math

from tests.cli.command import Run
from veeam_async.simulator import Simulator


async def test_stop_gives_the_task(run: Run, simulator: Simulator) -> None:
    """With --yes the session is stopped, and its task shown."""
    session_id = str(simulator.add_session(script=[("Working", math.inf)]))
    stopped = await run("stop", session_id, "--yes")
    waited = await run("wait", session_id, "--interval", "0.1")

    assert (stopped.code, stopped.rows[0]["operation"]) == (0, "StopJobSession")
    assert waited.rows[0]["state"] == "Stopped"


async def test_nothing_is_stopped_without_a_question(
    run: Run, simulator: Simulator
) -> None:
    """In a pipe nobody can be asked, so --yes is needed."""
    session_id = str(simulator.add_session(script=[("Working", math.inf)]))
    stopped = await run("stop", session_id)

    assert stopped.code == 2
    assert "needs --yes" in stopped.err
    assert simulator.stats.requests == 0
