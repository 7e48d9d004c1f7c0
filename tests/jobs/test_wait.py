"""The end of a run: `JobRun.wait`, its retries, its time, its cancellation."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.bodies import JOB, LOST, error, row, task, uuid_of
from tests.support.clients import hurried, talking
from tests.support.fault_server import Act, Reset, Stall
from tests.support.scripted import ScriptedServer
from tests.support.simulated import ENDLESS, QUICK, SOON, simulated
from veeam_async import (
    DeadlineExceeded,
    NotFound,
    RequestTimeout,
    SessionFailed,
    SessionResult,
    Timeout,
)

# ---------------------------------------------------------------- the end


async def test_wait_gives_the_session_that_has_ended() -> None:
    """Of the run that was started, and no other."""
    async with simulated() as (em, server, job):
        server.add_session(script=(), created_in=-60, job_id=job, result="Failed")
        run = await em.jobs.start(job)
        ended = await run.wait(interval=SOON, check=True)
        again = await run.wait(interval=SOON)

    assert ended.is_stopped
    assert ended.result == SessionResult.SUCCESS
    assert ended == again
    assert run.session_id == ended.id


async def test_a_failed_run_is_raised_only_where_that_was_asked_for() -> None:
    """With the session in the error; its retries are not waited for."""
    async with simulated() as (em, server, job):
        server.next_run(
            job,
            script=QUICK,
            result="Failed",
            failure_message="No.",
            retries=["Failed"],
        )
        run = await em.jobs.start(job)
        ended = await run.wait(interval=SOON)
        with pytest.raises(SessionFailed, match=r"No\.") as caught:
            await run.wait(interval=SOON, check=True)

    assert caught.value.session == ended
    assert not ended.is_retry


async def test_a_session_that_is_forgotten_meanwhile_is_not_found() -> None:
    """It has not ended well only because it is gone."""
    async with simulated(clock=hurried(300)) as (em, server, job):
        server.next_run(job, script=ENDLESS)
        run = await em.jobs.start(job)
        session = await run.session(interval=SOON)
        server.remove_session(session.id)
        with pytest.raises(NotFound):
            await run.wait()
        with pytest.raises(NotFound):
            await run.session()


# ---------------------------------------------------------------- retries


@pytest.mark.parametrize("links", [True, False])
async def test_the_retries_are_followed_to_the_last(links: bool) -> None:  # noqa: FBT001 - a parameter
    """Each a session of its own; the first that does not fail is the last."""
    async with simulated() as (em, server, job):
        server.next_run(
            job,
            script=QUICK,
            result="Failed",
            retries=["Failed", "Failed", "Warning"],
            retry_in=60,
            links=links,
        )
        run = await em.jobs.start(job)
        ended = await run.wait(retries=True, interval=SOON, check=True)
        first = await run.session()

        assert ended.id == server.session_ids[0]
        assert first.id == server.session_ids[-1]
    assert ended.result == SessionResult.WARNING
    assert ended.is_retry
    assert not first.is_retry


async def test_a_failed_session_without_a_retry_is_the_last() -> None:
    """Once none has come within the time that it is given."""
    async with simulated() as (em, server, job):
        server.next_run(
            job, script=QUICK, result="Failed", retries=["Failed"], retry_in=60
        )
        run = await em.jobs.start(job)
        with pytest.raises(SessionFailed) as caught:
            await run.wait(retries=True, retry_within=0.5, interval=SOON, check=True)
        ended = caught.value.session

        assert server.session_ids == [ended.id, run.session_id]


async def test_a_run_that_is_no_retry_ends_the_retries() -> None:
    """Somebody or the schedule began anew: nobody waits for hours."""
    script = ScriptedServer(
        rows=[row(1, at=-500, state="Stopped"), row(2, at=-400, is_retry=True)],
        fresh=[
            row(3, at=1, state="Stopped", result="Failed"),
            row(4, at=100, state="Stopped", result="Failed", is_retry=True),
            row(5, at=200),
            row(6, at=300, is_retry=True),
        ],
        tasks=[task(session=3)],
    )
    async with talking(script) as (em, _):
        run = await em.jobs.start(JOB)
        ended = await run.wait(retries=True, interval=SOON, retry_within=86_400)

    assert ended.id == uuid_of(4)


async def test_each_retry_is_given_its_own_time() -> None:
    """Counted from the failure before it, not from the first."""
    rows = [
        row(1, at=0, state="Stopped", result="Failed"),
        row(2, at=100, state="Stopped", result="Failed", is_retry=True),
        row(3, at=200, state="Stopped", result="Success", is_retry=True),
    ]
    script = ScriptedServer(fresh=rows[:1], tasks=[task(session=1)])
    async with talking(script) as (em, _):
        run = await em.jobs.start(JOB)
        await run.wait(interval=SOON)
        yesterday = datetime.now(UTC) - timedelta(days=1)
        run = em.jobs.resume({**run.to_dict(), "failed_at": yesterday.isoformat()})
        script.rows.append(rows[1])
        asyncio.get_running_loop().call_later(0.2, script.rows.append, rows[2])
        ended = await run.wait(retries=True, interval=SOON)

    assert ended.id == uuid_of(3)


async def test_a_session_that_overlaps_the_failed_one_is_not_its_retry() -> None:
    """A retry is created once the failed run has ended."""
    script = ScriptedServer(
        fresh=[
            row(1, at=1, state="Stopped", result="Failed", seconds=60),
            row(2, at=30, is_retry=True),
        ],
        tasks=[task(session=1)],
    )
    async with talking(script) as (em, _):
        run = await em.jobs.start(JOB)
        ended = await run.wait(retries=True, interval=SOON, retry_within=0.1)

    assert ended.id == uuid_of(1)


# ---------------------------------------------------------------- its time


async def test_time_runs_out_before_the_session_is_shown() -> None:
    """As a timeout or as a deadline; the checkpoint leads to the run."""
    script = ScriptedServer(tasks=[task("Running")])
    async with talking(script) as (em, _):
        run = await em.jobs.start(JOB)
        with pytest.raises(DeadlineExceeded, match=r"em\.jobs\.resume") as caught:
            await run.wait(timeout=0.1)
        with pytest.raises(DeadlineExceeded):
            await run.wait(deadline=datetime.now(UTC) + timedelta(seconds=0.1))

    assert caught.value.active == ()
    assert caught.value.checkpoint == run.to_dict()


async def test_time_runs_out_while_the_session_runs_or_may_be_retried() -> None:
    """What has not ended is told; whoever resumes goes on."""
    async with simulated() as (em, server, job):
        server.next_run(job, script=ENDLESS)
        run = await em.jobs.start(job)
        await run.session(interval=SOON)
        with pytest.raises(DeadlineExceeded) as running:
            await run.wait(timeout=0.1, interval=SOON)
        with pytest.raises(DeadlineExceeded) as late:
            await run.wait(deadline=datetime.now(UTC), interval=SOON)
        await em.jobs.stop(job)
        server.advance(60)
        resumed = em.jobs.resume(running.value.checkpoint)
        await resumed.wait(interval=SOON)
        with pytest.raises(DeadlineExceeded) as waiting:
            await resumed.wait(retries=True, timeout=0.1, interval=SOON)

    assert running.value.active == late.value.active == (run.session_id,)
    assert waiting.value.active == ()


async def test_a_time_out_of_a_request_is_not_the_end_of_the_time() -> None:
    """It stays what it is where only the session is asked for; a wait goes on."""
    fresh = [row(1, at=1, state="Stopped", result="Success")]
    script = ScriptedServer(fresh=fresh, tasks=[LOST], queries=[Stall()] * 99)
    timeout = Timeout(connect=5, request=0.25)
    async with talking(script, timeout=timeout) as (em, _):
        run = await em.jobs.start(JOB)
        with pytest.raises(RequestTimeout):
            await run.session(appear_within=0)
        script.queries = [Stall()] * 7
        ended = await run.wait(timeout=3600, appear_within=0, interval=SOON)

    assert ended.id == uuid_of(1)


async def test_the_time_of_a_wait_stops_no_backup() -> None:
    """Not even where its cancellation would."""
    async with simulated() as (em, server, job):
        server.next_run(job, script=ENDLESS)
        run = await em.jobs.start(job)
        with pytest.raises(DeadlineExceeded):
            await run.wait(timeout=0.2, interval=SOON, stop_on_cancel=True)

        assert server.stats.by_route.get("POST /backupSessions/{id}") is None
        assert server.stats.by_route["POST /jobs/{id}"] == 1


# ---------------------------------------------------------------- cancelling


async def test_cancelling_a_wait_never_stops_a_backup() -> None:
    """Unless that was asked for."""
    async with simulated() as (em, server, job):
        server.next_run(job, script=ENDLESS)
        run = await em.jobs.start(job)
        await run.session(interval=SOON)
        await _cancelled(run.wait(interval=SOON))

        assert server.running_ids == [run.session_id]
        assert server.stats.by_route.get("POST /backupSessions/{id}") is None
        assert server.stats.by_route["POST /jobs/{id}"] == 1


async def test_stop_on_cancel_stops_the_session() -> None:
    """Once, and the cancellation goes on."""
    async with simulated() as (em, server, job):
        server.next_run(job, script=ENDLESS)
        run = await em.jobs.start(job)
        await run.session(interval=SOON)
        await _cancelled(run.wait(interval=SOON, stop_on_cancel=True))
        ended = await run.wait(interval=SOON)

        assert server.stats.by_route["POST /backupSessions/{id}"] == 1
        assert server.stats.by_route["POST /jobs/{id}"] == 1
    assert ended.failure_message == "Job session has been stopped by user."


async def test_stop_on_cancel_stops_the_job_while_no_session_is_known() -> None:
    """The run is stopped before anybody saw it; a caller's time-out cancels too."""
    async with simulated() as (em, server, job):
        server.next_run(job, script=ENDLESS, appears_in=30_000)
        run = await em.jobs.start(job)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await run.wait(interval=SOON, stop_on_cancel=True)
        server.advance(60_000)

        assert server.stats.by_route["POST /jobs/{id}"] == 2
        assert server.running_ids == []
        assert len(server.session_ids) == 1


async def test_stop_on_cancel_stops_a_replica_through_its_job() -> None:
    """The server has no way to stop a replica's session itself."""
    async with simulated() as (em, server, _):
        [job, *_] = [j.id async for j in em.jobs.query('JobType=="Replica"')]
        server.next_run(job, script=ENDLESS)
        run = await em.jobs.start(job)
        await run.session(interval=SOON)
        await _cancelled(run.wait(interval=SOON, stop_on_cancel=True))
        ended = await run.wait(interval=SOON)

    assert ended.result == SessionResult.FAILED


async def test_a_cancellation_between_retries_stops_the_job() -> None:
    """The session that has ended is left alone."""
    async with simulated() as (em, server, job):
        server.next_run(job, script=QUICK, result="Failed")
        run = await em.jobs.start(job)
        await run.wait(interval=SOON)
        await _cancelled(run.wait(interval=SOON, retries=True, stop_on_cancel=True))

        assert server.stats.by_route.get("POST /backupSessions/{id}") is None
        assert server.stats.by_route["POST /jobs/{id}"] == 2


@pytest.mark.parametrize("fault", [Stall(), Reset(), error(403, "no")])
async def test_a_stop_that_fails_is_bounded_logged_and_sent_once(
    fault: Act, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """However often the wait is cancelled meanwhile; the cancellation goes on."""
    monkeypatch.setattr("veeam_async.jobs.run._STOP_SECONDS", 0.2)
    script = ScriptedServer(
        fresh=[row(1, at=1)], tasks=[task(session=1)], stopped=fault
    )
    async with talking(script) as (em, server):
        run = await em.jobs.start(JOB)
        await run.session(interval=SOON)
        with caplog.at_level(logging.WARNING, logger="veeam_async"):
            await _cancelled(run.wait(interval=SOON, stop_on_cancel=True), times=3)

    assert server.count("POST", "/api/backupSessions") == 1
    assert server.count("POST", "/api/jobs") == 1
    assert [record.message[:15] for record in caplog.records] == ["the run of job "]


async def _cancelled(work: Coroutine[Any, Any, object], times: int = 1) -> None:
    """Cancel *work* once it is under way, and see that it ends so."""
    waiting = asyncio.create_task(work)
    await asyncio.sleep(0.1)
    for _ in range(times):
        waiting.cancel()
        await asyncio.sleep(0.01)
    with pytest.raises(asyncio.CancelledError):
        await waiting
