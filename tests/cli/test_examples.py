import inspect
import re
import shlex
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from tests.cli.command import PASSWORD, Invoke, Run, environment, start
from tests.support.paths import RECORDINGS
from tests.support.simulated import QUICK, client
from veeam_async import F
from veeam_async.cli.arguments import command_first
from veeam_async.cli.dispatch import COMMANDS, function_of
from veeam_async.cli.options import Connection
from veeam_async.simulator import Simulator

RECORDING = RECORDINGS / "everything.rec"
ID = "3f6a8c1e-52d7-4b90-a1c4-7d0e9b2f6a35"
JOB = "HR Systems"
"""What examples call a session and a job; `veeam-async simulate` has such a job."""


ENDLESS = ("simulate",)
"""The commands that run until somebody presses Ctrl-C."""
MORE = {
    "demo": ("--sessions", "10", "--running", "2", "--speed", "600"),
    "watch": ("--timeout", "0.2"),
    "stop": ("--yes",),
}
"""What has an example end soon, and without a terminal."""
SHORTER = {"--count 1000": "--count 20"}
CODES = {"check": (0, 1, 2), "replay": (1,)}
"""How examples end that judge what they find; in the recording a session is gone."""


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    """What a newcomer's simulator holds, on which a run is over in a moment."""
    async with Simulator(
        sessions=30, running=1, speed=600, password=PASSWORD
    ) as simulator:
        yield simulator


def examples(invoke: Invoke, command: str) -> list[str]:
    """The examples in the help of a command."""
    shown = invoke(command, "--help", COLUMNS="200")
    return re.findall(r"^Example: (.+?)\s*$", shown.out, re.MULTILINE)


def words(example: str) -> list[list[str]]:
    """The commands of a line, and the file behind >, each as words."""
    lexer = shlex.shlex(example, posix=True, punctuation_chars="|>")
    lexer.whitespace_split = True
    commands: list[list[str]] = [[]]
    for word in lexer:
        if word in ("|", ">"):
            commands.append([])
        else:
            commands[-1].append(word)
    return commands


@pytest.fixture
async def session_id(
    simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> str:
    """The id of the newest session of the job, where everything is as examples say."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(RECORDING, "watch.rec")
    async with client(simulator) as em:
        [job] = [each.id async for each in em.jobs.query(F.name == JOB)]
    simulator.next_run(job, script=QUICK)
    return str(simulator.add_session(script=(), job_id=job))


@pytest.mark.slow
@pytest.mark.parametrize("command", [name for name in COMMANDS if name not in ENDLESS])
async def test_the_examples_of_each_command_work(
    quick: Run, invoke: Invoke, session_id: str, command: str
) -> None:
    """As they stand in its help, one after the other, against a simulated server."""
    for example in examples(invoke, command):
        line = example.replace(ID, session_id)
        for long, short in SHORTER.items():
            line = line.replace(long, short)
        text = ""
        for word, *arguments in words(line):
            if word != "veeam-async":
                continue  # the file behind >
            more = [] if "--yes" in arguments else MORE.get(arguments[0], ())
            ended = await quick(*arguments, *more, text=text)
            text = ended.out

            assert ended.code in CODES.get(arguments[0], (0,)), (example, ended)


@pytest.mark.parametrize("command", COMMANDS)
def test_an_example_works_in_every_shell(invoke: Invoke, command: str) -> None:
    """They differ in quotes within quotes, in $, ! and ^; a,b is two in PowerShell."""
    found = examples(invoke, command)

    assert found
    for example in found:
        assert not re.search(r"['\\$!`^%&]", example), example
        assert example.count('"') % 2 == 0
        assert not any("," in part for part in example.split('"')[::2])


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_fits_80_columns(invoke: Invoke, command: str) -> None:
    """No line is longer, and none is cut."""
    shown = invoke(*filter(None, [command]), "--help", COLUMNS="80")

    assert (shown.code, shown.err) == (0, "")
    assert max(map(len, shown.out.splitlines())) <= 80
    assert "…" not in shown.out


@pytest.mark.parametrize("command", ENDLESS)
async def test_the_example_of_what_runs_on(invoke: Invoke, command: str) -> None:
    """It has begun once it says where it listens."""
    for example in examples(invoke, command):
        [[_, *line]] = words(example)
        process = await start(*line, "--port", "0", env=environment())
        assert process.stdout is not None
        assert b"127.0.0.1" in await process.stdout.readline()
        process.terminate()
        await process.communicate()
        assert process.returncode == 143


@pytest.mark.parametrize("command", COMMANDS)
def test_every_flag_may_stand_before_the_command(command: str) -> None:
    """What takes no value does not swallow the command."""
    own = inspect.signature(function_of(command)).parameters.values()
    options: list[Any] = [*own, *attrs.fields(Connection)]
    flags = [each.name for each in options if isinstance(each.default, bool)]
    for flag in flags:
        option = f"--{flag.replace('_', '-')}"
        found = command_first([option, command, "x"], COMMANDS)

        assert found == [command, option, "x"]


def test_a_flag_of_one_command_may_have_a_value_in_another() -> None:
    """What follows tells: it is no command, and no option."""
    moved = ["demo", "--running", "2", "--speed", "9"]

    assert command_first(["--running", "2", "--speed", "9", "demo"], COMMANDS) == moved


async def test_options_may_stand_before_the_command(
    quick: Run, simulator: Simulator
) -> None:
    """With a value, joined to it or not, or without; be it called as a command is."""
    before = ("--url", simulator.url, f"--username={simulator.username}", "--insecure")
    asked = await quick(*before, "-o", "csv", "query", "--limit", "1", VEEAM_URL="")
    named = await quick("--username", "query", "references", VEEAM_USERNAME="x")
    ended = str(simulator.add_session(script=()))
    flag = await quick("--no-check", "wait", ended)
    unknown = await quick("--unknown", "1", "query")
    nothing = await quick("--url", simulator.url)

    assert [each.code for each in (asked, named, flag, unknown, nothing)] == [
        *(0, 1, 0, 2, 2)
    ]
    assert asked.out.startswith("id,")
    assert "401" in named.err
    assert "--unknown" in unknown.err
    assert nothing.err == "veeam-async: no command comes after --url (see --help)\n"
