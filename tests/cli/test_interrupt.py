import asyncio
import math
import signal
import sys

import pytest

from tests.cli.command import PASSWORD, end, environment, start
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
        one = str(simulator.add_session(script=[("Working", math.inf)]))
        arguments = (one,) if command in ("watch", "wait") else ()
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


def _slow(command: str) -> Faults:
    """Give so much latency that a fetch is still under way."""
    is_bulk = command in ("fetch", "bench")
    return Faults(latency=1, latency_seconds=1.0 if is_bulk else 0.0)


def _is_under_way(simulator: Simulator) -> bool:
    return any("{id}" in route for route in simulator.stats.by_route)
