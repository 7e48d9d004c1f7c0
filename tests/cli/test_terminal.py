import asyncio
import math
import re

import pytest
from rich.cells import cell_len

from tests.cli.command import PASSWORD, after_polls, environment
from tests.cli.terminal import needs_terminal, on_terminal
from veeam_async.simulator import Simulator

pytestmark = needs_terminal


@pytest.mark.parametrize("columns", [60, 200])
async def test_the_demo_fits_its_terminal(columns: int) -> None:
    """Bar, rate, live table and summary are there, and no line is cut or too long."""
    demo = ("demo", "--sessions", "30", "--running", "25", "--speed", "400")
    shown = await on_terminal(*demo, env=environment(), columns=columns, rows=16)
    text = "\n".join(shown.lines)
    # Whatever is to be pasted is one line, and indented.
    lines = [line for line in shown.lines if not line.startswith("  ")]

    assert shown.code == 0
    assert max(cell_len(line) for line in lines) <= columns
    assert "30/30" in text
    # On a busy machine many have ended before they are watched, or all of them.
    is_table = "Watching the 0 sessions" not in text
    assert [name in text for name in ("Progress", "Took")] == [is_table] * 2
    assert "30 sessions: " in text
    assert "\x1b[?25h" in shown.raw  # the cursor is back


@pytest.mark.parametrize("columns", [60, 200])
async def test_a_table_fits_its_terminal(simulator: Simulator, columns: int) -> None:
    """It says how many of many sessions it leaves out, and no line is cut."""
    running = [simulator.add_session(script=[("Working", 36_000)]) for _ in range(25)]
    watch = ("watch", *map(str, running), "--interval", "0.1")
    shown, _ = await asyncio.gather(
        on_terminal(*watch, env=environment(simulator), columns=columns, rows=16),
        after_polls(simulator, 36_000, polls=6 * len(running)),
    )
    said = [int(many) for many in re.findall(r"\((\d+) not shown\)", shown.raw)]

    assert shown.code == 0
    assert max(map(cell_len, shown.lines)) <= columns
    assert "Progress" in shown.raw
    assert "Took" in shown.raw
    assert said
    assert set(said) <= set(range(25 - 16, 25))


async def test_no_colour_where_none_is_wanted(simulator: Simulator) -> None:
    """NO_COLOR takes the colours away, a dumb terminal every control sequence."""
    session_id = simulator.add_session(script=[("Working", 36_000)])
    watch = ("watch", str(session_id), "--interval", "0.1")
    env = environment(simulator)
    plain, dumb, colourful, _ = await asyncio.gather(
        on_terminal(*watch, env=env | {"NO_COLOR": "1"}),
        on_terminal(*watch, env=env | {"TERM": "dumb"}),
        on_terminal("fetch", "-o", "table", env=env),
        after_polls(simulator, 36_000, commands=3, polls=12),
    )

    assert [plain.code, dumb.code, colourful.code] == [0, 0, 0]
    assert "\x1b[3" not in plain.raw
    assert "\x1b" not in dumb.raw
    assert "STOPPED     Success" in dumb.raw
    assert "\x1b[32m" in colourful.raw


async def test_a_password_is_asked_for(simulator: Simulator) -> None:
    """On a terminal the password can be typed, and is not echoed."""
    env = environment(simulator)
    del env["VEEAM_PASSWORD"]
    asked = await on_terminal(
        *("references", "--limit", "2"),
        env=env,
        columns=60,
        answer=("Password of veeam: ", f"{PASSWORD}\n"),
    )

    assert asked.code == 0
    assert PASSWORD not in asked.raw
    assert str(simulator.session_ids[0])[:8] in asked.raw


@pytest.mark.parametrize(("answer", "code"), [("y", 0), ("", 1)])
async def test_stop_asks_first(simulator: Simulator, answer: str, code: int) -> None:
    """The question names the job, and only a yes stops it."""
    session_id = simulator.add_session(
        script=[("Working", math.inf)], job_name="Nightly"
    )
    asked = await on_terminal(
        *("stop", str(session_id)),
        env=environment(simulator),
        answer=("Stop Nightly (Working", f"{answer}\n"),
    )

    assert code == asked.code
    assert ("Stop job session" in asked.raw or "StopJobSession" in asked.raw) == (
        not code
    )
    assert ("nothing was stopped" in asked.raw) == bool(code)
    assert simulator.stats.tokens_alive == 0


async def test_what_has_ended_is_not_stopped(simulator: Simulator) -> None:
    """Nothing is asked, and nothing is sent, where a session has ended already."""
    asked = await on_terminal(
        "stop", str(simulator.session_ids[0]), env=environment(simulator)
    )

    assert asked.code == 1
    assert "has already ended" in asked.raw


async def test_ctrl_c_ends_a_question(simulator: Simulator) -> None:
    """While a password is asked for, Ctrl-C ends the command at once."""
    env = environment(simulator)
    del env["VEEAM_PASSWORD"]
    asked = await on_terminal("references", env=env, answer=("Password", "\x03"))

    assert asked.code == 130
    assert simulator.stats.requests == 0


async def test_get_and_wait_on_a_terminal(simulator: Simulator) -> None:
    """A session is shown as names and values, after a sign that the command waits."""
    session_id = str(simulator.add_session(script=[("Working", 36_000)]))
    env = environment(simulator)
    got, waited, _ = await asyncio.gather(
        on_terminal("get", session_id, env=env),
        on_terminal("wait", session_id, "--interval", "0.1", env=env),
        after_polls(simulator, 36_000, commands=2),
    )

    assert [got.code, waited.code] == [0, 0]
    assert "Working" in got.raw
    assert f"Waiting for {session_id}" in waited.raw
    assert "Stopped" in waited.raw
