import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from veeam_async.simulator import Simulator

NS = "{http://www.veeam.com/ent/v1.0}"
ENTITY_KEYS = [
    "IsRetry",
    "JobUid",
    "JobName",
    "JobType",
    "CreationTimeUTC",
    "EndTimeUTC",
    "State",
    "Result",
    "Progress",
    "FailureMessage",
    "Name",
    "UID",
    "Links",
    "Href",
    "Type",
]


def _is_alternate(link: Any) -> bool:
    """Whether it leads to the other form, not to the sessions of an agents' one."""
    return link["rel"] == "Alternate" and not link["type"].endswith("List")


def _tags(element: Any) -> list[str]:
    return [child.tag.removeprefix(NS) for child in element]


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, "application/xml; charset=utf-8"),
        ("*/*", "application/xml; charset=utf-8"),
        ("application/xml", "application/xml; charset=utf-8"),
        ("application/json", "application/json; charset=utf-8"),
        ("application/xml, application/json;q=0.1", "application/json; charset=utf-8"),
    ],
)
async def test_json_is_given_only_where_accept_names_it(
    caller: Any, accept: str | None, expected: str
) -> None:
    """XML is the default; JSON wins wherever in Accept it stands."""
    reply = await caller.get("/backupServers", accept=accept)

    assert expected == reply.headers["Content-Type"]


async def test_a_reference_has_no_state(simulator: Simulator, caller: Any) -> None:
    """Without format=Entity a session is an EntityRef, in JSON without a frame."""
    path = f"/backupSessions/{simulator.session_ids[0]}"
    plain = (await caller.get(path)).json
    root = (await caller.get(path, accept="application/xml")).xml

    assert list(plain) == ["links", "uid", "name", "href", "type"]
    assert plain["type"] == "BackupJobSessionReference"
    assert plain["href"].endswith(path)
    assert f"{NS}EntityRef" == root.tag
    assert {"Type", "Href", "Name", "UID"} == set(root.attrib)
    assert _tags(root) == ["Links"]


@pytest.mark.parametrize("word", ["Entity", "entity", "ENTITY"])
async def test_an_entity_has_the_recorded_keys_in_order(
    simulator: Simulator, caller: Any, word: str
) -> None:
    """The keys of a stopped session come in the recorded order, camelCase in 13."""
    stopped = simulator.session_ids[-1]
    plain = (await caller.get(f"/backupSessions/{stopped}?format={word}")).json
    expected = [key[0].lower() + key[1:] for key in ENTITY_KEYS]
    expected[expected.index("uID")] = "uid"

    assert expected == list(plain)
    assert plain["type"] == "BackupJobSession"
    assert plain["href"].endswith("?format=Entity")


@pytest.mark.parametrize("product", ["11", "12"])
async def test_older_products_write_pascal_case(connect: Any, product: Any) -> None:
    """Before 13 JSON is PascalCase, its links have Name and Type even if null."""
    async with Simulator(product=product) as simulator:
        caller = await connect(simulator)
        stopped = simulator.session_ids[-1]
        plain = (await caller.get(f"/backupSessions/{stopped}?format=Entity")).json

        assert list(plain) == ENTITY_KEYS
        assert all(
            list(link) == ["Rel", "Href", "Name", "Type"] for link in plain["Links"]
        )


async def test_restore_points_are_named_as_their_product_does(connect: Any) -> None:
    """Up to 12 the link's name is SQL Server's short date, in 13 a full time."""
    start = datetime(2025, 2, 9, 15, 33, 10, 22_140, tzinfo=UTC)
    expected = {"12": "Feb  9 2025  3:33PM", "13": "2025-02-09 15:33:10.02214"}
    for product, name in expected.items():
        options: Any = {"product": product, "start": start, "speed": 0}
        async with Simulator(sessions=0, running=0, **options) as simulator:
            caller = await connect(simulator)
            session = simulator.add_session(script=())
            plain = (await caller.get(f"/backupSessions/{session}?format=entity")).json
            link = (plain.get("links") or plain["Links"])[-1]

            assert list(link.values())[2:] == [name, "RestorePointReference"]


async def test_a_whole_url_is_a_request_target(simulator: Simulator) -> None:
    """A target may be absolute, as a proxy sends it."""
    host, port = simulator.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    target = f"{simulator.url}/api/"
    writer.write(f"GET {target} HTTP/1.1\r\nHost: em\r\n".encode())
    writer.write(b"Connection: close\r\n\r\n")
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()

    assert answer.startswith(b"HTTP/1.1 200 OK")


async def test_xml_names_are_the_same_in_all_products(connect: Any) -> None:
    """In XML a session has four attributes, and its elements end with IsRetry."""
    for product in ("11", "12", "13"):
        async with Simulator(product=product) as simulator:
            caller = await connect(simulator, accept="application/xml")
            path = f"/backupSessions/{simulator.session_ids[-1]}?format=Entity"
            reply = await caller.get(path)
            tags = _tags(reply.xml)

            assert reply.body.startswith(b'<?xml version="1.0" encoding="utf-8"?>')
            assert {"Type", "Href", "Name", "UID"} == set(reply.xml.attrib)
            assert tags[:3] == ["Links", "JobUid", "JobName"]
            assert tags[-1] == "IsRetry"


async def test_a_running_session_has_no_end(simulator: Simulator, caller: Any) -> None:
    """While it runs EndTimeUTC is missing in both forms and Result is None."""
    path = f"/backupSessions/{simulator.running_ids[-1]}?format=Entity"
    plain = (await caller.get(path)).json
    root = (await caller.get(path, accept="application/xml")).xml

    assert "endTimeUTC" not in plain
    assert (plain["result"], plain["failureMessage"]) == ("None", None)
    assert "EndTimeUTC" not in _tags(root)
    assert root.findtext(f"{NS}Result") == "None"


async def test_the_first_link_names_the_backup_server(
    simulator: Simulator, caller: Any
) -> None:
    """Links[0] of a session is its backup server, and leads to it."""
    path = f"/backupSessions/{simulator.session_ids[0]}?format=Entity"
    link = (await caller.get(path)).json["links"][0]
    server = (await caller.get(link["href"].partition("/api")[2])).json

    assert (link["rel"], link["type"]) == ("Up", "BackupServerReference")
    assert link["name"] == server["name"]


async def test_collections_name_their_list_once(caller: Any) -> None:
    """References lie in refs, entities in the list's own name, without paging."""
    refs = (await caller.get("/backupSessions")).json
    entities = (await caller.get("/backupSessions?format=Entity")).json
    root = (await caller.get("/backupSessions", accept="application/xml")).xml

    assert list(refs) == ["refs"]
    assert list(entities) == ["backupJobSessions"]
    assert 200 == len(refs["refs"]) == len(entities["backupJobSessions"])
    assert f"{NS}EntityReferences" == root.tag
    assert {"Ref"} == set(_tags(root))


async def test_collections_reach_back_thirty_days(
    simulator: Simulator, caller: Any
) -> None:
    """What is older is in no collection; a GET by id and a query still know it."""
    old = simulator.add_session(script=(), created_in=-31 * 86_400)
    path = f"/backupSessions/{old}?format=Entity"

    assert str(old) not in (await caller.get("/backupSessions")).body.decode()
    assert (await caller.get(path)).status == 200
    assert len(await caller.query(f'UID=="{old}"')) == 1


@pytest.mark.parametrize(
    "path",
    [
        "/replicaSessions",
        "/restoreSessions",
        "/backupTaskSessions",
        "/replicaTaskSessions",
        "/jobs",
        "/backupServers",
        "/repositories",
        "/nas/backupSessions",
        "/nas/jobs",
        "/agents/backupSessions",
        "/agents/jobs",
    ],
)
async def test_every_reference_leads_to_its_entity(caller: Any, path: str) -> None:
    """What a collection refers to can be got, as a reference and as an entity."""
    refs = (await caller.get(path)).json["refs"]
    [plain] = [link for link in refs[0]["links"] if _is_alternate(link)]
    below = plain["href"].partition("/api")[2]
    entity = await caller.get(below)

    assert entity.status == 200
    # To agents' and file shares' jobs the reference links as to a Job, as documented.
    type_ = "Job" if "/jobs" in path else entity.json["type"]
    assert (refs[0]["uid"], plain["type"]) == (entity.json["uid"], type_)
    [back] = [link for link in entity.json["links"] if _is_alternate(link)]
    assert refs[0] == (await caller.get(back["href"].partition("/api")[2])).json


async def test_links_down_lead_to_collections(caller: Any) -> None:
    """Task sessions, a job's sessions and a server's jobs can be reached by links."""
    for path in ("/backupSessions", "/replicaSessions", "/jobs", "/backupServers"):
        first = (await caller.get(path)).json["refs"][0]
        downs = [link["href"] for link in first["links"] if link["rel"] == "Down"]

        assert downs
        for down in downs:
            assert (await caller.get(down.partition("/api")[2])).status == 200


async def test_collections_without_anything_are_empty(caller: Any) -> None:
    """Collections that hold nothing have an empty list, in XML an empty element."""
    entities = await caller.get("/agents/discoveredComputers?format=Entity")
    refs = await caller.get("/backups", accept="application/xml")

    assert entities.json == {"discoveredComputers": []}
    assert f"{NS}EntityReferences" == refs.xml.tag
    assert _tags(refs.xml) == []


async def test_a_restore_has_no_job(caller: Any) -> None:
    """A restore session has a machine instead of a job."""
    [first, *_] = (await caller.get("/restoreSessions?format=Entity")).json[
        "restoreSessions"
    ]

    assert first["vmDisplayName"]
    assert not {"jobUid", "jobName", "isRetry"} & set(first)


async def test_a_malformed_id_is_a_bad_request(caller: Any) -> None:
    """An id that is no UUID gives 400 in the recorded words and the recorded form."""
    reply = await caller.get("/backupSessions/99999?format=Entity")
    root = (await caller.get("/jobs/99999", accept="application/xml")).xml

    assert reply.status == 400
    assert reply.json == {
        "firstChanceExceptionMessage": None,
        "message": " ID 99999 is invalid. Type: BackupJobSession",
        "stackTrace": None,
        "status": None,
        "statusCode": 400,
    }
    assert f"{NS}Error" == root.tag
    assert (root.attrib) == {
        "Message": " ID 99999 is invalid. Type: Job",
        "StatusCode": "400",
    }


async def test_errors_of_older_products_are_pascal_case(connect: Any) -> None:
    """Before 13 the error's keys are the recorded ones, in the recorded order."""
    async with Simulator(product="12") as simulator:
        caller = await connect(simulator)
        reply = await caller.get("/jobs/99999")

        assert json.loads(reply.body) == {
            "FirstChanceExceptionMessage": None,
            "Message": " ID 99999 is invalid. Type: Job",
            "StackTrace": None,
            "Status": None,
            "StatusCode": 400,
        }


async def test_an_unknown_id_is_not_found(caller: Any) -> None:
    """A UUID that nothing has gives 404 and names it."""
    unknown = "12345678-1234-4234-8234-123456789abc"
    reply = await caller.get(f"/backupSessions/{unknown}?format=Entity")

    assert reply.status == 404
    assert f"Cannot find job session [{unknown}]" == reply.json["message"]
    assert (await caller.get(f"/jobs/{unknown}/backupSessions")).status == 404


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/backupSessions?format=Entities", 400),
        ("PUT", "/backupSessions", 405),
        ("GET", "/sessionMngr/", 405),
        ("DELETE", "/jobs", 405),
    ],
)
async def test_what_is_not_there_is_refused(
    caller: Any, method: str, path: str, status: int
) -> None:
    """Unknown paths, formats and methods each have their status."""
    assert status == (await caller.send(method, path)).status


async def test_paths_are_matched_in_any_case(simulator: Simulator, caller: Any) -> None:
    """The case of a path does not matter, and it is counted under its own name."""
    session = str(simulator.session_ids[0])
    reply = await caller.get(f"/BACKUPSESSIONS/{session.upper()}?FORMAT=Entity")

    assert reply.status == 200
    assert simulator.stats.by_route["GET /backupSessions/{id}"] == 1


async def test_hrefs_carry_the_servers_own_idea_of_its_host(connect: Any) -> None:
    """With public_url every Href has it, whatever host was called."""
    async with Simulator(public_url="https://em.lab.internal:9398") as simulator:
        caller = await connect(simulator)
        reply = await caller.get("/backupSessions")

        hrefs = [link["href"] for link in reply.json["refs"][0]["links"]]
        assert all(
            href.startswith("https://em.lab.internal:9398/api/") for href in hrefs
        )


async def test_monitoring_scripts_find_their_reports(caller: Any) -> None:
    """The summary reports count what the collections show."""
    statistics = (await caller.get("/reports/summary/job_statistics")).json

    assert statistics["runningJobs"] == 20
    assert statistics["totalJobRuns"] == (
        statistics["successfulJobRuns"]
        + statistics["warningsJobRuns"]
        + statistics["failedJobRuns"]
    )
    assert (await caller.get("/reports/summary/overview")).status == 200
    assert (await caller.get("/reports/summary/vms_overview")).status == 200
