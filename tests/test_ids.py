from __future__ import annotations

import contextlib
from typing import cast
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from veeam_async.errors import InvalidId
from veeam_async.ids import Id, ends_in_uuid, parse_id

TEXT = "88b395e2-81ff-439c-558c-188d97274c15"
BASE = "https://em.example.com:9398/api/backupSessions/"


@pytest.mark.parametrize(
    "value",
    [
        TEXT,
        TEXT.upper(),
        f"  {TEXT}\n",
        UUID(TEXT),
        f"urn:veeam:BackupJobSession:{TEXT}",
        f"URN:veeam:Job:{TEXT.upper()}",
        BASE + TEXT,
        f"{BASE}{TEXT}?format=Entity",
        f"{BASE}{TEXT}/",
        f"/api/jobs/{TEXT}#part",
    ],
)
def test_accepts(value: Id) -> None:
    """A UUID is found in its text, in a URN and in an Href."""
    assert parse_id(value) == UUID(TEXT)


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "99999",
        TEXT[:-1],
        TEXT + "0",
        TEXT.replace("-", ""),
        f"{{{TEXT}}}",
        f"x{TEXT}",
        f"urn:veeam:Job:{TEXT}x",
        f"urn:VMware:Vm:{TEXT}.vm-7",
        f"{BASE}{TEXT}/taskSessions",
        f"https://[{TEXT}",
        BASE,
        TEXT.replace("8", "８"),  # noqa: RUF001 - a digit that is not ASCII
        None,
        7,
        TEXT.encode(),
        [TEXT],
    ],
)
def test_refuses(value: object) -> None:
    """What names no UUID is an InvalidId that shows it, and a ValueError."""
    with pytest.raises(InvalidId) as caught:
        parse_id(cast("Id", value))

    assert isinstance(caught.value, ValueError)
    assert caught.value.value == value
    assert repr(value) in str(caught.value)


def test_shows_a_huge_value_in_part() -> None:
    """The text of an InvalidId stays short."""
    with pytest.raises(InvalidId) as caught:
        parse_id("x" * 100_000)

    assert len(str(caught.value)) < 1000


def test_names_the_type_of_what_nests_too_deep_to_be_shown() -> None:
    """It is an InvalidId like any other."""
    deep: object = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(InvalidId, match="a list that nests too deep is not an id"):
        parse_id(cast("Id", deep))


@given(st.text())
def test_raises_nothing_else(value: str) -> None:
    """Any text is a UUID or an InvalidId."""
    with contextlib.suppress(InvalidId):
        assert isinstance(parse_id(value), UUID)


@given(st.uuids())
def test_every_form_of_a_uuid(uuid: UUID) -> None:
    """All forms of one UUID name it."""
    for form in (uuid, str(uuid), f"urn:veeam:Job:{uuid}", f"{BASE}{uuid}?a=b"):
        assert parse_id(form) == uuid
    assert ends_in_uuid(f"urn:veeam:Job:{uuid}")
    assert not ends_in_uuid(f"urn:VMware:Vm:{uuid}.vm-1")
