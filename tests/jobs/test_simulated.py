"""Jobs of all kinds of the simulator, in each of its forms."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.support.simulated import QUICK, SOON, client
from veeam_async import (
    AgentBackupJob,
    EnterpriseManager,
    EntityRef,
    F,
    Job,
    JobNotFound,
    NasJob,
    PermissionDenied,
    StartRefused,
)
from veeam_async.filters import Condition
from veeam_async.simulator import Simulator

FORMS = [("13", "json"), ("12", "xml"), ("11", "json")]


@asynccontextmanager
async def site(
    accept: Any = "json", **settings: Any
) -> AsyncIterator[tuple[EnterpriseManager, Simulator]]:
    """A simulator with sessions of all kinds, and a client of it."""
    given = {"sessions": 120, "running": 0, "speed": 600} | settings
    async with Simulator(**given) as server, client(server, accept=accept) as em:
        yield em, server


async def first_of(em: EnterpriseManager, kind: type[Job]) -> Job:
    """The first job of just this *kind*."""
    jobs = await em.jobs.query().all()
    return next(job for job in jobs if type(job) is kind)


@pytest.mark.parametrize(("product", "accept"), FORMS)
async def test_the_job_of_every_session_is_found(product: str, accept: str) -> None:
    """By its job_id and by its link; a copy worker's is the copy job."""
    async with site(accept, product=product) as (em, _):
        sessions = await em.backup_sessions.query().all()
        links = {each.job_id: each.link("Up", "JobReference") for each in sessions}
        jobs = {each: await em.jobs.get(each) for each in links if each is not None}
        for job_id, link in links.items():
            assert link is not None
            up = await em.follow(link)
            assert isinstance(up, EntityRef)
            assert up.id == job_id
            alternate = up.link("Alternate")
            assert alternate is not None
            assert await em.follow(alternate) == jobs[up.id]

    assert len(jobs) == len(links)
    assert {type(job) for job in jobs.values()} == {Job, AgentBackupJob, NasJob}
    types = {each.job_type: type(jobs[each.job_id]) for each in sessions if each.job_id}
    assert types["NasBackup"] is NasJob
    assert types["AgentBackup"] is types["AgentManagement"] is AgentBackupJob
    workers = [s for s in sessions if s.job_type == "ImmediateBackupCopyWorker"]
    assert workers
    assert {jobs[s.job_id].job_type for s in workers if s.job_id} == {
        "ImmediateBackupCopy"
    }


async def test_an_agents_session_leads_to_those_of_its_machines() -> None:
    """And they to it; to both jobs their ids lead."""
    async with site() as (em, _):
        sessions = await em.backup_sessions.query(F.job_type == "AgentBackup").all()
        link = sessions[0].link("Alternate", "BackupJobSessionReferenceList")
        assert link is not None
        machines = await em.follow(link)
        assert isinstance(machines, list)
        assert machines
        for each in machines:
            machine = await em.backup_sessions.get(each.id)
            assert machine.job_id is not None
            assert isinstance(await em.jobs.get(machine.job_id), AgentBackupJob)
            up = machine.link("Up", "BackupJobSessionReference")
            assert up is not None
            parent = await em.follow(up)
            assert isinstance(parent, EntityRef)
            assert parent.id == sessions[0].id


@pytest.mark.parametrize(("product", "accept"), FORMS)
async def test_the_jobs_of_all_kinds_are_listed(
    product: str, accept: str, caplog: pytest.LogCaptureFixture
) -> None:
    """By name within each kind; each is found by its name, and by its reference."""
    async with site(accept, product=product) as (em, _):
        query = em.jobs.query(page_size=2)
        jobs = [job async for job in query]
        references = await em.jobs.references()
        counted = await query.count()
        last = jobs[-1]
        found = await em.jobs.find(last.name.upper())
        with pytest.raises(JobNotFound) as missing:
            await em.jobs.find(f"{last.name}s")

    kinds = [type(job) for job in jobs]
    assert kinds == sorted(kinds, key=[Job, AgentBackupJob, NasJob].index)
    assert {*kinds} == {Job, AgentBackupJob, NasJob}
    assert {each.id for each in references} == {job.id for job in jobs}
    assert counted == len(jobs)
    assert found == last
    assert missing.value.nearest[0] == last.name
    assert (query.left_out, caplog.messages) == ({}, [])


@pytest.mark.parametrize(
    ("where", "kinds"),
    [
        (F.job_type == "NasBackup", {NasJob}),
        (F.job_type == "AgentBackup", {AgentBackupJob}),
        (F.job_type != "Backup", {Job, AgentBackupJob, NasJob}),
        (F.job_type.in_(["Backup", "NasBackup"]), {Job, NasJob}),
        ((F.job_type == "NasBackup") & (F.schedule_enabled == True), {NasJob}),  # noqa: E712 - it makes a condition
        ((F.job_type == "NasBackup") & (F.name == "no such"), set()),
        (F.platform == "AgentForLinux", {AgentBackupJob}),
        (F.job_type > "Backup", {Job, AgentBackupJob}),
        (F.name != "", {Job, AgentBackupJob, NasJob}),
    ],
)
async def test_a_condition_is_for_the_jobs_of_all_kinds(
    where: Condition, kinds: set[type[Job]], caplog: pytest.LogCaptureFixture
) -> None:
    """Also on fields that the server cannot select some of them by; without a word."""
    async with site() as (em, _):
        query = em.jobs.query(where)
        assert {type(job) for job in await query.all()} == kinds
        assert (query.left_out, caplog.messages) == ({}, [])


async def test_jobs_are_ordered_by_what_their_kind_can_be_ordered_by() -> None:
    """By their names else: agents' jobs have no next run to be asked for."""
    async with site() as (em, _):
        jobs = await em.jobs.query(order_by="-next_run").all()

    agents = [job.name for job in jobs if isinstance(job, AgentBackupJob)]
    others = [job.next_run for job in jobs if type(job) is Job and job.next_run]
    assert agents == sorted(agents)
    assert others == sorted(others, reverse=True)


@pytest.mark.parametrize("kind", [AgentBackupJob, NasJob])
async def test_a_job_of_any_kind_is_run_to_its_end(kind: type[Job]) -> None:
    """Its run has the session of the job, which is then its last one."""
    async with site(running=0) as (em, server):
        job = await first_of(em, kind)
        server.next_run(job.id, script=QUICK, result="Warning")
        run = await em.jobs.start(job.id)
        ended = await run.wait(interval=SOON)
        last = await em.backup_sessions.last(job)
        warned = await em.backup_sessions.last(job.id, "Warning")

    assert ended.is_stopped
    assert (ended.job_id, ended.result) == (job.id, "Warning")
    assert last == warned == ended


@pytest.mark.parametrize("kind", [Job, AgentBackupJob, NasJob])
async def test_a_job_that_runs_is_not_started_twice(kind: type[Job]) -> None:
    """Its start says so, with the session that runs."""
    async with site(speed=1) as (em, server):
        job = await first_of(em, kind)
        running = server.add_session(script=[("Working", 1e9)], job_id=job.id)
        with pytest.raises(StartRefused, match="already running") as refused:
            await em.jobs.start(job.id)

    assert refused.value.running_id == running


async def test_a_schedule_is_toggled_and_a_copy_synchronised() -> None:
    """A schedule at the addresses of each kind."""
    async with site() as (em, _):
        for kind in (Job, AgentBackupJob, NasJob):
            job = await first_of(em, kind)
            task = await em.jobs.toggle_schedule(job.id)
            assert task.operation == "ToggleScheduleEnabled"
            toggled = await em.jobs.get(job.id)
            assert toggled.schedule_enabled is not job.schedule_enabled
        copies = await em.jobs.query(F.job_type == "ImmediateBackupCopy").first()
        assert copies is not None
        task = await em.jobs.sync(copies.id)
        assert (await em.tasks.wait(task.task_id, interval=SOON)).is_finished


async def test_a_portal_user_is_told_that_jobs_are_not_shown() -> None:
    """An empty list would say that there are none."""
    async with site(role="Portal User") as (em, server):
        with pytest.raises(PermissionDenied):
            await em.jobs.query().all()
        with pytest.raises(PermissionDenied):
            await em.jobs.get(server.job_ids[0])
        with pytest.raises(PermissionDenied):
            await em.jobs.find("anything")
