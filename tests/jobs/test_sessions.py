"""Which session belongs to a run: `JobRun.session`."""

from __future__ import annotations

import asyncio
import math
from datetime import timedelta
from typing import Any

import pytest

from tests.support.bodies import JOB, LOST, NOON, TASK, error, row, task, uuid_of
from tests.support.clients import talking
from tests.support.fault_server import Act, Answer, CutShort, Reset
from tests.support.scripted import ScriptedServer
from tests.support.simulated import SOON, simulated
from veeam_async import (
    ApiError,
    BackupJobSession,
    PermissionDenied,
    ReplicaJobSession,
    ServiceUnavailable,
    SessionMissing,
    StartRefused,
    StartUnconfirmed,
    TaskFailed,
)

"""Seconds between two looks."""


# ---------------------------------------------------------------- the task's link


@pytest.mark.parametrize("product", ["12", "13"])
@pytest.mark.parametrize("accept", ["json", "xml"])
async def test_the_task_names_the_session(product: str, accept: str) -> None:
    """The session is the one of the link, as soon as the server has collected it."""
    async with simulated(product=product, accept=accept) as (em, server, job):
        run = await em.jobs.start(job)
        before = run.session_id
        session = await run.session(interval=SOON)

        assert [session.id] == server.session_ids
    assert isinstance(session, BackupJobSession)
    assert session.job_id == run.job_id == job
    assert (before, run.session_id) == (None, session.id)
    assert run.task is not None
    assert run.task.is_finished


async def test_the_link_decides_against_a_query() -> None:
    """A scheduled run that begins at the same moment is not taken for the new one."""
    script = ScriptedServer(
        fresh=[row(1, at=1), row(2, at=2)],
        tasks=[task("Running"), task("OperationFinished"), task(session=2)],
    )
    async with talking(script) as (em, server):
        run = await em.jobs.start(JOB)
        session = await run.session(interval=SOON)

    assert session.id == uuid_of(2)
    assert server.count("GET", "/api/query") == 1


async def test_the_link_says_of_what_kind_the_session_is() -> None:
    """Not the job: a server may know better what it has begun."""
    script = ScriptedServer(
        fresh=[row(1, at=1)], tasks=[task(session=1, kind="Replica")]
    )
    async with talking(script) as (em, server):
        run = await em.jobs.start(JOB)
        session = await run.session(interval=SOON)
        await em.jobs.resume(run.to_dict()).session()

    assert isinstance(session, ReplicaJobSession)
    assert server.count("GET", "/api/replicaSessions/") == 2


@pytest.mark.parametrize("year", [1, 9999])
async def test_a_date_at_the_edge_of_the_calendar_costs_no_run(year: int) -> None:
    """A lost answer to the start is looked into, whatever the server's Date says."""
    date = NOON.replace(year=year, month=1 if year == 1 else 12, day=1)
    script = ScriptedServer(
        date=date, fresh=[row(1, at=1)], started=Reset(), tasks=[error(404, "?")]
    )
    async with talking(script) as (em, server):
        with pytest.raises(StartUnconfirmed) as lost:
            await em.jobs.start(JOB)
        session = await em.jobs.resume(lost.value.checkpoint).session(interval=SOON)

    assert session.id == uuid_of(1)
    assert server.count("POST", "/api/jobs") == 1


async def test_a_session_that_is_named_may_be_shown_later() -> None:
    """A 404 right after its creation is no end."""
    script = ScriptedServer(fresh=[row(1, at=1)], tasks=[task(session=1)], hidden=3)
    async with talking(script) as (em, _):
        run = await em.jobs.start(JOB)
        session = await run.session(interval=SOON)

    assert session.id == uuid_of(1)


async def test_a_replica_job_has_a_replica_session() -> None:
    """Its sessions are another resource, with a link and without."""
    async with simulated() as (em, server, _):
        [job, *_] = [j async for j in em.jobs.query('JobType=="Replica"')]
        first = await (await em.jobs.start(job.id)).wait(interval=SOON)
        server.next_run(job.id, links=False)
        second = await (await em.jobs.start(job.id)).session(interval=SOON)

    assert isinstance(first, ReplicaJobSession)
    assert isinstance(second, ReplicaJobSession)
    assert first.id != second.id


# ---------------------------------------------------------------- without a link


async def test_without_a_link_the_newer_session_is_found() -> None:
    """The one that has stopped before is still shown, and is not taken."""
    async with simulated() as (em, server, job):
        old = server.add_session(script=(), created_in=-5, job_id=job)
        server.next_run(job, links=False, appears_in=90)
        run = await em.jobs.start(job)
        session = await run.session(interval=SOON)

        assert {old, session.id} == set(server.session_ids)
    assert session.id != old


async def test_the_session_of_the_start_is_found_however_late_it_is_asked_for() -> None:
    """Not the newest, but the first that is newer than those before the start."""
    async with simulated() as (em, server, job):
        server.next_run(job, links=False)
        run = await em.jobs.start(job)
        server.advance(600)
        [mine] = server.session_ids
        later = server.add_session(script=(), job_id=job)
        session = await run.session(interval=SOON)

    assert session.id == mine != later


async def test_what_is_older_or_other_is_never_taken() -> None:
    """Whether it has stopped or runs; nor a part of a run, a retry, another job's."""
    parent = {
        "Rel": "Up",
        "Type": "BackupJobSessionReference",
        "Name": "Parent session",
        "Href": f"https://em/api/backupSessions/{uuid_of(2)}",
    }
    script = ScriptedServer(
        rows=[
            row(1, at=-900, state="Stopped", result="Failed"),
            row(2, at=-300),
            row(3, at=400, job=-2),
            row(4, at=-299, links=[parent]),
        ],
        fresh=[
            row(5, at=1, is_retry=True),
            row(6, at=2, links=[parent]),
            row(7, at=3),
            row(8, at=500),
        ],
        tasks=[LOST],
    )
    async with talking(script) as (em, _):
        run = await em.jobs.start(JOB)
        session = await run.session(interval=SOON)

    assert session.id == uuid_of(7)


@pytest.mark.slow
async def test_a_run_from_before_the_start_may_be_collected_after_it() -> None:
    """The server's own clock tells it from the new one, which comes later still."""
    early = row(1, at=-400, state="Stopped", result="Success")
    script = ScriptedServer(date=NOON, fresh=[early], tasks=[LOST])
    async with talking(script) as (em, _):
        run = await em.jobs.start(JOB)
        with pytest.raises(SessionMissing):
            await run.session(appear_within=0.1, interval=SOON)
        script.rows.append(row(2, at=-20))  # a clock that lags behind a little
        session = await run.session(interval=SOON)

    assert session.id == uuid_of(2)


async def test_a_clock_that_runs_ahead_hides_no_session() -> None:
    """The client's has no part in it, and the server's is a lower bound alone."""
    ahead = timedelta(days=2).total_seconds()
    script = ScriptedServer(date=NOON, fresh=[row(1, at=ahead)], tasks=[task()])
    async with talking(script) as (em, _):
        session = await (await em.jobs.start(JOB)).session(interval=SOON)

    assert session.id == uuid_of(1)


async def test_a_task_that_never_finishes_is_not_waited_for_in_vain() -> None:
    """With the time over, the last look believes the query too."""
    script = ScriptedServer(fresh=[row(1, at=1)], tasks=[task("OperationFinished")])
    async with talking(script) as (em, _):
        run = await em.jobs.start(JOB)
        session = await run.session(appear_within=0.1, interval=SOON)

    assert session.id == uuid_of(1)


# ---------------------------------------------------------------- a lost logon


async def test_a_lost_logon_session_loses_the_task_and_not_the_run() -> None:
    """The query alone decides from then on, and the task is asked for no more."""
    async with simulated() as (em, server, job):
        server.next_run(job, appears_in=120)
        run = await em.jobs.start(job)
        server.expire_tokens()
        session = await run.session(interval=SOON)

        assert [session.id] == server.session_ids
        assert server.stats.by_route["POST /jobs/{id}"] == 1
        assert server.stats.by_route["GET /tasks/{id}"] == 2  # 401, and 500
        assert server.stats.logons == 2
    assert run.task is not None
    assert not run.task.is_finished


async def test_a_task_of_the_same_id_in_another_logon_session_is_another_task() -> None:
    """Its failure is not that of the run, its session neither."""
    for other in (task(success=False), task(session=1)):
        tasks: list[Act] = [task("Running"), Answer(status=401), other]
        script = ScriptedServer(
            rows=[row(1, at=-60)], fresh=[row(2, at=60)], tasks=tasks
        )
        async with talking(script) as (em, server):
            run = await em.jobs.start(JOB)
            session = await run.session(interval=SOON)

        assert session.id == uuid_of(2)
        assert server.count("POST", "/api/sessionMngr") == 2


# ---------------------------------------------------------------- it does not come


async def test_a_start_that_fails_is_told_at_once() -> None:
    """In the server's own words, without a look for a session."""
    async with simulated() as (em, server, job):
        server.next_run(job, refusal="The proxy is offline.")
        run = await em.jobs.start(job)
        with pytest.raises(
            TaskFailed, match=r"StartJob failed: The proxy is offline\."
        ):
            await run.session(interval=SOON)

        assert server.stats.by_route["GET /query"] == 1
        running = server.add_session(script=[("Working", math.inf)], job_id=job)
        with pytest.raises(StartRefused, match="already running") as caught:
            await em.jobs.start(job)
    assert isinstance(caught.value, TaskFailed)
    assert caught.value.running_id == running


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (ScriptedServer(tasks=[task("Running")]), f"{TASK} is still Running"),
        (
            ScriptedServer(tasks=[task()]),
            f"{TASK} has succeeded, without naming a session",
        ),
        (ScriptedServer(tasks=[LOST]), f"{TASK} is lost with the logon session"),
        (ScriptedServer(tasks=[task(session=4)]), f"names session {uuid_of(4)}, which"),
    ],
)
async def test_a_session_that_never_comes_is_an_error_of_its_own(
    script: ScriptedServer, reason: str
) -> None:
    """It says what is known of the run, and how to look again."""
    async with talking(script) as (em, _):
        run = await em.jobs.start(JOB)
        with pytest.raises(SessionMissing, match=reason) as caught:
            await run.session(appear_within=0.1, interval=SOON)

    assert caught.value.job_id == JOB
    assert caught.value.seconds == 0.1
    assert caught.value.checkpoint == run.to_dict()


async def test_faults_that_pass_do_not_end_the_search() -> None:
    """However many: more than a request is repeated for."""
    faults: list[Act] = [Reset(), error(503, "busy"), CutShort(), error(500, "?")] * 4
    script = ScriptedServer(fresh=[row(1, at=1)], queries=faults)
    async with talking(script) as (em, _):
        session = await (await em.jobs.start(JOB)).session(interval=SOON)

    assert session.id == uuid_of(1)
    assert not script.queries


async def test_faults_that_last_are_raised_with_the_time_over() -> None:
    """The server did not say that there is no session: nobody knows."""
    script = ScriptedServer(queries=[error(503, "busy")] * 1000)
    async with talking(script) as (em, _):
        run = await em.jobs.start(JOB)
        with pytest.raises(ServiceUnavailable):
            await run.session(appear_within=0.1, interval=SOON)


# ---------------------------------------------------------------- the start itself


@pytest.mark.parametrize(
    "fault",
    [
        *(Reset(), CutShort(), error(500, "?"), error(504, "slow")),
        *(error(408, "slow"), error(524, "slow"), Answer(body=b"[]")),
    ],
)
async def test_a_start_without_an_answer_can_be_looked_into(fault: Act) -> None:
    """It is sent once, and the error leads to the session where there is one."""
    script = ScriptedServer(
        rows=[row(1, at=-900, state="Stopped")], fresh=[row(2, at=1)], started=fault
    )
    async with talking(script) as (em, server):
        with pytest.raises(StartUnconfirmed, match="not known") as caught:
            await em.jobs.start(JOB)
        run = em.jobs.resume(caught.value.checkpoint)
        session = await run.session(interval=SOON)

    assert caught.value.__cause__ is not None
    assert (caught.value.job_id, session.id) == (JOB, uuid_of(2))
    assert server.count("POST", "/api/jobs") == 1


async def test_a_start_that_was_not_taken_says_so() -> None:
    """The run that was not begun is missing, for the reason that nobody answered."""
    script = ScriptedServer(rows=[row(1, at=-900)], started=Reset())
    async with talking(script) as (em, _):
        with pytest.raises(StartUnconfirmed) as caught:
            await em.jobs.start(JOB)
        run = em.jobs.resume(caught.value.checkpoint)
        with pytest.raises(SessionMissing, match="no answer to the start came"):
            await run.session(appear_within=0, interval=SOON)


@pytest.mark.parametrize(
    ("status", "expected"),
    [(403, PermissionDenied), (425, ApiError), (503, ServiceUnavailable)],
)
async def test_a_start_that_is_turned_away_is_what_it_is(
    status: int, expected: Any
) -> None:
    """There is no doubt about it."""
    script = ScriptedServer(started=error(status, "no"))
    async with talking(script) as (em, server):
        with pytest.raises(expected):
            await em.jobs.start(JOB)

    assert server.count("POST", "/api/jobs") == 1


async def test_two_may_ask_for_the_session_at_once() -> None:
    """They are given the same one."""
    async with simulated() as (em, _, job):
        run = await em.jobs.start(job)
        one, other = await asyncio.gather(
            run.session(interval=SOON), run.wait(interval=SOON)
        )

    assert one.id == other.id


async def test_misuse_is_told_at_once() -> None:
    """Before anything is asked."""
    async with simulated() as (em, _, job):
        run = await em.jobs.start(job)
        with pytest.raises(ValueError, match="appear_within is a number of seconds"):
            await run.session(appear_within=-1)
        with pytest.raises(ValueError, match="interval"):
            await run.session(interval=0)
        with pytest.raises(ValueError, match="retry_within"):
            await run.wait(retry_within=math.nan)
        with pytest.raises(ValueError, match="not both"):
            await run.wait(timeout=1, deadline=NOON)
        with pytest.raises(ValueError, match="time zone"):
            await run.wait(deadline=NOON.replace(tzinfo=None))
