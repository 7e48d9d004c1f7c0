import asyncio
import io
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.cli.command import (
    PASSWORD,
    Ended,
    Invoke,
    Run,
    end,
    environment,
    settings_of,
    start,
)
from veeam_async.cli.app import run as run_command
from veeam_async.simulator import Simulator


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    """A small simulator in which nothing runs by itself."""
    async with Simulator(sessions=12, running=0, password=PASSWORD) as simulator:
        yield simulator


@pytest.fixture(autouse=True)
def _interruptible() -> Iterator[None]:
    """Let Ctrl-C reach the commands."""
    # A background job of a shell ignores SIGINT, and so would its children.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(autouse=True)
def _own_profiles(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test sees, or writes, profiles of whoever runs it."""
    monkeypatch.setattr(
        "platformdirs.user_config_path", lambda *_, **__: tmp_path / "veeam-async"
    )


@pytest.fixture
def run(simulator: Simulator) -> Run:
    """Runs the command against the simulator, in a process of its own, to its end."""

    async def to_end(*arguments: str, text: str | bytes = "", **env: str) -> Ended:
        settings = environment(simulator, **env)
        return await end(await start(*arguments, env=settings), text)

    return to_end


@pytest.fixture
def invoke(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Invoke:
    """Runs the command in this process; for those that ask no server in this loop."""

    def to_end(*arguments: str, text: str = "", **env: str) -> Ended:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        for name in set(os.environ) - set(environment()):
            monkeypatch.delenv(name)
        for name, value in env.items():
            monkeypatch.setenv(name, value)
        code = run_command(arguments)
        out, err = capsys.readouterr()
        return Ended(code, out, err)

    return to_end


@pytest.fixture
def quick(simulator: Simulator, invoke: Invoke) -> Run:
    """Like `run`, in a thread: it spares the half second that a process takes."""
    one_at_a_time = asyncio.Lock()  # environment and output are the process's own

    async def to_end(*arguments: str, text: str = "", **env: str) -> Ended:
        settings = settings_of(simulator) | env
        async with one_at_a_time:
            return await asyncio.to_thread(invoke, *arguments, text=text, **settings)

    return to_end
