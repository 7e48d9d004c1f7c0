"""A run as it goes on: `JobRun.watch`, and `JobRun.stop`."""

from __future__ import annotations

import asyncio
import gc
import math
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.bodies import JOB, row, task, uuid_of
from tests.support.clients import clocked_em, hurried, talking
from tests.support.fault_server import FaultServer
from tests.support.scripted import ScriptedServer
from tests.support.simulated import ENDLESS, QUICK, SOON, client, simulated
from veeam_async import (
    DeadlineExceeded,
    EventKind,
    JobRun,
    ReplicaJobSession,
    SessionChanged,
    SessionGone,
    SessionMissing,
    SessionResult,
    TaskFailed,
    WatchEvent,
)

Events = AsyncGenerator[WatchEvent[Any], None]


async def all_of(events: Events) -> list[WatchEvent[Any]]:
    """Listen to the end."""
    return [event async for event in events]


def ends(events: list[WatchEvent[Any]]) -> list[tuple[str, Any]]:
    """Give what begins and what ends, each with its id."""
    told = (EventKind.FOUND, EventKind.STOPPED, EventKind.GONE)
    return [(event.kind, event.id) for event in events if event.kind in told]


# ---------------------------------------------------------------- what is told


async def test_a_run_is_found_and_followed_to_its_end() -> None:
    """The session that the start began, and no other; what a wait gives comes last."""
    async with simulated() as (em, server, job):
        server.add_session(script=(), created_in=-60, job_id=job, result="Failed")
        run = await em.jobs.start(job)
        events = await all_of(run.watch(interval=SOON))
        ended = await run.wait(interval=SOON)

    last = events[-1]
    assert ends(events) == [("FOUND", run.session_id), ("STOPPED", run.session_id)]
    assert "PROGRESSED" not in {event.kind for event in events}
    assert isinstance(last, SessionChanged)
    assert last.session == ended


async def test_progress_is_told_where_it_is_asked_for() -> None:
    """Beside the states, which are told in either case."""
    one = row(1, at=1)
    script = ScriptedServer(fresh=[one], tasks=[task(session=1)])
    async with talking(script) as (em, _):
        run = await em.jobs.start(JOB)
        kinds = []
        async for event in run.watch(interval=SOON, progress=True):
            kinds.append(event.kind)
            one |= {"State": "Stopped"} if event.kind == "PROGRESSED" else {}
            one["Progress"] += 1

    assert kinds == ["FOUND", "PROGRESSED", "STOPPED"]


async def test_each_retry_is_found_and_followed_too() -> None:
    """In one sequence; what was followed already is not told again by the next."""
    async with simulated() as (em, server, job):
        server.next_run(
            job,
            script=QUICK,
            result="Failed",
            retries=["Failed", "Warning"],
            retry_in=60,
        )
        run = await em.jobs.start(job)
        first = await all_of(run.watch(interval=SOON))
        events = await all_of(run.watch(retries=True, interval=SOON))
        resumed = em.jobs.resume(run.to_dict())
        again = await all_of(resumed.watch(retries=True, interval=SOON))
        ids = [one for one in reversed(server.session_ids) for _ in range(2)]

    kinds = ["FOUND", "STOPPED"] * 3
    assert ends(first) == list(zip(kinds[:2], ids[:2], strict=True))
    assert ends(events) == list(zip(kinds, ids, strict=True))
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    assert ends(again) == list(zip(kinds[:2], ids[4:], strict=True))


async def test_a_failure_without_a_retry_is_the_end() -> None:
    """Once none has come within the time that it is given."""
    script = ScriptedServer(
        fresh=[row(1, at=1, state="Stopped", result="Failed")],
        tasks=[task(session=1)],
    )
    async with talking(script) as (em, _):
        run = await em.jobs.start(JOB)
        events = run.watch(retries=True, retry_within=0.1, interval=SOON)
        told = await all_of(events)

    assert ends(told) == [("FOUND", uuid_of(1)), ("STOPPED", uuid_of(1))]


async def test_a_replicas_run_is_followed_among_the_replicas() -> None:
    """A session of its own kind comes."""
    async with simulated() as (em, server, _):
        [job, *_] = [j.id async for j in em.jobs.query('JobType=="Replica"')]
        server.next_run(job, script=QUICK)
        run = await em.jobs.start(job)
        events = await all_of(run.watch(interval=SOON))

    last = events[-1]
    assert isinstance(last, SessionChanged)
    assert isinstance(last.session, ReplicaJobSession)
    assert last.session.result == SessionResult.SUCCESS


@pytest.mark.parametrize("meanwhile", [True, False])
async def test_a_session_that_is_forgotten_is_gone(meanwhile: bool) -> None:  # noqa: FBT001 - a parameter
    """For minutes, be it before it is watched or while it is; no retry comes."""
    script = ScriptedServer(fresh=[row(1, at=1)], tasks=[task(session=1)])
    clock = hurried(300)
    async with FaultServer(script) as server, clocked_em(server, clock) as em:
        run = await em.jobs.start(JOB)
        await run.session(interval=SOON)
        if not meanwhile:
            script.rows.clear()
        events = []
        async for event in run.watch(retries=True, interval=5):
            events.append(event)
            script.rows.clear()

    last = events[-1]
    assert isinstance(last, SessionGone)
    assert (last.session is not None) == meanwhile
    assert len(events) == 1 + meanwhile


# ---------------------------------------------------------------- what is raised


async def test_a_start_that_failed_is_raised() -> None:
    """In the server's own words; nothing was told before."""
    async with simulated() as (em, server, job):
        server.next_run(job, refusal="No licence.")
        run = await em.jobs.start(job)
        with pytest.raises(TaskFailed, match=r"No licence\."):
            await anext(run.watch(interval=SOON))


async def test_a_session_that_is_never_shown_is_missing() -> None:
    """Once the time is over in which it may appear."""
    script = ScriptedServer()
    async with talking(script) as (em, _):
        run = await em.jobs.start(JOB)
        with pytest.raises(SessionMissing):
            await anext(run.watch(interval=SOON, appear_within=0.1))


@pytest.mark.parametrize("is_deadline", [True, False])
async def test_time_runs_out_at_every_stage(is_deadline: bool) -> None:  # noqa: FBT001 - a parameter
    """Before the session is shown, while it runs, and while a retry may come."""
    one = row(1, at=1)
    script = ScriptedServer(tasks=[task("Running")])
    async with talking(script) as (em, _):
        run = await em.jobs.start(JOB)
        unseen = await _late(run, is_deadline)
        script.rows, script.tasks = [one], [task(session=1)]
        await run.session(interval=SOON)
        running = await _late(run, is_deadline)
        one |= {"State": "Stopped", "Result": "Failed"}
        await run.wait(interval=SOON)
        failed = await _late(run, is_deadline)

    assert unseen.active == failed.active == ()
    assert running.active == (run.session_id,)
    assert failed.checkpoint == run.to_dict()


@pytest.mark.parametrize(
    "arguments",
    [
        {"timeout": -1},
        {"timeout": 1, "deadline": datetime.now(UTC)},
        {"deadline": datetime(2026, 3, 2)},  # noqa: DTZ001 - that is the claim
        {"interval": 0},
        {"appear_within": math.nan},
        {"retry_within": -1},
    ],
)
async def test_misuse_is_raised_before_anything_is_asked(
    arguments: dict[str, Any],
) -> None:
    """By the call itself, as a watch of sessions does."""
    async with talking(ScriptedServer()) as (em, _):
        run = await em.jobs.start(JOB)
        with pytest.raises(ValueError, match=r"number of seconds|time zone|not both"):
            run.watch(**arguments)


async def test_closing_the_manager_is_no_end_of_the_run() -> None:
    """Whoever listens meanwhile meets an error, and never takes it for the end."""
    async with simulated() as (em, server, job):
        server.next_run(job, script=ENDLESS)
        async with client(server) as other:
            events = other.jobs.resume((await em.jobs.start(job)).to_dict()).watch()
            await anext(events)
        with pytest.raises(RuntimeError, match="closed"):
            await anext(events)


async def _late(run: JobRun, is_deadline: bool) -> DeadlineExceeded:  # noqa: FBT001 - a parameter
    """Give what ends a watch of *run* whose time is short."""
    limit: dict[str, Any] = {"timeout": 0.1}
    if is_deadline:
        limit = {"deadline": datetime.now(UTC) + timedelta(seconds=0.1)}
    with pytest.raises(DeadlineExceeded, match=r"em\.jobs\.resume") as caught:
        await all_of(run.watch(retries=True, interval=SOON, **limit))
    return caught.value


# ---------------------------------------------------------------- leaving, stopping


@pytest.mark.parametrize("is_closed", [True, False])
async def test_leaving_it_early_leaves_nothing_behind(is_closed: bool) -> None:  # noqa: FBT001 - a parameter
    """No task, and the backup goes on; whether it is closed or just dropped."""
    async with simulated() as (em, server, job):
        server.next_run(job, script=ENDLESS)
        run = await em.jobs.start(job)
        tasks = asyncio.all_tasks()
        events = run.watch(interval=SOON)
        if is_closed:
            async with aclosing(events):
                await anext(events)
        else:
            await anext(events)
        del events
        gc.collect()
        while asyncio.all_tasks() - tasks:
            await asyncio.sleep(0.01)

        assert server.running_ids == [run.session_id]
        assert server.stats.by_route["POST /jobs/{id}"] == 1


async def test_stop_stops_the_session_that_runs() -> None:
    """By a task of the server's; the run then ends as somebody stopped it."""
    async with simulated() as (em, server, job):
        server.next_run(job, script=ENDLESS)
        run = await em.jobs.start(job)
        tasks = []
        async for event in run.watch(interval=SOON):
            if event.kind == EventKind.FOUND:
                tasks.append(await run.stop())

        assert server.stats.by_route["POST /backupSessions/{id}"] == 1
    assert isinstance(event, SessionChanged)
    assert event.session.failure_message == "Job session has been stopped by user."
    assert [each.operation for each in tasks] == ["StopJobSession"]


async def test_stop_stops_the_job_where_no_session_is_known_to_run() -> None:
    """Nobody has looked for it yet, or it is a replica's, which the server refuses."""
    async with simulated() as (em, server, job):
        [replica, *_] = [j.id async for j in em.jobs.query('JobType=="Replica"')]
        for one in (job, replica):
            server.next_run(one, script=ENDLESS)
        backup, other = [await em.jobs.start(one) for one in (job, replica)]
        await other.session(interval=SOON)
        stops = [await backup.stop(), await other.stop()]
        ended = [await run.wait(interval=SOON) for run in (backup, other)]

        assert server.stats.by_route["POST /jobs/{id}"] == 4
    assert [each.operation for each in stops] == ["StopJob"] * 2
    assert [each.result for each in ended] == [SessionResult.FAILED] * 2
