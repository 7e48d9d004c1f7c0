import asyncio
import io
from itertools import count

import pytest

from tests.cli.told import found, session, told
from veeam_async import EventKind
from veeam_async.cli import live
from veeam_async.cli.board import Board, Row
from veeam_async.cli.screen import Screen

pytestmark = pytest.mark.looptime


class _Terminal(io.StringIO):
    """A terminal that keeps what it is sent."""

    def isatty(self) -> bool:
        return True


class _Seen(Board):
    """A board that counts how often somebody looked at it."""

    looks = 0

    def rows(self, most: int, now: float) -> list[Row]:
        self.looks += 1
        return super().rows(most, now)


async def test_nothing_is_drawn_while_nothing_changes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A terminal is sent what changes on it, a moment after the event."""
    monkeypatch.setenv("TERM", "xterm")
    board, stream = found(3), _Terminal()
    async with live.shown(board, Screen(stream, width=80)):
        await asyncio.sleep(1)
        first = stream.getvalue()
        await asyncio.sleep(60)
        later = stream.getvalue()
        board.note(told(EventKind.PROGRESSED, session(0, progress=47)), now=0.0)
        await asyncio.sleep(1)

        assert "100%" not in first
        assert later == first
        assert "47%" in stream.getvalue()[len(later) :]


@pytest.mark.parametrize(("took", "looks"), [(0.04, 500), (3600.0, 200)])
async def test_a_slow_terminal_is_drawn_to_less_often(
    monkeypatch: pytest.MonkeyPatch, took: float, looks: int
) -> None:
    """Drawing takes one part in fifty of the time, but the table never stands still."""
    ticks = count(step=took / 2)  # the time is asked for twice in a drawing
    monkeypatch.setattr(live, "monotonic", lambda: next(ticks))
    board = _Seen()
    async with live.shown(board, Screen(io.StringIO(), width=80)):
        await asyncio.sleep(1000)
        seen = board.looks

    assert seen == pytest.approx(looks, rel=0.1)
