import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tests.support.simulated import client
from veeam_async import BodyTooLarge
from veeam_async.simulator import Faults, Simulator
from veeam_async.simulator.refused import QUERY_FAULTS

QUERY = "/query?type=BackupJobSession&format=Entities"
STATUSES = [way for way in QUERY_FAULTS if way.isdigit()]


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    """A simulator whose time stands still, so that bodies can be compared."""
    async with Simulator(speed=0) as simulator:
        yield simulator


@pytest.mark.parametrize("failure", STATUSES)
async def test_a_query_has_that_status(
    failure: Any, simulator: Simulator, caller: Any
) -> None:
    """The query is refused, and all else works, by id and as a list."""
    simulator.faults = Faults(queries={failure: 1})
    session = simulator.session_ids[0]
    others = (f"/backupSessions/{session}", "/backupSessions", "/querySvc", "/tasks")

    assert (await caller.get(QUERY)).status == int(failure)
    assert {(await caller.get(path)).status for path in others} == {200}
    assert simulator.stats.faults == {f"queries {failure}": 1}


@pytest.mark.parametrize(
    ("failure", "body"), [("html", b"</html>"), ("empty", b""), ("{}", b"{}")]
)
async def test_a_query_is_answered_with_another_body(
    failure: Any, body: bytes, simulator: Simulator, caller: Any
) -> None:
    """A 200 says nothing of use."""
    simulator.faults = Faults(queries={failure: 1})
    reply = await caller.get(QUERY)

    assert reply.status == 200
    assert reply.body.endswith(body)
    assert len(reply.body) < 400


async def test_a_query_is_reset(simulator: Simulator, caller: Any) -> None:
    """The connection ends before a byte of the answer."""
    simulator.faults = Faults(queries={"reset": 1})
    with pytest.raises(aiohttp.ClientError):
        await caller.get(QUERY)


async def test_a_stalled_query_is_answered_late(
    simulator: Simulator, caller: Any
) -> None:
    """Other answers overtake it, and when its time has come it is whole."""
    simulator.faults = Faults(queries={"stall": 1}, stall_seconds=0.3)
    query = asyncio.create_task(caller.get(QUERY))
    while not simulator.stats.faults:
        await asyncio.sleep(0.01)
    other = await caller.get("/backupServers")
    was_done = query.done()

    assert (other.status, was_done) == (200, False)
    assert len((await query).json["entities"]["backupJobSessions"]) == 1


@pytest.mark.parametrize("accept", ["application/json", "application/xml"])
async def test_a_large_body_is_the_right_one_and_blanks(
    accept: str, simulator: Simulator, caller: Any
) -> None:
    """It has the length that was asked for, and can be read."""
    whole = await caller.get(QUERY, accept=accept)
    simulator.faults = Faults(queries={"too_large": 1}, large_bytes=1 << 20)
    large = await caller.get(QUERY, accept=accept)

    assert len(large.body) == 1 << 20
    assert len(large.body.rstrip()) == len(whole.body)
    assert large.headers["Content-Length"] == str(1 << 20)


async def test_the_client_refuses_what_is_too_large() -> None:
    """With the defaults of both a query is too large and a GET of a session is not."""
    faults = Faults(queries={"too_large": 1})
    async with (
        Simulator(faults=faults) as simulator,
        client(simulator) as em,
    ):
        with pytest.raises(BodyTooLarge):
            _ = [session async for session in em.backup_sessions.query()]
        session_id = simulator.session_ids[0]

        assert (await em.backup_sessions.get(session_id)).id == session_id


async def test_who_hangs_up_on_it_is_no_error_of_the_server(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A client that refuses so much resets the connection in the middle of it."""
    faults = Faults(queries={"too_large": 1})
    async with Simulator(faults=faults) as simulator:
        async with client(simulator) as em:
            for _ in range(5):
                with pytest.raises(BodyTooLarge):
                    _ = [session async for session in em.backup_sessions.query()]
            await em.backup_sessions.get(simulator.session_ids[0])

    assert [each.message for each in caplog.records] == []


async def test_each_way_has_its_own_probability(connect: Any) -> None:
    """Drawn from the seed, about as often as asked, in whatever order they stand."""

    async def statuses(seed: int, queries: Any) -> list[int]:
        async with Simulator(seed=seed, faults=Faults(queries=queries)) as simulator:
            caller = await connect(simulator)
            return [(await caller.get(f"{QUERY}&pageSize=1")).status for _ in range(99)]

    one = await statuses(1, {"404": 0.2, "503": 0.4})

    assert one == await statuses(1, {"503": 0.4, "404": 0.2})
    assert one != await statuses(2, {"404": 0.2, "503": 0.4})
    assert 5 < one.count(404) < 40
    assert 10 < one.count(503) < 60


async def test_older_faults_hit_where_they_did(connect: Any) -> None:
    """What queries meet besides does not move where a 500 strikes."""

    async def struck(**more: Any) -> list[bool]:
        faults = Faults(server_error=0.3, **more)
        async with Simulator(faults=faults) as simulator:
            caller = await connect(simulator)
            paths = ("/backupServers", f"{QUERY}&pageSize=1") * 20
            return [(await caller.get(path)).status == 500 for path in paths]

    assert await struck() == await struck(queries={"404": 0.5})


@pytest.mark.parametrize("queries", [{"404": 2}, {"418": 1}, {"html": -0.1}])
def test_a_way_that_is_unknown_is_refused(queries: Any) -> None:
    """So is a probability out of its range."""
    with pytest.raises(ValueError, match="must be"):
        Faults(queries=queries)


def test_what_is_given_is_copied() -> None:
    """A mapping that is changed later changes no faults, and they can be hashed."""
    queries: Any = {"404": 1}
    faults = Faults(queries=queries)
    queries.clear()

    assert faults.queries == {"404": 1}
    assert hash(faults) == hash(Faults())
