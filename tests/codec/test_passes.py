"""The fast pass and the careful one, which must make the same models."""

from __future__ import annotations

import copy
import json
import pickle
import random
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.in_full import in_full
from veeam_async import models
from veeam_async.codec.compile import Structurer
from veeam_async.models import BackupJobSession, BackupTaskSession, Job, Link, Task

FAST = Structurer(careful=False)
CAREFUL = Structurer(careful=True)
KINDS = (BackupJobSession, BackupTaskSession, Job, Task, Link)

UID = "urn:veeam:BackupJobSession:5f1d0c2e-6f0a-4a35-9d5c-2f3f6a8f0b11"

odd = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 2**70),
    st.floats(allow_nan=False),
    st.sampled_from(
        [
            *("", " ", "None", "true", "FALSE", "64", " 64 ", "6_4", "Stopped", "Idle"),
            *("2026-03-02T21:00:04.31Z", "2026-03-02T21:00:04", "2026-03-02"),
            *("1753-01-01T00:00:00Z", "0001-01-01T00:00:00", "2026-03-02T21:00+02:00"),
            *("0064", "+64", "-64", "٣", "²", "9" * 30, "1", "0", " true", "warning"),
            *(UID, f" {UID}", f"\u00a0{UID}", f"{UID}\n", UID.upper(), UID[:-1]),
        ]
    ),
    st.sampled_from([[], {}, {"#text": "x"}, {"@xsi:nil": "true"}, {"a": 1}, [1]]),
)
links = st.lists(
    st.dictionaries(st.sampled_from(["Rel", "Href", "Name", "Type", "rel"]), odd),
    max_size=3,
)


def trees(kind: Any) -> st.SearchStrategy[dict[str, Any]]:
    """Dicts with some of the fields of *kind*, in either spelling."""
    names = [_pascal(field.name) for field in attrs.fields(kind)]
    keys = st.sampled_from([*names, *(name[0].lower() + name[1:] for name in names)])
    whole = st.fixed_dictionaries(dict.fromkeys(names, odd))
    some = st.dictionaries(keys, odd)
    return st.builds(
        lambda tree, found: tree | {"Links": found}, st.one_of(whole, some), links
    )


def _pascal(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def outcome(structurer: Structurer, tree: Any, kind: Any) -> Any:
    """The model, or None where *tree* is refused."""
    try:
        return structurer.structure(tree, kind)
    except Exception:  # noqa: BLE001 - each way of refusing counts as refusing
        return None


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_what_the_fast_pass_makes_the_careful_pass_makes(
    kind: Any, data: st.DataObject
) -> None:
    """The fast pass may refuse more, since the careful one has the last word."""
    tree = data.draw(trees(kind))
    fast = outcome(FAST, tree, kind)

    if fast is not None:
        assert fast == outcome(CAREFUL, tree, kind)


def test_rows_of_changing_shapes_come_out_as_each_alone() -> None:
    """A key that the first row lacks is not lost in the others."""
    rng = random.Random(5)  # noqa: S311 - shapes, not secrets
    whole = {"Rel": "Up", "Href": "https://e/api/x", "Name": "n", "Type": "t"}
    lower = {key.lower(): value for key, value in whole.items()}
    rows: list[dict[str, Any]] = []
    for _ in range(300):
        row = dict(rng.choice([whole, lower]))
        for key in list(row)[2:]:
            if rng.random() < 0.4:
                del row[key]
        rows.append(row)
    for first in range(20):
        body = {"UID": f"urn:x:{'0' * 8}-0000-4000-8000-{'0' * 12}", "Links": rows}
        tree = json.loads(json.dumps(body | {"State": "Stopped", "JobType": "Backup"}))
        tree |= {"CreationTimeUTC": "2026-03-02T21:00:04Z"}
        tree["Links"] = rows[first:] + rows[:first]
        found = FAST.structure(tree, BackupJobSession).links

        assert found == tuple(FAST.structure(row, Link) for row in tree["Links"])


def test_models_are_as_their_own_constructor_makes_them() -> None:
    """What the fast pass makes is of its own class, frozen, equal, fit to be copied."""
    link = FAST.structure({"Rel": "Up", "href": "h"}, Link)
    twin = Link(rel="Up", href="h")

    assert type(link) is Link
    assert (link, hash(link), in_full(link)) == (twin, hash(twin), in_full(twin))
    assert pickle.loads(pickle.dumps(link)) == copy.copy(link) == twin  # noqa: S301 - our own
    assert attrs.evolve(link, name="n") == Link(rel="Up", href="h", name="n")
    for name in ("rel", "other", "__class__"):
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            setattr(link, name, "x")
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            delattr(link, name)


@pytest.mark.parametrize(
    "kind",
    [
        kind
        for kind in vars(models).values()
        if isinstance(kind, type) and attrs.has(kind)
    ],
)
def test_no_model_needs_its_constructor(kind: Any) -> None:
    """The written functions fill slots, so no model may validate, convert or derive."""
    assert hasattr(kind, "__slots__")
    assert not hasattr(kind, "__attrs_post_init__")
    for field in attrs.fields(kind):
        assert field.validator is None
        assert field.converter is None
        assert not isinstance(field.default, attrs.Factory)  # type: ignore[arg-type]  # a class in fact
