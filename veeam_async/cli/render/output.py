"""Models on standard output: as a table, as one JSON text, or as JSON lines."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal, TypeAlias

import attrs

from veeam_async import to_dict
from veeam_async.cli.render.streams import is_utf8
from veeam_async.cli.render.words import escaped

Format: TypeAlias = Literal["table", "json", "ndjson"]

Write: TypeAlias = Callable[[Any], object]
"""Writes one model."""


def effective(output: Format | None) -> Format:
    """The format asked for, else what suits a terminal or a pipe."""
    return output or ("table" if sys.stdout.isatty() else "ndjson")


def scrolls_on_terminal(output: Format | None) -> bool:
    """Whether rows appear one by one on a terminal, where they would break a bar."""
    return effective(output) != "table" and sys.stdout.isatty()


@contextmanager
def row_writer(output: Format | None) -> Iterator[Write]:
    """Open a writer that takes one model after the other; a table comes at the end."""
    form = effective(output)
    if form == "ndjson":
        yield write_line
    elif form == "json":
        with _array_writer() as write:
            yield write
    else:
        # The widths of the columns depend on all rows.
        collected: list[Any] = []
        yield collected.append
        if collected:
            # Here, since nothing is drawn where JSON is written.
            from veeam_async.cli.render import table  # noqa: PLC0415 - see above

            table.print_rows(collected)


def write_one(model: attrs.AttrsInstance, output: Format | None) -> None:
    """Write a single model: as a table that is its names and values."""
    form = effective(output)
    if form == "ndjson":
        write_line(model)
    elif form == "json":
        write_json(model)
    else:
        from veeam_async.cli.render import table  # noqa: PLC0415 - as above

        table.print_one(model)


def write_line(model: attrs.AttrsInstance) -> None:
    """Write a model as one line of JSON, at once."""
    sys.stdout.write(f"{_json(model, indent=None)}\n")
    # A pipe is buffered by the block: `watch | jq` would see an event hours late.
    sys.stdout.flush()


def write_json(model: attrs.AttrsInstance) -> None:
    """Write a model as indented JSON."""
    sys.stdout.write(f"{_json(model, indent=2)}\n")


@contextmanager
def _array_writer() -> Iterator[Write]:
    """Write models as the items of a JSON array."""
    separator = "[\n"

    def write(model: attrs.AttrsInstance) -> None:
        nonlocal separator
        sys.stdout.write(separator + _json(model, indent=2))
        separator = ",\n"

    try:
        yield write
    finally:
        # Closed after a deadline or Ctrl-C too: what was written stays valid JSON.
        sys.stdout.write("[]\n" if separator == "[\n" else "\n]\n")


def _json(model: attrs.AttrsInstance, *, indent: int | None) -> str:
    data = _links_last(to_dict(model))
    # A pipe on Windows has an old code page, but every one of them has ASCII.
    ensure_ascii = not is_utf8(sys.stdout.encoding)
    text = json.dumps(data, indent=indent, ensure_ascii=ensure_ascii)
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
