"""The real command as a process, against a simulator in the test's own loop."""

import asyncio
import base64
import json
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import attrs

from veeam_async.simulator import Simulator

# A warning that nobody handles is an error in the command too.
COMMAND = (sys.executable, "-W", "error", "-m", "veeam_async")

PASSWORD = "S3cret, never shown"
_SECRETS = (PASSWORD, base64.b64encode(f"veeam:{PASSWORD}".encode()).decode())


@attrs.frozen
class Ended:
    """How a command ended, and what it wrote."""

    code: int | None
    out: str
    err: str

    @property
    def rows(self) -> list[Any]:
        """The lines of its output, each of them JSON."""
        return [json.loads(line) for line in self.out.splitlines()]


Run = Callable[..., Awaitable[Ended]]
Invoke = Callable[..., Ended]


def environment(simulator: Simulator | None = None, /, **more: str) -> dict[str, str]:
    """An environment for a command, without settings of whoever runs the tests."""
    # rich obeys the TTY_ variables even where there is no terminal.
    foreign = ("VEEAM_", "COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "TERM", "TTY_")
    inherited = os.environ.items()
    env = {name: value for name, value in inherited if not name.startswith(foreign)}
    env |= {"PYTHONUTF8": "1", "TERM": "xterm-256color"}
    return env | (settings_of(simulator) if simulator else {}) | more


def settings_of(simulator: Simulator) -> dict[str, str]:
    """The variables that lead to *simulator*."""
    return {
        "VEEAM_URL": simulator.url,
        "VEEAM_USERNAME": simulator.username,
        "VEEAM_PASSWORD": simulator.password,
    }


async def start(
    *arguments: str, env: dict[str, str], stdout: int = asyncio.subprocess.PIPE
) -> asyncio.subprocess.Process:
    """Start the command."""
    return await asyncio.create_subprocess_exec(
        *COMMAND,
        *arguments,
        env=env,
        stdin=asyncio.subprocess.PIPE,
        stdout=stdout,
        stderr=asyncio.subprocess.PIPE,
    )


async def end(process: asyncio.subprocess.Process, text: str | bytes = "") -> Ended:
    """Send *text* to the command and wait for its end; no secret may be printed."""
    data = text.encode() if isinstance(text, str) else text
    out, err = await process.communicate(data)
    ended = Ended(process.returncode, (out or b"").decode(), err.decode())

    assert not any(secret in ended.out + ended.err for secret in _SECRETS)
    return ended


async def after_polls(
    simulator: Simulator,
    *steps: float,
    commands: int = 1,
    polls: int = 6,
    route: str = "GET /backupSessions/{id}",
) -> None:
    """Advance the simulator, step by step, once *commands* poll its sessions.

    Between two steps each of them has polled *polls* times.
    """

    def requests() -> int:
        return simulator.stats.by_route.get(route, 0)

    # Not by the clock: a process takes a while to start, longer on a busy machine, and
    # what it is to see must not pass meanwhile.
    while simulator.stats.logons < commands:
        await asyncio.sleep(0.02)
    for seconds in steps:
        before = requests()
        while requests() < before + polls * commands:
            await asyncio.sleep(0.02)
        simulator.advance(seconds)


async def after_lists(simulator: Simulator, *steps: float) -> None:
    """Advance the simulator as `after_polls` does, once a command lists sessions."""
    await after_polls(simulator, *steps, route="GET /query")
