"""Whatever the simulator links to is there."""

from collections.abc import Iterator
from typing import Any

import pytest

from veeam_async.simulator import Simulator

ORDERS = {"Create", "Delete", "Start", "Stop", "Retry", "Sync", "ToggleScheduleEnabled"}
"""Relations that are no places to read."""
REPORTS = {"overview", "vms_overview", "job_statistics", "processed_vms", "repository"}


def _links(plain: Any) -> Iterator[str]:
    """Hrefs that may be read, of links and of documents themselves."""
    if isinstance(plain, list):
        for item in plain:
            yield from _links(item)
    elif isinstance(plain, dict):
        found = {key.lower(): value for key, value in plain.items()}
        if found.get("href") and found.get("rel") not in ORDERS:
            yield found["href"].partition("/api")[2]
        for value in plain.values():
            yield from _links(value)


@pytest.mark.parametrize("product", ["11", "12", "13"])
async def test_no_link_is_dead(connect: Any, product: Any) -> None:
    """From the root and the logon on, every link of every document is a 200."""
    async with Simulator(sessions=40, running=4, speed=0, product=product) as simulator:
        caller = await connect(simulator, is_logged_on=False)
        waiting = ["/", *_links((await caller.log_on()).json)]
        seen = set(waiting)
        dead = []
        while waiting:
            path = waiting.pop()
            reply = await caller.get(path)
            if reply.status != 200:
                dead.append(path)
                continue
            new = {*_links(reply.json)} - seen
            seen |= new
            waiting += new

    assert dead == []
    assert len(seen) > 400
    assert any("/restorePoints/" in path for path in seen)
    assert any("/agents/jobs/" in path for path in seen)
    assert any("/nas/jobs/" in path for path in seen)


async def test_a_restore_point_has_the_date_of_its_session(caller: Any) -> None:
    """It is an entity of its own, and among all restore points."""
    [rows] = (await caller.get("/backupSessions?format=Entity")).json.values()
    session, link = next(
        (row, link)
        for row in rows
        for link in row["links"]
        if link["type"] == "RestorePointReference"
    )
    path = link["href"].partition("/api")[2]
    point = (await caller.get(f"{path}?format=Entity")).json
    [points] = (await caller.get("/restorePoints?format=Entity")).json.values()
    query = "/query?type=RestorePoint&format=Entities&filter=UID=="
    queried = (await caller.get(f"{query}{path.rpartition('/')[2]}")).json

    assert (point["type"], point["name"]) == ("RestorePoint", link["name"])
    assert point["backupDateUTC"] == session["creationTimeUTC"]
    assert point in points
    assert queried["entities"]["restorePoints"]["restorePoints"] == [point]


async def test_a_failed_session_has_no_restore_point(
    simulator: Simulator, caller: Any
) -> None:
    """Nor has one that runs, nor is there one of a made-up id."""
    simulator.add_session(script=(), result="Failed")
    [before] = (await caller.get("/restorePoints")).json.values()
    running = simulator.running_ids[0]

    assert (await caller.get(f"/restorePoints/{running}")).status == 404
    assert (await caller.get("/restorePoints/nonsense")).status == 400
    simulator.add_session(script=(), created_in=-60)
    [after] = (await caller.get("/restorePoints")).json.values()
    assert len(after) == len(before) + 1


async def test_the_reports_have_an_index(caller: Any) -> None:
    """It names all five, and each can be read in both forms."""
    index = (await caller.get("/reports/summary")).json
    names = {link["href"].rpartition("/")[2] for link in index["links"]}
    root = (await caller.get("/reports/summary", accept="application/xml")).xml

    assert names == REPORTS
    assert root.tag.endswith("}SummaryReport")


async def test_the_reports_that_scripts_read(caller: Any) -> None:
    """Machines of each of the last days, the newest first; each repository's space."""
    days = (await caller.get("/reports/summary/processed_vms")).json["days"]
    periods = (await caller.get("/reports/summary/repository")).json["periods"]
    repos = (await caller.get("/repositories?format=Entity")).json["repositories"]
    path = "/reports/summary/processed_vms"
    frame = (await caller.get(path, accept="application/xml")).xml

    assert len(days) == 7
    assert {*days[0]} == {"timestamp", "replicatedVms", "backupedVms"}
    assert days[0]["timestamp"] > days[1]["timestamp"]
    assert sum(day["backupedVms"] for day in days) > 0
    assert [(p["name"], p["capacity"], p["freeSpace"]) for p in periods] == [
        (r["name"], r["capacity"], r["freeSpace"]) for r in repos
    ]
    assert [child.tag.rpartition("}")[2] for child in frame] == ["Day"] * 7
    assert frame[0].get("BackupedVms") == str(days[0]["backupedVms"])
