"""Every recorded, documented or own body decodes to the values written down for it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import attrs
import pytest

from tests.support.paths import BODIES
from veeam_async import models
from veeam_async.codec import decode, to_saved

OWN = BODIES
REAL = OWN / "real"
KINDS: dict[str, Any] = {
    "BackupJobSessions": models.Page[models.BackupJobSession],
    "EnterpriseManager": models.ApiRoot,
    "EntityReferences": models.Page[models.EntityRef],
    "Error": models.ErrorBody,
}
RENAMED = {
    "first_chance": "first_chance_exception_message",
    "page": "page_num",
    "pages": "pages_count",
}


def _listed(folder: Path) -> list[Any]:
    listed = json.loads((folder / "index.json").read_text("utf-8"))["bodies"]
    return [pytest.param(entry, id=entry["file"]) for entry in listed]


@pytest.mark.parametrize("entry", _listed(OWN))
def test_own_bodies(entry: dict[str, Any]) -> None:
    """A body of our own decodes to the model all of whose fields its index tells."""
    body = (OWN / entry["file"]).read_bytes()
    kind = _named(entry["kind"])

    for media_type in (_media_type(entry["file"]), None):
        assert entry["expect"] == _counted(to_saved(decode(body, media_type, kind)))


@pytest.mark.parametrize("folder", [OWN, REAL], ids=["own", "real"])
def test_bodies_are_all_listed(folder: Path) -> None:
    """No body lies in a folder without an entry in its index."""
    listed = {entry.values[0]["file"] for entry in _listed(folder)}
    there = {path.name for path in folder.iterdir() if path.is_file()}

    assert listed == there - {"index.json"}


@pytest.mark.parametrize("entry", _listed(REAL))
def test_real_bodies(entry: dict[str, Any]) -> None:
    """A recorded or documented body decodes to the values that its index tells."""
    body = (REAL / entry["file"]).read_bytes()
    expected = entry["expect"]

    found = decode(body, entry["media_type"], _kind_of(entry))

    rows = expected.get("items", [expected])
    models_found = found.rows if isinstance(found, models.Page) else (found,)
    assert len(rows) == len(models_found)
    for row, model in zip(rows, models_found, strict=True):
        _agree(row, model)
    if expected.get("paging"):
        assert isinstance(found, models.Page)
        assert found.paging is not None
        _agree(expected["paging"], found.paging)


def _named(kind: str) -> Any:
    row = kind.removeprefix("Page[").removesuffix("]")
    model: Any = getattr(models, row)
    page: Any = models.Page
    return page[model] if row != kind else model


def _kind_of(entry: dict[str, Any]) -> Any:
    resource = entry["resource"]
    if resource != "QueryResult":
        return KINDS.get(resource) or getattr(models, resource)
    rows = {
        "backupjobsessions": models.BackupJobSession,
        "backuptasksessions": models.BackupTaskSession,
    }
    row: Any = rows.get(entry["expect"].get("kind"), models.EntityRef)
    return models.Page[row]


def _media_type(file: str) -> str:
    return f"application/{file.rpartition('.')[2]}; charset=utf-8"


def _counted(value: Any) -> Any:
    """Any *value*, with the number of links instead of the links."""
    if isinstance(value, list):
        return [_counted(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: len(item) if key == "links" else _counted(item)
        for key, item in value.items()
    }


def _agree(expected: dict[str, Any], model: Any) -> None:
    """Compare *model* with neutral field names: those that we call otherwise too."""
    for name, value in expected.items():
        if name in ("items", "count", "kind", "paging", "result_normalised"):
            continue
        if name == "type" and not isinstance(model, models.EntityRef):
            assert value == type(model).__name__
        else:
            assert _wanted(name, value, expected) == _found(name, model), name


def _wanted(name: str, value: Any, expected: dict[str, Any]) -> Any:
    if name.endswith("_time") and value is not None:
        return datetime.fromisoformat(value)
    return expected.get("result_normalised", value) if name == "result" else value


def _found(name: str, model: Any) -> Any:
    links = getattr(model, "links", ())
    hrefs = {link.rel: link.href for link in links}
    special: dict[str, Callable[[], Any]] = {
        "links": lambda: len(links),
        "rels": lambda: [link.rel for link in links],
        "next": lambda: hrefs.get("Next"),
        "delete_href": lambda: hrefs["Delete"],
        "logon_href": lambda: model.link("Create", "LogonSession").href,
        "versions": lambda: [version.name for version in model.supported_versions],
        "related": lambda: [link.href for link in model.related],
    }
    if name in special:
        return special[name]()
    found = getattr(model, RENAMED.get(name, name))
    return attrs.asdict(found) if isinstance(found, models.TaskResult) else found
