"""No secret shows on the command line: in its output, logs or files."""

from __future__ import annotations

import asyncio
import logging
from itertools import cycle
from pathlib import Path

import pytest

from tests.cli.command import Invoke
from tests.support.bodies import JOB
from tests.support.echoing_server import SESSIONS, SPELLINGS, EchoingServer
from tests.support.exposure import shows
from tests.support.fault_server import FaultServer
from tests.support.marked_server import (
    FAILED,
    FAULTS,
    ONE,
    PASSWORD,
    SECRETS,
    SILENT,
    USER,
    MarkedServer,
)

COMMANDS: dict[str, tuple[str, ...]] = {
    "get": ("get", str(ONE)),
    "references": ("references",),
    "query": ("query", "--limit", "5"),
    "fetch": ("fetch", str(ONE), str(FAILED)),
    "watch": (
        *("watch", str(ONE), str(FAILED), "--interval", "0.1"),
        *("--record", "{}.record", "--checkpoint", "{}.checkpoint"),
    ),
    "wait": ("wait", str(FAILED), "--interval", "0.1"),
    "run": ("run", str(JOB), "--no-wait"),
    "stop": ("stop", "--yes", str(ONE)),
    "tasks": ("tasks", str(ONE)),
}


def files_in(folder: Path) -> str:
    """All that was written below *folder*, with its names."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return repr([(path.name, path.read_bytes()) for path in files])


@pytest.mark.timeout(120)  # some sixty commands
@pytest.mark.parametrize("at", ["logon", "request"])
async def test_no_command_shows_a_secret(
    invoke: Invoke,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    at: str,
) -> None:
    """Whatever goes wrong, with all of the loop written down."""
    caplog.set_level(logging.DEBUG)
    monkeypatch.chdir(tmp_path)
    password = tmp_path / "password"
    await asyncio.to_thread(password.write_text, f"{PASSWORD}\n", "utf-8")
    told = {}
    for (fault, act), command in zip(FAULTS.items(), cycle(COMMANDS)):
        marked = MarkedServer()
        marked.fault = act
        marked.is_late = at == "request"
        async with FaultServer(marked) as server:
            ended = await asyncio.to_thread(
                invoke,
                *(word.replace("{}", fault) for word in COMMANDS[command]),
                *("--request-timeout", "1" if fault in SILENT else "9"),
                VEEAM_URL=server.url,
                VEEAM_USERNAME=USER,
                VEEAM_PASSWORD_FILE=str(password),
                PYTHONASYNCIODEBUG="1",
            )
        shown = f"{ended.out}{ended.err}{caplog.text}"
        # Before it has logged on, no token is its own.
        secrets = marked.secrets[:2] if at == "logon" else marked.secrets
        told[fault, command] = shows(shown, secrets)
        assert marked.struck == 1, ended
        caplog.clear()
    await asyncio.to_thread(password.unlink)

    assert [case for case, is_shown in told.items() if is_shown] == []
    assert not shows(await asyncio.to_thread(files_in, tmp_path), SECRETS)


@pytest.mark.parametrize("spelling", ["as it is", "a URL", "upper case"])
async def test_the_line_of_a_failure_shows_no_secret(
    invoke: Invoke, spelling: str
) -> None:
    """What a server says of a session that failed is told without what it echoes."""
    said = f"net use {SPELLINGS[spelling](PASSWORD)}"
    server = EchoingServer(SESSIONS["a failure message"], text=said)
    async with FaultServer(server) as listening:
        ended = await asyncio.to_thread(
            invoke,
            *("wait", str(ONE), "--interval", "0.1"),
            VEEAM_URL=listening.url,
            VEEAM_USERNAME=USER,
            VEEAM_PASSWORD=PASSWORD,
        )

    assert ended.code == 3
    assert ended.err.splitlines()[-1] == (
        "veeam-async: the session failed: net use (hidden)"
    )
    assert not shows(ended.err, (PASSWORD,))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty"),
        (f"\n{PASSWORD}".encode(), "is empty"),
        (f"{PASSWORD}\xff".encode("latin-1"), "is no text in UTF-8"),
    ],
)
def test_no_password_file_that_is_refused_shows(
    invoke: Invoke, tmp_path: Path, data: bytes, said: str
) -> None:
    """Nothing of it is told, whatever is wrong with it."""
    file = tmp_path / "password"
    file.write_bytes(data)
    ended = invoke(
        *("get", str(ONE), "--password-file", str(file)),
        VEEAM_URL="https://em.invalid",
        VEEAM_USERNAME=USER,
    )

    assert ended.code == 2
    assert said in ended.err
    assert not shows(ended.out + ended.err, (PASSWORD,))
