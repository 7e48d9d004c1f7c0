"""A board as it stands on a screen, drawn anew only where it changed."""

from __future__ import annotations

from collections.abc import Iterator

import attrs
from rich.console import Console, ConsoleOptions
from rich.segment import Segment
from rich.text import Text

from veeam_async.cli.board import Board, Row
from veeam_async.cli.layout import Layout, Line
from veeam_async.cli.screen import Screen
from veeam_async.cli.status import SEPARATOR, tally

_OTHER_LINES = 3
"""The heading, the line of the troubles, and the cursor's own."""


@attrs.frozen
class Picture:
    """What stands on the screen; equal pictures look the same."""

    lines: list[Line]

    def __rich_console__(self, _: Console, __: ConsoleOptions) -> Iterator[Segment]:
        for line in self.lines:
            yield from line
            yield Segment.line()


class Painter:
    """Makes pictures of *board* for *screen*; a row that is as it was costs nothing."""

    def __init__(self, board: Board, screen: Screen) -> None:
        self._board = board
        self._screen = screen
        self._layout = Layout(screen, screen.width)
        self._drawn: dict[Row, Line] = {}

    def paint(self, now: float) -> Picture:
        """Give the picture of this moment, as large as the screen is now."""
        width, height = self._screen.size
        if width != self._layout.width:
            self._layout, self._drawn = Layout(self._screen, width), {}
        most = height - _OTHER_LINES - len(self._counts(self._board.total))
        rows = self._board.rows(max(1, most), now)
        self._drawn = {
            row: self._drawn.get(row) or self._layout.row(row) for row in rows
        }
        trouble = self._board.troubles.text()
        below = self._counts(self._board.total - len(rows))
        below += [] if trouble is None else [trouble]
        return Picture(
            [
                self._layout.heading(),
                *self._drawn.values(),
                *map(self._layout.text, below),
            ]
        )

    def _counts(self, hidden: int) -> list[Text]:
        """Count the sessions, *hidden* of which have no row."""
        items = tally(self._board.counts)
        if hidden:
            items.append(Text(f"({hidden:,} not shown)", style="dim"))
        return self._layout.packed(items, SEPARATOR)
