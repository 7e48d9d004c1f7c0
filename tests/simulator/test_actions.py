import math
import uuid
from itertools import pairwise
from typing import Any

import pytest

from veeam_async.simulator import Simulator


@pytest.fixture
def slow() -> Simulator:
    """A simulator whose clock moves by `advance` only."""
    return Simulator(sessions=0, running=0, speed=0)


def _below(href: str) -> str:
    return href.partition("/api")[2]


async def test_stopping_a_session_gives_a_task(slow: Simulator, connect: Any) -> None:
    """The session turns to Stopping, then to Stopped and Failed; the task succeeds."""
    async with slow as simulator:
        caller = await connect(simulator)
        session = simulator.add_session(script=[("Working", 1000)])
        simulator.advance(500)
        path = f"/backupSessions/{session}?format=Entity"
        reply = await caller.post(f"/backupSessions/{session}?action=stop")
        stopping = (await caller.get(path)).json
        simulator.advance(20)
        stopped = (await caller.get(path)).json
        task = (await caller.get(_below(reply.json["href"]))).json

        assert reply.status == 202
        assert (
            reply.json["operation"],
            reply.json["state"],
            reply.json["result"],
        ) == ("StopJobSession", "Running", None)
        assert (stopping["state"], stopping["result"]) == ("Stopping", "None")
        assert (stopped["state"], stopped["result"]) == ("Stopped", "Failed")
        assert stopping["progress"] == stopped["progress"] < 100
        assert task["state"] == "Finished"
        assert {
            "message": f'Job Session "{stopped["name"]}" triggered to stop.',
            "success": True,
        } == task["result"]


async def test_a_stopped_session_cannot_be_stopped(
    slow: Simulator, connect: Any
) -> None:
    """Stopping what has stopped is a task that does not succeed."""
    async with slow as simulator:
        caller = await connect(simulator)
        session = simulator.add_session(script=())
        reply = await caller.post(f"/backupSessions/{session}?action=stop")
        simulator.advance(5)
        task = (await caller.get(_below(reply.json["href"]))).json

        assert reply.status == 202
        assert task["result"]["success"] is False


async def test_a_started_job_shows_its_session_late(
    slow: Simulator, connect: Any
) -> None:
    """The task is finished, with a link to the session, once EM has collected it."""
    async with slow as simulator:
        caller = await connect(simulator)
        job = simulator.job_ids[0]
        reply = await caller.post(f"/jobs/{job}?action=start")
        way = _below(reply.json["href"])
        seen = []
        related: list[Any] = []
        for _ in range(3):
            task = (await caller.get(way)).json
            related = [link for link in task["links"] if link["rel"] == "Related"]
            seen.append((task["state"], len(related), len(simulator.session_ids)))
            simulator.advance(3.5)
        entity = (await caller.get(_below(related[0]["href"]))).json

        assert seen == [
            ("Running", 0, 0),
            ("OperationFinished", 0, 0),
            ("Finished", 1, 1),
        ]
        assert "BackupJobSession" == related[0]["type"] == entity["type"]
        assert f"urn:veeam:Job:{job}" == entity["jobUid"]


@pytest.mark.parametrize("action", ["start", "retry"])
async def test_a_running_job_is_not_started_twice(
    slow: Simulator, connect: Any, action: str
) -> None:
    """The answer to the order is a task that has failed, and starts nothing."""
    async with slow as simulator:
        caller = await connect(simulator)
        path = f"/jobs/{simulator.job_ids[0]}"
        await caller.post(f"{path}?action=start")
        reply = await caller.post(f"{path}?action={action}")
        simulator.advance(10)
        task = (await caller.get(_below(reply.json["href"]))).json

        assert reply.status == 202
        assert task == reply.json
        assert (task["state"], task["result"]["success"]) == ("Finished", False)
        assert "already running" in task["result"]["message"]
        assert len(simulator.session_ids) == 1


async def test_a_failed_job_can_be_retried(slow: Simulator, connect: Any) -> None:
    """A retry is a new session that calls itself one; success leaves nothing to do."""
    async with slow as simulator:
        caller = await connect(simulator)
        job = simulator.job_ids[0]
        simulator.add_session(script=(), created_in=-900, result="Failed")
        await caller.post(f"/jobs/{job}?action=retry")
        simulator.advance(10)
        [newest] = await caller.query("IsRetry==true")
        simulator.advance(1000)
        reply = await caller.post(f"/jobs/{job}?action=retry")
        simulator.advance(10)
        task = (await caller.get(_below(reply.json["href"]))).json

        assert f"urn:veeam:Job:{job}" == newest["jobUid"]
        assert task["result"]["success"] is False


async def test_a_job_can_be_stopped(slow: Simulator, connect: Any) -> None:
    """Stopping a job stops its session; an idle job cannot be stopped."""
    async with slow as simulator:
        caller = await connect(simulator)
        path = f"/jobs/{simulator.job_ids[0]}"
        await caller.post(f"{path}?action=start")
        simulator.advance(30)
        await caller.post(f"{path}?action=stop")
        simulator.advance(20)
        idle = await caller.post(f"{path}?action=stop")
        simulator.advance(5)

        assert simulator.running_ids == []
        task = (await caller.get(_below(idle.json["href"]))).json
        assert task["result"]["success"] is False


async def test_a_schedule_can_be_switched(slow: Simulator, connect: Any) -> None:
    """A job without a schedule has no next run."""
    async with slow as simulator:
        caller = await connect(simulator)
        path = f"/jobs/{simulator.job_ids[0]}"
        seen = []
        for _ in range(2):
            job = (await caller.get(f"{path}?format=Entity")).json
            seen.append((job["scheduleEnabled"], "nextRun" in job))
            await caller.post(f"{path}?action=toggleScheduleEnabled")

        assert {(True, True), (False, False)} == set(seen)


async def test_copy_jobs_synchronise_instead(slow: Simulator, connect: Any) -> None:
    """A copy job has Sync and neither Start nor Stop; starting it is refused."""
    async with slow as simulator:
        caller = await connect(simulator)
        jobs = (await caller.get("/jobs?format=Entity")).json["jobs"]
        copy = next(job for job in jobs if job["jobType"] == "BackupCopy")
        path = _below(copy["href"]).partition("?")[0]
        rels = {link["rel"] for link in copy["links"]}

        assert "Sync" in rels
        assert not {"Start", "Stop", "Retry"} & rels
        assert (await caller.post(f"{path}?action=start")).status == 400
        assert (await caller.post(f"{path}?action=sync")).status == 202


@pytest.mark.parametrize("path", ["/jobs/{0}", "/jobs/{0}?action=explode"])
async def test_an_unknown_action_is_refused(
    simulator: Simulator, caller: Any, path: str
) -> None:
    """A POST needs an action that is known."""
    job = simulator.job_ids[0]

    assert (await caller.post(path.format(job))).status == 400


async def test_tasks_belong_to_their_logon_session(
    simulator: Simulator, caller: Any
) -> None:
    """After another logon a task is unknown, which is a 500 in the real words."""
    session = simulator.running_ids[0]
    reply = await caller.post(f"/backupSessions/{session}?action=stop")
    task = reply.json["taskId"]
    tasks = (await caller.get("/tasks")).json["tasks"]
    await caller.log_on()
    unknown = await caller.get(f"/tasks/{task}")

    assert [task] == [each["taskId"] for each in tasks]
    assert unknown.status == 500
    assert (
        f"There is no backup task with id [{task}] in current rest session"
        == unknown.json["message"]
    )


async def test_a_task_can_be_deleted(simulator: Simulator, caller: Any) -> None:
    """Deleting a task answers 204, then it is unknown."""
    session = simulator.running_ids[0]
    reply = await caller.post(f"/backupSessions/{session}?action=stop")
    path = f"/tasks/{reply.json['taskId']}"

    assert (await caller.send("DELETE", path)).status == 204
    assert (await caller.get(path)).status == 500
    assert (await caller.send("DELETE", path)).status == 500


async def test_the_next_start_of_a_job_can_be_scripted(
    slow: Simulator, connect: Any
) -> None:
    """Its session goes as planned, shown when planned; the start after it as usual."""
    async with slow as simulator:
        caller = await connect(simulator)
        job = simulator.job_ids[0]
        simulator.next_run(
            job,
            script=[("Working", 30)],
            result="Failed",
            failure_message="No space.",
            appears_in=20,
        )
        reply = await caller.post(f"/jobs/{job}?action=start")
        seen = []
        for _ in range(3):
            task = (await caller.get(_below(reply.json["href"]))).json
            seen.append((task["state"], len(simulator.session_ids)))
            simulator.advance(20.5)
        [first] = await caller.query(f"JobUid=={job}")
        await caller.post(f"/jobs/{job}?action=start")
        simulator.advance(300)
        second, _ = await caller.query(f"JobUid=={job}", sortDesc="CreationTime")

        assert seen == [("Running", 0), ("OperationFinished", 1), ("Finished", 1)]
        assert (first["result"], first["failureMessage"]) == ("Failed", "No space.")
        assert (second["result"], second["isRetry"]) == ("Success", False)


async def test_a_task_need_not_name_its_session(slow: Simulator, connect: Any) -> None:
    """Without links the task is finished before the session is shown."""
    async with slow as simulator:
        caller = await connect(simulator)
        job = simulator.job_ids[0]
        simulator.next_run(job, links=False, appears_in=60)
        reply = await caller.post(f"/jobs/{job}?action=start")
        simulator.advance(10)
        task = (await caller.get(_below(reply.json["href"]))).json
        before = len(simulator.session_ids)
        simulator.advance(60)

        assert task["state"] == "Finished"
        assert [link["rel"] for link in task["links"]] == ["Delete"]
        assert (before, len(simulator.session_ids)) == (0, 1)


async def test_a_start_can_be_refused(slow: Simulator, connect: Any) -> None:
    """The task ends without success, in the words given, and nothing starts."""
    async with slow as simulator:
        caller = await connect(simulator)
        job = simulator.job_ids[0]
        simulator.next_run(job, refusal="The proxy is offline.")
        reply = await caller.post(f"/jobs/{job}?action=start")
        simulator.advance(10)
        task = (await caller.get(_below(reply.json["href"]))).json

        assert reply.status == 202
        assert task["result"] == {"message": "The proxy is offline.", "success": False}
        assert simulator.session_ids == []


async def test_a_failed_run_is_retried_by_itself(slow: Simulator, connect: Any) -> None:
    """Each retry is a session of its own, created a while after the last has ended."""
    async with slow as simulator:
        caller = await connect(simulator)
        job = simulator.job_ids[0]
        simulator.next_run(
            job,
            script=[("Working", 60)],
            result="Failed",
            retries=["Failed", "Warning"],
            retry_in=100,
        )
        await caller.post(f"/jobs/{job}?action=start")
        counts = []
        for _ in range(4):
            counts.append(len(simulator.session_ids))
            simulator.advance(160)
        rows = await caller.query(f"JobUid=={job}", sortAsc="CreationTime")

        assert counts == [0, 1, 2, 3]
        assert [row["isRetry"] for row in rows] == [False, True, True]
        assert [row["result"] for row in rows] == ["Failed", "Failed", "Warning"]
        assert all(
            before["endTimeUTC"] < after["creationTimeUTC"]
            for before, after in pairwise(rows)
        )


@pytest.mark.parametrize("aim", ["session", "job"])
async def test_what_is_stopped_is_not_retried(
    slow: Simulator, connect: Any, aim: str
) -> None:
    """Its session has failed, and no other follows."""
    async with slow as simulator:
        caller = await connect(simulator)
        job = simulator.job_ids[0]
        simulator.next_run(job, result="Failed", retries=["Success"])
        await caller.post(f"/jobs/{job}?action=start")
        simulator.advance(30)
        [session] = simulator.session_ids
        path = f"/backupSessions/{session}" if aim == "session" else f"/jobs/{job}"
        await caller.post(f"{path}?action=stop")
        simulator.advance(10_000)

        assert simulator.session_ids == [session]


async def test_a_plan_must_make_sense(slow: Simulator) -> None:
    """The job is one of those that are, and what never ends is never retried."""
    async with slow as simulator:
        with pytest.raises(ValueError, match="no job"):
            simulator.next_run(uuid.UUID(int=7))
        with pytest.raises(ValueError, match="never ends"):
            simulator.next_run(
                simulator.job_ids[0],
                script=[("Working", math.inf)],
                retries=["Success"],
            )
