"""-v and -vv: what the library logs, on standard error."""

import asyncio
import io
import logging
import re
import sys

import pytest

from tests.cli.command import Run, after_polls, environment
from tests.cli.terminal import needs_terminal, on_terminal
from tests.support.bodies import behind_logon, error, session, uuid_of
from tests.support.fault_server import Answer, FaultServer, played
from veeam_async.cli.logs import show, shown, warnings_given_to
from veeam_async.simulator import Faults, Simulator

LINE = re.compile(r"\d\d:\d\d:\d\d\.\d{3} (?:info |debug) \S.*\S")
REQUESTS = logging.getLogger("veeam_async.requests")


async def test_what_is_tried_again_is_told(quick: Run) -> None:
    """On standard error alone, each on a line with its time; without -v it is not."""

    async def get(*options: str) -> tuple[str, list[str]]:
        busy = error(503, "busy", **{"Retry-After": "0"})
        answers = played([busy, Answer(body=session(0))])
        async with FaultServer(behind_logon(answers)) as server:
            ended = await quick(
                "get", str(uuid_of(0)), "-o", "csv", *options, VEEAM_URL=server.url
            )
        assert ended.code == 0
        return ended.out, ended.err.splitlines()

    quiet, told, first = await get(), await get("-vv"), await get("--verbose", "-v")

    assert quiet[0] == told[0] == first[0]
    assert quiet[1] == []
    for lines in (told[1], first[1]):
        assert all(map(LINE.fullmatch, lines))
        assert any("ServiceUnavailable" in line for line in lines)


@pytest.mark.parametrize(
    ("verbosity", "words"),
    [
        (0, ["warning"]),
        (1, ["warning", "again"]),
        (2, ["warning", "again", "request"]),
        (9, ["warning", "again", "request"]),
    ],
)
def test_how_much(
    verbosity: int, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Warnings always, once -v what is tried again, twice each request."""
    with shown():
        show(verbosity)
        REQUESTS.debug("a %s", "request")
        REQUESTS.info("once\x1b[2J\nagain")
        REQUESTS.warning("a warning")
    REQUESTS.info("later")
    REQUESTS.debug("later")

    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == len(words)
    assert all(any(word in line for line in lines) for word in words)
    assert "veeam-async: warning: a warning" in lines
    assert "later" not in "".join(lines)
    assert "\x1b" not in "".join(lines)


def test_warnings_can_be_taken(capsys: pytest.CaptureFixture[str]) -> None:
    """By a command that tells them in its own way, for as long as it does."""
    taken: list[str] = []
    with shown():
        with warnings_given_to(taken.append):
            REQUESTS.warning("taken")
        REQUESTS.warning("shown")

    assert taken == ["taken"]
    assert capsys.readouterr().err == "veeam-async: warning: shown\n"


def test_a_file_gets_it_all(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A live table that takes standard error over does not get what a file should."""
    with shown():
        show(1)
        monkeypatch.setattr(sys, "stderr", io.StringIO())
        REQUESTS.info("told")
        monkeypatch.undo()

    assert capsys.readouterr().err.endswith(" info  told\n")


@needs_terminal
async def test_beside_a_live_table(simulator: Simulator) -> None:
    """Each line stands whole above the table, which stays in one piece."""
    simulator.faults = Faults(server_error=0.5)
    sessions = [
        str(simulator.add_session(script=[("Working", 36_000)])) for _ in range(3)
    ]
    shown, _ = await asyncio.gather(
        on_terminal(
            *("watch", *sessions, "--interval", "0.1", "-vv"),
            env=environment(simulator),
            columns=160,
        ),
        after_polls(simulator, 36_000, polls=12),
    )

    lines = [line.rstrip() for line in shown.lines]
    told = [line for line in lines if re.search(r"\b(?:debug|info) ", line)]
    assert shown.code == 0
    assert told
    assert all(map(LINE.fullmatch, told))
    last = max(place for place, line in enumerate(lines) if line.startswith("Job "))
    rows = "\n".join(lines[last + 1 : last + 4])
    assert all(session_id[:8] in rows for session_id in sessions)
    assert lines[-2].startswith("3 sessions: ")
