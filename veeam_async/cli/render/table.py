"""Tables: many rows that fit the width of a terminal, or the fields of one model.

Where there is little room a table keeps what people look for: which, how, when, how
long. Ids become short, which commands take; times lose their year; a long reason goes
below its row; what is left over makes way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Literal, TypeAlias

import attrs
from rich.table import Table
from rich.text import Text

from veeam_async import BackupTaskSession, EntityRef
from veeam_async.cli.render.console import PlainConsole, stdout_console
from veeam_async.cli.render.job_row import JobRow
from veeam_async.cli.render.output import Clock, Columns
from veeam_async.cli.render.rows import STATUS, column_names
from veeam_async.cli.render.text import status, styled
from veeam_async.cli.render.words import (
    byte_size,
    date_time,
    duration,
    has_ended,
    id_text,
    outcome,
    printable,
    short_date_time,
    title,
    took,
    zone,
    zoned,
)

_GAP = 2
_NARROWEST = 8
_UNSHOWABLE = "?"
_SHORT_IDS = (8, 13, 18, 23)
"""The lengths of a UUID up to one of its hyphens."""
_LOW_RANK = 5
_INDENT = " " * 4

Show: TypeAlias = Callable[[Any], str | Text]
TimeOf: TypeAlias = Callable[[Any], datetime | None]


@attrs.frozen
class Column:
    """A column: its title, its text for a row, and how easily it gives way.

    A *rank* of 0 always stays; the highest goes first. A column with a *min_width* is
    cut down to that before another one goes, and further where no other can. What is
    *below* goes there, whole, where it does not fit beside the others. A column of
    times has *time*, which gives that of a row, says its zone in its title, and is
    called *short* where its times have no year.
    """

    title: str
    show: Show
    rank: int = 0
    min_width: int | None = None
    justify: Literal["left", "right"] = "left"
    below: bool = False
    time: TimeOf | None = None
    short: str = ""


def time_column(title: str, time: TimeOf, *, rank: int = 0, short: str = "") -> Column:
    """A column of times, in the zone of this machine."""

    def show(row: Any) -> str:
        return date_time(time(row))

    return Column(title, show, rank=rank, time=time, short=short or title)


_ID = Column("Id", id_text)
_STARTED = time_column("Started", lambda row: row.creation_time, short="Start")
_TOOK = Column("Took", took, justify="right")

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
    # It ends in the time at which the session began.
    Column("Name", lambda row: printable(row.name), min_width=60),
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
    Column("Reason", lambda row: printable(row.reason), below=True),
    # No command takes the id of a task session: here it is the first to go.
    Column("Id", id_text, rank=5),
)


JOB_COLUMNS: Sequence[Column] = (
    Column("Job", lambda row: printable(row.name), min_width=16),
    Column("Last", lambda row: styled(printable(row.last))),
    time_column("Ended", lambda row: row.last_time),
    Column("Now", lambda row: printable(row.now)),
    Column("Schedule", lambda row: row.schedule, rank=2),
    time_column("Next run", lambda row: row.next_run, rank=1, short="Next"),
    Column("Type", lambda row: printable(row.job_type), rank=3),
    # Commands take the name of a job.
    Column("Id", id_text, rank=5),
)


def columns_for(row: Any) -> Sequence[Column]:
    """The columns that suit a row of this class."""
    if isinstance(row, JobRow):
        return JOB_COLUMNS
    if isinstance(row, EntityRef):
        return REFERENCE_COLUMNS
    if isinstance(row, BackupTaskSession):
        return TASK_SESSION_COLUMNS
    return SESSION_COLUMNS


def named_columns(names: Sequence[str]) -> Sequence[Column]:
    """The columns that were asked for: all of them stay."""
    return [_named_column(name) for name in names]


def _named_column(name: str) -> Column:
    if name == "id":
        return Column(name, id_text)
    if _is_time(name):
        return time_column(name, lambda row: getattr(row, name, None))
    if name == "duration":
        return Column(name, took, justify="right")
    width = None if name in _SHORT_FIELDS else _NARROWEST
    return Column(name, partial(_named_field, name), min_width=width)


_SHORT_FIELDS = (STATUS, "state", "result", "progress", "duration", "is_retry")

# ---------------------------------------------------------------- many rows


def print_rows(
    rows: Sequence[object], names: Columns = None, clock: Clock | None = None
) -> None:
    """Print *rows* to standard output: the columns *names*, or what suits the first."""
    columns = named_columns(names) if names else columns_for(rows[0])
    now = None if clock is None else clock()
    timed = [_at(column, now) for column in columns]
    print_table(stdout_console(), timed, rows, drop_empty=not names)


def _at(column: Column, now: datetime | None) -> Column:
    """*column* as it is at the server's time *now*."""
    if column.show is took:
        return attrs.evolve(column, show=partial(took, now=now))
    return column


def print_table(
    console: PlainConsole,
    columns: Sequence[Column],
    rows: Sequence[object],
    *,
    drop_empty: bool = True,
) -> None:
    """Print *rows*: within the width of a terminal, as wide as they are elsewhere."""
    if not rows:
        return
    filled = [_written(_filled(column, rows), console) for column in columns]
    if console.is_terminal:
        kept = [each for each in filled if any(each.texts) or not drop_empty]
        filled = _cut_to(console.width, _yielding(kept, rows, console.width))
    for line in _lines(filled):
        line.plain = console.as_written(line.plain)  # what the cutting has put there
        # A line that a terminal is too narrow for is the terminal's to break.
        console.print(line, soft_wrap=True)


@attrs.frozen
class _FilledColumn:
    column: Column
    title: str
    texts: list[Text]
    is_below: bool = False

    @property
    def width(self) -> int:
        return max(len(self.title), *(text.cell_len for text in self.texts))

    @property
    def min_width(self) -> int:
        return min(self.width, self.column.min_width or self.width)

    def cut(self, width: int) -> _FilledColumn:
        """The same column, no wider than *width*."""
        texts = [text.copy() for text in self.texts]
        for text in texts:
            text.truncate(width, overflow="ellipsis")
        return attrs.evolve(self, texts=texts)


def _filled(column: Column, rows: Sequence[object]) -> _FilledColumn:
    texts = [_cell(column.show, row) for row in rows]
    title = column.title
    if column.time is not None:
        title = f"{title} ({zone(_times(column.time, rows))})"
    return _FilledColumn(column, title, texts)


def _written(filled: _FilledColumn, console: PlainConsole) -> _FilledColumn:
    texts = [_as_written(text, console) for text in filled.texts]
    return attrs.evolve(filled, texts=texts)


def _as_written(text: Text, console: PlainConsole) -> Text:
    written = console.as_written(text.plain)
    return text if written == text.plain else Text(written, style=text.style)


def _times(time: TimeOf, rows: Sequence[object]) -> Iterator[datetime | None]:
    for row in rows:
        try:
            yield time(row)
        except AttributeError:  # an odd row, see `_cell`
            continue


def _cell(show: Show, row: object) -> Text:
    """The text of one cell; a mark where this row has nothing that can be shown."""
    # One odd row is not to cost the table of thousands of others.
    try:
        text = show(row)
    except (ArithmeticError, AttributeError, OSError, TypeError, ValueError):
        return Text(_UNSHOWABLE)
    return text if isinstance(text, Text) else Text(text)


# ---------------------------------------------------------------- giving way

_Filled: TypeAlias = list[_FilledColumn]


def _yielding(filled: _Filled, rows: Sequence[object], width: int) -> _Filled:
    """The columns as they fit *width*, by as few concessions as that takes."""
    for concede in (_dropping_low, _shortening, _lowering, _dropping, _narrowing):
        for less in concede(filled, rows):
            if _least_width(filled) <= width:
                return filled
            filled = less
    return filled


def _least_width(filled: _Filled) -> int:
    beside = [each.min_width + _GAP for each in filled if not each.is_below]
    return sum(beside) - _GAP


def _dropping_low(filled: _Filled, _: Sequence[object]) -> Iterator[_Filled]:
    """1. What no command takes and few people read goes."""
    yield [each for each in filled if each.column.rank < _LOW_RANK]


def _shortening(filled: _Filled, _: Sequence[object]) -> Iterator[_Filled]:
    """2. Ids are cut to as much of them as tells these rows apart."""
    yield [_shortened(each) if each.column.show is id_text else each for each in filled]


def _shortened(ids: _FilledColumn) -> _FilledColumn:
    texts = {text.plain for text in ids.texts}
    for length in _SHORT_IDS:
        if len({text[:length] for text in texts}) == len(texts):
            return attrs.evolve(
                ids, texts=[Text(_short_id(text.plain, length)) for text in ids.texts]
            )
    return ids


def _short_id(text: str, length: int) -> str:
    is_uuid = [*map(len, text.split("-"))] == [8, 4, 4, 4, 12]
    return text[:length] if is_uuid else text


def _lowering(filled: _Filled, _: Sequence[object]) -> Iterator[_Filled]:
    """3. Long texts go below their rows."""
    yield [attrs.evolve(each, is_below=each.column.below) for each in filled]


def _dropping(filled: _Filled, _: Sequence[object]) -> Iterator[_Filled]:
    """4. Columns go, the highest rank first."""
    for rank in sorted({each.column.rank for each in filled} - {0}, reverse=True):
        yield [
            each for each in filled if each.column.rank == 0 or each.column.rank < rank
        ]


def _narrowing(filled: _Filled, rows: Sequence[object]) -> Iterator[_Filled]:
    """5. Times lose their year."""
    yield [_narrowed(each, rows) for each in filled]


def _narrowed(filled: _FilledColumn, rows: Sequence[object]) -> _FilledColumn:
    time = filled.column.time
    if time is None:
        return filled
    texts = [_cell(lambda row: short_date_time(time(row)), row) for row in rows]
    title = f"{filled.column.short} {zone(_times(time, rows))}"
    return attrs.evolve(filled, title=title, texts=texts)


def _cut_to(width: int, filled: _Filled) -> _Filled:
    """Shorten the columns that allow it, the last one first, until all fit."""
    cut = list(filled)
    for place in reversed(range(len(cut))):
        beside = [each.width + _GAP for each in cut if not each.is_below]
        excess = sum(beside) - _GAP - width
        each = cut[place]
        if excess > 0 and each.column.min_width is not None:
            cut[place] = each.cut(max(_NARROWEST, each.width - excess))
    return cut


# ---------------------------------------------------------------- lines


def _lines(filled: _Filled) -> Iterator[Text]:
    """The heading, and each row: on one line, so that grep and wc -l are right.

    Below a row stand the texts for which there was no room beside the others.
    """
    beside = [each for each in filled if not each.is_below]
    below = [each for each in filled if each.is_below]
    widths = [each.width for each in beside]
    titles = [Text(each.title, style="bold") for each in beside]
    yield _joined(beside, titles, widths)
    for place in range(len(filled[0].texts)):
        yield _joined(beside, [each.texts[place] for each in beside], widths)
        for each in below:
            if text := each.texts[place]:
                yield Text(_INDENT).append_text(text)


def _joined(columns: _Filled, cells: Sequence[Text], widths: Sequence[int]) -> Text:
    line = Text()
    for each, cell, width in zip(columns, cells, widths, strict=True):
        padding = " " * (width - cell.cell_len)
        if each.column.justify == "right":
            line.append(padding).append_text(cell)
        else:
            line.append_text(cell).append(padding)
        line.append(" " * _GAP)
    line.rstrip()
    return line


# ---------------------------------------------------------------- one model


def print_one(
    model: attrs.AttrsInstance, names: Columns = None, clock: Clock | None = None
) -> None:
    """Print a model's fields to standard output, or those called *names*."""
    now = None if clock is None else clock()
    print_fields(stdout_console(), model, names, now)


def print_fields(
    console: PlainConsole,
    model: attrs.AttrsInstance,
    names: Columns = None,
    now: datetime | None = None,
) -> None:
    """Print the names and values of a model below each other."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    for name in names or _field_names(model):
        text = _cell(partial(_named_field, name, now=now), model)
        if text or names:
            grid.add_row(name, _as_written(text, console))
    console.print(grid)


def _field_names(model: attrs.AttrsInstance) -> list[str]:
    """The fields to print: an id first, the duration last, and no UID beside an id."""
    names = [n for n in column_names(type(model)) if n not in (STATUS, "job_id")]
    hidden = {"uid", "duration"} if "id" in names else {"duration"}
    last = ["duration"] if "duration" in names else []
    return [name for name in names if name not in hidden] + last


def _is_time(name: str) -> bool:
    return name.endswith(("_time", "next_run", "_at"))


def _named_field(name: str, model: Any, *, now: datetime | None = None) -> Text:
    if name == "id":
        return Text(id_text(model))
    if name == STATUS:
        return Text(outcome(model))
    if name == "duration":
        return Text(_duration(model, now))
    value = getattr(model, name, None)
    if _is_time(name) and value is not None:
        return Text(zoned(value))
    return _field_text(value)


def _duration(model: Any, now: datetime | None) -> str:
    if has_ended(model) or not took(model, now):
        return duration(model.duration)
    return f"{took(model, now)} so far"


def _field_text(value: Any) -> Text:
    if value is None:
        return Text()
    if isinstance(value, bool):
        return Text("yes" if value else "no")
    if attrs.has(type(value)):
        parts = (printable(str(part)) for part in attrs.astuple(value) if part)
        return Text(", ".join(parts))
    return styled(printable(str(value)))
