import asyncio
import json
import math
import uuid

from tests.cli.command import Run, after_lists, after_polls
from veeam_async.simulator import Simulator

FAST = ("--interval", "0.1")


async def test_watch_follows_everything(run: Run, simulator: Simulator) -> None:
    """Without ids all that runs or starts later is watched, here until one failed."""
    script = [("Working", 36_000)]
    ids = {str(simulator.add_session(script=script)) for _ in range(2)}
    late = simulator.add_session(script=(), created_in=40_000, result="Failed")
    ids.add(str(late))
    watched, _ = await asyncio.gather(
        run("watch", *FAST, "--until-failed"), after_lists(simulator, 36_000, 36_000)
    )
    kinds = [(row["id"], row["kind"]) for row in watched.rows]

    assert watched.code == 3
    assert {
        (session_id, kind) for session_id in ids for kind in ("FOUND", "STOPPED")
    } == set(kinds)
    assert len(kinds) == 6
    assert watched.err == "3 sessions: 2 Success · 1 Failed\n"


async def test_where_narrows_everything(run: Run, simulator: Simulator) -> None:
    """With --where, and by a query, only what it selects is told of."""
    simulator.add_session(script=[("Working", math.inf)], job_name="Daily")
    simulator.add_session(script=(), created_in=9, job_name="Daily", result="Failed")
    session_id = simulator.add_session(
        script=[("Working", 36_000)], job_name="Nightly", result="Failed"
    )
    options = ("--where", 'JobName=="Nightly"', "--strategy", "query")
    watched, _ = await asyncio.gather(
        run("watch", *FAST, *options, "--until-failed"), after_lists(simulator, 36_000)
    )

    assert watched.code == 3
    assert {row["id"] for row in watched.rows} == {str(session_id)}


async def test_watch_tells_progress_where_asked(run: Run, simulator: Simulator) -> None:
    """With --progress an event tells of progress alone, in each form."""
    session_id = str(simulator.add_session(script=[("Working", 36_000)]))
    array, table, _ = await asyncio.gather(
        run("watch", session_id, "--progress", *FAST, "-o", "json"),
        run("watch", session_id, "--progress", *FAST, "-o", "table"),
        after_polls(simulator, 9_000, 36_000, commands=2),
    )
    kinds = [row["kind"] for row in json.loads(array.out)]

    assert "PROGRESSED" in kinds
    assert kinds[-1] == "STOPPED"
    assert "PROGRESSED" in table.out
    assert "STOPPED     Success" in table.out.splitlines()[-1]


async def test_a_failed_session_is_exit_code_3(run: Run, simulator: Simulator) -> None:
    """Both watch and wait tell by their exit code that a session failed."""
    failed = str(
        simulator.add_session(script=(), result="Failed", failure_message="Disk\nfull")
    )
    good = str(simulator.add_session(script=()))
    watched, waited, unchecked = await asyncio.gather(
        run("watch", good, failed),
        run("wait", failed),
        run("wait", failed, "--no-check"),
    )

    assert (watched.code, watched.err) == (3, "2 sessions: 1 Success · 1 Failed\n")
    assert (
        waited.code,
        waited.err,
    ) == (3, "veeam-async: the session failed: Disk full\n")
    assert waited.rows[0]["result"] == "Failed"
    assert (unchecked.code, unchecked.err) == (0, "")


async def test_the_deadline_is_exit_code_4(run: Run, simulator: Simulator) -> None:
    """Both watch and wait give up in time, say what had not ended, and log out."""
    session_id = str(simulator.add_session(script=[("Working", math.inf)]))
    watched, waited, streamed = await asyncio.gather(
        run("watch", session_id, "--timeout", "0.4", *FAST),
        run("wait", session_id, "--timeout", "0.4", *FAST),
        run("watch", session_id, "--timeout", "0.4", *FAST, "-o", "json"),
    )

    assert [watched.code, waited.code, streamed.code] == [4, 4, 4]
    assert (
        f"veeam-async: the time is up: 1 of 1 session had not ended: {session_id}\n"
        == watched.err
        == waited.err
    )
    assert [row["kind"] for row in json.loads(streamed.out)] == ["FOUND"]
    assert simulator.stats.tokens_alive == 0


async def test_a_session_that_goes_is_exit_code_1(
    run: Run, simulator: Simulator
) -> None:
    """Nobody knows how a session ended that the server forgot."""
    session_id = simulator.add_session(script=[("Working", math.inf)])

    async def forget() -> None:
        await after_polls(simulator, 1)
        simulator.remove_session(session_id)

    watched, _ = await asyncio.gather(
        run("watch", str(session_id), *FAST, "--gone-after", "0.2", "-o", "table"),
        forget(),
    )

    assert (watched.code, watched.err) == (1, "1 session: 1 Gone\n")
    assert "GONE        Gone" in watched.out


async def test_nothing_runs(quick: Run) -> None:
    """Where nothing runs, a watch of everything ends in time without an event."""
    watched = await quick("watch", "--timeout", "0.3", *FAST)

    assert (watched.code, watched.out, watched.err) == (0, "", "no session was seen\n")


async def test_wait_shows_the_end(run: Run, simulator: Simulator) -> None:
    """A wait ends with the session as it is then; an unknown one fails at once."""
    session_id = str(simulator.add_session(script=[("Working", 30)]))
    waited, unknown = await asyncio.gather(
        run("wait", session_id, *FAST), run("wait", str(uuid.uuid4()))
    )

    assert (waited.code, waited.rows[0]["state"]) == (0, "Stopped")
    assert unknown.code == 1
    assert "does not know session" in unknown.err
