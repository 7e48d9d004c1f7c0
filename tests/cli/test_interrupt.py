import asyncio
import json
import math
import signal
import sys
from pathlib import Path

import pytest

from tests.cli.command import COMMAND, PASSWORD, end, environment, start
from veeam_async.simulator import Faults, Simulator

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="SIGINT is sent as POSIX does"
)


@pytest.mark.parametrize("command", ["watch", "wait", "fetch", "bench"])
async def test_ctrl_c_logs_out(command: str) -> None:
    """Ctrl-C ends with 130, in silence, and leaves no logon session behind."""
    async with Simulator(
        sessions=40, running=0, password=PASSWORD, faults=_slow(command)
    ) as simulator:
        session_id = str(simulator.add_session(script=[("Working", math.inf)]))
        arguments = (session_id,) if command in ("watch", "wait") else ()
        process = await start(command, *arguments, env=environment(simulator))
        while process.returncode is None and not _is_under_way(simulator):
            await asyncio.sleep(0.02)
        process.send_signal(signal.SIGINT)
        ended = await end(process)

        assert ended.code == 130
        assert "Traceback" not in ended.err
        assert "veeam-async:" not in ended.err
        assert 1 == simulator.stats.logons == simulator.stats.logouts
        assert simulator.stats.tokens_alive == 0


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
async def test_others_end_as_ctrl_c_does(name: str, tmp_path: Path) -> None:
    """A service manager, a terminal that goes: logged out, its checkpoint saved."""
    number = signal.Signals[name]
    async with Simulator(sessions=0, running=0, password=PASSWORD) as simulator:
        session_id = str(simulator.add_session(script=[("Working", math.inf)]))
        file = tmp_path / "watch.json"
        arguments = (
            "watch",
            session_id,
            "--checkpoint",
            str(file),
            "--interval",
            "0.1",
        )
        ours = signal.signal(number, signal.SIG_DFL)  # under nohup it is ignored
        try:
            process = await start(*arguments, env=environment(simulator))
        finally:
            signal.signal(number, ours)
        while process.returncode is None and not _is_under_way(simulator):
            await asyncio.sleep(0.02)
        process.send_signal(number)
        ended = await end(process)

        assert (ended.code, ended.err) == (128 + number, "")
        assert simulator.stats.tokens_alive == 0
        assert list(json.loads(file.read_text("utf-8"))["sessions"]) == [session_id]


async def test_nohup_keeps_a_command_running() -> None:
    """SIGHUP stays ignored where whoever started it had it ignored."""
    async with Simulator(sessions=0, running=0, password=PASSWORD) as simulator:
        session_id = str(simulator.add_session(script=[("Working", math.inf)]))
        process = await asyncio.create_subprocess_exec(
            *("sh", "-c", "trap '' HUP; exec \"$@\"", "sh", *COMMAND),
            *("watch", session_id, "--interval", "0.1"),
            env=environment(simulator),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        for sent in (signal.SIGHUP, signal.SIGTERM):
            before = simulator.stats.requests
            while process.returncode is None and not (
                _is_under_way(simulator) and simulator.stats.requests > before + 2
            ):
                await asyncio.sleep(0.02)
            process.send_signal(sent)
        ended = await end(process)

        assert (ended.code, ended.err) == (143, "")
        assert simulator.stats.tokens_alive == 0


async def test_sigterm_reaches_a_background_job() -> None:
    """A shell without job control starts one that ignores SIGINT, as nohup does."""
    async with Simulator(sessions=0, running=0, password=PASSWORD) as simulator:
        session_id = str(simulator.add_session(script=[("Working", math.inf)]))
        deaf = ("sh", "-c", "trap '' INT; exec \"$@\"", "sh", *COMMAND)
        process = await asyncio.create_subprocess_exec(
            *deaf,
            *("watch", session_id, "--interval", "0.1"),
            env=environment(simulator),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        while process.returncode is None and not _is_under_way(simulator):
            await asyncio.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        ended = await end(process)

        assert (ended.code, ended.err) == (143, "")
        assert simulator.stats.tokens_alive == 0


def _slow(command: str) -> Faults:
    """So much latency that a fetch is still under way."""
    is_bulk = command in ("fetch", "bench")
    return Faults(latency=1, latency_seconds=1.0 if is_bulk else 0.0)


def _is_under_way(simulator: Simulator) -> bool:
    return any("{id}" in route for route in simulator.stats.by_route)
