"""Waiting for the end of a task: `em.tasks.wait`."""

from __future__ import annotations

import math

import pytest

from tests.support.bodies import CUT, EMPTY, LOST, PAGE, TASK, error, task
from tests.support.clients import clocked_em, gets, hurried, talking
from tests.support.fault_server import Act, FaultServer, Reset, Stall
from tests.support.simulated import SOON, simulated
from veeam_async import (
    DeadlineExceeded,
    NotFound,
    TaskFailed,
    Timeout,
)

RUNNING, COLLECTING = task("Running"), task("OperationFinished")


async def test_wait_gives_the_task_once_it_is_finished() -> None:
    """Whatever it was to do, and whatever breaks meanwhile."""
    faults: list[Act] = [Reset(), *[error(503, "busy")] * 9]
    async with talking(gets(RUNNING, *faults, COLLECTING, task())) as (em, server):
        done = await em.tasks.wait(TASK, interval=SOON)

    assert done.is_finished
    assert server.count("GET", "/api/tasks") == 13


async def test_the_stop_of_a_job_is_waited_for() -> None:
    """Against the simulated server: a run is stopped, and an idle job is not."""
    async with simulated() as (em, server, job):
        server.add_session(script=[("Working", math.inf)], job_id=job)
        good = await em.tasks.wait((await em.jobs.stop(job)).task_id, interval=SOON)
        server.advance(60)
        idle = await em.jobs.stop(job)
        with pytest.raises(TaskFailed, match="is not running") as caught:
            await em.tasks.wait(idle.task_id, interval=SOON)

    assert good.result is not None
    assert good.result.success
    assert caught.value.task.task_id == idle.task_id
    assert caught.value.task.is_finished


async def test_a_task_that_takes_too_long_is_given_up() -> None:
    """Between two looks, and in the middle of one."""
    for act in (RUNNING, Stall()):
        async with talking(gets(act)) as (em, _):
            with pytest.raises(DeadlineExceeded, match="not finished within") as c:
                await em.tasks.wait(TASK, timeout=0.1, interval=SOON)

        assert (c.value.active, c.value.checkpoint) == ((), None)


async def test_a_request_that_takes_too_long_is_not_the_end_of_the_time() -> None:
    """It is looked again."""
    timeout = Timeout(connect=5, request=0.25)
    async with talking(gets(*[Stall()] * 6, task()), timeout=timeout) as (em, _):
        done = await em.tasks.wait(TASK, interval=SOON)

    assert done.is_finished


async def test_a_lost_task_is_not_found() -> None:
    """Its logon session has ended: it will never be known again."""
    async with talking(gets(RUNNING, LOST)) as (em, server):
        with pytest.raises(NotFound, match="only to the logon session"):
            await em.tasks.wait(TASK, interval=SOON)

    assert server.count("GET", "/api/tasks") == 2


async def test_misuse_is_told_before_anything_is_sent() -> None:
    """Of every argument."""
    async with talking(gets(task())) as (em, server):
        with pytest.raises(ValueError, match="no id of a task"):
            await em.tasks.wait("../jobs")
        with pytest.raises(ValueError, match="interval"):
            await em.tasks.wait(TASK, interval=0)
        with pytest.raises(ValueError, match="timeout"):
            await em.tasks.wait(TASK, timeout=-1)

        assert server.count("GET") == 0


@pytest.mark.parametrize(
    "fault",
    [
        *(PAGE, EMPTY, CUT, error(408, "slow"), error(404, "Not Found")),
        *(error(403, "no"), error(400, "?")),
    ],
)
async def test_no_answer_of_a_bad_minute_ends_a_wait(fault: Act) -> None:
    """Unreadable, late, missing or refused for a while: it is looked again."""
    async with talking(gets(RUNNING, *[fault] * 12, task())) as (em, _):
        done = await em.tasks.wait(TASK, interval=SOON)

    assert done.is_finished


async def test_a_task_that_is_missing_for_long_is_not_found() -> None:
    """With a plain 404 for minutes, as where another server took over."""
    script = gets(RUNNING, *[error(404, "Not Found")] * 999)
    async with FaultServer(script) as server, clocked_em(server, hurried(600)) as em:
        with pytest.raises(NotFound):
            await em.tasks.wait(TASK, interval=10)

    assert server.count("GET", "/api/tasks") > 10


async def test_a_task_that_takes_too_long_says_what_went_wrong() -> None:
    """The last error is in the text."""
    async with talking(gets(*[error(404, "Nobody home")] * 999)) as (em, _):
        with pytest.raises(DeadlineExceeded, match=r"last error: .*Nobody home"):
            await em.tasks.wait(TASK, timeout=0.2, interval=SOON)
