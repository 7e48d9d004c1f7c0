"""The newest session of a job: `em.backup_sessions.last`."""

from __future__ import annotations

import pytest

from tests.support.bodies import JOB, row, uuid_of
from tests.support.clients import talking
from tests.support.scripted import ScriptedServer
from tests.support.simulated import simulated
from veeam_async import InvalidId, SessionResult


async def test_the_newest_session_of_a_job_is_given() -> None:
    """With any result, with one, or none; by the job's id in each form, or itself."""
    async with simulated() as (em, server, job_id):
        ended = [
            server.add_session(script=(), created_in=-at, result=result, job_id=job_id)
            for at, result in ((7200, "Success"), (3600, "Failed"))
        ]
        running = server.add_session(script=[("Working", 1e9)], job_id=job_id)
        job = await em.jobs.get(job_id)
        for given in (job, job_id, str(job_id), job.uid, job.href):
            newest = await em.backup_sessions.last(given)
            assert newest is not None
            assert newest.id == running
        for result, expected in (
            ("Success", ended[0]),
            (SessionResult.FAILED, ended[1]),
            ("failed", ended[1]),
        ):
            found = await em.backup_sessions.last(job, result)
            assert found is not None
            assert found.id == expected
        assert await em.backup_sessions.last(job, "Warning") is None
        assert await em.backup_sessions.last(uuid_of(99)) is None


async def test_a_part_of_a_session_is_not_the_last_one() -> None:
    """As the sessions of machines of an agents' job are, of which there are many."""
    parent = {
        "Rel": "Up",
        "Name": "Parent session",
        "Href": f"https://em.internal/api/backupSessions/{uuid_of(1)}",
        "Type": "BackupJobSessionReference",
    }
    parts = [row(number, at=number, links=[parent]) for number in range(2, 8)]
    async with talking(ScriptedServer(rows=[row(1, at=0), *parts])) as (em, _):
        found = await em.backup_sessions.last(JOB)

    assert found is not None
    assert found.id == uuid_of(1)


@pytest.mark.parametrize("others", [0, 1])
async def test_a_worker_is_the_last_one_where_there_is_no_other(others: int) -> None:
    """Of a copy job the copy itself is, of what names itself as its job a worker."""
    worker = {"JobType": "ImmediateBackupCopyWorker"}
    rows = [
        {**row(number, at=number), **worker} for number in range(2, 17 - others * 8)
    ]
    rows += [row(1, at=0)] * others
    async with talking(ScriptedServer(rows=rows)) as (em, server):
        found = await em.backup_sessions.last(JOB)

        assert server.count("GET", "/api/query") == 1
    assert found is not None
    assert found.id == uuid_of(1 if others else 16)


async def test_what_names_no_job_or_no_result_is_refused() -> None:
    """Before anything is sent."""
    async with simulated() as (em, server, job_id):
        asked = server.stats.requests
        with pytest.raises(InvalidId):
            await em.backup_sessions.last("SAP HANA")
        with pytest.raises(InvalidId, match="another kind of resource than Job"):
            await em.backup_sessions.last(f"urn:veeam:BackupJobSession:{job_id}")
        with pytest.raises(ValueError, match="there are Success, Warning, Failed"):
            await em.backup_sessions.last(job_id, "Great")
        with pytest.raises(ValueError, match="cannot be queried by 'job_uid'"):
            await em.restore_sessions.last(job_id)

        assert server.stats.requests == asked
