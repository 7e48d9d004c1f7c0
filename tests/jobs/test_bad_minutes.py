"""Runs that were started, and a server whose answers are no use for a while."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from tests.support.bodies import CUT, EMPTY, JOB, LOST, PAGE, error, row, task, uuid_of
from tests.support.clients import Time, clocked_em, hurried, talking
from tests.support.fault_server import Act, FaultServer
from tests.support.scripted import ScriptedServer
from tests.support.simulated import SOON
from veeam_async import DeadlineExceeded, EnterpriseManager, EventKind, JobRun

BAD = {
    "page": PAGE,
    "empty": EMPTY,
    "cut": CUT,
    "408": error(408, "slow"),
    "404": error(404, "Not Found"),
    "403": error(403, "no"),
    "502": error(502, "Bad Gateway"),
}
STOPPED: dict[str, Any] = {"state": "Stopped", "result": "Success"}


async def found_by(
    way: str, em: EnterpriseManager, run: JobRun, *, appear_within: float = 300
) -> UUID:
    """Follow *run* one way, and give the session that it comes to."""
    if way == "session":
        return (await run.session(interval=SOON)).id
    given: dict[str, Any] = {"interval": SOON, "appear_within": appear_within}
    if way == "watch":
        events = [each async for each in run.watch(**given)]
        assert events[-1].kind is EventKind.STOPPED
        return next(each.id for each in events if each.id is not None)
    if way == "resume":
        run = em.jobs.resume(run.to_dict())
    return (await run.wait(**given)).id


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("how", ["session", "wait", "watch", "resume"])
@pytest.mark.parametrize("named", [True, False])
async def test_no_answer_of_a_bad_minute_loses_a_run(
    bad: str,
    how: str,
    named: bool,  # noqa: FBT001 - a parameter
) -> None:
    """Whichever way it is followed, and however its session is found."""
    script = ScriptedServer(
        fresh=[row(1, at=1, **STOPPED)],
        tasks=[task(session=1) if named else LOST],
        faults=[BAD[bad]] * 12,
    )
    async with talking(script) as (em, server):
        run = await em.jobs.start(JOB)
        found = await found_by(how, em, run)

    assert found == uuid_of(1)
    assert not script.faults
    assert server.count("POST", "/api/jobs") == 1


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("how", ["wait", "watch", "resume"])
async def test_nor_where_the_time_to_appear_ends_in_it(bad: str, how: str) -> None:
    """That no session was shown is known by an answer alone, however late."""
    script = ScriptedServer(
        fresh=[row(1, at=1, **STOPPED)], tasks=[LOST], queries=[BAD[bad]] * 24
    )
    async with talking(script) as (em, _):
        run = await em.jobs.start(JOB)
        found = await found_by(how, em, run, appear_within=0)

    assert found == uuid_of(1)
    assert not script.queries


@pytest.mark.parametrize("bad", [*BAD.values(), error(500, "Object reference")])
async def test_a_task_that_cannot_be_read_hides_no_session_for_long(bad: Act) -> None:
    """It is searched for long before its time to appear is over."""
    time = Time()
    script = ScriptedServer(fresh=[row(1, at=1, **STOPPED)], tasks=[bad])
    async with FaultServer(script) as server, clocked_em(server, time.clock) as em:
        run = await em.jobs.start(JOB)
        began = time.now
        ended = await run.wait(interval=5)

    assert ended.id == uuid_of(1)
    assert time.now - began < 60


async def test_a_task_of_an_earlier_logon_is_not_waited_for() -> None:
    """The answer to a later one says nothing about it, whatever it is."""
    tasks: list[Act] = [error(401, "Unauthorized"), error(404, "Not Found")]
    script = ScriptedServer(fresh=[row(1, at=1, **STOPPED)], tasks=tasks)
    async with talking(script) as (em, server):
        run = await em.jobs.start(JOB)
        ended = await run.wait(interval=SOON)

    assert ended.id == uuid_of(1)
    assert server.count("GET", "/api/tasks") == 2


@pytest.mark.parametrize("bad", BAD)
async def test_nor_once_its_session_was_shown(bad: str) -> None:
    """Each look of a bad minute tells nothing false, and the end is seen after it."""
    script = ScriptedServer(fresh=[row(1, at=1)], tasks=[task(session=1)])
    async with (
        FaultServer(script) as server,
        clocked_em(server, hurried(300)) as em,
    ):
        run = await em.jobs.start(JOB)
        await run.session(interval=5)
        script.faults = [BAD[bad]] * 12
        again = await run.session(interval=5)
        script.faults = [BAD[bad]] * 12
        script.rows[0] |= row(1, at=1, **STOPPED)
        ended = await run.wait(interval=5)

    assert again.id == ended.id == uuid_of(1)
    assert ended.is_stopped


@pytest.mark.parametrize("bad", BAD)
async def test_nor_between_two_retries(bad: str) -> None:
    """That no retry came is known by an answer alone, however late."""
    script = ScriptedServer(
        fresh=[row(1, at=1, state="Stopped", result="Failed")], tasks=[task(session=1)]
    )
    async with talking(script) as (em, _):
        run = await em.jobs.start(JOB)
        await run.wait(interval=SOON)
        script.queries = [BAD[bad]] * 12
        script.rows.append(row(2, at=90, is_retry=True, **STOPPED))
        ended = await run.wait(retries=True, interval=SOON, retry_within=0)

    assert ended.id == uuid_of(2)


async def test_a_run_that_takes_too_long_says_how_far_it_was_seen() -> None:
    """Its session as it was then, and what the last look met."""
    script = ScriptedServer(fresh=[row(1, at=1)], tasks=[task(session=1)])
    async with FaultServer(script) as server, clocked_em(server, hurried(60)) as em:
        run = await em.jobs.start(JOB)
        with pytest.raises(DeadlineExceeded, match="was Working") as healthy:
            await run.wait(timeout=30, interval=1)
        script.faults = [PAGE] * 9999
        with pytest.raises(DeadlineExceeded, match="the last error: ") as ill:
            await run.wait(timeout=120, interval=2)

    assert set(ill.value.last_seen) == set(ill.value.errors) == {uuid_of(1)}
    for late in (healthy.value, ill.value):
        seen = late.last_seen[uuid_of(1)]
        assert seen is not None
        assert seen.state == "Working"
    assert healthy.value.errors == {}


async def test_before_its_session_is_shown_the_error_is_that_of_the_job() -> None:
    """There is no other id to tell it of."""
    script = ScriptedServer(tasks=[LOST], faults=[PAGE] * 9999)
    async with talking(script) as (em, _):
        run = await em.jobs.start(JOB)
        with pytest.raises(DeadlineExceeded, match="the last error: ") as late:
            await run.wait(timeout=0.3, interval=SOON)

    assert late.value.last_seen == {}
    assert set(late.value.errors) == {JOB}


async def test_a_failure_alone_is_noted_as_one() -> None:
    """Of an end that was no failure there is no time until which a retry may come."""
    script = ScriptedServer(fresh=[row(1, at=1, **STOPPED)], tasks=[task(session=1)])
    async with talking(script) as (em, _):
        run = await em.jobs.start(JOB)
        await run.wait(interval=SOON)
        good = run.to_dict()["failed_at"]
        script.rows[0]["Result"] = "Failed"
        await run.wait(interval=SOON)

    assert good is None
    assert run.to_dict()["failed_at"] is not None
