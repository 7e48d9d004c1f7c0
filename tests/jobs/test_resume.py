"""A run that goes on elsewhere: `JobRun.to_dict` and `em.jobs.resume`."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.bodies import JOB, LOST, NOON, TOKEN, row, task, uuid_of
from tests.support.clients import clocked_em, hurried, talking
from tests.support.fault_server import FaultServer
from tests.support.scripted import ScriptedServer
from tests.support.simulated import QUICK, SOON, client, simulated
from veeam_async import JobRun, NotFound, SessionMissing, SessionResult
from veeam_async.errors import Json
from veeam_async.jobs.run_record import (
    KINDS,
    SENT,
    Known,
    Mark,
    RunRecord,
    restore,
    save,
)

ELSEWHERE = """
import asyncio, json, sys
from veeam_async import EnterpriseManager

async def main():
    url, username, password, data = sys.argv[1:]
    async with EnterpriseManager(url, username=username, password=password) as em:
        run = em.jobs.resume(json.loads(data))
        ended = await run.wait(retries=True, interval=0.02)
        print(json.dumps([str(run.session_id), str(ended.id), run.to_dict()]))

asyncio.run(main())
"""


def travelled(run: JobRun) -> Json:
    """Write a run down and read it again."""
    data: Json = json.loads(json.dumps(run.to_dict()))
    return data


# ---------------------------------------------------------------- going on


async def test_a_run_is_picked_up_by_another_process() -> None:
    """Right after its start, with no session known and no task to ask."""
    async with simulated() as (em, server, job):
        server.add_session(script=(), created_in=-5, job_id=job)
        server.next_run(
            job, script=QUICK, result="Failed", retries=["Success"], retry_in=60
        )
        run = await em.jobs.start(job)
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-W", "error", "-c", ELSEWHERE, server.url, server.username),
            *(server.password, json.dumps(run.to_dict())),
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        )
        printed, _ = await process.communicate()
        first, last, data = json.loads(printed)
        here = await run.wait(retries=True, interval=SOON)

        assert [last, first] == [str(one) for one in server.session_ids[:2]]
        assert server.stats.by_route["POST /jobs/{id}"] == 1
    assert process.returncode == 0
    assert str(here.id) == last
    assert (data["session_id"], data["retry_id"]) == (first, last)


async def test_a_resumed_run_asks_no_task() -> None:
    """Another logon session does not know it, or knows another by its id."""
    script = ScriptedServer(
        fresh=[row(2, at=9)], tasks=[task(session=1, success=False)]
    )
    async with talking(script) as (em, server):
        run = await em.jobs.start(JOB)
        resumed = em.jobs.resume(travelled(run))
        session = await resumed.session(interval=SOON)

    assert session.id == uuid_of(2)
    assert resumed.task is None
    assert resumed.job_id == JOB
    assert server.count("GET", "/api/tasks") == 0


async def test_a_run_resumes_wherever_it_was() -> None:
    """With its session known, with a retry known, and with its end."""
    async with simulated() as (em, server, job):
        server.next_run(
            job, script=QUICK, result="Failed", retries=["Failed"], retry_in=60
        )
        run = await em.jobs.start(job)
        session = await run.session(interval=SOON)
        known = travelled(run)
        last = await run.wait(retries=True, retry_within=0.3, interval=SOON)
        ended = travelled(run)
        async with client(server) as other:
            one = other.jobs.resume(known)
            seen = await one.session()
            end = await one.wait(interval=SOON)
            again = await other.jobs.resume(ended).wait(
                retries=True, retry_within=0.3, interval=SOON
            )

        server.remove_session(session.id)
        async with client(server) as third:
            without = await third.jobs.resume(ended).wait(
                retries=True, retry_within=0, interval=SOON
            )

    assert without == again
    assert session.id == seen.id == end.id == one.session_id
    assert again == last
    assert last.is_retry
    assert last.result == SessionResult.FAILED


async def test_the_times_do_not_begin_anew_in_each_process() -> None:
    """Once over they are over, after one look each."""
    failed = row(1, at=1, state="Stopped", result="Failed")
    script = ScriptedServer(tasks=[LOST])
    hour = timedelta(hours=1)
    async with talking(script) as (em, _):
        run = await em.jobs.start(JOB)
        ago = (datetime.now(UTC) - hour).isoformat()
        saved: dict[str, Any] = {**run.to_dict(), "started_at": ago}
        with pytest.raises(SessionMissing):
            await em.jobs.resume(saved).session()
        script.rows = [failed]
        first = await em.jobs.resume(saved).session()
        saved |= {"session_id": str(first.id), "failed_at": ago}
        last = await em.jobs.resume(saved).wait(retries=True)
        script.rows.append(row(2, at=90, state="Stopped", is_retry=True))
        retried = await em.jobs.resume(saved).wait(retries=True)

    assert (first.id, last.id, retried.id) == (uuid_of(1), uuid_of(1), uuid_of(2))


async def test_a_session_that_the_server_has_forgotten_is_not_found() -> None:
    """A run resumed after a month is waited for some minutes only."""
    script = ScriptedServer(fresh=[row(1, at=1)], tasks=[task(session=1)])
    async with (
        FaultServer(script) as server,
        clocked_em(server, hurried(300)) as em,
    ):
        run = await em.jobs.start(JOB)
        await run.session(interval=SOON)
        script.rows.clear()
        resumed = em.jobs.resume(travelled(run))
        with pytest.raises(NotFound):
            await resumed.session()
        with pytest.raises(NotFound):
            await resumed.wait()


# ---------------------------------------------------------------- the data


async def test_a_saved_run_holds_no_secret() -> None:
    """Nor does its text."""
    async with talking(ScriptedServer(fresh=[row(1, at=1)])) as (em, _):
        run = await em.jobs.start(JOB)
        unseen = repr(run)
        session = await run.session(interval=SOON)
        shown = json.dumps(run.to_dict()) + repr(run)

    assert TOKEN not in shown
    assert "s3cret" not in shown
    assert "not seen" in unseen
    assert f"session {session.id}" in repr(run)


times = st.datetimes(
    min_value=datetime(1970, 1, 2),  # noqa: DTZ001 - the zone comes next
    max_value=datetime(2999, 1, 1),  # noqa: DTZ001
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=-5))]),
)
records = st.builds(
    RunRecord,
    job_id=st.uuids(),
    kind=st.sampled_from(KINDS),
    started_at=times,
    task_id=st.none() | st.text(),
    newest=st.none() | st.builds(Mark, st.uuids(), times),
    server_time=st.none() | times,
    session_id=st.none() | st.uuids(),
    retry_id=st.none() | st.uuids(),
    failed_at=st.none() | times,
    known=st.none()
    | st.builds(Known, st.lists(st.uuids(), max_size=3).map(tuple), st.none() | times),
    run_id=st.none() | st.uuids(),
    sent=st.sampled_from([None, *SENT]),
)


@given(records)
def test_what_is_saved_is_restored(record: RunRecord) -> None:
    """Through JSON, whatever is known of a run."""
    assert restore(json.loads(json.dumps(save(record)))) == record


@given(
    records,
    st.data(),
    st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | st.lists(st.integers())
    | st.dictionaries(st.text(), st.text()),
)
def test_damaged_data_is_a_value_error_or_another_run(
    record: RunRecord, data: st.DataObject, junk: Any
) -> None:
    """Nothing else comes of it: no KeyError, no half of a run."""
    saved: dict[str, Any] = {**save(record)}
    saved[data.draw(st.sampled_from(sorted(saved)))] = junk
    try:
        restored = restore(saved)
    except ValueError:
        return
    assert restore(save(restored)) == restored


DEEP: Any = []
for _ in range(100_000):
    DEEP = [DEEP]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"version": 2}, "no run of version 1; take one from run.to_dict"),
        ({"version": None}, "no run of version 1"),
        ({"job_id": "7"}, "the saved run is damaged"),
        ({"kind": "RestoreSession"}, "the saved run is damaged"),
        ({"started_at": "2026-03-02T12:00:00"}, "has no time zone"),
        ({"started_at": "0001-01-01T00:00:00+14:00"}, "is in no year of UTC"),
        ({"server_time": "9999-12-31T23:59:59-14:00"}, "is in no year of UTC"),
        ({"task_id": 7}, "the saved run is damaged"),
        ({"started_at": None}, "the saved run is damaged"),
        ({"task_id": DEEP}, "the saved run is damaged"),
        ({"kind": DEEP}, "the saved run is damaged"),
        ({"newest": {"id": str(UUID(int=1))}}, "it has no 'time'"),
    ],
)
async def test_damaged_or_newer_data_is_told_in_a_sentence(
    change: dict[str, Any], sentence: str
) -> None:
    """Before anything is asked of the server."""
    record = RunRecord(job_id=JOB, kind=KINDS[0], started_at=NOON)
    async with talking(ScriptedServer()) as (em, server):
        with pytest.raises(ValueError, match=sentence):
            em.jobs.resume({**save(record), **change})
        nothing: tuple[Json, ...] = (None, [], "run", {})
        for what in nothing:
            with pytest.raises(ValueError, match="no run of version 1"):
                em.jobs.resume(what)

        assert server.count("GET") == 0
