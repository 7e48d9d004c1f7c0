"""One model, whole: names and values below each other, or JSON."""

from __future__ import annotations

from typing import Any

import attrs
from rich.table import Table
from rich.text import Text

from veeam_async.cli.output import Format, chosen, put_json, put_line
from veeam_async.cli.screen import out
from veeam_async.cli.status import styled
from veeam_async.cli.words import plain, span, when

_PASSED_OVER = ("href", "links")


def put_one(model: attrs.AttrsInstance, output: Format | None) -> None:
    """Put out one model."""
    form = chosen(output)
    if form == "ndjson":
        put_line(model)
    elif form == "json":
        put_json(model)
    else:
        out().print(_grid(model))


def _grid(model: attrs.AttrsInstance) -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    for name in _names(model):
        text = _text(name, getattr(model, name))
        if text:
            grid.add_row(name.replace("_", " ").capitalize(), text)
    return grid


def _names(model: attrs.AttrsInstance) -> list[str]:
    """Give the fields to show: an id first, what took how long last."""
    fields = [field.name for field in attrs.fields(type(model))]
    shown = [name for name in fields if name not in _PASSED_OVER]
    first = ["id"] if "uid" in shown else []
    last = ["duration"] if hasattr(model, "duration") else []
    return first + [name for name in shown if name != "uid"] + last


def _text(name: str, value: Any) -> Text:
    if value is None:
        return Text()
    if name.endswith(("time", "next_run")):
        return Text(when(value))
    if name == "duration":
        return Text(span(value))
    if isinstance(value, bool):
        return Text("yes" if value else "no")
    if attrs.has(type(value)):
        return Text(
            ", ".join(plain(str(each)) for each in attrs.astuple(value) if each)
        )
    return styled(plain(str(value)))
