from collections.abc import AsyncIterator
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from tests.support.simulated import client
from veeam_async import ConnectionFailed, EnterpriseManager
from veeam_async.simulator import Faults, Simulator

JSON, XML = "application/json", "application/xml"
QUERY = "/query?type=BackupJobSession&format=Entities&sortAsc=CreationTime&pageSize=10"
NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    """A simulator whose time stands still, so that bodies can be compared."""
    async with Simulator(speed=0) as simulator:
        yield simulator


def _kinds_of_bad(bodies: list[bytes], candidates: tuple[bytes, ...]) -> set[bytes]:
    """Those of the candidates that begin a job's name in some body."""
    return {bad for bad in candidates for body in bodies if bad + b"File" in body}


@pytest.mark.parametrize(
    ("accept", "candidates"),
    [(JSON, (rb"\ud83d", b"\x1b", b"\xff")), (XML, (b"&#x1F;", b"\x1b", b"\xff"))],
)
async def test_names_have_bad_characters(
    accept: str, candidates: tuple[bytes, ...], simulator: Simulator, caller: Any
) -> None:
    """Each kind comes in time, before a name that is otherwise as it was."""
    job = simulator.job_ids[0]
    whole = (await caller.get(f"/jobs/{job}?format=Entity", accept=accept)).body
    simulator.faults = Faults(bad_characters=1)
    bodies = [
        (await caller.get(f"/jobs/{job}?format=Entity", accept=accept)).body
        for _ in range(30)
    ]

    assert _kinds_of_bad(bodies, candidates) == set(candidates)
    for body in bodies:
        [bad] = [each for each in candidates if each in body]
        assert body.replace(bad, b"") == whole


@pytest.mark.parametrize("path", [QUERY, "/backupSessions?format=Entity", "/jobs"])
async def test_a_row_is_null_in_json(
    path: str, simulator: Simulator, caller: Any
) -> None:
    """One of the rows is null, the others are as they were."""
    whole = (await caller.get(path)).json
    simulator.faults = Faults(null_rows=1)
    spoiled = (await caller.get(path)).json
    before, after = _rows(whole), _rows(spoiled)

    assert after.count(None) == 1
    assert len(before) == len(after)
    assert [row for row in after if row] == [
        old for old, new in zip(before, after, strict=True) if new
    ]


def _rows(document: Any) -> list[Any]:
    """The longest list in a document."""
    if isinstance(document, list):
        return document
    members = document.values() if isinstance(document, dict) else ()
    return max((_rows(member) for member in members), key=len, default=[])


@pytest.mark.parametrize("product", ["12", "13"])
async def test_a_row_is_nil_in_xml(product: Any, connect: Any) -> None:
    """The element of one row says that it has no value, and has none."""
    async with Simulator(product=product, faults=Faults(null_rows=1)) as simulator:
        caller = await connect(simulator, accept=XML)
        root = (await caller.get("/backupSessions?format=Entity")).xml
        empty = [row for row in root if row.get(NIL) == "true"]

        assert len(root) == 200
        assert [(ET.iselement(row), len(row)) for row in empty] == [(True, 0)]
        assert empty[0].tag.endswith("}BackupJobSession")


async def test_what_is_no_list_has_no_null(struck: Any, simulator: Simulator) -> None:
    """A single session is answered as it is."""
    session = simulator.session_ids[0]
    reply = await struck(f"/backupSessions/{session}", null_rows=1)

    assert str(session) in reply.json["uid"]


@pytest.fixture
async def struck(simulator: Simulator, caller: Any) -> Any:
    """A function that sends a GET while one fault is certain."""

    async def send(path: str, **probabilities: Any) -> Any:
        simulator.faults = Faults(**probabilities)
        reply = await caller.get(path)
        simulator.faults = Faults()
        return reply

    return send


@pytest.mark.parametrize(
    "path", ["backupSessions", "replicaSessions", "restoreSessions"]
)
async def test_another_session_is_shown(path: str, struck: Any, caller: Any) -> None:
    """It exists, is of the same kind, and not the one that was asked for."""
    rows = (await caller.get(f"/{path}")).json["refs"]
    uids = {row["uid"] for row in rows}
    asked = rows[0]["uid"]
    id_ = asked.rpartition(":")[2]
    shown = {
        (await struck(f"/{path}/{id_}?format=Entity", other_session=1)).json["uid"]
        for _ in range(10)
    }

    assert shown <= uids - {asked}
    assert shown


async def test_an_unknown_session_is_still_unknown(struck: Any) -> None:
    """There is no other of its kind to be taken for it."""
    path = "/backupSessions/00000000-0000-4000-8000-000000000000"

    assert (await struck(path, other_session=1)).status == 404
    assert (await struck("/backupSessions/none", other_session=1)).status == 400


async def test_another_page_is_shown(struck: Any, caller: Any) -> None:
    """It is the next one, and says so."""
    second = (await caller.get(f"{QUERY}&page=2")).json["entities"]
    for path in (QUERY, f"{QUERY}&PAGE=1"):
        reply = (await struck(path, other_page=1)).json

        assert reply["entities"] == second
        assert reply["pagingInfo"]["pageNum"] == 2


async def test_another_task_is_shown(
    struck: Any, simulator: Simulator, caller: Any
) -> None:
    """It is another of this logon, or one that never was."""
    jobs = [f"/jobs/{id_}?action=stop" for id_ in simulator.job_ids[:2]]
    first = (await caller.post(jobs[0])).json["taskId"]
    alone = (await struck(f"/tasks/{first}", other_task=1)).json["taskId"]
    second = (await caller.post(jobs[1])).json["taskId"]
    other = (await struck(f"/tasks/{first}", other_task=1)).json["taskId"]

    assert alone != first
    assert other == second
    assert (await caller.get(f"/tasks/{first}")).json["taskId"] == first
    assert (await struck("/tasks/task-999", other_task=1)).status == 500


async def test_a_fault_strikes_what_it_fits(struck: Any, simulator: Simulator) -> None:
    """Elsewhere nothing is struck, and nothing is counted."""
    faults = {
        "other_session": 1,
        "other_page": 1,
        "other_task": 1,
        "queries": {"404": 1},
    }
    reply = await struck("/backupSessions", **faults)

    assert reply.status == 200
    assert simulator.stats.faults == {}


async def test_the_choices_are_drawn_from_the_seed(connect: Any) -> None:
    """The same seed spoils the same answers in the same way."""

    async def bodies(seed: int) -> list[bytes]:
        faults = Faults(null_rows=0.5, bad_characters=0.5)
        async with Simulator(
            seed=seed, faults=faults, speed=0, public_url="http://em"
        ) as simulator:
            caller = await connect(simulator)
            replies = [await caller.get("/backupServers") for _ in range(20)]
            return [reply.body for reply in replies]

    assert await bodies(1) == await bodies(1)
    assert len(set(await bodies(1))) > 3


@pytest.fixture
async def em(simulator: Simulator) -> AsyncIterator[EnterpriseManager]:
    """The client, for what it makes of these answers."""
    async with client(simulator) as em:
        yield em


async def test_the_client_reads_around_a_null(
    simulator: Simulator, em: EnterpriseManager
) -> None:
    """The other rows of a query come all the same, and one is told as unreadable."""
    simulator.faults = Faults(null_rows=1)
    query = em.backup_sessions.query()
    found = [session async for session in query]

    assert query.unreadable
    assert 200 > len(found) >= 200 - len(query.unreadable)


async def test_the_client_reads_bad_characters(
    simulator: Simulator, em: EnterpriseManager
) -> None:
    """A session has its name, with a mark in place of what is no character."""
    session_id = simulator.session_ids[0]
    whole = await em.backup_sessions.get(session_id)
    simulator.faults = Faults(bad_characters=1)
    for _ in range(5):
        found = await em.backup_sessions.get(session_id)
        assert found.job_name == f"\ufffd{whole.job_name}"


async def test_the_client_takes_no_other_session(
    simulator: Simulator, em: EnterpriseManager
) -> None:
    """A session that was not asked for is an error, however often it is tried."""
    simulator.faults = Faults(other_session=1)
    with pytest.raises(ConnectionFailed, match="something else"):
        await em.backup_sessions.get(simulator.session_ids[0])
