"""Rows as a table that fits the screen: what does not fit gives way by its rank."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import attrs
from rich.table import Table
from rich.text import Text

from veeam_async.cli.screen import Screen

_GAP = 2
_NARROWEST = 8


@attrs.frozen
class Column:
    """A column: its *title*, what it shows of a row, and how easily it gives way.

    A *rank* of 0 always stays. A column with a *least* width is cut down to it before
    another one gives way, and further where no other can.
    """

    title: str
    show: Callable[[Any], str | Text]
    rank: int = 0
    least: int | None = None
    justify: Literal["left", "right"] = "left"


@attrs.frozen
class _Cells:
    column: Column
    texts: list[Text]

    @property
    def width(self) -> int:
        return max(len(self.column.title), *(text.cell_len for text in self.texts))

    @property
    def least(self) -> int:
        return min(self.width, self.column.least or self.width)

    def cut(self, width: int) -> _Cells:
        """Give the same, no wider than *width*."""
        texts = [text.copy() for text in self.texts]
        for text in texts:
            text.truncate(width, overflow="ellipsis")
        return _Cells(self.column, texts)


def show(screen: Screen, columns: Sequence[Column], rows: Sequence[object]) -> None:
    """Print *rows*: within the width of a terminal, as wide as they are elsewhere."""
    if not rows:
        return
    cells = [_Cells(column, _texts(column, rows)) for column in columns]
    if screen.is_terminal:
        cells = _shortened(_fitting(cells, screen.width), screen.width)
    else:
        screen.width = _width_of(cells)
    screen.print(_table(cells))


def _texts(column: Column, rows: Sequence[object]) -> list[Text]:
    shown = (column.show(row) for row in rows)
    return [text if isinstance(text, Text) else Text(text) for text in shown]


def _width_of(cells: list[_Cells]) -> int:
    return sum(each.width + _GAP for each in cells)


def _fitting(cells: list[_Cells], width: int) -> list[_Cells]:
    """Leave columns out, empty ones and then the highest rank first, until it fits."""
    kept = [each for each in cells if any(each.texts)]
    while sum(each.least + _GAP for each in kept) - _GAP > width:
        worst = max(kept, key=lambda each: each.column.rank)
        if worst.column.rank == 0:
            break
        kept.remove(worst)
    return kept


def _shortened(cells: list[_Cells], width: int) -> list[_Cells]:
    """Cut the columns that can be cut, the last one first, until the table fits."""
    for place in reversed(range(len(cells))):
        excess = _width_of(cells) - _GAP - width
        each = cells[place]
        if excess > 0 and each.column.least is not None:
            cells[place] = each.cut(max(_NARROWEST, each.width - excess))
    return cells


def _table(cells: list[_Cells]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0))
    for each in cells:
        table.add_column(
            each.column.title,
            header_style="bold",
            justify=each.column.justify,
            no_wrap=True,
        )
    for row in zip(*(each.texts for each in cells), strict=True):
        table.add_row(*row)
    return table
