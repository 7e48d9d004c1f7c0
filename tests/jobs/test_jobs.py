"""Jobs and their actions, against a simulated server."""

from __future__ import annotations

import pytest

from tests.support.simulated import client
from veeam_async import BadRequest, EnterpriseManager, Job, JobRun, NotFound
from veeam_async.simulator import Simulator


async def ready_job(em: EnterpriseManager) -> Job:
    """Find a job that can be started and is not running."""
    running = {
        one.job_uid async for one in em.backup_sessions.query('State!="Stopped"')
    }
    async for job in em.jobs.query():
        if job.link("Start") is not None and job.uid not in running:
            return job
    raise AssertionError("the simulator has no such job")


async def test_starting_a_job_gives_the_run_and_its_task() -> None:
    """The task is found again by its id while the logon session lives."""
    async with (
        Simulator(sessions=60, running=2) as server,
        client(server) as em,
    ):
        job = await ready_job(em)
        run = await em.jobs.start(job.uid)
        assert run.task is not None
        server.advance(120)
        task = await em.tasks.get(run.task.task_id)
        server.expire_tokens()
        with pytest.raises(NotFound, match="only to the logon session"):
            await em.tasks.get(run.task.task_id)

    assert isinstance(run, JobRun)
    assert run.job_id == job.id
    assert run.task.operation == "StartJob"
    assert task.is_finished
    assert task.result is not None
    assert task.result.success
    assert [link.type for link in task.related] == ["BackupJobSession"]


async def test_stopping_and_retrying_a_job_are_tasks_too() -> None:
    """Their operations say which."""
    async with (
        Simulator(sessions=60, running=2) as server,
        client(server) as em,
    ):
        job = await ready_job(em)
        tasks = [await em.jobs.stop(job.id), await em.jobs.retry(job.id)]

    assert [task.operation for task in tasks] == ["StopJob", "RetryJob"]


async def test_a_copy_job_cannot_be_started() -> None:
    """The server says so, and it is told once."""
    async with (
        Simulator(sessions=60) as server,
        client(server) as em,
    ):
        copies = [
            job
            async for job in em.jobs.query()
            if job.job_type == "ImmediateBackupCopy"
        ]
        with pytest.raises(BadRequest):
            await em.jobs.start(copies[0].id)

        assert server.stats.by_route["POST /jobs/{id}"] == 1
