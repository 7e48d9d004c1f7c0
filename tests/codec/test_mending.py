"""Bodies with characters that are no text, and with rows that cannot be read."""

from __future__ import annotations

import sys
from functools import cache
from typing import Any

import attrs
import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.support.paths import BODIES
from veeam_async.codec import decode, from_dict, to_dict
from veeam_async.codec.compile import Structurer
from veeam_async.codec.kinds import ForeignError, page
from veeam_async.codec.mend import mend, settle
from veeam_async.codec.parse import MalformedError, parse
from veeam_async.errors import DecodeError
from veeam_async.models import BackupJobSession, EntityRef, LogonSession, Page, Task

LOST = "\ufffd"
PAGES: list[tuple[str, Any]] = [
    ("query_sessions_12.json", Page[BackupJobSession]),
    ("query_sessions_13.json", Page[BackupJobSession]),
    ("query_sessions_13.xml", Page[BackupJobSession]),
    ("backup_sessions_12.xml", Page[BackupJobSession]),
    ("references_12.xml", Page[EntityRef]),
    ("references_13.json", Page[EntityRef]),
    ("tasks_12.json", Page[Task]),
    ("tasks_12.xml", Page[Task]),
]
FAST, CAREFUL = Structurer(careful=False), Structurer(careful=True)
ID = "5f1d0c2e-6f0a-4a35-9d5c-2f3f6a8f0b11"
ROW = {
    "UID": f"urn:veeam:BackupJobSession:{ID}",
    "Href": f"https://em/api/backupSessions/{ID}",
    "JobType": "Backup",
    "CreationTimeUTC": "2026-05-04T03:02:01Z",
    "State": "Working",
    "FailureMessage": "@@",
}
JSON = orjson.dumps(ROW)
XML = (
    f'<BackupJobSession UID="{ROW["UID"]}" Href="{ROW["Href"]}" Name="@@"><JobType>'
    f"Backup</JobType><CreationTimeUTC>{ROW['CreationTimeUTC']}</CreationTimeUTC><State>"
    "Working</State><FailureMessage>@@</FailureMessage></BackupJobSession>"
).encode()

bad_bytes = st.sampled_from(
    [
        *(b"\x00", b"\x01", b"\x08", b"\x0b", b"\x1b", b"\x1f", b"\x80", b"\xc3"),
        *(b"\xe9", b"\xfc", b"\xff", b"\xed\xa0\x80", b"\xed\xbf\xbf", b"\xf4\x90"),
    ]
)


def said(body: bytes) -> str | None:
    """The failure message of the session in *body*."""
    return decode(body, None, BackupJobSession).failure_message


@pytest.mark.parametrize(
    ("wire", "read"),
    [
        (rb"cut \ud83d", f"cut {LOST}"),
        (rb"\ude00\ud83d\ude00\ud83d", f"{LOST}\U0001f600{LOST}"),
        (b"\xed\xa0\xbd!", LOST * 3 + "!"),
        (b"a\x00b\x1bc\x1f", f"a{LOST}b{LOST}c{LOST}"),
        (b"a\tb\nc\rd", "a\tb\nc\rd"),
        (rb"\u001b[31m \u0000 \uFFFE", "\x1b[31m \0 \ufffe"),
        (b"\\u001b\xff\xc3\xa4", f"\x1b{LOST}ä"),
        (rb"\\ud83d \\\ud83d", rf"\ud83d \{LOST}"),
        (b"C:\\Users\\x", rf"C:{LOST}Users{LOST}x"),
        (b"\\\x00n", f"{LOST}\n"),
        (b"B\xfcro \xe2\x82", f"B{LOST}ro {LOST}{LOST}"),
        ("\ufffd힣".encode() + b"\x01", f"{LOST}힣{LOST}"),
    ],
)
def test_text_that_json_forbids(wire: bytes, read: str) -> None:
    """It is lost character by character; what JSON permits stays."""
    assert said(JSON.replace(b"@@", wire)) == read


@pytest.mark.parametrize(
    ("wire", "read"),
    [
        (b"&#x1B;[31mno&#x1F; &#0; &#27;", f"{LOST}[31mno{LOST} {LOST} {LOST}"),
        (b"&#xD83D;&#xFFFE;&#x110000;&#99999999999999999999;", LOST * 4),
        (b"&#x9;&#10;&#13;&#x1F600;&#x1B;", f"\t\n\r\U0001f600{LOST}"),
        (b"a\x00b\x1bc", f"a{LOST}b{LOST}c"),
        (b"a\x7f\xc2\x85\x01", f"a\x7f\x85{LOST}"),
        (b"\xef\xbf\xbe\xed\xa0\x80", LOST * 4),
        (b"B\xfcro &amp; &lt;\x01", f"B{LOST}ro & <{LOST}"),
        (b"&am\x01p;", f"{LOST}am{LOST}p;"),
        (b"<![CDATA[<\x1b>&#x1B;]]>", f"<{LOST}>&#x1B;"),
        (b"<!-- \x01&#x1B; -->x", "x"),
    ],
)
def test_text_that_xml_forbids(wire: bytes, read: str) -> None:
    """It is lost, be it there as it is or by its number."""
    assert said(XML.replace(b">@@<", b">" + wire + b"<")) == read


def test_bad_characters_in_attributes() -> None:
    """A name is only for showing."""
    body = XML.replace(b'"@@"', b'"a\x1b&#x1B; &gt;\xff"')

    assert decode(body, None, BackupJobSession).name == f"a{LOST}{LOST} >{LOST}"


@pytest.mark.parametrize(
    "name", ["utf8", "UTF8", "UTF_8", "utf-16", "utf-16le", "us-ascii", "unicode", ""]
)
def test_a_wrong_declaration_over_utf8(name: str) -> None:
    """What is UTF-8 is read so, whatever it calls itself."""
    prolog = f'<?xml version="1.0" encoding="{name}"?>'.encode()

    assert said(prolog + XML.replace(b">@@<", ">Büro<".encode())) == "Büro"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_half_a_surrogate_in_utf_16(encoding: str) -> None:
    """It is lost there as well."""
    body = (
        XML.decode().replace(">@@<", ">ä\ude00\x01<").encode(encoding, "surrogatepass")
    )

    assert decode(body, "application/xml", BackupJobSession).failure_message == (
        f"ä{LOST}{LOST}"
    )


def test_bad_characters_in_a_declared_encoding() -> None:
    """All others are read as they are declared."""
    for name in ("ISO-8859-1", "windows-1252"):
        prolog = f'<?xml version="1.0" encoding="{name}"?>'.encode()
        assert said(prolog + XML.replace(b">@@<", b">B\xfcro\x01<")) == f"Büro{LOST}"


@pytest.mark.parametrize("member", ["UID", "Href", "JobUid"])
@pytest.mark.parametrize("bad", [b"\x00", b"\xff", rb"\ud83d"])
def test_an_id_is_never_mended(member: str, bad: bytes) -> None:
    """An entity whose id is damaged is refused, however much of it is left."""
    row = {**ROW, "JobUid": f"urn:veeam:Job:{ID}"}
    row[member] = f"@{row[member]}"
    body = orjson.dumps(row).replace(b'"@', b'"' + bad)

    with pytest.raises(DecodeError, match=r"lost a character that is no text @ \$\."):
        decode(body, None, BackupJobSession)


def test_an_id_is_never_mended_in_xml() -> None:
    """Neither in an attribute nor in an element, nor in a link."""
    for old, new in (
        (b'UID="', b'UID="&#x1B;'),
        (b'Href="', b'Href="\xff'),
        (b"<State>", b"<JobUid>urn:veeam:Job:\x01</JobUid><State>"),
        (b"<State>", b'<Links><Link Rel="Up" Href="\x01"/></Links><State>'),
    ):
        with pytest.raises(DecodeError, match="lost a character"):
            decode(XML.replace(old, new), None, BackupJobSession)


def test_the_id_of_a_logon_is_never_mended_or_shown() -> None:
    """Of a damaged one no part is told."""
    body = b'{"SessionId": "secret\xff", "UserName": "x", "Type": "LogonSession"}'

    with pytest.raises(DecodeError) as caught:
        decode(body, None, LogonSession)

    assert caught.value.problems == ("unusable @ $.session_id",)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "key", [b'"Sta\xffte"', b'"\x00State"', b'"State\x1b"', rb'"State\ud800"']
)
def test_a_bad_character_within_a_name(key: bytes) -> None:
    """A name that is known is found again."""
    body = JSON.replace(b'"State"', key).replace(b"@@", b"\x1b")

    assert decode(body, None, BackupJobSession).state == "Working"


def test_a_bad_character_in_place_of_a_name_s() -> None:
    """What may have been another name's value is never taken for absent."""
    body = orjson.dumps({**ROW, "EndTimeUTC": "2026-05-04T04:00:00Z"})
    for bad in (b'"EndT\xffmeUTC"', b'"En\xffTimeUTC"', b'"\xffndTimeUTC"'):
        with pytest.raises(DecodeError):
            decode(body.replace(b'"EndTimeUTC"', bad), None, BackupJobSession)
    empty = orjson.dumps({**ROW, "EndTimeUTC": None}).replace(b'"EndT', b'"En\xff')
    assert decode(empty, None, BackupJobSession).end_time is None


@pytest.mark.parametrize(
    "wire", [b"1\x0000", b"\xff100", b"100\x1b", b"\xff", b'"1\x0000"', b"{\xff}"]
)
def test_a_number_is_never_guessed(wire: bytes) -> None:
    """What lost a character is none."""
    body = orjson.dumps({**ROW, "Progress": 7}).replace(b":7", b":" + wire)

    with pytest.raises(DecodeError):
        decode(body, None, BackupJobSession)


@pytest.mark.parametrize("wire", [b"n\x00ull", b"\xffnull", b"null\x1b", b" \xff null"])
def test_a_bad_character_beside_a_word(wire: bytes) -> None:
    """The three words of JSON are known by what is left of them."""
    assert said(JSON.replace(b'"@@"', wire)) is None


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"<!DOCTYPE a><a>\x01</a>", "the XML is refused: it has a DOCTYPE"),
        (b"<a>\x01</a><!DOCTYPE a>", "the XML is malformed: "),
        (b"<\x01!DOCTYPE a><a/>", "the XML is refused: it has a DOCTYPE"),
        (b"\x01" + b"<a>" * 99 + b"</a>" * 99, "the XML nests deeper than 64 levels"),
        (b"<a>\x01</a " + b"x" * 300_000 + b">", "the XML has a tag of over"),
        (b'{"a":"\xff","b":' + b"[" * 199 + b"]" * 199 + b"}", "the body nests deeper"),
        (b'{"a":"\xff","b":' + b"[" * 2000 + b"]" * 2000 + b"}", "the JSON nests"),
        (b"<html>\xff</html>", "the body is an HTML page"),
        (b'<?xml version="1.0" encoding="utf8"?><html/>', "the body is an HTML page"),
        (b"\x1f\x8b\x08\x00{\xff", "the body is compressed (gzip)"),
        (b"\xff\xfe\xff", "the body is neither JSON nor XML"),
    ],
)
def test_the_limits_hold_for_mended_bodies(body: bytes, sentence: str) -> None:
    """A bad character opens no way past them."""
    with pytest.raises(DecodeError) as caught:
        decode(body, None, BackupJobSession)

    assert caught.value.problems[0].startswith(sentence)
    assert caught.value.__context__ is None


def test_a_body_that_holds_every_mark_is_refused() -> None:
    """What was bad in it could not be told from what was good."""
    marks = "".join(map(chr, range(0xD7A3, 0xD793, -1))).encode()

    assert said(JSON.replace(b"@@", marks)) == marks.decode()
    with pytest.raises(DecodeError, match="not UTF-8"):
        decode(JSON.replace(b"@@", marks + b"\xff"), None, BackupJobSession)


def test_good_bodies_are_not_gone_over_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither is anything mended, nor does the careful pass see them."""
    module = sys.modules[decode.__module__]
    for name in ("mend", "settle", "structure", "CAREFUL"):
        monkeypatch.setattr(module, name, None)
    for name, kind in PAGES:
        assert decode((BODIES / name).read_bytes(), None, kind).rows


# ---------------------------------------------------------------- pages


@cache
def page_of(name: str, kind: Any) -> tuple[bytes, Page[Any]]:
    """A good page, and what it decodes to."""
    body = (BODIES / name).read_bytes()
    return body, decode(body, None, kind)


def same_but_one(found: Page[Any], good: Page[Any], context: object) -> None:
    """Assert that *found* is *good*, but for one row at most, which may be missing."""
    assert len(found.rows) + len(found.unreadable) == len(good.rows), context
    came = {_id(row): row for row in found.rows}
    left = [row for row in good.rows if came.get(_id(row)) != row]
    assert len(left) <= 1, context
    assert len(found.unreadable) <= 1, context
    assert came.keys() <= {_id(row) for row in good.rows}, context
    if good.paging and found.paging:
        numbers = (found.paging.page_num, found.paging.pages_count)
        assert numbers == (good.paging.page_num, good.paging.pages_count), context


def _id(row: Any) -> str:
    return str(getattr(row, "uid", None) or row.task_id)


@pytest.mark.parametrize(("name", "kind"), PAGES)
@settings(max_examples=100)
@given(data=st.data())
def test_a_bad_character_anywhere_costs_no_other_row(
    name: str, kind: Any, data: st.DataObject
) -> None:
    """Wherever it comes between two bytes of a page, all other rows come out equal."""
    body, good = page_of(name, kind)
    at = data.draw(st.integers(0, len(body)))
    bad = data.draw(bad_bytes)

    found = decode(body[:at] + bad + body[at:], None, kind)

    same_but_one(found, good, (at, bad, body[at - 20 : at + 20]))


@pytest.mark.parametrize(("name", "kind"), PAGES)
@settings(max_examples=100)
@given(data=st.data())
def test_a_bad_character_in_place_of_another_costs_no_other_row(
    name: str, kind: Any, data: st.DataObject
) -> None:
    """Where it takes a bracket, a quote or the end of a name, the page is refused."""
    body, good = page_of(name, kind)
    at = data.draw(st.integers(0, len(body) - 1))
    bad = data.draw(bad_bytes)

    try:
        found = decode(body[:at] + bad + body[at + 1 :], None, kind)
    except DecodeError:
        return

    same_but_one(found, attrs.evolve(good, paging=None), (at, bad))


@pytest.mark.parametrize(("name", "kind"), PAGES)
@settings(max_examples=50)
@given(data=st.data())
def test_many_bad_characters_in_texts(
    name: str, kind: Any, data: st.DataObject
) -> None:
    """However many names are bad, all rows come, and equal but for those names."""
    body, good = page_of(name, kind)
    row = data.draw(st.sampled_from(good.rows))
    text = getattr(row, "name", None) or row.task_id
    bad = data.draw(st.lists(bad_bytes, min_size=1).map(b"".join))
    wire = orjson.dumps(text)[1:-1] if name.endswith("json") else text.encode()

    found = decode(body.replace(wire, wire[:2] + bad + wire[2:]), None, kind)

    if hasattr(row, "name"):
        clean = [attrs.evolve(each, name="", links=()) for each in found.rows]
        assert [each.uid for each in clean] == [each.uid for each in good.rows]


@pytest.mark.parametrize(("name", "kind"), PAGES)
@settings(max_examples=100)
@given(data=st.data())
def test_both_passes_agree_about_what_is_mended(
    name: str, kind: Any, data: st.DataObject
) -> None:
    """What the fast pass makes of a mended body, the careful one makes too."""
    body = (BODIES / name).read_bytes()
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(body)))
        body = body[:at] + data.draw(bad_bytes) + body[at:]
    mended = mend(body)
    if mended is None:
        return  # two that were drawn made a good one together
    try:
        _, tree = parse(*mended)
    except MalformedError:
        return  # what stood between two texts, or in a tag, is mended by nobody
    row: Any = kind.__args__[0]
    try:
        rows = page(settle(tree, mended[1]), row)["rows"]
    except (ForeignError, TypeError):
        return  # the list itself has lost its name
    for value in rows:
        fast, careful = (_outcome(each, value, row) for each in (FAST, CAREFUL))
        assert fast is None or fast == careful


def _outcome(structurer: Structurer, tree: Any, kind: Any) -> Any:
    try:
        return structurer.structure(tree, kind)
    except Exception:  # noqa: BLE001 - each way of refusing counts as refusing
        return None


@given(st.binary(max_size=60), st.sampled_from([b'{"', b"<a ", b"<a>", b"", b"<?xml "]))
@example(b'\x00"\\', b'{"')
@example(b"\xff\xfe<\0", b"")
def test_whatever_is_mended_is_utf8_and_holds_no_forbidden_character(
    noise: bytes, start: bytes
) -> None:
    """Any bytes are mended or not, but never to something that is still bad."""
    found = mend(start + noise)
    if found is not None:
        text = found[0].decode()
        assert not any(char < " " and char not in "\t\r\n" for char in text)


# ---------------------------------------------------------------- rows


def sessions(*rows: Any) -> bytes:
    """Write a collection of *rows*."""
    return orjson.dumps({"BackupJobSessions": list(rows)})


@pytest.mark.parametrize(
    ("bad", "uid", "reason"),
    [
        (None, None, "an object with members was expected"),
        (7, None, "an object with members was expected"),
        ([], None, "an object with members was expected"),
        ({}, None, "an object with members was expected"),
        ({**ROW, "UID": "urn:veeam:x"}, None, "expected a UID that ends in a UUID"),
        ({**ROW, "Progress": "half"}, ROW["UID"], "got 'half' @ $.progress"),
        ({**ROW, "CreationTimeUTC": "soon"}, ROW["UID"], "expected a time, got 'soon'"),
        ({**ROW, "Links": [{"Rel": "Up"}]}, ROW["UID"], "missing @ $.links[0].href"),
    ],
)
def test_a_row_that_cannot_be_read_is_left_out(
    bad: Any, uid: str | None, reason: str
) -> None:
    """It is told by its place, what is wrong with it, and its UID if that is there."""
    other = {**ROW, "UID": f"urn:veeam:BackupJobSession:{'0' * 8}{ID[8:]}"}
    found = decode(sessions(other, bad, other), None, Page[BackupJobSession])

    (row,) = found.unreadable
    assert len(found.rows) == 2
    assert (row.index, row.uid, str(row.id or "")) == (1, uid, uid[-36:] if uid else "")
    assert reason in row.reason
    assert from_dict(Page[BackupJobSession], to_dict(found)) == found
    with pytest.raises(DecodeError, match=r"\$\.rows\[1\]"):
        decode(sessions(other, bad), None, Page[BackupJobSession], strict=True)


def test_a_whole_page_of_rows_that_cannot_be_read() -> None:
    """It is a page all the same."""
    rows = [{**ROW, "State": None, "Name": "x" * 200}] * 1000
    found = decode(sessions(*rows), None, Page[BackupJobSession])

    assert not found.rows
    assert [row.uid for row in found.unreadable] == [ROW["UID"]] * 1000


def test_a_page_whose_paging_cannot_be_read_is_refused() -> None:
    """How many rows there are besides would not be known."""
    body = orjson.dumps({"BackupJobSessions": [None], "PagingInfo": {"PageNum": "x"}})

    with pytest.raises(DecodeError, match=r"paging\.page_num"):
        decode(body, None, Page[BackupJobSession])
