"""The tables of the reference hold what there is, and nothing else."""

from __future__ import annotations

import inspect
import re

import attrs
import pytest

from tests.support.paths import ROOT
from veeam_async import BackupJobSession, EventKind, RestoreSession, errors
from veeam_async.cli.exits import Exit
from veeam_async.events import HealthChanged, SessionChanged, SessionGone
from veeam_async.filters import query_fields

REFERENCE = ROOT / "docs" / "reference"
COMPUTED = {"id", "job_id", "duration"}
"""What `to_dict` gives of a session beside its fields."""


def rows(page: str, heading: str = "") -> list[str]:
    """What the rows of tables below *heading* begin with."""
    text = (REFERENCE / f"{page}.md").read_text("utf-8")
    section = text.partition(f"## {heading}\n")[2] if heading else text
    return re.findall(r"^\| ([^|]+) \|", section.partition("\n## ")[0], re.MULTILINE)


def words(*cells: str) -> set[str]:
    """What stands as code in *cells*."""
    return {word for cell in cells for word in re.findall(r"`(\w+)`", cell)}


def test_every_error_is_told_what_to_do_about() -> None:
    """A row for each class, and none for another."""
    kinds = [each for _, each in inspect.getmembers(errors, inspect.isclass)]
    known = {each.__name__ for each in kinds if issubclass(each, errors.VeeamError)}

    assert words(*rows("errors")) == known


def test_every_exit_code_is_told() -> None:
    """Each number, in their order."""
    assert [row for row in rows("exit-codes") if row.isdigit()] == [
        str(int(each)) for each in Exit
    ]


def test_every_kind_of_event_is_told() -> None:
    """In the first table."""
    text = (REFERENCE / "events.md").read_text("utf-8").partition("\n## ")[0]

    kinds = re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)

    assert kinds[1:] == list(EventKind)


@pytest.mark.parametrize(
    ("heading", "kind"),
    [
        ("A session changed", SessionChanged),
        ("A session is gone", SessionGone),
        ("Looking fails, or works again", HealthChanged),
    ],
)
def test_every_field_of_an_event_is_told(
    heading: str, kind: type[attrs.AttrsInstance]
) -> None:
    """By the name that it has as an attribute and in JSON."""
    known = {field.name for field in attrs.fields(kind)}

    assert words(*rows("events", heading)) == known


def test_every_field_of_a_session_is_told() -> None:
    """Those that are computed too."""
    known = {field.name for field in attrs.fields(BackupJobSession)} | COMPUTED

    assert words(*rows("events", "The session in it")) == known


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        ("backup and replication sessions", BackupJobSession),
        ("restores", RestoreSession),
    ],
)
def test_the_fields_of_filters_are_told(row: str, kind: type) -> None:
    """All that the query service takes."""
    text = (REFERENCE / "filters.md").read_text("utf-8")
    (cells,) = re.findall(rf"^\| {row} \| (.+) \|$", text, re.MULTILINE)

    assert words(cells) == set(query_fields(kind))


def test_every_example_is_told() -> None:
    """In the index of the examples, with the line that runs it."""
    folder = ROOT / "examples"
    index = (folder / "README.md").read_text("utf-8")

    for each in folder.glob("*.py"):
        assert f"[{each.name}]({each.name})" in index
        assert f"`python {each.name} " in index
