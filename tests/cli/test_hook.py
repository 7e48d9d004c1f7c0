import asyncio
import json
import sys
from pathlib import Path

import pytest

from tests.cli.command import PASSWORD, Run
from veeam_async.cli.exits import Refusal
from veeam_async.cli.pipeline import EventHook, without_secrets
from veeam_async.simulator import Simulator

FAST = ("--interval", "0.1")
PYTHON = f'"{sys.executable}"'


async def test_each_event_goes_to_a_command(
    run: Run, simulator: Simulator, tmp_path: Path
) -> None:
    """--exec gets the events one after another, each as the row that is printed."""
    script, log = tmp_path / "an event.py", tmp_path / "log"
    script.write_text(
        "import sys\n"
        "with open(sys.argv[1], 'a') as log: log.write(sys.stdin.read())\n"
        "print('noted')\n"
    )
    session_id = str(simulator.add_session(script=()))
    watched = await run("watch", session_id, "--exec", f'{PYTHON} "{script}" "{log}"')

    assert watched.code == 0
    assert [row["kind"] for row in watched.rows] == ["FOUND", "STOPPED"]
    assert [json.loads(line) for line in log.read_text().splitlines()] == watched.rows
    assert watched.err == "noted\nnoted\n1 session: 1 Success\n"


async def test_a_command_that_fails_is_told(run: Run, simulator: Simulator) -> None:
    """Its exit code is a warning for each event; the watch goes on."""
    session_id = str(simulator.add_session(script=()))
    watched = await run(
        "watch", session_id, "--exec", f'{PYTHON} -c "raise SystemExit(7)"'
    )

    assert watched.code == 0
    assert watched.err.count("ended with exit code 7 at event") == 2


async def test_polls_go_on_while_a_command_runs(
    run: Run, simulator: Simulator, tmp_path: Path
) -> None:
    """A slow command delays what is printed, not the polls."""
    go = tmp_path / "go"
    script = tmp_path / "wait.py"
    script.write_text(
        "import pathlib, sys, time\n"
        "while not pathlib.Path(sys.argv[1]).exists(): time.sleep(0.02)\n"
    )
    session_id = str(simulator.add_session(script=[("Working", 36_000)]))
    command = f'{PYTHON} "{script}" "{go}"'
    route = "GET /backupSessions/{id}"

    async def let_go() -> None:
        while simulator.stats.by_route.get(route, 0) < 5:
            await asyncio.sleep(0.02)
        simulator.advance(36_000)
        go.touch()

    watched, _ = await asyncio.gather(
        run("watch", session_id, *FAST, "--exec", command), let_go()
    )

    assert watched.code == 0
    assert [row["kind"] for row in watched.rows] == ["FOUND", "STOPPED"]


async def test_a_command_gets_no_password(
    run: Run, simulator: Simulator, tmp_path: Path
) -> None:
    """Neither the server's nor the proxy's; all else of the environment it gets."""
    script, log = tmp_path / "env.py", tmp_path / "log"
    script.write_text(
        "import json, os, sys\n"
        "with open(sys.argv[1], 'w') as log: json.dump(dict(os.environ), log)\n"
    )
    session_id = str(simulator.add_session(script=()))
    hook = ("--exec", f'{PYTHON} "{script}" "{log}"')
    own = {"VEEAM_PASSWORD_FILE": "-", "VEEAM_CA_FILE": "", "MINE": "http://u:p@here"}
    for proxy, is_kept in (("http://user:hidden@127.0.0.1:1", False), ("", True)):
        clean = without_secrets({"VEEAM_PROXY": proxy, "VEEAM_PASSWORD": "x"})
        assert clean == ({"VEEAM_PROXY": proxy} if is_kept else {})
    watched = await run("watch", session_id, *hook, text=f"{PASSWORD}\n", **own)

    assert watched.code == 0, watched.err
    told = json.loads(log.read_text())
    assert "VEEAM_PASSWORD" not in told
    assert PASSWORD not in log.read_text()
    assert told["VEEAM_USERNAME"] == simulator.username
    assert {name: told[name] for name in own} == own


@pytest.mark.parametrize("command", ["", '"open', "no-such-program-anywhere"])
def test_what_is_no_command(command: str) -> None:
    """A command that cannot be run is refused before anything is watched."""
    with pytest.raises(Refusal, match="--exec"):
        EventHook.parse(command)


def test_backslashes_on_windows() -> None:
    """There a backslash separates folders; elsewhere it escapes as in a shell."""
    command = rf'{PYTHON} a\b "c d" # e'

    assert EventHook.parse(command, is_windows=True).words[1:] == (
        r"a\b",
        "c d",
        "#",
        "e",
    )
    assert EventHook.parse(command, is_windows=False).words[1:] == (
        "ab",
        "c d",
        "#",
        "e",
    )
