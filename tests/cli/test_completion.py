"""`completion`: what shells complete by its scripts, and how they are installed."""

import asyncio
import shutil
from pathlib import Path

import pytest

from tests.cli.command import Invoke, environment
from tests.cli.terminal import needs_terminal, on_terminal
from veeam_async.cli.dispatch import COMMANDS

SHELLS = ("bash", "zsh", "fish", "powershell")

BASH = """
source "$1"; shift
complete -p veeam-async
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_veeam_async
printf '%s\\n' "${COMPREPLY[@]}"
"""

FISH = "source $argv[1]; complete -C $argv[2]"

ZSH = """
zmodload zsh/zpty
zpty shell "TERM=dumb zsh -f -i"
zpty -w shell "$1; PS1='> '; echo rea''dy"
zpty -r shell out '*ready*'
zpty -w -n shell "$2"$'\\t\\t'
zpty -r shell out "*$3*"
print -r -- "$out"
zpty -d shell
"""
"""A shell in a terminal of its own: prepare it, type, wait for what is to come."""


MADE: dict[str, str] = {}
"""The scripts by their shells: each takes a third of a second to make."""


@pytest.fixture
def script(invoke: Invoke, tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """The file of a shell's script, called as it is installed."""
    if request.param not in MADE:
        made = invoke("completion", request.param)
        assert (made.code, made.err) == (0, "")
        MADE[request.param] = made.out
    path = tmp_path / "_veeam-async"
    path.write_text(MADE[request.param], encoding="utf-8")
    return path


async def said(shell: str, code: str, *arguments: str) -> list[str]:
    """The lines that *code* makes a shell write, which finds no settings."""
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"there is no {shell} here")
    plain = {"bash": ("--noprofile", "--norc"), "zsh": ("-f",), "fish": ("-N",)}[shell]
    name = () if shell == "fish" else (shell,)
    process = await asyncio.create_subprocess_exec(
        *(program, *plain, "-c", code, *name, *arguments),
        env=environment(),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert err.decode() == ""
    return out.decode().splitlines()


@pytest.mark.parametrize("script", ["bash"], indirect=True)
@pytest.mark.parametrize(
    ("words", "completed"),
    [
        (["que"], ["query"]),
        (["query", "--out"], ["--output"]),
        (["query", "--output", ""], ["table", "json", "ndjson", "csv"]),
        (["--url", "https://em", "check", "--critical-f"], ["--critical-failed"]),
        (["completion", ""], [*SHELLS]),
        (["get", "--ca-file", ""], [""]),
        ([""], [*COMMANDS]),
    ],
)
async def test_bash(script: Path, words: list[str], completed: list[str]) -> None:
    """Commands, options, their values; where there is nothing else, files."""
    registered, *found = await said("bash", BASH, str(script), "veeam-async", *words)

    assert found == completed
    assert "-o default" in registered


@pytest.mark.parametrize("script", ["fish"], indirect=True)
@pytest.mark.parametrize(
    ("line", "completed"),
    [
        ("veeam-async que", ["query"]),
        ("veeam-async query --outp", ["--output"]),
        ("veeam-async query --output ", ["csv", "json", "ndjson", "table"]),
    ],
)
async def test_fish(script: Path, line: str, completed: list[str]) -> None:
    """Commands, options and their values, each with what it means."""
    found = await said("fish", FISH, str(script), line)

    assert [each.partition("\t")[0] for each in found] == completed
    assert all(each.partition("\t")[2] for each in found)


@pytest.mark.parametrize("script", ["zsh"], indirect=True)
@pytest.mark.parametrize(
    ("line", "completed"),
    [
        ("veeam-async que", "veeam-async query"),
        ("veeam-async query --col", "veeam-async query --columns"),
        ("veeam-async query --output nd", "--output ndjson"),
    ],
)
@pytest.mark.parametrize("found", [True, False])
async def test_zsh(script: Path, line: str, completed: str, *, found: bool) -> None:
    """Commands, options and their values; along fpath, and sourced."""
    begin = "autoload -Uz compinit; compinit -u -D"
    prepare = (
        f"fpath=({script.parent} $fpath); {begin}"
        if found
        else f"{begin}; source {script}"
    )
    shown = await said("zsh", ZSH, prepare, line, completed)

    assert completed in "\n".join(shown)


@pytest.mark.parametrize("shell", SHELLS)
def test_it_says_how_to_install_it(invoke: Invoke, shell: str) -> None:
    """As a comment above, which each shell passes over; all commands are in it."""
    made = invoke("completion", shell)

    head = "\n".join(made.out.splitlines()[:10])
    assert f"#     veeam-async completion {shell}" in head or "source <(" in head
    assert made.out.startswith("#compdef veeam-async\n") is (shell == "zsh")
    assert all(name in made.out for name in (*COMMANDS, "critical-failed", "ndjson"))
    assert ("Register-ArgumentCompleter" in made.out) is (shell == "powershell")


@needs_terminal
async def test_on_a_terminal() -> None:
    """There the beginning has scrolled away, so it is said again at the end."""
    shown = await on_terminal("completion", "fish", env=environment())

    assert shown.code == 0
    assert shown.lines[-2].endswith("~/.config/fish/completions/veeam-async.fish")


def test_another_shell(invoke: Invoke) -> None:
    """It is refused, and the shells are named."""
    ended = invoke("completion", "tcsh")

    assert (ended.code, ended.out) == (2, "")
    assert all(shell in ended.err for shell in SHELLS)
