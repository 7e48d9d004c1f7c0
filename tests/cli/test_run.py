import asyncio
import json
import math
from collections.abc import AsyncIterator
from urllib.parse import unquote_plus

import pytest

from tests.cli.command import PASSWORD, Run, after_polls, environment
from tests.cli.terminal import needs_terminal, on_terminal
from tests.support.bodies import JOB, LOST, PAGE, behind_logon, row, task, uuid_of
from tests.support.fault_server import Act, Answer, Asked, FaultServer, Reset
from tests.support.scripted import ScriptedServer
from tests.support.simulated import ENDLESS, QUICK, client
from veeam_async import BackupSessions, Job, JobRun
from veeam_async.simulator import Simulator

FAST = ("--interval", "0.05")


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    """A server without sessions, on which a run is over in a moment."""
    async with Simulator(
        sessions=0, running=0, speed=600, password=PASSWORD
    ) as simulator:
        yield simulator


async def jobs(simulator: Simulator) -> list[Job]:
    """Jobs of the simulator that lie under `/jobs`, in the order of `job_ids`."""
    async with client(simulator) as em:
        found = {job.id: job async for job in em.jobs.query()}
    return [found[job_id] for job_id in simulator.job_ids if job_id in found]


def two_jobs(asked: Asked) -> Answer:
    """Answer any query with two jobs."""
    rows = [
        {"UID": f"urn:veeam:Job:{uuid_of(number)}", "Name": "Mail", "JobType": "Backup"}
        for number in range(2)
    ]
    return Answer(body=json.dumps({"Entities": {"Jobs": {"Jobs": rows}}}).encode())


def starts(simulator: Simulator) -> int:
    """Count the starts that were asked for."""
    return simulator.stats.by_route.get("POST /jobs/{id}", 0)


# ---------------------------------------------------------------- following


@pytest.mark.parametrize("how", ["name", "id"])
async def test_a_run_is_followed_to_its_end(
    quick: Run, simulator: Simulator, how: str
) -> None:
    """Of the job with this name, whatever is in it, or with this id."""
    all_jobs = {job.name: job for job in await jobs(simulator)}
    for text in ('Tier <1> "Gold"', "100% Linux + Docker; prod, dev"):
        simulator.next_run(all_jobs[text].id, script=QUICK, result="Warning")
        job = text if how == "name" else str(all_jobs[text].id)
        ended = await quick("run", job, *FAST)
        rows = ended.rows

        assert ended.code == 0
        assert ended.err == f"the server was asked to start {job}\n"
        assert (rows[0]["kind"], rows[-1]["kind"]) == ("FOUND", "STOPPED")
        assert rows[-1]["session"]["job_name"] == text
        assert rows[-1]["session"]["result"] == "Warning"
    assert starts(simulator) == 2
    assert simulator.stats.tokens_alive == 0


async def test_the_forms_of_its_output(quick: Run, simulator: Simulator) -> None:
    """An array of events, or a line for each; progress where it is asked for."""
    script = [("Working", 600.0)]
    first, other = simulator.job_ids[:2]
    for job_id in (first, other):
        simulator.next_run(job_id, script=script)
    array = await quick("run", str(first), *FAST, "-o", "json")
    table = await quick("run", str(other), *FAST, "--progress", "-o", "table")
    kinds = [event["kind"] for event in json.loads(array.out)]

    assert kinds[-1] == "STOPPED"
    assert "PROGRESSED" not in kinds
    assert "PROGRESSED" in table.out
    assert "STOPPED     Success" in table.out.splitlines()[-1]


async def test_a_failed_run_is_exit_code_3(quick: Run, simulator: Simulator) -> None:
    """With its reason, on one line; a retry is not waited for unasked."""
    simulator.next_run(
        simulator.job_ids[0],
        script=QUICK,
        result="Failed",
        failure_message="Disk\nfull",
        retries=["Success"],
    )
    ended = await quick("run", str(simulator.job_ids[0]), *FAST)

    assert ended.code == 3
    assert ended.err.splitlines()[1:] == ["veeam-async: the run failed: Disk full"]
    assert ended.rows[-1]["session"]["result"] == "Failed"


async def test_the_last_retry_decides(quick: Run, simulator: Simulator) -> None:
    """With --retries a run that failed at first has not failed."""
    simulator.next_run(
        simulator.job_ids[0],
        script=QUICK,
        result="Failed",
        retries=["Failed", "Success"],
        retry_in=60,
    )
    ended = await quick("run", str(simulator.job_ids[0]), "--retries", *FAST)
    found = [event["id"] for event in ended.rows if event["kind"] == "FOUND"]

    assert ended.code == 0
    assert found == [str(session_id) for session_id in reversed(simulator.session_ids)]
    assert (
        ended.err.splitlines()[1:]
        == ["it failed; the server may try again within 15 minutes"] * 2
    )


async def test_a_last_retry_that_fails_is_exit_code_3(
    quick: Run, simulator: Simulator
) -> None:
    """Here it is the last because the job was started anew."""
    job = simulator.job_ids[0]
    simulator.next_run(
        job, script=QUICK, result="Failed", retries=["Failed"], retry_in=60
    )

    async def begin_anew() -> None:
        while len(simulator.session_ids) != 2 or simulator.running_ids:
            await asyncio.sleep(0.02)
        simulator.add_session(script=(), created_in=1, job_id=job)

    ended, _ = await asyncio.gather(
        quick("run", str(job), "--retries", *FAST), begin_anew()
    )

    assert ended.code == 3
    assert "veeam-async: the run failed: " in ended.err
    assert ended.rows[-1]["session"]["is_retry"] is True


async def test_a_run_that_is_gone_is_exit_code_1(
    quick: Run, simulator: Simulator
) -> None:
    """Nobody knows how a session ended that the server forgot."""
    simulator.next_run(simulator.job_ids[0], script=ENDLESS)

    async def forget() -> None:
        await after_polls(simulator, 1)
        simulator.remove_session(simulator.running_ids[0])

    ended, _ = await asyncio.gather(
        quick("run", str(simulator.job_ids[0]), *FAST, "--gone-after", "0.2"), forget()
    )

    assert ended.code == 1
    assert ended.rows[-1]["kind"] == "GONE"
    assert ended.err.endswith("the server does not know the run's session any more\n")


async def test_the_deadline_is_exit_code_4(quick: Run, simulator: Simulator) -> None:
    """It ends the following, never the backup."""
    simulator.next_run(simulator.job_ids[0], script=ENDLESS)
    job = str(simulator.job_ids[0])
    ended = await quick("run", job, *FAST, "--timeout", "0.3", "-o", "json")
    simulator.advance(60)

    assert ended.code == 4
    assert "veeam-async: the time is up; the run " in ended.err
    assert isinstance(json.loads(ended.out), list)
    assert len(simulator.running_ids) == 1


# ---------------------------------------------------------------- not following


async def test_a_run_need_not_be_followed(quick: Run, simulator: Simulator) -> None:
    """With --no-wait its session is shown, and how to come back to it."""
    simulator.next_run(simulator.job_ids[0], script=ENDLESS)
    begun = await quick("run", str(simulator.job_ids[0]), "--no-wait", *FAST)
    [session] = begun.rows
    [session_id] = simulator.running_ids

    assert begun.code == 0
    assert (session["state"], session["uid"].rpartition(":")[2]) == (
        "Working",
        str(session_id),
    )
    assert begun.err.endswith(f"its end: veeam-async wait {session_id}\n")


async def test_the_way_back_to_a_replica(quick: Run, simulator: Simulator) -> None:
    """The command that is printed to come back to it finds it."""
    [job, *_] = [job for job in await jobs(simulator) if job.job_type == "Replica"]
    simulator.next_run(job.id, script=QUICK)
    begun = await quick("run", str(job.id), "--no-wait", *FAST)
    command = begun.err.splitlines()[-1].partition("veeam-async ")[2]
    waited = await quick(*command.split(), *FAST)

    assert command.endswith(" --resource replica")
    assert (waited.code, waited.rows[0]["state"]) == (0, "Stopped")


async def test_the_deadline_of_a_session_that_is_not_shown(
    quick: Run, simulator: Simulator
) -> None:
    """Is one too, and says that nothing was seen."""
    simulator.next_run(simulator.job_ids[0], script=ENDLESS, appears_in=math.inf)
    job = str(simulator.job_ids[0])
    begun = await quick("run", job, "--no-wait", *FAST, "--timeout", "0.3")

    assert (begun.code, begun.out) == (4, "")
    assert begun.err.endswith(
        "the time is up; the run may go on: no session of it was shown yet\n"
    )


# ---------------------------------------------------------------- not started


async def test_a_name_that_is_no_jobs_starts_nothing(
    quick: Run, simulator: Simulator
) -> None:
    """The names that are most like it are told."""
    ended = await quick("run", "Ubuntu Worker", *FAST)

    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("veeam-async: no job is called 'Ubuntu Worker', nor")
    assert "\n  perhaps: Kubernetes Workers\n" in ended.err
    assert starts(simulator) == 0


async def test_a_job_is_run_by_its_name_in_any_case_or_the_start_of_its_id(
    quick: Run, simulator: Simulator
) -> None:
    """As tables show it; where it is the only one."""
    job = (await jobs(simulator))[0]
    for text in (job.name.upper(), str(job.id)[:8]):
        simulator.next_run(job.id, script=QUICK)
        ended = await quick("run", text, *FAST)

        assert (ended.code, ended.rows[-1]["session"]["job_name"]) == (0, job.name)


async def test_a_name_of_two_jobs_starts_nothing(quick: Run) -> None:
    """Nobody guesses which was meant: both are listed; asked for is exactly this."""
    name = 'Mail "old", 50%;\\ servers'
    async with FaultServer(behind_logon(two_jobs)) as server:
        ended = await quick("run", name, *FAST, VEEAM_URL=server.url)
        query, *_ = [each for each in server.asked if "/query" in each.target]

    said, *listed = ended.err.splitlines()

    assert (ended.code, ended.out) == (2, "")
    assert said == f"veeam-async: 2 jobs are meant with {name!r}: give one's id"
    assert [line.split()[0] for line in listed] == [str(uuid_of(n)) for n in range(2)]
    assert 'Name=="Mail ""old"", 50%;\\ servers"' in unquote_plus(query.target)
    assert server.count("POST", "/api/jobs") == 0


@pytest.mark.parametrize(
    "wrong", [("--interval", "0"), ("--timeout", "-1"), ("--timeout", "nan")]
)
async def test_a_wrong_option_starts_nothing(
    quick: Run, simulator: Simulator, wrong: tuple[str, str]
) -> None:
    """It is refused before anything is sent."""
    ended = await quick("run", str(simulator.job_ids[0]), *wrong)

    assert ended.code == 2
    assert "a number of seconds" in ended.err
    assert simulator.stats.requests == 0


async def test_a_start_that_is_refused(quick: Run, simulator: Simulator) -> None:
    """Its reason is the server's own; so is that of an unknown job."""
    simulator.next_run(simulator.job_ids[0], refusal='Job "Mail" is already running.')
    refused = await quick("run", str(simulator.job_ids[0]), *FAST)
    unknown = await quick("run", str(uuid_of(9)), *FAST)

    assert (refused.code, refused.out) == (1, "")
    assert refused.err.endswith(
        'veeam-async: StartJob failed: Job "Mail" is already running\n'
    )
    assert unknown.code == 1
    assert "404" in unknown.err
    assert len(unknown.err.splitlines()) == 1


async def test_a_start_without_an_answer_is_looked_for(quick: Run) -> None:
    """It may have been taken: then it is followed like any other, and sent once."""
    ended_row = row(1, at=1, state="Stopped", result="Success")
    script = ScriptedServer(fresh=[ended_row], started=Reset())
    async with FaultServer(script) as server:
        ended = await quick("run", str(JOB), *FAST, VEEAM_URL=server.url)

    assert ended.code == 0
    assert [event["id"] for event in ended.rows] == [str(uuid_of(1))] * 2
    assert ended.err.startswith("veeam-async: the start was not confirmed: ")
    assert ended.err.endswith("; looking whether it was taken\n")
    assert server.count("POST", "/api/jobs") == 1


async def test_a_run_that_is_never_shown_is_exit_code_1(
    quick: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its message holds what is known of the run."""
    # The command has no option for it, and nobody waits five minutes here.
    monkeypatch.setitem(JobRun.watch.__kwdefaults__ or {}, "appear_within", 0.1)
    script = ScriptedServer(started=Reset(), tasks=[task("Running")])
    async with FaultServer(script) as server:
        ended = await quick("run", str(JOB), *FAST, VEEAM_URL=server.url)

    assert (ended.code, ended.out) == (1, "")
    assert ended.err.endswith("no answer to the start came, so it may not have begun\n")


# ---------------------------------------------------------------- a terminal


@needs_terminal
async def test_a_run_on_a_terminal(simulator: Simulator) -> None:
    """A live table, in which words about the run leave no line broken."""
    job = simulator.job_ids[0]
    title = (await jobs(simulator))[0].name
    simulator.next_run(
        job, script=QUICK, result="Failed", retries=["Success"], retry_in=60
    )
    shown = await on_terminal(
        *("run", title, "--retries", *FAST), env=environment(simulator)
    )

    assert shown.code == 0
    assert f"the server was asked to start {title}" in shown.lines
    assert "it failed; the server may try again within 15 minutes" in shown.lines
    assert "1 Success" in shown.lines[-2] + shown.lines[-1]


# ---------------------------------------------------------------- a dead server


async def test_a_server_that_is_silent_is_told_of_before_a_session_is_shown(
    quick: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once, with the reason, and once more when it answers again."""
    monkeypatch.setattr("veeam_async.cli.commands.run._PATIENCE_SECONDS", 0.3)
    ended_row = row(1, at=1, state="Stopped", result="Success")
    faults: list[Act] = [PAGE] * 30
    script = ScriptedServer(fresh=[ended_row], tasks=[LOST], faults=faults)
    async with FaultServer(script) as server:
        ended = await quick("run", str(JOB), *FAST, VEEAM_URL=server.url)
    lines = ended.err.splitlines()

    assert ended.code == 0
    assert len(lines) == 3
    assert lines[1].startswith("the server has not answered since ")
    assert lines[1].endswith("; looking on")
    assert "text/html" in lines[1]
    assert lines[2] == "the server answers again"


async def test_a_server_that_is_silent_is_told_of_while_a_session_runs(
    quick: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On standard error too, which a pipe does not hide."""
    defaults = BackupSessions.watch.__kwdefaults__ or {}
    monkeypatch.setitem(defaults, "patience", 0.2)
    script = ScriptedServer(fresh=[row(1, at=1)], tasks=[task(session=1)])
    now = asyncio.get_running_loop().time

    def act(asked: Asked) -> Act:
        if script.is_started and "/backupSessions/" in asked.target:
            looks.append(asked.target)
            if len(looks) == 3:
                until.append(now() + 1.5)
                script.rows[0] |= row(1, at=1, state="Stopped", result="Success")
        return PAGE if until and now() < until[0] else script(asked)

    looks: list[str] = []
    until: list[float] = []
    async with FaultServer(act) as server:
        ended = await quick("run", str(JOB), *FAST, VEEAM_URL=server.url)
    lines = ended.err.splitlines()

    assert ended.code == 0
    # A busy machine may have lists tried beside the GETs, and warn of those first.
    assert any("has not answered since" in line for line in lines[1:])
    assert lines[-1].endswith("answers again")
