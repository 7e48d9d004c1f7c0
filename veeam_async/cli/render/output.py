"""Models on standard output: as a table, as one JSON text, as JSON lines, or as CSV."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Literal, TypeAlias

import attrs

from veeam_async import to_dict
from veeam_async.cli.render.rows import (
    csv_columns,
    default_columns,
    flat_row,
    selected,
)
from veeam_async.cli.render.streams import is_utf8
from veeam_async.cli.render.words import escaped, printable

Format: TypeAlias = Literal["table", "json", "ndjson", "csv"]

Columns: TypeAlias = Sequence[str] | None
"""The names of the columns to show, None for those that suit the rows."""

Clock: TypeAlias = Callable[[], datetime]
"""Tells what time it is at the server, by which `Took` of what runs is counted."""

Write: TypeAlias = Callable[[Any], object]
"""Writes one model."""


def effective(output: Format | None) -> Format:
    """The format asked for, else what suits a terminal or a pipe."""
    return output or ("table" if sys.stdout.isatty() else "ndjson")


def scrolls_on_terminal(output: Format | None) -> bool:
    """Whether rows appear one by one on a terminal, where they would break a bar."""
    return effective(output) != "table" and sys.stdout.isatty()


@contextmanager
def row_writer(
    output: Format | None,
    columns: Columns = None,
    clock: Clock | None = None,
    *,
    kind: type[attrs.AttrsInstance] | None = None,
) -> Iterator[Write]:
    """Open a writer that takes one model after the other; a table comes at the end.

    Without any model CSV still has its heading, of *columns* or of those of a *kind*.
    """
    form = effective(output)
    if form == "ndjson":
        yield lambda model: write_line(model, columns)
    elif form == "json":
        with _array_writer(columns) as write:
            yield write
    elif form == "csv":
        with _csv_table(columns, kind) as write:
            yield write
    else:
        # The widths of the columns depend on all rows.
        collected: list[Any] = []
        yield collected.append
        if collected:
            # Here, since nothing is drawn where JSON is written.
            from veeam_async.cli.render import table  # noqa: PLC0415 - see above

            table.print_rows(collected, columns, clock)


def write_one(
    model: attrs.AttrsInstance,
    output: Format | None,
    columns: Columns = None,
    clock: Clock | None = None,
) -> None:
    """Write a single model: as a table that is its names and values."""
    form = effective(output)
    if form == "ndjson":
        write_line(model, columns)
    elif form == "json":
        write_json(model, columns)
    elif form == "csv":
        _csv_writer(columns)(model)
    else:
        from veeam_async.cli.render import table  # noqa: PLC0415 - as above

        table.print_one(model, columns, clock)


def write_line(model: attrs.AttrsInstance, columns: Columns = None) -> None:
    """Write a model as one line of JSON, at once."""
    sys.stdout.write(f"{_json(model, columns, indent=None)}\n")
    # A pipe is buffered by the block: `watch | jq` would see an event hours late.
    sys.stdout.flush()


def write_json(model: attrs.AttrsInstance, columns: Columns = None) -> None:
    """Write a model as indented JSON."""
    sys.stdout.write(f"{_json(model, columns, indent=2)}\n")


@contextmanager
def _array_writer(columns: Columns) -> Iterator[Write]:
    """Write models as the items of a JSON array."""
    separator = "[\n"

    def write(model: attrs.AttrsInstance) -> None:
        nonlocal separator
        sys.stdout.write(separator + _json(model, columns, indent=2))
        separator = ",\n"

    try:
        yield write
    finally:
        # Closed after a deadline or Ctrl-C too: what was written stays valid JSON.
        sys.stdout.write("[]\n" if separator == "[\n" else "\n]\n")


def _json(model: attrs.AttrsInstance, columns: Columns, *, indent: int | None) -> str:
    row = selected(model, columns) if columns else _links_last(to_dict(model))
    # A pipe on Windows has an old code page, but every one of them has ASCII.
    ensure_ascii = not is_utf8(sys.stdout.encoding)
    text = json.dumps(row, indent=indent, ensure_ascii=ensure_ascii)
    # A terminal obeys some characters, and hides or turns round others; a pipe's reader
    # gets what the server sent.
    return escaped(text) if sys.stdout.isatty() else text


def _links_last(value: Any) -> Any:
    """*value* with each object's links at its end."""
    # A session has many, and what it is would be read only after all of them.
    if not isinstance(value, dict):
        return value
    return {
        name: _links_last(value[name])
        for name in sorted(value, key=lambda name: name in ("href", "links"))
    }


# ---------------------------------------------------------------- CSV

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a text begins with that a spreadsheet takes for a formula."""


@contextmanager
def _csv_table(columns: Columns, kind: type | None) -> Iterator[Write]:
    """Write models as CSV, and the names of the columns alone where none came."""
    write_row = _csv_writer(columns)
    is_empty = True

    def write(model: attrs.AttrsInstance) -> None:
        nonlocal is_empty
        is_empty = False
        write_row(model)

    yield write
    # What reads tables takes an empty text for a broken one. After an error it is one.
    heading = columns or (kind and csv_columns(kind))
    if is_empty and heading:
        sys.stdout.write(f"{','.join(heading)}\n")


class _Rows:
    """Takes the rows of `csv.writer`, and ends them as all other output ends."""

    # The writer puts quotes around the ends of lines that it uses itself, and before
    # Python 3.13 around no others: a text with a carriage return would end its row.
    def write(self, row: str) -> None:
        """Write a whole row."""
        sys.stdout.write(row.removesuffix("\r\n") + "\n")


def _csv_writer(columns: Columns) -> Write:
    """Write models as CSV, the names of the columns above the first."""
    import csv  # noqa: PLC0415 - few commands write it

    writer = csv.writer(_Rows())
    heading: list[str] = []

    def write(model: attrs.AttrsInstance) -> None:
        row = selected(model, columns) if columns else flat_row(model)
        if not heading:
            heading.extend(columns or default_columns(row))
            writer.writerow(heading)
        writer.writerow([_cell(row.get(name)) for name in heading])
        sys.stdout.flush()  # as in `write_line`

    return write


def _cell(value: Any) -> str:
    """*value* as the text of a cell, in the words of JSON; nothing for None."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    # Whoever may name a job must not have a spreadsheet calculate; a number may.
    if isinstance(value, str) and value.startswith(_FORMULA):
        text = f"'{value}"
    return printable(text) if sys.stdout.isatty() else text
