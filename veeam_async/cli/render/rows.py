"""Rows: the names and values that JSON, CSV and --columns show of a model.

A name is that of the model's field, such as `creation_time`; Enterprise Manager's own,
`CreationTime` or `CreationTimeUTC`, is understood in any case, and so is a heading of
the tables.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs

from veeam_async import to_dict
from veeam_async.cli.render.words import outcome

Row = dict[str, Any]

_DERIVED = ("id", "job_id", "duration")
"""What is shown of a model that is none of its fields, where it has it."""

_NESTED = ("session", "previous")
_NO_COLUMNS = ("href", "links", *_NESTED)
"""Fields that are too much for one cell."""

_OF_EVENTS = ("sequence", "observed_at", "kind", "id")
_OF_THEIR_SESSIONS = (
    *("name", "job_name", "state", "result", "progress"),
    *("creation_time", "end_time", "duration", "failure_message"),
)
STATUS = "status"
"""The column of a session's result once it has ended, of its state until then."""

_HEADINGS = {
    "started": "creation_time",
    "took": "duration",
    "type": "job_type",
    "job": "job_name",
    "machine": "vm_display_name",
    "size": "total_size",
}
"""The headings of tables that are no names of fields, and which fields they show."""


def flat_row(model: attrs.AttrsInstance) -> Row:
    """*model* as a row of cells: an event together with its session, and no links."""
    row: Row = to_dict(model)
    session = row.get("session") or {}
    cells = {name: row[name] for name in row if name not in _NO_COLUMNS}
    more = {name: session[name] for name in session if name not in _NO_COLUMNS}
    return {**more, **cells}


def selected(model: attrs.AttrsInstance, columns: Iterable[str]) -> Row:
    """The cells of *model* that *columns* name, in their order; None for others."""
    row = flat_row(model)
    if STATUS in columns:
        session: Any = getattr(model, "session", model)
        row[STATUS] = outcome(session) if hasattr(session, "state") else None
    return {name: row.get(name) for name in columns}


def default_columns(row: Mapping[str, Any]) -> Sequence[str]:
    """The columns of a *row* of cells where none are asked for."""
    if "observed_at" in row:  # other kinds of events have other fields
        return (*_OF_EVENTS, *_OF_THEIR_SESSIONS, "error")
    return tuple(row)


# ---------------------------------------------------------------- names


def column_names(kind: type) -> tuple[str, ...]:
    """Whatever can be shown of a model of *kind*: an id first."""
    names = [field.name for field in attrs.fields(kind)]
    derived = [name for name in _DERIVED if hasattr(kind, name)]
    status = [STATUS] if "state" in names else []
    shown = [name for name in names if name not in _NO_COLUMNS]
    found = dict.fromkeys([*derived[:1], *status, *shown, *derived])
    return tuple(found)


def csv_columns(kind: type) -> tuple[str, ...]:
    """The columns of CSV of models of *kind* where none are asked for."""
    return tuple(name for name in column_names(kind) if name != STATUS)


def parse_columns(text: str | None, *kinds: type) -> tuple[str, ...] | None:
    """The columns that *text* names, separated by commas; None for None.

    Raises ValueError for one that none of the *kinds* has, telling which there are.
    """
    if text is None:
        return None
    known = tuple(dict.fromkeys(n for kind in kinds for n in column_names(kind)))
    asked = [word.strip() for word in text.split(",") if word.strip()]
    if not asked:
        raise ValueError(f"--columns names none of {', '.join(known)}")
    return tuple(dict.fromkeys(_known_name(word, known) for word in asked))


def _known_name(word: str, known: Sequence[str]) -> str:
    by_folded = {folded(name): name for name in known}
    heading = _HEADINGS.get(word.lower(), "")
    for found in (folded(word), folded(word).removesuffix("utc"), folded(heading)):
        if found in by_folded:
            return by_folded[found]
    raise ValueError(f"there is no column {word!r}, only {', '.join(known)}")


def field_of_heading(word: str) -> str:
    """The name of the field that a table's heading *word* shows, else *word*."""
    return _HEADINGS.get(word.lower(), word)


def folded(name: str) -> str:
    """*name* as one word in lower case: `CreationTime` is creation_time."""
    return name.replace("_", "").lower()
