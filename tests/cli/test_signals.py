"""Signals in pairs, as service managers and coreutils' `timeout` send them."""

import asyncio
import math
import os
import random
import signal
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from tests.cli.command import PASSWORD, end, environment, start
from tests.support.bodies import behind_logon, session, uuid_of
from tests.support.fault_server import Act, Answer, Asked, FaultServer, Stall
from veeam_async.simulator import Faults, Simulator

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="signals are sent as POSIX does"
)

SEED = int(os.environ.get("SIGNAL_SEED", "11"))
RUNS = int(os.environ.get("SIGNAL_RUNS", "20"))
"""How many pairs are sent; more by `SIGNAL_RUNS=500 pytest tests/cli/test_signals.py`.
"""
TRACES = ("Traceback", "never retrieved", "Exception ignored", "Error", "asyncio")

WAYS = [
    (signal.SIGTERM, signal.SIGTERM),
    (signal.SIGTERM, signal.SIGINT),
    (signal.SIGINT, signal.SIGTERM),
    (signal.SIGINT, signal.SIGINT),
]
GAPS = [0.0, 0.0001, 0.0003, 0.001, 0.005]
OWN = ("demo", "simulate")
"""Those that have a server of their own."""
COMMANDS = ("watch", "wait", "fetch", "bench", "run", *OWN)


@pytest.mark.parametrize("number", range(RUNS))
@pytest.mark.timeout(60)
async def test_two_signals_are_one(number: int, tmp_path: Path) -> None:
    """Logged out, in silence, with a code that says which signal it was."""
    drawn = random.Random(f"{SEED} {number}")  # noqa: S311 - no secret
    first, second = drawn.choice(WAYS)
    gap = drawn.choice(GAPS)
    command = COMMANDS[number % len(COMMANDS)]
    async with busy(command) as simulator:
        process = await begun(command, simulator, tmp_path)
        await asyncio.sleep(drawn.random() / 20)
        send(process, first)
        await asyncio.sleep(gap)
        send(process, second)
        ended = await end(process)

        told = f"seed {SEED}, number {number}: {command}, {first}, {second}, {gap}"
        # Of two that are pending at once the system chooses which comes first.
        assert ended.code in (128 + first, 128 + second), told
        assert not any(trace in ended.err for trace in TRACES), f"{told}\n{ended.err}"
        assert simulator.stats.tokens_alive == 0, told


@pytest.mark.parametrize("pauses", [(0.0,), (0.8,)])
async def test_a_later_signal_ends_the_clean_up(pauses: tuple[float, ...]) -> None:
    """A server that answers no logout is not waited for, and nobody complains."""
    running = behind_logon(lambda _: Answer(body=session(1, state="Working")))

    def script(asked: Asked) -> Act:
        return Stall() if asked.method == "DELETE" else running(asked)

    async with FaultServer(script) as server:
        env = environment(VEEAM_URL=server.url, VEEAM_USERNAME="u", VEEAM_PASSWORD="p")
        process = await start("watch", str(uuid_of(1)), "--interval", "0.1", env=env)
        while not server.count("GET", "/api/backupSessions"):
            await asyncio.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        while not server.count("DELETE"):
            await asyncio.sleep(0.01)
        # At once, which is taken for the same wish at first, and later, which is not.
        for pause in pauses:
            await asyncio.sleep(pause)
            process.send_signal(signal.SIGTERM)
        ended = await end(process)

        assert (ended.code, ended.err) == (143, "")


async def test_the_third_ends_what_refuses_to_end() -> None:
    """Whatever catches each cancellation: with the code of the first signal."""
    program = """
import asyncio
from veeam_async.cli.interrupts import run_async

async def stubborn():
    print("ready", flush=True)
    while True:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            print("cancelled", flush=True)

run_async(stubborn())
"""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "error", "-c", program),
        env=environment(),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    for expected in (b"ready\n", b"cancelled\n", b"cancelled\n"):
        assert await process.stdout.readline() == expected
        await asyncio.sleep(0.6)
        process.send_signal(signal.SIGINT if expected == b"ready\n" else signal.SIGTERM)
    _, err = await process.communicate()

    assert (process.returncode, err) == (130, b"")


@pytest.mark.parametrize("delay", [0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5])
async def test_signals_at_the_start(simulator: Simulator, delay: float) -> None:
    """Whatever was loaded by then: no asyncio trace, and an end."""
    process = await start("references", env=environment(simulator))
    await asyncio.sleep(delay)
    for _ in range(2):
        send(process, signal.SIGTERM)
    ended = await end(process)

    assert ended.code in (0, 143, -signal.SIGTERM)
    assert not any(trace in ended.err for trace in TRACES), ended.err


def send(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    """Send a signal to a process that may have ended by now."""
    # Not by its own method, which would fetch the exit code that asyncio waits for.
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.kill(process.pid, number)


def busy(command: str) -> Simulator:
    """A server at which *command* does not end by itself."""
    is_bulk = command in ("fetch", "bench")
    faults = Faults(latency=1, latency_seconds=0.3 if is_bulk else 0.0)
    return Simulator(sessions=400, running=0, password=PASSWORD, faults=faults)


async def begun(
    command: str, simulator: Simulator, folder: Path | None = None
) -> asyncio.subprocess.Process:
    """Start *command*, and give it once it is at its work."""
    arguments: list[str] = []
    if command in ("watch", "wait"):
        script = [("Working", math.inf)]
        arguments += [str(simulator.add_session(script=script)), "--interval", "0.1"]
    if command == "watch" and folder is not None:
        arguments += ["--checkpoint", str(folder / "c.json")]
        arguments += ["--record", str(folder / "r.rec")]
    if command == "run":
        simulator.next_run(simulator.job_ids[0], script=[("Working", math.inf)])
        arguments += [str(simulator.job_ids[0]), "--interval", "0.1"]
    if command == "simulate":
        arguments += ["--port", "0"]
    process = await start(command, *arguments, env=environment(simulator))
    if command in OWN and process.stdout is not None:
        await process.stdout.readline()
        return process
    while process.returncode is None and not any(
        "{id}" in route for route in simulator.stats.by_route
    ):
        await asyncio.sleep(0.01)
    return process


WINDOWS = """
import signal, sys
# What Windows has, while the module that takes signals looks for it.
signal.SIGBREAK, sys.platform, here = signal.SIGUSR1, "win32", sys.platform
import veeam_async.cli.interrupts
sys.platform = here
from veeam_async.__main__ import main
sys.exit(main())
"""


async def test_ctrl_break_ends_a_command_as_ctrl_c_does(simulator: Simulator) -> None:
    """Windows' own signal: logged out, in silence, with the exit code of Ctrl-C.

    There is no Windows here: another signal stands in for it.
    """
    script = [("Working", math.inf)]
    session_id = simulator.add_session(script=script)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "error", "-c", WINDOWS),
        *("watch", str(session_id), "--interval", "0.1"),
        env=environment(simulator),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    while not any("{id}" in route for route in simulator.stats.by_route):
        await asyncio.sleep(0.01)
    process.send_signal(signal.SIGUSR1)
    ended = await end(process)

    assert (ended.code, ended.err) == (130, "")
    assert simulator.stats.tokens_alive == 0


COMPLAINING = """
import asyncio, gc, os, signal, sys, threading, warnings
from concurrent.futures import Future
from veeam_async.cli.interrupts import Interrupts, run_async

class Finalized:
    def __del__(self):
        raise ValueError("in a finalizer")

async def nobody():
    pass

async def main():
    loop = asyncio.get_running_loop()
    lost = loop.create_future()
    lost.set_exception(ValueError("never retrieved"))
    if "signal" in sys.argv:
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)
    try:
        await asyncio.sleep(0.1)
    finally:
        del lost
        Finalized()
        nobody()
        outliving = Future()
        outliving.add_done_callback(lambda _: 1 / 0)
        outliving.set_result(None)
        thread = threading.Thread(target=lambda: 1 / 0)
        thread.start()
        thread.join()
        asyncio.get_running_loop().call_soon(lambda: 1 / 0)
        await asyncio.sleep(0)
        gc.collect()

with Interrupts() as interrupts:
    try:
        run_async(main())
    except KeyboardInterrupt:
        sys.exit(interrupts.exit_code)
"""


@pytest.mark.parametrize("argument", ["signal", "none"])
async def test_what_was_broken_off_complains_in_vain(argument: str) -> None:
    """Loop, finalizer, coroutine, executor and thread are heard only without it."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", COMPLAINING, argument),
        env=environment(),
        stderr=asyncio.subprocess.PIPE,
    )
    _, err = await process.communicate()
    said = err.decode()
    complaints = (
        "Future exception was never retrieved",
        "in a finalizer",
        "was never awaited",
        "exception calling callback",
        "Exception in thread",
        "Exception in callback",
    )

    if argument == "signal":
        assert (process.returncode, said) == (143, "")
    else:
        assert process.returncode == 0
        assert all(complaint in said for complaint in complaints), said


EARLY = """
import os, signal, sys
from veeam_async.cli.interrupts import Interrupts, asking

with Interrupts():
    try:
        if "asking" in sys.argv:
            with asking():
                os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)
    except BaseException as error:
        print(type(error).__name__)
"""


@pytest.mark.parametrize(
    ("argument", "code", "said"),
    [("none", 143, ""), ("asking", 0, "KeyboardInterrupt")],
)
async def test_before_a_loop_only_a_question_is_broken_off(
    argument: str, code: int, said: str
) -> None:
    """Else the process ends: an extension that is loading would crash."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", EARLY, argument),
        env=environment(),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()

    assert (process.returncode, out.decode().strip()) == (code, said)
    assert err == b""
