"""`jobs`: all there are, how they ended, and which run."""

import asyncio
import math
from collections.abc import AsyncIterator

import pytest

from tests.cli.command import PASSWORD, Invoke, Run, environment
from tests.cli.terminal import needs_terminal, on_terminal
from tests.support.simulated import client
from veeam_async.simulator import Simulator

HOUR = 3600.0
REPLICATION = "ERP Replication"
BACKUP = "HR Systems"


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    """A server whose jobs have not run yet, but for two."""
    async with Simulator(sessions=0, speed=0, password=PASSWORD) as simulator:
        async with client(simulator) as em:
            ids = {job.name: job.id async for job in em.jobs.query()}
        for hours, result in ((50, "Success"), (3, "Failed")):
            simulator.add_session(
                script=(), result=result, created_in=-hours * HOUR, job_id=ids[BACKUP]
            )
        simulator.add_session(
            script=[("Working", math.inf)], created_in=-HOUR, job_id=ids[BACKUP]
        )
        simulator.add_session(
            script=(),
            created_in=-200 * HOUR,
            job_id=ids[REPLICATION],
            kind="ReplicaJobSession",
        )
        yield simulator


async def test_what_is_told_of_a_job(quick: Run) -> None:
    """Its schedule, its last session that ended, and the one that runs."""
    ended = await quick("jobs", "hr sys*")

    [row] = ended.rows
    assert list(row)[:3] == ["id", "uid", "name"]
    assert (row["name"], row["kind"], row["job_type"]) == (BACKUP, "vm", "Backup")
    assert row["schedule_enabled"] is True
    assert row["next_run"].endswith("Z")
    assert (row["last_result"], row["running"]) == ("Failed", "Working")
    assert row["last_session_id"]


async def test_jobs_of_all_kinds(quick: Run, simulator: Simulator) -> None:
    """Sorted by name; a replication's sessions are found, however old they are."""
    ended = await quick("jobs")

    names = [row["name"] for row in ended.rows]
    assert names == sorted(names, key=str.casefold)
    assert len(names) == len(simulator.job_ids)
    assert {row["kind"] for row in ended.rows} == {"vm", "agent", "share"}
    by_name = {row["name"]: row for row in ended.rows}
    assert by_name[REPLICATION]["last_result"] == "Success"
    assert by_name["SAP HANA"]["last_result"] is None


async def test_which_jobs(quick: Run) -> None:
    """By patterns, kind, result and whether they run."""
    agents, failed, running, none = await asyncio.gather(
        quick("jobs", "--kind", "agent"),
        quick("jobs", "--result", "failed"),
        quick("jobs", "--running", "*"),
        quick("jobs", "--job", "SAP*", "--running"),
    )

    assert {row["job_type"] for row in agents.rows} == {"AgentBackup"}
    assert [row["name"] for row in failed.rows] == [BACKUP]
    assert [row["name"] for row in running.rows] == [BACKUP]
    assert (none.code, none.out, none.err) == (0, "", "no job matches\n")


async def test_a_name_with_a_typing_error(quick: Run) -> None:
    """Names that are like it are told."""
    ended = await quick("jobs", "HR Sistems")

    assert (ended.code, ended.out) == (0, "")
    assert ended.err == f"no job matches; like it are: {BACKUP}\n"


async def test_many_jobs_are_asked_for_together(
    quick: Run, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only a job that the recent sessions do not tell of is asked for by itself."""
    one_by_one = await quick("jobs")
    before = simulator.stats.by_route["GET /query"]
    monkeypatch.setattr("veeam_async.cli.job_list.FEW", 1)
    together = await quick("jobs")
    queries = simulator.stats.by_route["GET /query"] - before

    assert together.out == one_by_one.out
    # Those of the three kinds, two of recent sessions, and one for each other job.
    assert queries == 3 + 2 + len(simulator.job_ids) - 1


async def test_who_may_not_see_jobs(quick: Run) -> None:
    """One line says which role does, and what shows sessions."""
    async with Simulator(
        sessions=0, speed=0, password=PASSWORD, role="Portal User"
    ) as server:
        ended = await quick("jobs", VEEAM_URL=server.url)

    assert (ended.code, ended.out) == (1, "")
    assert "Portal Administrator" in ended.err
    assert ended.err.endswith("; veeam-async query shows what has run\n")


async def test_its_rows_are_read_as_sessions(quick: Run) -> None:
    """A job stands for its session that runs, else for its newest."""
    listed = await quick("jobs", BACKUP, "-o", "csv")
    fetched = await quick("fetch", "-", text=listed.out)

    [row] = fetched.rows
    assert (row["job_name"], row["state"]) == (BACKUP, "Working")


def test_an_unknown_result(invoke: Invoke) -> None:
    """It is refused before anything is asked."""
    ended = invoke("jobs", "--result", "Fine", VEEAM_URL="http://127.0.0.1:1")

    assert (ended.code, ended.out) == (2, "")
    assert "Success, Warning, Failed" in ended.err


@needs_terminal
@pytest.mark.parametrize("columns", [60, 80, 160])
async def test_on_a_terminal(simulator: Simulator, columns: int) -> None:
    """How, when and what runs stay; the others go where there is no room."""
    shown = await on_terminal(
        "jobs", env=environment(simulator, TZ="UTC"), columns=columns
    )

    assert shown.code == 0
    assert all(len(line.rstrip()) <= columns for line in shown.lines)
    heading = next(line for line in shown.lines if line.startswith("Job "))
    [job] = [line for line in shown.lines if line.startswith(BACKUP)]
    assert "Failed" in job
    assert "Working" in job
    assert ("Next" in heading) is (columns >= 80)
    assert ("Id" in heading.split()) is (columns >= 160)
