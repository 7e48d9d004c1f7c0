"""Every code block of the README, run as a reader would."""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
import tomllib
from pathlib import Path

import pytest

import veeam_async
from veeam_async import EnterpriseManager
from veeam_async.simulator import Simulator

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, re.DOTALL)


def blocks(language: str) -> list[str]:
    """Give the blocks of one language."""
    return [text for name, text in BLOCKS if name == language]


async def run(*command: str, **variables: str) -> tuple[int, str]:
    """Run a command; give its status and all that it printed."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=ROOT,
        env={**os.environ, **variables},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    printed, _ = await process.communicate()
    return process.returncode or 0, printed.decode()


def test_it_holds_the_languages_that_are_run_here_and_no_other() -> None:
    """A block that nobody runs would rot."""
    assert {name for name, _ in BLOCKS} == {"sh", "powershell", "python"}
    assert len(README.splitlines()) < 160


async def test_the_whole_program_runs() -> None:
    """As a file of its own, and prints the failed sessions of the simulator."""
    program = blocks("python")[0]
    status, printed = await run(sys.executable, "-W", "error", "-c", program)

    assert status == 0, printed
    assert len(printed.splitlines()) > 3


@pytest.mark.parametrize(
    "block", [one for one in blocks("python")[1:] if "def test_" not in one]
)
async def test_each_piece_runs_where_there_is_a_client(
    block: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With `em` and `ids` in reach, as its text says; test_plugin runs the test."""
    async with (
        Simulator(sessions=20, running=3, speed=3000) as server,
        EnterpriseManager(
            server.url, username=server.username, password=server.password
        ) as em,
    ):
        names = {**vars(veeam_async), "em": em, "ids": list(server.session_ids)}
        body = textwrap.indent(block, "    ").replace("interval=5", "interval=0.05")
        if "def backup_is_good" in block:
            body += (
                "    for one in ids[:3]:\n        print(await backup_is_good(one))\n"
            )
        exec(f"async def piece():\n{body}", names)  # noqa: S102 - that is the claim
        await names["piece"]()

    assert capsys.readouterr().out


@pytest.mark.parametrize(
    "line",
    [
        line
        for block in blocks("sh")
        for line in block.splitlines()
        if line.startswith("veeam-async")
    ],
)
async def test_each_command_line_runs(line: str) -> None:
    """Against a simulated server named by the environment."""
    async with Simulator(sessions=120, running=5) as server:
        status, printed = await run(
            sys.executable,
            "-m",
            "veeam_async",
            *shlex.split(line)[1:],
            VEEAM_URL=server.url,
            VEEAM_USERNAME=server.username,
            VEEAM_PASSWORD=server.password,
        )

    assert status == 0, printed
    assert printed


@pytest.mark.skipif(shutil.which("make") is None, reason="no make here")
def test_the_two_commands_are_targets_of_the_makefile() -> None:
    """Both have their place; the demo itself is run by the command line's tests."""
    lines = [line for line in blocks("sh")[0].splitlines() if line]

    assert lines == ["make demo", "make test"]
    for line in lines:
        subprocess.run(  # noqa: S603 - a line of our README
            [*line.split(), "--dry-run"], cwd=ROOT, check=True, capture_output=True
        )


def test_the_lines_for_powershell_do_the_same_as_the_makefile() -> None:
    """The same extras, the same group, the same command; paths of Windows."""
    (block,) = blocks("powershell")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

    (extras,) = re.findall(r'"\.\[(.*)\]"', block)
    assert f"'.[{extras}]'" in makefile
    assert set(extras.split(",")) <= set(settings["project"]["optional-dependencies"])
    (group,) = re.findall(r"--group (\w+)", block)
    assert f"--group {group}" in makefile
    assert group in settings["dependency-groups"]
    assert all(
        line.startswith((".venv\\Scripts\\", "py ")) for line in block.splitlines()
    )
