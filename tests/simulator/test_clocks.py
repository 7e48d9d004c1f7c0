from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from tests.support.simulated import client
from veeam_async.simulator import Simulator

START = datetime(2025, 10, 21, 12, tzinfo=UTC)
AHEAD, BEHIND = 600.0, -7200.0


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.fixture
def apart() -> Simulator:
    """A simulator whose first backup server is ahead and whose second is behind."""
    return Simulator(speed=0, start=START, clock_offsets=(AHEAD, BEHIND))


async def _entity(caller: Any, path: str) -> Any:
    return (await caller.get(f"{path}?format=Entity")).json


async def test_an_answer_has_the_managers_time_and_a_session_its_servers(
    apart: Simulator, connect: Any
) -> None:
    """The header Date is the one clock; what a session is dated by is the other."""
    async with apart as simulator:
        caller = await connect(simulator)
        for server, offset in zip(simulator.server_ids, (AHEAD, BEHIND), strict=True):
            job = simulator.job_ids_of(server)[0]
            session = simulator.add_session(script=(("Working", 60),), job_id=job)
            path = f"/backupSessions/{session}"
            created = (await _entity(caller, path))["creationTimeUTC"]
            simulator.advance(60)
            reply = await caller.get(f"{path}?format=Entity")
            date = parsedate_to_datetime(reply.headers["Date"])

            assert _time(reply.json["endTimeUTC"]) - date == timedelta(seconds=offset)
            assert _time(created) == _time(reply.json["creationTimeUTC"])
            assert date - _time(created) == timedelta(seconds=60 - offset)
            assert f"@{_time(created):%Y-%m-%d %H:%M:%S}" in reply.json["name"]


async def test_everything_of_a_server_has_its_time(
    apart: Simulator, connect: Any
) -> None:
    """Sessions of all kinds and their task sessions have them."""
    async with apart as simulator, Simulator(speed=0, start=START) as right:
        caller, other = await connect(simulator), await connect(right)
        offsets = {
            f"{server}": timedelta(seconds=offset)
            for server, offset in zip(
                simulator.server_ids, (AHEAD, BEHIND), strict=True
            )
        }
        for path, field in (
            ("backupSessions", "creationTimeUTC"),
            ("backupSessions", "endTimeUTC"),
            ("replicaSessions", "creationTimeUTC"),
            ("restoreSessions", "endTimeUTC"),
            ("backupTaskSessions", "creationTimeUTC"),
            ("backupTaskSessions", "endTimeUTC"),
        ):
            shifts = await _shifts(caller, other, f"/{path}", field)
            assert shifts
            assert all(found == offsets[server] for server, found in shifts)


async def _shifts(
    caller: Any, other: Any, path: str, field: str
) -> list[tuple[str, timedelta]]:
    """Server of each row, and by how much it is dated later than with right clocks."""
    [rows] = (await _entity(caller, path)).values()
    [right] = (await _entity(other, path)).values()
    by_uid = {row["uid"]: row for row in right}
    return [
        (_server(row), _time(row[field]) - _time(by_uid[row["uid"]][field]))
        for row in rows
        if row.get(field)
    ]


def _server(row: Any) -> str:
    hrefs = [
        link["href"] for link in row["links"] if link["type"] == "BackupServerReference"
    ]
    return str(hrefs[0].rpartition("/")[2])


async def test_each_server_has_jobs_and_sessions_of_its_own(
    apart: Simulator, connect: Any
) -> None:
    """Filters by its name and by its uid, its Up links and its list of jobs agree."""
    async with apart as simulator:
        caller = await connect(simulator)
        [servers] = (await _entity(caller, "/backupServers")).values()
        total = 0
        for row, server in zip(servers, simulator.server_ids, strict=True):
            by_name = await caller.query(f'BackupServerName=="{row["name"]}"')
            by_uid = await caller.query(f'BackupServerUid=="{row["uid"]}"')
            jobs = {f"urn:veeam:Job:{id_}" for id_ in simulator.job_ids_of(server)}

            assert by_name == by_uid
            assert {_server(session) for session in by_name} == {str(server)}
            # Machines of agents have jobs of their own, which nothing lists.
            assert {
                session["jobUid"]
                for session in by_name
                if session["jobType"] != "AgentManagement"
            } <= jobs
            total += len(by_name)
        assert total == len(simulator.session_ids)


async def test_a_filter_compares_what_is_shown(apart: Simulator, connect: Any) -> None:
    """A time that was read and sent back finds its session again."""
    async with apart as simulator:
        caller = await connect(simulator)
        for server in simulator.server_ids:
            job = simulator.job_ids_of(server)[0]
            session = simulator.add_session(script=(), job_id=job)
            row = await _entity(caller, f"/backupSessions/{session}")
            for field in ("CreationTime", "EndTime"):
                told = row[f"{field[0].lower()}{field[1:]}UTC"]
                found = await caller.query(f'{field}=="{told}"')
                assert row["uid"] in {each["uid"] for each in found}
        after = f'CreationTime>"{START + timedelta(seconds=1):%Y-%m-%dT%H:%M:%SZ}"'
        assert len(await caller.query(after)) >= 1


async def test_one_session_may_be_dated_otherwise(
    simulator: Simulator, caller: Any
) -> None:
    """It runs and stops now, and is dated a year ahead."""
    year = 365 * 86_400.0
    session = simulator.add_session(script=(), clock_offset=year)
    row = await _entity(caller, f"/backupSessions/{session}")
    ahead = _time(row["endTimeUTC"]) - simulator.now

    assert row["state"] == "Stopped"
    assert timedelta(days=364) < ahead <= timedelta(days=365)


async def test_offsets_change_nothing_else(connect: Any) -> None:
    """With clocks that are right the bodies are those of a server without offsets."""

    async def bodies(**settings: Any) -> list[bytes]:
        options: dict[str, Any] = {"start": START, "public_url": "http://em"}
        async with Simulator(speed=0, **options, **settings) as simulator:
            caller = await connect(simulator)
            paths = ("backupSessions", "jobs", "backupTaskSessions", "backupServers")
            return [(await caller.get(f"/{path}?format=Entity")).body for path in paths]

    assert await bodies() == await bodies(clock_offsets=(0, 0))


async def test_a_right_clock_needs_no_number(connect: Any) -> None:
    """An offset that is left out is none."""
    async with Simulator(speed=0, clock_offsets=(AHEAD,)) as simulator:
        caller = await connect(simulator)
        job = simulator.job_ids_of(simulator.server_ids[1])[0]
        session = simulator.add_session(script=(), job_id=job)
        row = await _entity(caller, f"/backupSessions/{session}")

        assert abs(_time(row["creationTimeUTC"]) - simulator.now) < timedelta(seconds=1)


async def test_the_client_has_the_servers_times(apart: Simulator) -> None:
    """A session that ends now is dated ahead by the one, long ago by the other."""
    async with (
        apart as simulator,
        client(simulator) as em,
    ):
        for server, offset in zip(simulator.server_ids, (AHEAD, BEHIND), strict=True):
            job = simulator.job_ids_of(server)[0]
            session = simulator.add_session(script=(), job_id=job)
            found = await em.backup_sessions.get(session)

            assert found.end_time == START + timedelta(seconds=offset)


@pytest.mark.parametrize("offsets", [(1, 2, 3), (float("nan"),), (1e12,)])
def test_an_offset_out_of_range_is_refused(offsets: tuple[float, ...]) -> None:
    """There are two backup servers, each at most a hundred years off."""
    with pytest.raises(ValueError, match=r"backup servers|hundred years"):
        Simulator(clock_offsets=offsets)
