"""The pytest fixture, in test runs of their own: as whoever installs the package."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.support.paths import ROOT
from veeam_async import (
    ConnectionFailed,
    EnterpriseManager,
    Fingerprint,
    Retry,
    TaskFailed,
)
from veeam_async.simulator import Simulator
from veeam_async.simulator.threaded import ThreadedSimulator

BLOCKS = re.findall(
    r"```python\n(.*?)```",
    (ROOT / "docs" / "how-to" / "testing.md").read_text("utf-8"),
    re.DOTALL,
)
(EXAMPLE,) = [block for block in BLOCKS if "def test_" in block]

ASYNCIO = "-o asyncio_default_fixture_loop_scope=function "
MODES = {
    "strict": ASYNCIO + "-o asyncio_mode=strict",
    "auto": ASYNCIO + "-o asyncio_mode=auto",
}
PLAIN = "-p no:asyncio" + "".join(
    f" -p no:looptime_{part}" for part in ("plugin", "chronometers", "timeproxies")
)
"""Without a plugin that knows event loops."""


def pytest_run(
    folder: Path, tests: str, options: str = PLAIN
) -> subprocess.CompletedProcess[str]:
    """Run *tests* in a process where each warning is an error."""
    (folder / "test_users.py").write_text(tests, encoding="utf-8")
    command = "-m pytest -q -W error --strict-markers -p no:cacheprovider"
    return subprocess.run(  # noqa: S603 - our own command
        [sys.executable, *command.split(), *options.split()],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={name: os.environ[name] for name in os.environ if "PYTEST" not in name},
    )


def counted(ended: subprocess.CompletedProcess[str], **counts: int) -> None:
    """Check how many tests came to what, and that nothing else is told."""
    told = {word: int(many) for many, word in re.findall(r"(\d+) (\w+)", last(ended))}
    told.pop("in", None)

    assert told == counts, ended.stdout + ended.stderr


def last(ended: subprocess.CompletedProcess[str]) -> str:
    """The line that sums up."""
    return (ended.stdout.splitlines() or [""])[-1].partition(" in ")[0]


# ---------------------------------------------------------------- with other plugins


@pytest.mark.parametrize("mode", MODES)
def test_the_example_of_the_docs_runs(tmp_path: Path, mode: str) -> None:
    """As it stands there, with pytest-asyncio in either mode, and without a warning."""
    counted(pytest_run(tmp_path, EXAMPLE, MODES[mode]), passed=1)


@pytest.mark.skipif(find_spec("anyio") is None, reason="no anyio here")
def test_it_serves_a_test_of_anyio(tmp_path: Path) -> None:
    """Whose loop is another plugin's."""
    example = EXAMPLE.replace("mark.asyncio", "mark.anyio") + (
        "@pytest.fixture\ndef anyio_backend():\n    return 'asyncio'\n"
    )
    counted(pytest_run(tmp_path, example), passed=1)


def test_it_serves_a_plain_test(tmp_path: Path) -> None:
    """Which runs its coroutines itself; each test has a server of its own."""
    tests = """
import asyncio
import pytest
from veeam_async import EnterpriseManager

async def names(server):
    async with EnterpriseManager(
        server.url, username=server.username, password=server.password
    ) as em:
        return [one.uid for one in await em.backup_sessions.references()]

@pytest.mark.parametrize("turn", range(3))
def test_plain(veeam_simulator, turn):
    assert len(asyncio.run(names(veeam_simulator))) == 200
    assert veeam_simulator.stats.logons == 1
"""
    counted(pytest_run(tmp_path, tests), passed=3)


# ---------------------------------------------------------------- the marker


def test_the_nearest_marker_wins(tmp_path: Path) -> None:
    """What a test does not say is taken from its class and its module."""
    tests = """
import pytest
pytestmark = pytest.mark.veeam_simulator(sessions=9, running=2, speed=0)

@pytest.mark.veeam_simulator(sessions=7)
class TestOne:
    @pytest.mark.veeam_simulator(running=3, tls=True)
    def test_nearest(self, veeam_simulator):
        assert len(veeam_simulator.session_ids) == 7
        assert len(veeam_simulator.running_ids) == 3
        assert veeam_simulator.url.startswith("https://")

def test_module(veeam_simulator):
    assert len(veeam_simulator.session_ids) == 9
    assert len(veeam_simulator.running_ids) == 2
"""
    counted(pytest_run(tmp_path, tests), passed=2)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("5", "takes keyword arguments only"),
        ("session=5", "unexpected keyword argument 'session'"),
        ("product='9'", "product must be 11, 12 or 13"),
        ("host='256.0.0.1'", "256.0.0.1"),
    ],
)
def test_a_wrong_marker_is_that_tests_error(
    tmp_path: Path, arguments: str, expected: str
) -> None:
    """It says what is wrong, and the run goes on."""
    tests = f"""
import pytest

@pytest.mark.veeam_simulator({arguments})
def test_wrong(veeam_simulator):
    pass

def test_right(veeam_simulator):
    pass
"""
    ended = pytest_run(tmp_path, tests)

    counted(ended, passed=1, error=1)
    assert expected in ended.stdout


def test_the_fixture_and_the_marker_are_listed(tmp_path: Path) -> None:
    """Where users look for them."""
    fixtures = pytest_run(tmp_path, "", f"{PLAIN} --fixtures").stdout
    markers = pytest_run(tmp_path, "", f"{PLAIN} --markers").stdout

    assert "A simulated Enterprise Manager of the test's own" in fixtures
    assert "@pytest.mark.veeam_simulator(**settings): " in markers


# ---------------------------------------------------------------- for nothing


def test_a_run_that_does_not_ask_loads_no_simulator(tmp_path: Path) -> None:
    """Nor does it start a thread."""
    tests = """
import sys
import threading

def test_other():
    assert "veeam_async.plugin" in sys.modules
    assert not [name for name in sys.modules if name.startswith("veeam_async.sim")]
    assert threading.active_count() == 1
"""
    counted(pytest_run(tmp_path, tests), passed=1)


# ---------------------------------------------------------------- the server itself


def client(simulator: Simulator, **settings: Any) -> EnterpriseManager:
    """A client of *simulator*."""
    return EnterpriseManager(
        simulator.url,
        username=simulator.username,
        password=simulator.password,
        **settings,
    )


def test_it_is_gone_afterwards() -> None:
    """Its thread has ended, its port is free, its figures can still be read."""
    with ThreadedSimulator(sessions=3, running=0) as simulator:
        url = simulator.url
    names = {thread.name for thread in threading.enumerate()}

    assert "veeam-simulator" not in names
    assert simulator.stats.requests == 0
    with ThreadedSimulator(port=int(url.rpartition(":")[2])) as again:
        assert again.url == url


async def test_an_answer_that_is_still_due_does_not_hold_up_its_end() -> None:
    """A test that fails half-way must not hang: the client's connection is cut."""
    with ExitStack() as stack:
        slow = ThreadedSimulator(capacity=0.01, overload="stall")
        simulator = stack.enter_context(slow)
        async with client(simulator, retry=Retry(attempts=1)) as em:
            asked = asyncio.create_task(em.backup_sessions.references())
            while simulator.stats.requests < 2:
                await asyncio.sleep(0.01)
            before = time.monotonic()
            stack.close()
            with pytest.raises(ConnectionFailed):
                await asked

    assert time.monotonic() - before < 30


async def test_it_can_be_changed_while_it_serves() -> None:
    """All that a `Simulator` offers, from a thread that is not its own."""
    with ThreadedSimulator(sessions=4, running=1, speed=0, tls=True) as simulator:
        tls = Fingerprint(simulator.fingerprint or "")
        async with client(simulator, tls=tls) as em:
            added = simulator.add_session(script=[("Working", 60)], result="Warning")
            assert not (await em.backup_sessions.get(added)).is_stopped
            simulator.advance(61)
            assert (await em.backup_sessions.get(added)).result == "Warning"
            simulator.expire_tokens()
            simulator.remove_session(added)
            (gone,) = [one async for one in em.backup_sessions.fetch([added])]
            job = simulator.job_ids[-1]
            simulator.next_run(job, refusal="Not today.")
            task = (await em.jobs.start(job)).task
            simulator.advance(5)
            with pytest.raises(TaskFailed, match="Not today"):
                await em.tasks.wait(task.task_id if task else "")

        assert gone.error is not None
        assert simulator.stats.logons == 2
        assert added not in simulator.session_ids
        assert len(simulator.running_ids) <= 1


def test_a_threaded_simulator_is_a_simulator() -> None:
    """So what is annotated with the one takes the other."""
    with ThreadedSimulator() as simulator:
        assert isinstance(simulator, Simulator)
