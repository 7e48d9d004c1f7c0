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


async def test_a_slow_terminal_is_drawn_to_less_often(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Drawing takes one part in fifty of the time, whatever a drawing takes."""
    ticks = count()
    monkeypatch.setattr(live, "monotonic", lambda: float(next(ticks)))
    board = _Seen()
    async with live.shown(board, Screen(io.StringIO(), width=80)):
        await asyncio.sleep(1000)
        looks = board.looks

    assert 5 <= looks <= 20
