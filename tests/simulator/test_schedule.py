"""Jobs that start by their schedules."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from veeam_async.simulator import Simulator

START = datetime(2026, 3, 2, 12, 30, tzinfo=UTC)
HOUR = 3600.0


@pytest.fixture
def scheduled() -> Simulator:
    """A simulator whose jobs start, and whose clock moves by `advance` only."""
    return Simulator(sessions=60, running=10, speed=0, start=START, scheduled=True)


def _hours(simulator: Simulator, count: int) -> Iterator[None]:
    for _ in range(count):
        simulator.advance(HOUR)
        yield


async def test_sessions_never_run_out(scheduled: Simulator) -> None:
    """Hours later about as many run as at the start, and all of them are new."""
    async with scheduled as simulator:
        first = set(simulator.session_ids)
        counts = []
        for _ in _hours(simulator, 12):
            running = set(simulator.running_ids)
            counts.append(len(running))
            assert not running & first

        assert all(4 <= count <= 25 for count in counts)
        assert len(simulator.session_ids) > 60 + 12 * 30


async def test_how_often_one_looks_changes_nothing() -> None:
    """The same hours give the same sessions, looked at once or a hundred times."""

    async def after(steps: int) -> Any:
        async with Simulator(speed=0, start=START, scheduled=True) as simulator:
            for _ in range(steps):
                simulator.advance(5 * HOUR / steps)
                assert simulator.running_ids
            return simulator.session_ids, simulator.running_ids

    assert await after(1) == await after(100)


async def test_every_kind_of_job_starts(scheduled: Simulator, connect: Any) -> None:
    """Backups, copies, replications, agents with their machines, file shares."""
    async with scheduled as simulator:
        caller = await connect(simulator)
        simulator.advance(HOUR)
        newer = f"CreationTime>{START:%Y-%m-%dT%H:%M:%SZ}"
        types = {row["jobType"] for row in await caller.query(newer)}
        path = f"/query?type=ReplicaJobSession&filter={newer.replace(':', '%3A')}"

        assert types >= {
            *("Backup", "BackupCopy", "ImmediateBackupCopy", "NasBackup"),
            *("AgentBackup", "AgentManagement"),
        }
        assert (await caller.get(path)).json["refs"]["refs"]


async def test_a_job_tells_when_it_starts_next(
    scheduled: Simulator, connect: Any
) -> None:
    """At NextRun a session of it begins; with its schedule off none does."""
    async with scheduled as simulator:
        caller = await connect(simulator)
        [jobs] = (await caller.get("/jobs?format=Entity")).json.values()
        on = [
            job
            for job in jobs
            if job["scheduleEnabled"] and job["jobType"] != "Replica"
        ]
        off = on.pop()
        path = f"/jobs/{off['uid'].rpartition(':')[2]}"
        await caller.post(f"{path}?action=toggleScheduleEnabled")
        simulator.advance(2 * HOUR)
        newer = f"CreationTime>{START:%Y-%m-%dT%H:%M:%SZ}"
        rows = await caller.query(newer)
        begun = {(row["jobUid"], row["creationTimeUTC"]) for row in rows}

        assert min(datetime.fromisoformat(job["nextRun"]) for job in on) > START
        assert sum((job["uid"], job["nextRun"]) in begun for job in on) > len(on) / 2
        assert off["uid"] not in {uid for uid, _ in begun}


@pytest.mark.slow
async def test_what_is_old_is_forgotten(scheduled: Simulator) -> None:
    """After months there are the sessions of a month, and no more than are kept."""
    async with scheduled as simulator:
        first = simulator.session_ids[0]
        simulator.advance(timedelta(days=100).total_seconds())
        many = len(simulator.session_ids)

        assert first not in simulator.session_ids
        assert 10_000 < many <= 20_000


async def test_without_schedules_nothing_starts() -> None:
    """It is off unless asked for: what tests script is all that happens."""
    async with Simulator(sessions=20, running=3, speed=0) as simulator:
        ids = simulator.session_ids
        simulator.advance(24 * HOUR)

        assert (simulator.session_ids, simulator.running_ids) == (ids, [])
