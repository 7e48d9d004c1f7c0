import asyncio
import inspect
import math
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from veeam_async.simulator import Simulator

START = datetime(2025, 10, 21, 12, tzinfo=UTC)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


async def _look(caller: Any, session: uuid.UUID) -> Any:
    return (await caller.get(f"/backupSessions/{session}?format=Entity")).json


@pytest.fixture
def slow() -> Simulator:
    """A simulator whose clock moves by `advance` only."""
    return Simulator(sessions=5, running=0, speed=0, start=START)


async def test_the_same_seed_gives_the_same_world(connect: Any) -> None:
    """Ids, names, times and results depend on the seed and the start alone."""

    async def world(seed: int) -> Any:
        url = "http://em"
        options: dict[str, Any] = {"start": START, "public_url": url, "speed": 0}
        async with Simulator(seed=seed, **options) as simulator:
            caller = await connect(simulator)
            added = simulator.add_session(script=())
            paths = ("backupSessions", "jobs", "restoreSessions", "backupTaskSessions")
            bodies = [
                (await caller.get(f"/{path}?format=Entity")).body for path in paths
            ]
            return added, caller.token, bodies

    assert await world(1) == await world(1)
    assert await world(1) != await world(2)


async def test_a_third_of_the_finished_ran_today(
    simulator: Simulator, caller: Any
) -> None:
    """The finished sessions lie in the last 30 days, a good part in the last one."""
    finished = await caller.query("State==Stopped")
    ages = [simulator.now - _time(row["creationTimeUTC"]) for row in finished]

    assert max(ages) < timedelta(days=30)
    assert 0.2 < sum(age < timedelta(days=1) for age in ages) / len(ages) < 0.5


async def test_all_that_runs_stops_within_ten_seconds(simulator: Simulator) -> None:
    """With the defaults the ends are spread over ten real seconds."""
    speed = inspect.signature(Simulator).parameters["speed"].default

    assert len(simulator.running_ids) == 20
    simulator.advance(5 * speed)
    assert 5 <= len(simulator.running_ids) <= 15
    simulator.advance(5 * speed)
    assert simulator.running_ids == []


async def test_no_more_run_than_there_are() -> None:
    """A small world may be asked for without saying how many run in it."""
    async with Simulator(sessions=3) as simulator:
        assert len(simulator.running_ids) == 3


async def test_sessions_fail_are_retried_and_have_hard_names(connect: Any) -> None:
    """A larger world has every result, retries, and names that are hard to parse."""
    async with Simulator(sessions=1000, running=0) as simulator:
        rows = await (await connect(simulator)).query("")
        names = " ".join({row["jobName"] for row in rows})
        retried = next(row for row in rows if row["isRetry"])
        same_job = [row for row in rows if row["jobUid"] == retried["jobUid"]]

        assert len(rows) == 1000
        assert {"Success", "Warning", "Failed"} == {row["result"] for row in rows}
        assert all(
            (row["result"] == "Failed") == bool(row["failureMessage"]) for row in rows
        )
        assert any(
            row["result"] == "Failed"
            and _time(row["endTimeUTC"]) < _time(retried["creationTimeUTC"])
            for row in same_job
        )
        assert all(piece in names for piece in ("\\", "&", "<", '"', "ü", "  "))
        assert {"Backup", "BackupCopy", "ImmediateBackupCopy", "NasBackup"} <= {
            row["jobType"] for row in rows
        }


async def test_a_session_moves_through_its_script(
    slow: Simulator, connect: Any
) -> None:
    """States follow the script, progress grows from 0 to 100, the end comes last."""
    async with slow as simulator:
        caller = await connect(simulator)
        session = simulator.add_session(
            script=[("Starting", 10), ("Working", 100), ("Stopping", 10)],
            result="Warning",
        )
        seen = []
        for _ in range(5):
            look = await _look(caller, session)
            seen.append((look["state"], look["result"], "endTimeUTC" in look))
            simulator.advance(30.5)

        assert seen == [
            ("Starting", "None", False),
            ("Working", "None", False),
            ("Working", "None", False),
            ("Working", "None", False),
            ("Stopped", "Warning", True),
        ]
        assert (await _look(caller, session))["progress"] == 100


async def test_progress_grows_and_stays_below_100(
    slow: Simulator, connect: Any
) -> None:
    """Progress never falls, is 0 while Starting and 100 only when it has stopped."""
    async with slow as simulator:
        caller = await connect(simulator)
        session = simulator.add_session(script=[("Starting", 10), ("Working", 100)])
        seen = []
        for _ in range(12):
            seen.append((await _look(caller, session))["progress"])
            simulator.advance(10.5)

        assert sorted(seen) == seen
        assert seen[0] == 0
        assert seen[-1] == 100
        assert all(0 <= progress < 100 for progress in seen[:-1])


async def test_any_state_and_any_length_can_be_scripted(
    slow: Simulator, connect: Any
) -> None:
    """A state may be invented, and may last for ever."""
    async with slow as simulator:
        caller = await connect(simulator)
        script = [("Pausing", 5), ("Defragmenting", math.inf), ("Working", 5)]
        session = simulator.add_session(script=script)
        simulator.advance(1_000_000)
        look = await _look(caller, session)

        assert look["state"] == "Defragmenting"
        assert 0 < look["progress"] < 100
        assert session in simulator.running_ids


async def test_a_session_can_appear_late_and_be_forgotten(
    slow: Simulator, connect: Any
) -> None:
    """Before it appears and after it is gone a session is 404 and in no list."""
    async with slow as simulator:
        caller = await connect(simulator)
        session = simulator.add_session(appears_in=10, gone_in=20)
        path = f"/backupSessions/{session}"
        seen = []
        for _ in range(3):
            seen.append((await caller.get(path)).status)
            simulator.advance(10)

        assert seen == [404, 200, 404]
        assert session not in simulator.session_ids


async def test_a_session_can_be_removed(slow: Simulator, connect: Any) -> None:
    """A removed session is 404 at once."""
    async with slow as simulator:
        caller = await connect(simulator)
        session = simulator.session_ids[0]
        simulator.remove_session(session)

        assert (await caller.get(f"/backupSessions/{session}")).status == 404
        assert len(simulator.session_ids) == 4


async def test_a_session_of_any_job_can_be_added(slow: Simulator, connect: Any) -> None:
    """The job decides name and type unless they are given; restores have none."""
    async with slow as simulator:
        caller = await connect(simulator)
        job = simulator.job_ids[-1]
        session = simulator.add_session(kind="ReplicaJobSession", job_id=job)
        restore = simulator.add_session(kind="RestoreSession", job_name="vm", script=())
        path = f"/replicaSessions/{session}?format=Entity"
        replica = (await caller.get(path)).json
        tasks = await caller.get(f"/replicaSessions/{session}/repicaTaskSessions")
        path = f"/restoreSessions/{restore}?format=Entity"
        restored = (await caller.get(path)).json

        assert replica["jobUid"] == f"urn:veeam:Job:{job}"
        assert replica["jobType"] == "Replica"
        assert tasks.json["refs"]
        assert restored["vmDisplayName"] == "vm"


async def test_task_sessions_end_before_their_session(
    slow: Simulator, connect: Any
) -> None:
    """Task sessions go from Pending to Completed, and are done with their session."""
    async with slow as simulator:
        caller = await connect(simulator)
        session = simulator.add_session(script=[("Working", 100)], result="Warning")
        endless = simulator.add_session(script=[("Working", math.inf)])
        seen = []
        for _ in range(3):
            path = f"/backupSessions/{session}/taskSessions?format=Entity"
            found = (await caller.get(path)).json["backupTaskSessions"]
            seen.append(
                {
                    (task_session["state"], task_session["result"])
                    for task_session in found
                }
            )
            simulator.advance(50 if seen[1:] else 21)
        path = f"/backupSessions/{endless}/taskSessions?format=Entity"
        found = (await caller.get(path)).json["backupTaskSessions"]

        assert seen[0] == {("Pending", "Success")}
        assert ("InProgress", "Success") in seen[1]
        simulator.advance(50)
        path = f"/backupSessions/{session}/taskSessions?format=Entity"
        ended = (await caller.get(path)).json["backupTaskSessions"]
        assert {
            (task_session["state"], task_session["result"]) for task_session in ended
        } == {("Completed", "Warning")}
        assert {task_session["state"] for task_session in found} == {"InProgress"}


async def test_a_result_can_come_late(slow: Simulator, connect: Any) -> None:
    """A stopped session may have no result yet, nor a failure message."""
    async with slow as simulator:
        caller = await connect(simulator)
        session = simulator.add_session(
            script=(), result="Failed", failure_message="No space.", result_delay=5
        )
        before = await _look(caller, session)
        simulator.advance(6)
        after = await _look(caller, session)

        assert (
            before["state"],
            before["result"],
            before["failureMessage"],
        ) == ("Stopped", "None", None)
        assert (after["result"], after["failureMessage"]) == ("Failed", "No space.")


async def test_an_immediate_copy_tells_no_progress(caller: Any) -> None:
    """A copy that mirrors at once stops with progress 0, as recorded."""
    copies = await caller.query("JobType==ImmediateBackupCopy;State==Stopped")

    assert copies
    assert {0} == {row["progress"] for row in copies}


async def test_the_clock_runs_with_the_loop() -> None:
    """The simulated clock runs `speed` times as fast as the loop's."""
    async with Simulator(sessions=0, running=0, speed=10_000) as simulator:
        before = simulator.now
        await asyncio.sleep(0.02)

        assert timedelta(seconds=100) < simulator.now - before


async def test_time_does_not_run_backwards(slow: Simulator) -> None:
    """The clock can only be advanced."""
    async with slow as simulator:
        with pytest.raises(ValueError, match="backwards"):
            simulator.advance(-1)


async def test_what_is_not_there_is_a_value_error(slow: Simulator) -> None:
    """A session of a job that is unknown, or one to be forgotten that is."""
    async with slow as simulator:
        with pytest.raises(ValueError, match="no job"):
            simulator.add_session(job_id=uuid.UUID(int=1))
        with pytest.raises(ValueError, match="no session"):
            simulator.remove_session(uuid.UUID(int=1))


@pytest.mark.parametrize(
    "options",
    [{"running": -1}, {"speed": -1}, {"product": "9"}, {"capacity": 0}],
)
def test_numbers_out_of_range_are_refused(options: dict[str, Any]) -> None:
    """What makes no sense is a ValueError."""
    with pytest.raises(ValueError, match="must"):
        Simulator(**options)
