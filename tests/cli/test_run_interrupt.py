import asyncio
import math
import shlex
import signal
import sys
from collections.abc import Callable

import pytest

from tests.cli.command import COMMAND, PASSWORD, Ended, end, environment, start
from tests.support.bodies import JOB, error, row, task, uuid_of
from tests.support.fault_server import FaultServer, Stall
from tests.support.scripted import ScriptedServer
from veeam_async.simulator import Simulator

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="SIGINT is sent as POSIX does"
)

ASKED = f"the server was asked to start {JOB}"
GOES_ON = f"the run goes on: {shlex.join(COMMAND)} wait {uuid_of(1)}"
MAY_GO_ON = "the run may go on: no session of it was shown yet"
FAILED = "the run failed, and the server may try again"


def server_that_runs_it() -> ScriptedServer:
    """A server on which the job's session runs, once it was started."""
    return ScriptedServer(fresh=[row(1, at=1)], tasks=[task(session=1)])


async def interrupted(
    script: ScriptedServer,
    *options: str,
    when: tuple[Callable[[FaultServer], bool], ...],
) -> tuple[Ended, FaultServer]:
    """Press Ctrl-C whenever the next of *when* has come true."""
    async with FaultServer(script) as server:
        env = environment(VEEAM_URL=server.url, VEEAM_USERNAME="veeam")
        arguments = ("run", str(JOB), "--interval", "0.05", *options)
        process = await start(*arguments, env=env | {"VEEAM_PASSWORD": PASSWORD})
        for is_time in when:
            while process.returncode is None and not is_time(server):
                await asyncio.sleep(0.02)
            process.send_signal(signal.SIGINT)
        ended = await end(process)

    assert ended.code == 130
    assert "Traceback" not in ended.err
    return ended, server


def is_polled(server: FaultServer) -> bool:
    """Whether the session is watched by now."""
    return server.count("GET", "/api/backupSessions") >= 5


def is_stopping(server: FaultServer) -> bool:
    """Whether the server was asked to stop something."""
    return stops(server) > 0


def stops(server: FaultServer) -> int:
    """Count the requests to stop something."""
    return sum(asked.target.endswith("action=stop") for asked in server.asked)


# ---------------------------------------------------------------- leaving it


async def test_ctrl_c_leaves_the_backup_alone() -> None:
    """It says how to come back; nothing is stopped."""
    ended, server = await interrupted(server_that_runs_it(), when=(is_polled,))

    assert ended.err.splitlines() == [ASKED, GOES_ON]
    assert stops(server) == 0
    assert server.count("DELETE") == 1


async def test_ctrl_c_before_the_session_is_shown() -> None:
    """Then nobody knows what to come back to."""
    script = ScriptedServer(tasks=[task("Running")])
    ended, _ = await interrupted(
        script,
        "--no-wait",
        when=(lambda server: server.count("GET", "/api/tasks") > 1,),
    )

    assert ended.err.splitlines() == [ASKED, MAY_GO_ON]


async def test_ctrl_c_between_retries() -> None:
    """A run that may be tried again is not told to go on."""
    failed = row(1, at=1, state="Stopped", result="Failed")
    script = ScriptedServer(fresh=[failed], tasks=[task(session=1)])
    ended, _ = await interrupted(
        script,
        "--retries",
        when=(lambda server: server.count("GET", "/api/query") > 3,),
    )

    assert ended.err.splitlines()[-1] == FAILED


async def test_ctrl_c_while_the_start_is_under_way() -> None:
    """Nobody knows then whether it was taken; it is not sent again."""
    ended, server = await interrupted(
        ScriptedServer(started=Stall()),
        when=(lambda server: server.count("POST", "/api/jobs") > 0,),
    )

    assert ended.err == "veeam-async: whether the job was started is not known\n"
    assert server.count("POST", "/api/jobs") == 1


# ---------------------------------------------------------------- stopping it


async def test_ctrl_c_stops_the_session_where_asked_for() -> None:
    """With --stop-on-interrupt, once, and logs out then."""
    ended, server = await interrupted(
        server_that_runs_it(), "--stop-on-interrupt", when=(is_polled,)
    )

    assert ended.err.splitlines() == [ASKED, "the server was asked to stop the run"]
    assert server.count("POST", f"/api/backupSessions/{uuid_of(1)}?action=stop") == 1
    assert server.count("DELETE") == 1


async def test_a_stop_that_is_refused_is_told() -> None:
    """In the server's own words."""
    script = server_that_runs_it()
    script.stopped = error(403, "Access is denied.")
    ended, server = await interrupted(script, "--stop-on-interrupt", when=(is_polled,))

    assert "veeam-async: the run may not have been stopped: Access is" in ended.err
    assert " answered 403; " in ended.err
    assert stops(server) == 1


async def test_a_second_ctrl_c_ends_the_stop_too() -> None:
    """At once, however slow the server is; it says that nothing is known of it."""
    script = server_that_runs_it()
    script.stopped = Stall()
    ended, server = await interrupted(
        script, "--stop-on-interrupt", when=(is_polled, is_stopping)
    )

    assert "whether the run was stopped is not known" in ended.err
    assert stops(server) == 1


async def test_what_was_to_be_stopped_stops() -> None:
    """The session of a simulated server ends as one that somebody stopped."""
    async with Simulator(
        sessions=0, running=0, speed=600, password=PASSWORD
    ) as simulator:
        job = simulator.job_ids[0]
        simulator.next_run(job, script=[("Working", math.inf)])
        process = await start(
            *("run", str(job), "--interval", "0.05", "--stop-on-interrupt"),
            env=environment(simulator),
        )
        while not simulator.stats.by_route.get("GET /tasks/{id}"):
            await asyncio.sleep(0.02)
        process.send_signal(signal.SIGINT)
        ended = await end(process)
        simulator.advance(600)

        assert ended.code == 130
        assert simulator.running_ids == []
        assert simulator.stats.tokens_alive == 0
