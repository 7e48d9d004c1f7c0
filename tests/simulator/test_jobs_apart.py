"""Jobs of agents and of file shares, which have addresses of their own."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from veeam_async.simulator import Simulator

ADDRESSES = ("/jobs", "/agents/jobs", "/nas/jobs")
NS = "{http://www.veeam.com/ent/v1.0}"
JSON, XML = "application/json", "application/xml"


def _below(href: str) -> str:
    return href.partition("/api")[2]


def _lowered(plain: Any) -> Any:
    """The same value with keys in lower case, however the product spells them."""
    if isinstance(plain, dict):
        return {key.lower(): _lowered(value) for key, value in plain.items()}
    return [_lowered(item) for item in plain] if isinstance(plain, list) else plain


async def _entities(caller: Any, path: str) -> list[dict[str, Any]]:
    """Entities of a collection that are asked for in JSON."""
    reply = await caller.get(f"{path}?format=Entity", accept=JSON)
    [rows] = _lowered(reply.json).values()
    found: list[dict[str, Any]] = rows
    return found


def _links(row: dict[str, Any], rel: str) -> list[dict[str, Any]]:
    return [link for link in row["links"] if link["rel"] == rel]


async def _jobs_named(caller: Any, path: str, media: str) -> set[tuple[str, str]]:
    """The job of each session of a collection: its id, and where its link leads."""
    if media == JSON:
        rows = await _entities(caller, path)
        return {
            (row["jobuid"], link["href"])
            for row in rows
            for link in _links(row, "Up")
            if link["type"] == "JobReference"
        }
    reply = await caller.get(f"{path}?format=Entity", accept=XML)
    return {
        (row.findtext(f"{NS}JobUid"), link.get("Href"))
        for row in reply.xml
        for link in row.iter(f"{NS}Link")
        if (link.get("Rel"), link.get("Type")) == ("Up", "JobReference")
    }


@pytest.mark.parametrize("media", [JSON, XML])
@pytest.mark.parametrize("product", ["11", "12", "13"])
async def test_the_job_of_every_session_is_there(
    connect: Any, product: Any, media: str
) -> None:
    """One address has it, which is where the session's link leads."""
    async with Simulator(product=product) as simulator:
        caller = await connect(simulator)
        named = set()
        for path in ("/backupSessions", "/replicaSessions"):
            named |= await _jobs_named(caller, path, media)

        assert len(named) > 30
        for uid, href in named:
            assert re.fullmatch("urn:veeam:Job:[0-9a-f-]{36}", uid)
            job_id = uid.rpartition(":")[2]
            tried = [f"{address}/{job_id}" for address in ADDRESSES]
            found = [t for t in tried if (await caller.get(t)).status == 200]
            assert found == [_below(href)]


async def test_each_address_lists_its_own_jobs(caller: Any) -> None:
    """No job of agents, of file shares or of a copy's workers is among /jobs."""
    types = {
        path: {row.get("jobtype") for row in await _entities(caller, path)}
        for path in ADDRESSES
    }

    assert types == {
        "/jobs": {"Backup", "BackupCopy", "ImmediateBackupCopy", "Replica"},
        "/agents/jobs": {"AgentBackup"},
        # They have no such element.
        "/nas/jobs": {None},
    }


async def test_a_job_of_agents_is_shown_as_documented(caller: Any) -> None:
    """Root and type, UID, platform, and the types of its links are the reference's."""
    job, other = await _entities(caller, "/agents/jobs")
    path = _below(job["href"]).partition("?")[0]
    root = (await caller.get(f"{path}?format=Entity", accept=XML)).xml
    reference = (await caller.get(path)).json

    assert root.tag == f"{NS}AgentBackupJob"
    assert job["type"] == root.get("Type") == "AgentBackupJob"
    assert job["uid"] == f"urn:veeam:AgentBackupJob:{path.rpartition('/')[2]}"
    assert {job["platform"], other["platform"]} == {"AgentForWindows", "AgentForLinux"}
    assert [link["type"] for link in _links(job, "Alternate")] == ["JobReference"]
    assert reference["type"] == "AgentBackupJobReference"
    assert [link["type"] for link in _links(reference, "Alternate")] == ["Job"]
    assert _links(job, "Start")[0]["href"].endswith(f"{path}?action=start")


async def test_a_job_of_file_shares_is_shown_as_documented(caller: Any) -> None:
    """Root and type differ, and its actions are segments of the path."""
    job, _ = await _entities(caller, "/nas/jobs")
    path = _below(job["href"]).partition("?")[0]
    root = (await caller.get(f"{path}?format=Entity", accept=XML)).xml
    reference = (await caller.get(path)).json

    assert root.tag == f"{NS}NASJob"
    assert job["type"] == root.get("Type") == "NasJob"
    assert job["uid"] == f"urn:veeam:NasJob:{path.rpartition('/')[2]}"
    assert [link["type"] for link in _links(job, "Alternate")] == ["JobReference"]
    assert reference["type"] == "NasJobReference"
    assert [link["type"] for link in _links(reference, "Alternate")] == ["Job"]
    assert {
        _below(link["href"]).removeprefix(path)
        for link in job["links"]
        if link["rel"] in {"Start", "Stop", "Retry", "ToggleScheduleEnabled"}
    } == {"/start", "/stop", "/retry", "/toggleScheduleEnabled"}


@pytest.mark.parametrize(
    ("type_", "names", "tag", "filter_"),
    [
        (
            "AgentBackupJob",
            ("agentBackupJob", "agentBackupJobs"),
            "AgentBackupJob",
            "Platform==AgentForLinux",
        ),
        ("nasjob", ("nasJobs", "nasJobs"), "NASJob", 'Name=="Project Shares"'),
    ],
)
async def test_the_query_service_knows_them(
    caller: Any, type_: str, names: tuple[str, str], tag: str, filter_: str
) -> None:
    """By types of their own, in lists of the names that were seen."""
    path = f"/query?type={type_}&format=Entities&filter={filter_.replace(' ', '%20')}"
    reply = await caller.get(path)
    root = (await caller.get(path, accept=XML)).xml
    outer, inner = names

    assert len(reply.json["entities"][outer][inner]) == 1
    assert len([*root.iter(f"{NS}{tag}")]) == 1


@pytest.mark.parametrize("filter_", ["Platform==VMware", "JobType==NasBackup"])
async def test_file_shares_have_no_type_to_query(caller: Any, filter_: str) -> None:
    """Only names in the reference are fields of theirs."""
    reply = await caller.get(f"/query?type=NasJob&filter={filter_}")

    assert reply.status == 400


async def _task(caller: Any, simulator: Simulator, path: str) -> dict[str, Any]:
    """An order, and its outcome."""
    reply = await caller.post(path)
    simulator.advance(20)
    found: dict[str, Any] = (await caller.get(_below(reply.json["href"]))).json
    return found


@pytest.mark.parametrize(
    ("path", "mark"), [("/agents/jobs", "?action="), ("/nas/jobs", "/")]
)
async def test_they_are_ordered_at_their_addresses(
    connect: Any, path: str, mark: str
) -> None:
    """Start, stop, retry and the schedule's switch, each in its kind's spelling."""
    async with Simulator(sessions=0, running=0, speed=0) as simulator:
        caller = await connect(simulator)
        [job, _] = await _entities(caller, path)
        base = _below(job["href"]).partition("?")[0] + mark
        started = await _task(caller, simulator, f"{base}start")
        [session] = _links(started, "Related")
        tasks = [
            await _task(caller, simulator, f"{base}{action}")
            for action in ("stop", "retry", "stop", "toggleScheduleEnabled")
        ]
        [after, _] = await _entities(caller, path)

        assert (await caller.get(_below(session["href"]))).status == 200
        assert [task["result"]["success"] for task in tasks] == [True] * 4
        assert after["scheduleenabled"] != job["scheduleenabled"]


async def test_another_spelling_orders_nothing(caller: Any) -> None:
    """An address knows its own jobs, its own spelling and its own actions only."""
    jobs = {
        path: (await _entities(caller, path))[0]["uid"].rpartition(":")[2]
        for path in ADDRESSES
    }
    nas, agents = f"/nas/jobs/{jobs['/nas/jobs']}", jobs["/agents/jobs"]

    assert (await caller.post(f"/jobs/{agents}?action=start")).status == 404
    assert (
        await caller.post(f"/agents/jobs/{jobs['/jobs']}?action=stop")
    ).status == 404
    assert (await caller.post(f"{nas}?action=start")).status == 405
    assert (await caller.post(f"{nas}/sync")).status == 404
    assert (await caller.post(f"/agents/jobs/{agents}?action=clone")).status == 400
    assert (await caller.post(f"/agents/jobs/{agents}?action=sync")).status == 400


async def test_a_job_can_be_cloned(connect: Any) -> None:
    """The task names the new job, whose schedule is off."""
    async with Simulator(sessions=0, running=0, speed=0) as simulator:
        caller = await connect(simulator)
        path = f"/jobs/{simulator.job_ids[0]}"
        old = _lowered((await caller.get(f"{path}?format=Entity")).json)
        task = await _task(caller, simulator, f"{path}?action=clone")
        [link] = _links(task, "Related")
        new = (await caller.get(_below(link["href"]))).json

        assert (task["operation"], link["type"]) == ("CloneJob", "Job")
        assert new["name"] == f"{old['name']}_clone1"
        assert (new["scheduleEnabled"], new["jobType"]) == (False, old["jobtype"])


async def test_sessions_of_agents_have_those_of_their_machines(
    simulator: Simulator, caller: Any
) -> None:
    """Each within the other's time, linked both ways, with a machine's own job."""
    rows = await _entities(caller, "/agents/backupSessions")
    by_uid = {row["uid"]: row for row in rows}
    kinds = {row["jobtype"] for row in rows}
    children = [row for row in rows if row["jobtype"] == "AgentManagement"]
    listed = {row["name"] for row in await _entities(caller, "/agents/jobs")}

    assert kinds == {"AgentBackup", "AgentManagement"}
    assert len(simulator.session_ids) == 200
    for child in children:
        [up] = [x for x in _links(child, "Up") if x["name"] == "Parent session"]
        parent = by_uid[f"urn:veeam:BackupJobSession:{up['href'].rpartition('/')[2]}"]
        [down] = [
            link
            for link in _links(parent, "Alternate")
            if link["type"] == "BackupJobSessionReferenceList"
        ]
        there = await _entities(caller, _below(down["href"]))

        assert child["uid"] in {row["uid"] for row in there}
        assert child["jobname"].startswith(f"{parent['jobname']} - ")
        assert child["jobname"] not in listed
        assert parent["creationtimeutc"] < child["creationtimeutc"]
        assert child["endtimeutc"] <= parent["endtimeutc"]


async def test_a_start_of_agents_starts_their_machines(connect: Any) -> None:
    """Their sessions follow the container's, and stop with it."""
    start = datetime(2026, 3, 1, tzinfo=UTC)
    async with Simulator(sessions=0, running=0, speed=0, start=start) as simulator:
        caller = await connect(simulator)
        job = (await _entities(caller, "/agents/jobs"))[0]
        path = _below(job["href"]).partition("?")[0]
        await caller.post(f"{path}?action=start")
        simulator.advance(60)
        rows = await _entities(caller, "/agents/backupSessions")
        await caller.post(f"{path}?action=stop")
        simulator.advance(60)
        ended = await _entities(caller, "/agents/backupSessions")

        assert [row["jobtype"] for row in rows].count("AgentBackup") == 1
        assert [row["jobtype"] for row in rows].count("AgentManagement") >= 1
        assert {row["state"] for row in rows} == {"Working"}
        assert {row["state"] for row in ended} == {"Stopped"}


async def test_workers_name_their_copy_job(caller: Any) -> None:
    """A worker's session is called after itself, its job is the copy job."""
    rows = await _entities(caller, "/backupSessions")
    jobs = {row["uid"]: row["name"] for row in await _entities(caller, "/jobs")}
    workers = [row for row in rows if row["jobtype"] == "ImmediateBackupCopyWorker"]

    assert workers
    for row in workers:
        assert row["jobname"].partition("\\")[0] == jobs[row["jobuid"]]
