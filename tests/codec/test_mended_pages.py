"""Pages with bad characters where nothing is lost by them, and in other encodings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.paths import BODIES
from veeam_async.codec import decode
from veeam_async.errors import DecodeError
from veeam_async.models import BackupJobSession, EntityRef, Page, Task

LOST = "\ufffd"
PAGES: dict[str, Any] = {
    "query_sessions_12.json": Page[BackupJobSession],
    "query_sessions_13.json": Page[BackupJobSession],
    "query_sessions_13.xml": Page[BackupJobSession],
    "backup_sessions_12.xml": Page[BackupJobSession],
    "references_12.xml": Page[EntityRef],
    "references_13.json": Page[EntityRef],
    "tasks_12.json": Page[Task],
    "tasks_12.xml": Page[Task],
}
WIDE = ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-32", *WIDE)
BYTE = "\ue000"
"""Stands for a byte that is no UTF-8, where that is the encoding."""

BAD = ("\x00", "\x01", "\x1b", "\ud800", "\udfff")
ours = st.sampled_from(["", "New", "Extra", "Größe", "x-y", "ж"])


def text_of(name: str) -> str:
    """The body *name* without its declaration, which names another encoding."""
    text = (BODIES / name).read_bytes().decode("utf-8-sig")
    return re.sub(r"\A<\?.*?\?>\s*", "", text)


def written(text: str, encoding: str) -> bytes:
    """*text* in an encoding, with what it forbids."""
    data = text.encode(encoding.removesuffix("-sig"), "surrogatepass")
    if encoding == "utf-8-sig":
        data = b"\xef\xbb\xbf" + data
    return data.replace(BYTE.encode(), b"\xff") if "utf-8" in encoding else data


def whole(page: Page[Any]) -> Page[Any]:
    """*page* without what stands for a character in texts that are for showing."""

    def clean(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(clean(each) for each in value)
        if attrs.has(type(value)):
            names = attrs.fields_dict(type(value))
            return attrs.evolve(value, **{n: clean(getattr(value, n)) for n in names})
        is_text = type(value) is str
        return value.replace(LOST, "").replace(BYTE, "") if is_text else value

    cleaned: Page[Any] = clean(page)
    return cleaned


# ---------------------------------------------------------------- the law


def places(text: str, *, is_xml: bool) -> Iterator[tuple[int, str]]:
    """Where something can be put that costs nothing, and what that is."""
    if is_xml:
        for found in re.finditer(r"<(?!/)[\w:]+(?=[ />])", text):
            yield found.end(), "attribute"
        for found in re.finditer(r"<[\w:]+(?: [^<>]*[^/<>])?>(?=\s*<[^/])", text):
            yield found.end(), "element"
            yield found.end(), "comment"
        for found in re.finditer(r' Name="(?=[^"])', text):
            yield found.end(), "text"
        return
    for found in re.finditer(r'\{(?=\s*")', text):
        yield found.end(), "member"
    for found in re.finditer(r'"[nN]ame":\s*"(?=[^"])', text):
        yield found.end(), "text"


def put(what: str, name: str, char: str, value: str) -> str:
    """What is put there, with a bad *char*."""
    made = {
        "attribute": f' {name}{char}="{value}"',
        "element": f"<{name}{char}>{value}</{name}{char}>",
        "comment": f"<!-- {char} --><?x {char}?>",
        "member": f'"{name}{char}": "{value}", ',
        "text": char,
    }
    return made[what]


@cache
def spots_and_rows(name: str) -> tuple[list[tuple[int, str]], Page[Any]]:
    """Where something may be put into a page, and what it decodes to."""
    good = text_of(name)
    spots = list(places(good, is_xml=name.endswith("xml")))
    return spots, whole(decode(good.encode(), "", PAGES[name]))


@pytest.mark.parametrize("name", PAGES)
@settings(max_examples=80)
@given(data=st.data())
def test_bad_characters_beside_what_is_read_cost_nothing(
    name: str, data: st.DataObject
) -> None:
    """In texts, comments, and names that nobody knows, in whatever encoding.

    Every row of the page comes out equal, but for U+FFFD in its texts.
    """
    text = good = text_of(name)
    encoding = data.draw(st.sampled_from(ENCODINGS))
    more = [BYTE] * ("utf-8" in encoding) + ["\ufffe"] * name.endswith("xml")
    bad = st.sampled_from([*BAD, *more])
    spots, rows = spots_and_rows(name)
    chosen = data.draw(st.lists(st.sampled_from(spots), max_size=4, unique=True))
    is_root_last = good.find("<", 1)
    for at, what in sorted(chosen, reverse=True):
        is_beside_rows = what == "element" and at <= is_root_last
        extra = put(
            what, data.draw(ours), data.draw(bad), "" if is_beside_rows else "v"
        )
        text = text[:at] + extra + text[at:]
    body = written(text, encoding)
    media_type = data.draw(st.sampled_from(["", "text/plain; charset=koi8-r"]))

    found = decode(body, media_type, PAGES[name])

    assert found.unreadable == ()
    assert whole(found) == rows, text


def test_half_a_surrogate_in_utf_16_takes_nothing_with_it() -> None:
    """Expat would make one character of it and of whatever follows."""
    good = text_of("backup_sessions_12.xml")
    name = good.index(' Name="') + len(' Name="')
    body = written(good[:name] + "\ud800" + good[name:], "utf-16-le")
    page = PAGES["backup_sessions_12.xml"]

    found = decode(body, "", page)

    assert found.rows[0].name == LOST + decode(good.encode(), "", page).rows[0].name


# ---------------------------------------------------------------- names


ROW = {
    "UID": "urn:veeam:BackupJobSession:5f1d0c2e-6f0a-4a35-9d5c-2f3f6a8f0b11",
    "Name": "a",
    "JobType": "Backup",
    "CreationTimeUTC": "2026-05-04T03:02:01Z",
    "State": "Working",
}


def page_of(*members: str) -> bytes:
    """A page of one row in JSON, with these members before its others."""
    own = ", ".join(f'"{name}": "{value}"' for name, value in ROW.items())
    row = ", ".join([*members, own])
    return written(f'{{"BackupJobSessions": [{{{row}}}]}}', "utf-8")


def sessions(body: bytes) -> Page[BackupJobSession]:
    """The page in *body*."""
    found: Page[BackupJobSession] = decode(body, None, Page[BackupJobSession])
    return found


@pytest.mark.parametrize(
    "name", [f"Sta{BYTE}te", f"{BYTE}State", "St\x00ate", "sta\x01te"]
)
def test_a_bad_name_takes_no_good_one_s_place(name: str) -> None:
    """What it holds may be another's: the member whose name is whole counts."""
    (row,) = sessions(page_of(f'"{name}": "Stopped"')).rows

    assert row.state == "Working"


@pytest.mark.parametrize("name", [f"EndTime{BYTE}TC", f"E{BYTE}dTime", f"{BYTE}" * 7])
def test_a_row_is_told_whose_name_may_have_counted(name: str) -> None:
    """It is left out with a sentence that says why."""
    (row,) = sessions(page_of(f'"{name}": "2026-05-04T04:00:00Z"')).unreadable

    assert "an object with a member" in row.reason
    assert "lost a character that is no text" in row.reason


def test_a_page_is_told_whose_name_may_have_counted() -> None:
    """What stands around the rows is never guessed either."""
    body = page_of().replace(b"BackupJobSessions", b"BackupJob\xffessions")

    with pytest.raises(DecodeError, match="is an object with a member 'BackupJ"):
        sessions(body)


@pytest.mark.parametrize(
    ("old", "new", "state"),
    [
        (b"<State>Working</State>", b"<St\x01ate>Working</St\x01ate>", "Working"),
        (b"<State>Working</State>", b"<St\x01ate>Working</State>", "Working"),
        (b"<State>", b"<Sta\x01te>Stopped</Sta\x01te><State>", "Working"),
        (b"<State>", b"<\x01>Stopped</\x01><State>", "Working"),
        (b"<State>", b'<\x02New a\x01="1" a\x02="2" \x01="3"/><State>', "Working"),
        (b"</State>", b"<\x01/State\x01>", "Working"),
        (b"<State>Working</State>", b"<St\xffte>Working</St\xffte>", None),
    ],
)
def test_names_in_xml(old: bytes, new: bytes, state: str | None) -> None:
    """Elements and attributes are known by their names as members of JSON are."""
    members = "".join(f"<{name}>{value}</{name}>" for name, value in ROW.items())
    body = f"<BackupJobSession>{members}</BackupJobSession>".encode()
    page = b"<BackupJobSessions>%b</BackupJobSessions>" % body.replace(old, new)
    found = sessions(page)

    assert [row.state for row in found.rows] == ([state] if state else [])
    assert ["lost a character" in row.reason for row in found.unreadable] == (
        [] if state else [True]
    )


# ---------------------------------------------------------------- encodings


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_good_page_in_another_encoding(name: str, encoding: str) -> None:
    """It is read with a mark and without, behind white space, under any label."""
    text, good = text_of(name), decode(text_of(name).encode(), "", PAGES[name])
    declared = ["utf-8", "utf-16", "UTF-32", "iso-10646-ucs-2", "rot13"]
    prologs = [""]
    if name.endswith("xml"):
        prologs += [f'<?xml version="1.0" encoding="{each}"?>' for each in declared]
    for prolog in prologs:
        for label in ("application/json", "text/xml; charset=utf-8", "x/y; charset=z"):
            body = written(f"{prolog}{text}", encoding)
            assert decode(body, label, PAGES[name]) == good, (prolog, label)
    assert decode(written(f"\r\n {text}", encoding), "", PAGES[name]) == good


@pytest.mark.parametrize("encoding", WIDE)
@pytest.mark.parametrize("text", ["{}", '{"a": 1}', "<a/>", "[]"])
def test_a_short_body_in_another_encoding(encoding: str, text: str) -> None:
    """It is told what is wrong with it, as it would be in UTF-8."""
    told = set()
    for body in (text.encode(), text.encode(encoding)):
        with pytest.raises(DecodeError) as caught:
            sessions(body)
        told.add(caught.value.problems)

    assert len(told) == 1


def test_a_number_that_is_no_character_in_utf_32() -> None:
    """It is lost like any other, but not guessed in an id."""
    for place, is_read in (('"a"', True), ("urn:veeam", False)):
        data = page_of().decode().replace(place, place[:1] + "\ue001" + place[1:])
        wide = data.encode("utf-32-le").replace(
            "\ue001".encode("utf-32-le"), b"\xff\xff\xff\x7f"
        )
        assert [row.name for row in sessions(wide).rows] == [f"{LOST}a"] * is_read
