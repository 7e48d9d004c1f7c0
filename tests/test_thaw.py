"""What is filled and then frozen is what the class itself would have made."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Sequence
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from veeam_async import Fetched, Link
from veeam_async.thaw import thawed

KINDS: tuple[type[attrs.AttrsInstance], ...] = (Fetched, Link)

values = st.text()


def made(kind: type[attrs.AttrsInstance], given_: Sequence[object]) -> Any:
    """A value of *kind*, filled with what is given for its fields in turn."""
    value = thawed(kind)()
    for field, one in zip(attrs.fields(kind), given_, strict=True):
        setattr(value, field.name, one)
    value.__class__ = kind
    return value


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_it_is_what_the_class_makes(
    kind: type[attrs.AttrsInstance], data: st.DataObject
) -> None:
    """Equal, of the same hash, and copied and pickled as that."""
    names = [field.name for field in attrs.fields(kind)]
    given_ = data.draw(st.lists(values, min_size=len(names), max_size=len(names)))
    usual = kind(**dict(zip(names, given_, strict=True)))
    quick = made(kind, given_)

    assert type(quick) is kind
    assert quick == usual
    assert hash(quick) == hash(usual)
    assert pickle.loads(pickle.dumps(quick)) == usual  # noqa: S301 - our own
    assert copy.copy(quick) == usual


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_frozen_as_any_other(kind: type[attrs.AttrsInstance]) -> None:
    """No field can be set or deleted once it is there."""
    value = made(kind, ["a" for _ in attrs.fields(kind)])
    (name, *_) = (field.name for field in attrs.fields(kind))
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        setattr(value, name, "b")
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        delattr(value, name)


def test_nothing_of_a_result_is_passed_over() -> None:
    """It has no validator and no converter, which would not be called."""
    for field in attrs.fields(Fetched):
        assert field.validator is None
        assert field.converter is None
