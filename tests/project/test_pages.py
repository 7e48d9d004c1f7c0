"""README and docs: every block of code is run, every link leads somewhere."""

from __future__ import annotations

import asyncio
import io
import logging
import os
import re
import shlex
import sys
import textwrap
import tomllib
from collections.abc import Coroutine, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

import veeam_async
from tests.cli.command import environment, settings_of
from tests.support.pages import PAGES, Block, blocks, blocks_of, is_alive, links_of
from tests.support.paths import ROOT
from tests.support.simulated import QUICK
from veeam_async import EnterpriseManager
from veeam_async.cli.app import run as run_command
from veeam_async.simulator import Simulator
from veeam_async.simulator.threaded import ThreadedSimulator

RUN_HERE = {"python", "sh", "toml"}
MOMENT = 0.6
"""Seconds for which what is endless runs."""
JOB = "HR Systems"
ENDLESS = {"watch": ("--timeout", "0.3")}
"""What has a command end soon."""
CODES = {"check": (0, 1, 2), "watch": (0, 3), "wait": (0, 3), "run": (0, 3)}
"""How commands may end that judge what they find; others succeed."""
ELSEWHERE = re.compile(
    r"\. \.venv/bin/activate$|deactivate$|(?:export|unset) VEEAM_\w+"
    r"|cat >? ?\S+\.(?:csv|ndjson|json)$"
)
"""Lines that set up a shell."""
SHELL = re.compile(r"make [a-z]+$|python (?:examples/)?\w+\.py")


IN_POWERSHELL = {
    r"^\. \.venv/bin/activate$": r"`.venv\Scripts\Activate.ps1`",
    r"^export ": "`$env:",
    r"^unset ": "`Remove-Item Env:",
    r"^\w+=\S+ python ": "`$env:",
}
"""What PowerShell lacks of a Unix shell, and what a page says instead."""


@pytest.fixture(scope="module")
def server() -> Iterator[ThreadedSimulator]:
    """One server for all blocks; what runs in it has soon ended."""
    with ThreadedSimulator(sessions=60, running=6, speed=600) as server:
        yield server


@pytest.fixture
def told(
    server: ThreadedSimulator,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> ThreadedSimulator:
    """The server, named by the environment, in an empty folder."""
    for name in set(os.environ) - set(environment()):
        monkeypatch.delenv(name)
    for name, value in settings_of(server).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(
        "platformdirs.user_config_path", lambda *_, **__: tmp_path / "veeam-async"
    )
    monkeypatch.chdir(tmp_path)
    return server


def names(found: list[Block]) -> list[str]:
    """What tests of blocks are called."""
    return [each.name for each in found]


# ---------------------------------------------------------------- all blocks, all links


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_each_block_is_run_or_says_why_not(page: Path) -> None:
    """A block that nobody runs would rot."""
    for block in blocks_of(page):
        if block.is_directive:
            continue
        assert block.language in RUN_HERE or len(block.reason) > 10, block.name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_each_link_leads_somewhere(page: Path) -> None:
    """To a file that is there, and to one of its headings."""
    assert [link for link in links_of(page) if not is_alive(page, link)] == []


@pytest.mark.parametrize("name", ["README.md", "docs/tutorial.md"])
def test_who_types_a_page_into_powershell_is_told_what_differs(name: str) -> None:
    """On the pages that are read from the first line to the last."""
    page = ROOT / name
    typed = "\n".join(each.text for each in blocks_of(page) if each.language == "sh")
    said = page.read_text("utf-8")
    wanted = {
        there
        for here, there in IN_POWERSHELL.items()
        if re.search(here, typed, re.MULTILINE)
    }

    assert wanted
    assert {each for each in wanted if each not in said} == set()


# ---------------------------------------------------------------- Python


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    """What a page says about logs does not outlast its block."""
    loggers = [logging.getLogger(name) for name in ("", "veeam_async.requests")]
    before = [(logger, logger.level) for logger in loggers]
    yield
    for logger, level in before:
        logger.setLevel(level)
        for handler in list(logger.handlers):
            if type(handler) is logging.StreamHandler:  # pytest's own are of others
                logger.removeHandler(handler)


def is_program(block: Block) -> bool:
    """It stands for itself; other blocks are pieces of one."""
    return "asyncio.run(" in block.text


def is_test(block: Block) -> bool:
    """It is for pytest, by which test_plugin runs it."""
    return "def test_" in block.text


PROGRAMS = [each for each in blocks("python") if is_program(each)]
PIECES = [
    each for each in blocks("python") if not is_program(each) and not is_test(each)
]


async def until_enough(main: Coroutine[Any, Any, None], *, is_endless: bool) -> None:
    """Wait for *main*; what never ends is broken off."""
    if not is_endless:
        return await main
    with suppress(TimeoutError):
        async with asyncio.timeout(MOMENT):
            await main
    return None


def for_a_moment(main: Coroutine[Any, Any, None]) -> None:
    """Run what never ends, as `asyncio.run` would."""
    asyncio.run(until_enough(main, is_endless=True))


def quickly(text: str) -> str:
    """The same *text*, with looks that follow each other at once."""
    return re.sub(r"interval=\d+", "interval=0.05", text)


@pytest.mark.parametrize("block", PROGRAMS, ids=names(PROGRAMS))
def test_each_program_runs(block: Block, told: ThreadedSimulator) -> None:
    """As it stands, where the environment says which server; no warning comes of it."""
    text = quickly(block.text)
    if block.is_endless:
        text = text.replace("asyncio.run(", "for_a_moment(")
    code = compile(text, block.name, "exec")
    exec(code, {"__name__": "__main__", "for_a_moment": for_a_moment})  # noqa: S102


@pytest.mark.parametrize("block", PIECES, ids=names(PIECES))
def test_each_piece_runs_where_there_is_a_client(
    block: Block, told: ThreadedSimulator
) -> None:
    """With `em`, `ids` and `session_id` in reach, as its text says."""
    told.next_run(job_named(told, JOB), script=QUICK)
    ids = list(told.session_ids)
    body = textwrap.indent(quickly(block.text), "    ")
    reach: dict[str, Any] = {
        **vars(veeam_async),
        "ids": ids,
        "session_id": ids[0],
        "job_id": told.job_ids[0],
    }
    exec(f"async def piece():\n{body}", reach)  # noqa: S102

    async def run() -> None:
        async with EnterpriseManager.from_env() as em:
            reach["em"] = em
            await until_enough(reach["piece"](), is_endless=block.is_endless)

    asyncio.run(run())


def job_named(server: Simulator, name: str) -> Any:
    """The id of the job *name*."""

    async def found() -> Any:
        async with EnterpriseManager.from_env() as em:
            return (await em.jobs.find(name)).id

    return asyncio.run(found())


# ---------------------------------------------------------------- commands

LINES = [
    pytest.param(block, id=block.name)
    for block in blocks("sh")
    if not block.is_directive
]


@pytest.mark.parametrize("block", LINES)
def test_each_line_for_a_shell_runs(
    block: Block,
    told: ThreadedSimulator,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The command in this process; examples and make have tests of their own."""
    for line in joined(block.text):
        if ELSEWHERE.match(line):
            continue
        if SHELL.match(line):
            assert is_there(line), line
            continue
        run_line(line, told, monkeypatch, capsys)


def joined(text: str) -> list[str]:
    """The lines of a block, without comments."""
    lines = text.replace("\\\n", " ").splitlines()
    return [line for line in lines if line.strip() and not line.startswith("#")]


def is_there(line: str) -> bool:
    """What *line* calls is in this checkout."""
    tool, what, *_ = line.split()
    if tool == "make":
        makefile = (ROOT / "Makefile").read_text("utf-8")
        return re.search(rf"^{what}:", makefile, re.MULTILINE) is not None
    return what == "failed.py" or (ROOT / what).exists()


def run_line(
    line: str,
    server: ThreadedSimulator,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Run a line: commands joined by |, with a file behind > at its end."""
    text = ""
    for place, words in enumerate(commands_of(line, server)):
        if words[0] == ">":
            Path(words[1]).write_text(text, "utf-8")
            continue
        assert words[0] == "veeam-async", line
        command = next(word for word in words[1:] if not word.startswith("-"))
        if command == "run":
            server.next_run(job_named(server, JOB), script=QUICK)
        more = ENDLESS.get(command, ()) if "--timeout" not in words else ()
        stdin = io.TextIOWrapper(io.BytesIO(text.encode()))
        monkeypatch.setattr(sys, "stdin", stdin)
        code = run_command((*words[1:], *more))
        text, err = capsys.readouterr()
        assert code in CODES.get(command, (0,)), (line, place, code, err)


def commands_of(line: str, server: Simulator) -> list[list[str]]:
    """The commands of *line* as words, with this server in place of the reader's."""
    reader = {
        "https://em.example.com:9398": server.url,
        "DOMAIN\\svc": server.username,
        "FINGERPRINT": "0" * 64,
        "SESSION": str(server.session_ids[0]),
    }
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|>")
    lexer.whitespace_split = True
    found: list[list[str]] = [[]]
    for word in lexer:
        if word == "|":
            found.append([])
        elif word == ">":
            found.append([">"])
        else:
            found[-1].append(reader.get(word, word))
    return found


# ---------------------------------------------------------------- profiles

TOML = [each for each in blocks("toml") if "[profile." in each.text]


@pytest.mark.parametrize("block", TOML, ids=names(TOML))
def test_each_profile_is_one(
    block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A manager can be made of it."""
    file = tmp_path / "profiles.toml"
    file.write_text(block.text, "utf-8")
    for variable in re.findall(r'env = "(\w+)"', block.text):
        monkeypatch.setenv(variable, "secret")
    for name in tomllib.loads(block.text)["profile"]:
        assert EnterpriseManager.from_profile(name, file=file)
