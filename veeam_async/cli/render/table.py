"""Tables: many rows that fit the width of a terminal, or the fields of one model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal

import attrs
from rich.table import Table
from rich.text import Text

from veeam_async import BackupTaskSession, EntityRef
from veeam_async.cli.render.console import PlainConsole, stdout_console
from veeam_async.cli.render.text import status, styled
from veeam_async.cli.render.words import (
    byte_size,
    date_time,
    duration,
    id_text,
    outcome,
    printable,
    title,
)

_GAP = 2
_NARROWEST = 8
_UNSHOWABLE = "?"
_OMITTED_FIELDS = ("href", "links")


@attrs.frozen
class Column:
    """A column: its title, its text for a row, and how easily it gives way.

    A *rank* of 0 always stays; the highest goes first. A column with a *min_width* is
    cut down to that before another one goes, and further where no other can.
    """

    title: str
    show: Callable[[Any], str | Text]
    rank: int = 0
    min_width: int | None = None
    justify: Literal["left", "right"] = "left"


_ID = Column("Id", id_text)
_STARTED = Column("Started", lambda row: date_time(row.creation_time), rank=1)
_TOOK = Column("Took", lambda row: duration(row.duration), rank=2, justify="right")

# The ids always stay: they are what the next command is given.
SESSION_COLUMNS: Sequence[Column] = (
    _ID,
    Column("Status", status),
    _STARTED,
    _TOOK,
    Column("Type", lambda row: printable(str(row.job_type)), rank=3),
    Column("Job", title, min_width=24),
)

REFERENCE_COLUMNS: Sequence[Column] = (
    _ID,
    Column("Name", lambda row: printable(row.name), min_width=12),
)

TASK_SESSION_COLUMNS: Sequence[Column] = (
    Column(
        "Machine",
        lambda row: printable(row.vm_display_name or row.name),
        min_width=12,
    ),
    Column("Status", lambda row: styled(outcome(row))),
    _STARTED,
    _TOOK,
    Column("Size", lambda row: byte_size(row.total_size), rank=3, justify="right"),
    Column("Reason", lambda row: printable(row.reason), rank=4, min_width=16),
    # No command takes the id of a task session: here it is the first to go.
    Column("Id", id_text, rank=5),
)


def columns_for(row: Any) -> Sequence[Column]:
    """The columns that suit a row of this class."""
    if isinstance(row, EntityRef):
        return REFERENCE_COLUMNS
    if isinstance(row, BackupTaskSession):
        return TASK_SESSION_COLUMNS
    return SESSION_COLUMNS


# ---------------------------------------------------------------- many rows


def print_rows(rows: Sequence[object]) -> None:
    """Print *rows* to standard output, in the columns that suit the first."""
    print_table(stdout_console(), columns_for(rows[0]), rows)


def print_table(
    console: PlainConsole, columns: Sequence[Column], rows: Sequence[object]
) -> None:
    """Print *rows*: within the width of a terminal, as wide as they are elsewhere."""
    if not rows:
        return
    filled = [_FilledColumn(column, _texts(column, rows)) for column in columns]
    if console.is_terminal:
        filled = _cut_to(console.width, _without_excess(filled, console.width))
    else:
        # In a pipe nothing may be lost, whatever COLUMNS says.
        console.width = _total_width(filled)
    console.print(_rich_table(filled))


@attrs.frozen
class _FilledColumn:
    column: Column
    texts: list[Text]

    @property
    def width(self) -> int:
        return max(len(self.column.title), *(text.cell_len for text in self.texts))

    @property
    def min_width(self) -> int:
        return min(self.width, self.column.min_width or self.width)

    def cut(self, width: int) -> _FilledColumn:
        """The same column, no wider than *width*."""
        texts = [text.copy() for text in self.texts]
        for text in texts:
            text.truncate(width, overflow="ellipsis")
        return _FilledColumn(self.column, texts)


def _texts(column: Column, rows: Sequence[object]) -> list[Text]:
    return [_cell(column.show, row) for row in rows]


def _cell(show: Callable[[Any], str | Text], row: object) -> Text:
    """The text of one cell; a mark where this row has nothing that can be shown."""
    # One odd row is not to cost the table of thousands of others.
    try:
        text = show(row)
    except (ArithmeticError, AttributeError, OSError, TypeError, ValueError):
        return Text(_UNSHOWABLE)
    return text if isinstance(text, Text) else Text(text)


def _total_width(filled: list[_FilledColumn]) -> int:
    return sum(each.width + _GAP for each in filled)


def _without_excess(filled: list[_FilledColumn], width: int) -> list[_FilledColumn]:
    """Drop empty columns, and then the highest rank first until the rest fits."""
    kept = [each for each in filled if any(each.texts)]
    while sum(each.min_width + _GAP for each in kept) - _GAP > width:
        first_to_go = max(kept, key=lambda each: each.column.rank)
        if first_to_go.column.rank == 0:
            break
        kept.remove(first_to_go)
    return kept


def _cut_to(width: int, filled: list[_FilledColumn]) -> list[_FilledColumn]:
    """Shorten the columns that allow it, the last one first, until all fit."""
    for place in reversed(range(len(filled))):
        excess = _total_width(filled) - _GAP - width
        each = filled[place]
        if excess > 0 and each.column.min_width is not None:
            filled[place] = each.cut(max(_NARROWEST, each.width - excess))
    return filled


def _rich_table(filled: list[_FilledColumn]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0))
    for each in filled:
        table.add_column(
            each.column.title,
            header_style="bold",
            justify=each.column.justify,
            no_wrap=True,  # each row is one line, so that grep and wc -l are right
        )
    for row in zip(*(each.texts for each in filled), strict=True):
        table.add_row(*row)
    return table


# ---------------------------------------------------------------- one model


def print_one(model: attrs.AttrsInstance) -> None:
    """Print a model's fields to standard output."""
    print_fields(stdout_console(), model)


def print_fields(console: PlainConsole, model: attrs.AttrsInstance) -> None:
    """Print the names and values of a model below each other."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    for name in _field_names(model):
        text = _cell(partial(_named_field, name), model)
        if text:
            grid.add_row(name.replace("_", " ").capitalize(), text)
    console.print(grid)


def _field_names(model: attrs.AttrsInstance) -> list[str]:
    """The fields to print: an id first, the duration last."""
    fields = [field.name for field in attrs.fields(type(model))]
    shown = [name for name in fields if name not in _OMITTED_FIELDS]
    # `id` and `duration` are properties, computed from fields.
    first = ["id"] if "uid" in shown else []
    last = ["duration"] if hasattr(model, "duration") else []
    return first + [name for name in shown if name != "uid"] + last


def _named_field(name: str, model: object) -> Text:
    if name == "id":
        return Text(id_text(model))
    return _field_text(name, getattr(model, name))


def _field_text(name: str, value: Any) -> Text:
    if value is None:
        return Text()
    if name.endswith(("time", "next_run")):
        return Text(date_time(value))
    if name == "duration":
        return Text(duration(value))
    if isinstance(value, bool):
        return Text("yes" if value else "no")
    if attrs.has(type(value)):
        parts = (printable(str(part)) for part in attrs.astuple(value) if part)
        return Text(", ".join(parts))
    return styled(printable(str(value)))
