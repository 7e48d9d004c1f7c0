import asyncio
from itertools import groupby

import pytest

from tests.cli.command import PASSWORD, Run
from tests.support.bodies import behind_logon, error
from tests.support.fault_server import FaultServer
from veeam_async.simulator import Simulator

NAME = "SAP  HANA (prod)"
UNKNOWN = "3f6a8c1e-52d7-4b90-a1c4-7d0e9b2f6a35"


@pytest.mark.parametrize("command", ["get", "wait", "tasks", "watch", "fetch"])
async def test_a_name_stands_for_the_newest_session_or_the_one_that_runs(
    quick: Run, simulator: Simulator, command: str
) -> None:
    """In any case, wherever an id is wanted; which one is said."""
    old = simulator.add_session(script=(), job_name=NAME, created_in=-7200)
    newest = simulator.add_session(script=(), job_name=NAME)
    simulator.add_session(script=(), job_name=NAME, created_in=-3600)
    for text in (NAME, NAME.lower(), str(newest)[:8], str(newest)[:14].upper()):
        ended = await quick(command, text)

        assert ended.code == 0
        assert f" is session {newest}\n" in ended.err
        assert str(newest) in ended.out
        assert str(old) not in ended.out


async def test_what_runs_is_meant_before_what_is_newer(
    quick: Run, simulator: Simulator
) -> None:
    """Stopping a job by its name stops its session that runs."""
    running = simulator.add_session(
        script=[("Working", 36_000)], job_name=NAME, created_in=-60
    )
    simulator.add_session(script=(), job_name=NAME)
    stopped = await quick("stop", NAME, "--yes")
    uid = await quick("get", f"urn:veeam:Job:{simulator.job_ids[0]}")

    assert (stopped.code, uid.err) == (0, "")
    assert stopped.err.endswith(f"its end: veeam-async wait {running}\n")
    assert uid.rows[0]["job_uid"].endswith(str(simulator.job_ids[0]))


@pytest.mark.parametrize("command", ["get", "tasks"])
async def test_a_jobs_id_stands_for_its_session(
    quick: Run, simulator: Simulator, command: str
) -> None:
    """JSON and the table of jobs show it; of what nobody has the error stays."""
    job_id = simulator.job_ids[0]
    newest = simulator.add_session(script=(), job_name=NAME, job_id=job_id)
    ended = await quick(command, str(job_id))
    unknown = await quick(command, UNKNOWN)

    assert ended.code == 0
    assert ended.err == f"{job_id} is a job: its session is {newest}\n"
    assert str(newest) in ended.out
    assert (unknown.code, unknown.out) == (1, "")
    assert "404" in unknown.err


@pytest.mark.parametrize("command", ["stop --yes", "wait", "fetch"])
async def test_a_jobs_id_is_refused_with_its_name(
    quick: Run, simulator: Simulator, command: str
) -> None:
    """Where no session may be guessed; what nobody has is said not to be known."""
    job_id = simulator.job_ids[0]
    name = (await quick("jobs", "--columns", "id,name")).rows
    named = next(row["name"] for row in name if row["id"] == str(job_id))
    ended = await quick(*command.split(), str(job_id))
    unknown = await quick(*command.split(), UNKNOWN)

    assert (ended.code, unknown.code) == (1, 1)
    assert f"{job_id} is the id of a job, of no session: " in ended.err
    assert repr(named) in ended.err
    assert "is the id of a job" not in unknown.err


async def test_only_an_id_that_nobody_has_may_be_a_jobs(quick: Run) -> None:
    """A session that is refused is said to be so, and nothing else is asked for."""
    refused = error(403, "Access is denied.")
    async with FaultServer(behind_logon(lambda _asked: refused)) as server:
        ended = await quick("fetch", UNKNOWN, VEEAM_URL=server.url)

    assert ended.code == 1
    assert "answered 403" in ended.err
    sent = server.count("GET", f"/api/backupSessions/{UNKNOWN}")
    assert server.count("GET") == sent == 1


async def test_what_failed_is_said_before_the_request(quick: Run) -> None:
    """And the request without its query, in which a filter is unreadable."""
    ended = await quick("tasks", UNKNOWN)

    assert ended.err.startswith("veeam-async: Cannot find job session ")
    assert ended.err.endswith(f"/backupSessions/{UNKNOWN}/taskSessions answered 404\n")


async def test_several_that_may_be_meant_are_listed(
    quick: Run, simulator: Simulator
) -> None:
    """Two sessions that run, or two jobs of one name: with their ids, exit code 2."""
    script = [("Working", 36_000.0)]
    running = {
        str(simulator.add_session(script=script, job_name="Twins")) for _ in range(2)
    }
    ended = {
        str(simulator.add_session(script=(), job_name="Servers", job_id=job_id))
        for job_id in simulator.job_ids[:2]
    }
    for name, ids in (("Twins", running), ("Servers", ended)):
        for command in ("get", "fetch"):
            refused = await quick(command, name)
            said, *listed = refused.err.splitlines()

            assert (refused.code, refused.out) == (2, "")
            assert f"2 sessions are meant with '{name}': give one's id" in said
            assert {line.split()[0] for line in listed} == ids
            assert all("UTC" in line for line in listed)


async def test_a_beginning_of_several_ids_is_ambiguous(quick: Run) -> None:
    """They are listed too."""
    async with Simulator(sessions=600, running=0, password=PASSWORD) as simulator:
        ids = sorted(map(str, simulator.session_ids))
        start, alike = next(
            (start, found)
            for start, group in groupby(ids, key=lambda text: text[:4])
            if len(found := list(group)) > 1
        )
        refused = await quick("get", start, VEEAM_URL=simulator.url)

    assert refused.code == 2
    assert {line.split()[0] for line in refused.err.splitlines()[1:]} == {*alike}


async def test_a_name_that_nobody_has(quick: Run, simulator: Simulator) -> None:
    """The nearest are told, of restores those of machines; exit code 1."""
    simulator.add_session(script=(), job_name=NAME)
    job, restore, beginning = await asyncio.gather(
        quick("wait", "SAP HANNA"),
        quick("get", "db01", "--resource", "restore"),
        quick("get", "00000000-0000"),
    )

    assert [each.code for each in (job, restore, beginning)] == [1, 1, 1]
    assert "no session of a job called 'SAP HANNA'" in job.err
    assert f"\n  perhaps: {NAME}\n" in job.err
    assert "no session of a machine called 'db01'" in restore.err
    assert "nor with such an id" in beginning.err


async def test_a_query_takes_a_jobs_name_in_any_case(
    quick: Run, simulator: Simulator
) -> None:
    """Where no job has exactly this name."""
    simulator.add_session(script=(), job_name=NAME)
    found = await quick("query", "--job", NAME.upper())

    none = await quick("query", "--job", "SAP HANNA")
    no_match = await quick("query", "--job", NAME, "--since", "2100-01-01")

    assert [row["job_name"] for row in found.rows] == [NAME]
    assert none.err == f"no session matches\n  perhaps: {NAME}\n"
    assert no_match.err == "no session matches\n"
