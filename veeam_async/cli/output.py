"""Models out: a table for people, one JSON text, or one JSON text a line."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Literal, TypeAlias

import attrs
from cyclopts import Parameter

from veeam_async import to_dict
from veeam_async.cli.columns import columns_for
from veeam_async.cli.screen import out
from veeam_async.cli.table import show

Format: TypeAlias = Literal["table", "json", "ndjson"]
Output: TypeAlias = Annotated[Format | None, Parameter(name=["--output", "-o"])]

Put: TypeAlias = Callable[[Any], object]
"""Puts a model out."""


def chosen(output: Format | None) -> Format:
    """Give the form that was asked for, else what suits the other end."""
    return output or ("table" if sys.stdout.isatty() else "ndjson")


def is_streamed_to_terminal(output: Format | None) -> bool:
    """Tell whether rows will come on the screen where a bar would stand as well."""
    return chosen(output) != "table" and sys.stdout.isatty()


@contextmanager
def rows(output: Format | None) -> Iterator[Put]:
    """Give what puts out one row after the other; a table comes at the end."""
    form = chosen(output)
    if form == "ndjson":
        yield put_line
    elif form == "json":
        with _array() as put:
            yield put
    else:
        collected: list[Any] = []
        yield collected.append
        if collected:
            show(out(), columns_for(collected[0]), collected)


def put_line(model: attrs.AttrsInstance) -> None:
    """Put a model out as one line, at once."""
    _write(f"{_json(model, indent=None)}\n")
    sys.stdout.flush()


def put_json(model: attrs.AttrsInstance) -> None:
    """Put a model out as a JSON text for reading."""
    _write(f"{_json(model, indent=2)}\n")


@contextmanager
def _array() -> Iterator[Put]:
    """Give what puts models into one array, which is closed whatever happens."""
    separator = "[\n"

    def put(model: attrs.AttrsInstance) -> None:
        nonlocal separator
        _write(separator + _json(model, indent=2))
        separator = ",\n"

    try:
        yield put
    finally:
        _write("[]\n" if separator == "[\n" else "\n]\n")


def _json(model: attrs.AttrsInstance, *, indent: int | None) -> str:
    """Give JSON; plain ASCII where the stream's encoding may not be UTF-8."""
    is_utf8 = (sys.stdout.encoding or "").lower().startswith("utf")
    data = _links_last(to_dict(model))
    return json.dumps(data, indent=indent, ensure_ascii=not is_utf8)


def _links_last(value: Any) -> Any:
    """Let a reader come to what a session is before its many links."""
    if not isinstance(value, dict):
        return value
    return {
        name: _links_last(value[name])
        for name in sorted(value, key=lambda name: name in ("href", "links"))
    }


def _write(text: str) -> None:
    sys.stdout.write(text)
