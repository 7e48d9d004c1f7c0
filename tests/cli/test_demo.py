import asyncio
import re
import sys
from inspect import signature
from pathlib import Path

import pytest

from tests.cli.command import COMMAND, PASSWORD, end, environment, settings_of, start
from veeam_async.cli.commands.demo import next_steps_of
from veeam_async.cli.commands.simulate import simulate
from veeam_async.cli.render.called import as_called
from veeam_async.simulator import Simulator

EMPTY = ("--sessions", "0", "--running", "0")

_SUMMARY = re.compile(
    r"^200 sessions: (\d+) Success · (\d+) Warning · (\d+) Failed\n"
    r"(\d+) requests in ([\d.]+) s, logon and logout included\.\n$",
    re.MULTILINE,
)


async def test_the_demo_needs_nothing_and_adds_up() -> None:
    """In a pipe it is plain lines, and its exit code 0, failed sessions or no."""
    ended = await end(await start("demo", env=environment()))
    summary = _SUMMARY.search(ended.out)

    assert (ended.code, ended.err) == (0, "")
    assert summary is not None
    assert sum(int(many) for many in summary.groups()[:3]) == 200
    assert int(summary[4]) > 200
    # On a busy machine some of the twenty have ended before they are watched.
    watched = re.search(r"Watching the (\d+) sessions that run now", ended.out)
    assert watched is not None
    assert ended.out.count("  STOPPED     ") == int(watched[1])
    assert "Fetched 200 sessions in " in ended.out
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", ended.out)


async def test_an_empty_demo() -> None:
    """A server without sessions is no reason to fail."""
    ended = await end(await start("demo", *EMPTY, env=environment()))

    assert (ended.code, ended.err) == (0, "")


# ---------------------------------------------------------------- what comes next


async def next_steps(folder: Path, *command: str) -> list[list[str]]:
    """The blocks of lines to be pasted that the demo of *command* ends with."""
    process = await asyncio.create_subprocess_exec(
        *(*command, "demo", *EMPTY),
        env=environment(),
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    _, *parts = out.decode().rstrip().split("\n\n")
    return [part.split("\n  ")[1:] for part in parts]


async def pasted(folder: Path, lines: list[str], **env: str) -> tuple[int, str]:
    """What a shell makes of *lines*: its exit code, and what was written."""
    process = await asyncio.create_subprocess_exec(
        *("sh", "-e"),
        env=environment(**env),
        cwd=folder,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate("\n".join([*lines, ""]).encode())
    return process.returncode or 0, out.decode()


@pytest.mark.skipif(sys.platform == "win32", reason="pasted into sh")
@pytest.mark.parametrize("called", ["module", "path"])
async def test_the_next_steps_work_when_pasted(
    tmp_path: Path, called: str, simulator: Simulator
) -> None:
    """As the demo was called, off PATH too; only the server's place is put in."""
    command: tuple[str, ...] = COMMAND
    if called == "path":
        (tmp_path / "my env").mkdir()
        script = tmp_path / "my env" / "veeam-async"
        main = "from veeam_async.__main__ import main; sys.exit(main())"
        script.write_text(f"#!{sys.executable}\nimport sys; {main}\n")
        script.chmod(0o755)
        command = ("my env/veeam-async",)
    own, simulated, watching = await next_steps(tmp_path, *command)
    settings = settings_of(simulator)
    own[0] = own[0].replace("https://em.example.com:9398", settings["VEEAM_URL"])
    own[1] = own[1].replace(r"DOMAIN\you", settings["VEEAM_USERNAME"])
    code, out = await pasted(tmp_path, own, VEEAM_PASSWORD=PASSWORD)

    assert code == 0
    assert "\nall works" in out
    assert out.rstrip().endswith(" query --since 24h")
    assert simulated[0].endswith(" simulate" if called == "module" else "' simulate")
    watching[0] = watching[0].replace("http://127.0.0.1:9398", settings["VEEAM_URL"])
    watching[2] = watching[2].replace("simulator", PASSWORD)
    watching[3] += " --timeout 0.2"
    assert await pasted(tmp_path, watching) == (0, "no session was seen\n")


def test_what_the_demo_names_is_what_simulate_gives() -> None:
    """Where that listens, and its user and password, unless it is told otherwise."""
    defaults = {
        name: each.default for name, each in signature(simulate).parameters.items()
    }
    *_, (_, lines) = next_steps_of(Simulator())

    assert Simulator().password == "simulator"
    assert lines[0].endswith(f"'http://{defaults['host']}:{defaults['port']}'")
    assert lines[1].endswith(f"'{Simulator().username}'")
    assert lines[2].endswith(f"'{Simulator().password}'")


@pytest.mark.parametrize(
    ("program", "line"),
    [
        (r"C:\env\Scripts\veeam-async", r"C:\env\Scripts\veeam-async wait 'a''b'"),
        (r"C:\my env\veeam-async", r"& 'C:\my env\veeam-async' wait 'a''b'"),
    ],
)
def test_a_line_for_powershell(
    monkeypatch: pytest.MonkeyPatch, program: str, line: str
) -> None:
    """A program in quotes is called by &: without it PowerShell would only show it."""
    monkeypatch.setattr(sys, "argv", [program, "demo"])

    assert as_called("wait", "a'b", is_windows=True) == line
