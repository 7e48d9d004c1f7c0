"""Small XML, which handlers of our own read, beside the same read by xmltodict."""

from __future__ import annotations

from typing import Any
from xml.sax.saxutils import escape, quoteattr

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.bodies import uuid_of
from tests.support.paths import BODIES
from veeam_async import (
    BackupJobSession,
    BackupTaskSession,
    DecodeError,
    EntityRef,
    Job,
    Task,
)
from veeam_async.codec import decode
from veeam_async.codec.decode import decode_short
from veeam_async.codec.parse import UnreadableError, parse, parse_short
from veeam_async.models import ApiRoot, ErrorBody

LONG = b"<!--" + b" " * 70_000 + b"-->"
"""Behind a document it says nothing, but makes a body too large for our handlers."""

NAMES = (
    *("State", "Result", "JobUid", "CreationTimeUTC", "EndTimeUTC", "Progress"),
    *("FailureMessage", "Links", "Link", "Other", "x:State", "links"),
)
ATTRIBUTES = ("Type", "Href", "Name", "Rel", "UID", "xsi:nil", "xmlns", "State", "odd")
TEXTS = st.sampled_from(
    [
        "",
        " ",
        "\n  ",
        "Working",
        "Stopped",
        "a & b",
        "<",
        "é",
        "]]",
        "2026-03-02T21:00Z",
    ]
)
GAPS = st.sampled_from(["", "", " ", "\n  ", "<!-- c -->", "<?p i?>", "text", "&#65;"])
VALUES = st.sampled_from(["", "true", "Working", "https://em/api/jobs/1", 'a & "b"'])


def attributes(draw: st.DrawFn) -> str:
    """Some attributes, each once."""
    names = draw(st.lists(st.sampled_from(ATTRIBUTES), unique=True, max_size=4))
    return "".join(f" {name}={quoteattr(draw(VALUES))}" for name in names)


@st.composite
def elements(draw: st.DrawFn, depth: int = 0) -> str:
    """An element with attributes, children, text, comments and white space."""
    name, given = draw(st.sampled_from(NAMES)), attributes(draw)
    if draw(st.booleans()):
        text = draw(TEXTS)
        if not text and draw(st.booleans()):
            return f"<{name}{given}/>"
        inner = f"<![CDATA[{text}]]>" if draw(st.booleans()) else escape(text)
        return f"<{name}{given}>{inner}</{name}>"
    if depth > 2:
        return f"<{name}{given}/>"
    children = draw(st.lists(elements(depth=depth + 1), max_size=4))
    inside = "".join(draw(GAPS) + child for child in children) + draw(GAPS)
    return f"<{name}{given}>{inside}</{name}>"


KINDS = {
    "BackupJobSession": BackupJobSession,
    "BackupTaskSession": BackupTaskSession,
    "Task": Task,
    "Job": Job,
    "Ref": EntityRef,
}
"""The kinds of documents, by the names of their root elements."""

SPACES = (
    *("", 'xmlns="urn:v"', 'xmlns:xsi="urn:i" xmlns:xsd="urn:d"'),
    'xmlns="urn:v" xmlns:state="urn:s" xmlns:xsi="urn:i" xsi:type="odd" x:uid="odd"',
)


@st.composite
def documents(draw: st.DrawFn) -> tuple[bytes, type]:
    """An entity, of which much is odd, and its kind."""
    name = draw(st.sampled_from(list(KINDS)))
    uid = f"urn:veeam:{KINDS[name].__name__}:{uuid_of(1)}"
    body = "".join(draw(st.lists(elements(), max_size=6)))
    own = "<TaskId>task-1</TaskId><State>Running</State><Result Success='true'/>"
    given = own if name == "Task" else ""
    prolog = draw(st.sampled_from(["", '<?xml version="1.0" encoding="utf-8"?>\n']))
    space = draw(st.sampled_from(SPACES))
    root = f'<{name} {space} UID="{uid}" Name="n" Type="{name}" Href="h">'
    return f"{prolog}{root}{given}{body}{draw(GAPS)}</{name}>".encode(), KINDS[name]


def outcome(body: bytes, kind: type) -> Any:
    """The entity, or the sentences that say what is wrong."""
    try:
        return decode(body, "application/xml", kind)
    except DecodeError as error:
        return error.problems


@given(documents())
def test_both_ways_give_equal_models(document: tuple[bytes, type]) -> None:
    """Or the same sentences, whatever a document holds."""
    body, kind = document
    assert outcome(body, kind) == outcome(body + LONG, kind)


@pytest.mark.parametrize("inside", [None, "", " ", "text", " <!-- --> "])
@pytest.mark.parametrize(
    ("root", "kind"),
    [
        ("Error", ErrorBody),
        ("ErrorBody", ErrorBody),
        ("ERROR", ErrorBody),
        ("EnterpriseManager", ApiRoot),
        ("ApiRoot", ApiRoot),
    ],
)
def test_what_requires_nothing_is_refused_where_there_is_nothing(
    root: str, kind: type, inside: str | None
) -> None:
    """An empty element is no entity, and one of another name is not this kind."""
    body = (f"<{root}/>" if inside is None else f"<{root}>{inside}</{root}>").encode()

    assert isinstance(outcome(body, kind), tuple)
    assert outcome(body, kind) == outcome(body + LONG, kind)


def test_an_element_is_of_the_kind_that_it_is_called_by() -> None:
    """By the server's name, in any spelling, and not by the name of the class."""
    for root in ("Error", "ERROR", "error", "ErrorBody", "Job"):
        body = f"<{root}><Message>Busy</Message></{root}>".encode()
        assert outcome(body, ErrorBody) == outcome(body + LONG, ErrorBody)


@pytest.mark.parametrize(
    "name", ["backup_session_12.xml", "backup_session_running_12.xml"]
)
def test_what_servers_send_is_read_the_short_way(name: str) -> None:
    """And gives what xmltodict would give."""
    body = (BODIES / name).read_bytes()

    assert decode_short(body, BackupJobSession) is not None
    assert outcome(body, BackupJobSession) == outcome(body + LONG, BackupJobSession)


def said(body: bytes) -> str:
    """What `parse` says of a body that it refuses."""
    with pytest.raises(UnreadableError) as caught:
        parse(body, "text/xml")
    return str(caught.value)


@pytest.mark.parametrize(
    "body",
    [
        b"<!DOCTYPE a><a/>",
        b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
        b'<?xml version="1.0" encoding="rot13"?><a/>',
        b"<html><a/></html>",
        b"<HTML/>",
        b"<a>" * 70,
        b"<a>" * 70 + b"</a>" * 70,
        b"<a><b></a></b>",
        b"<a b='1' b='2'/>",
        b"<a/><b/>",
        b"<a>&nbsp;</a>",
        b"<a>\xff</a>",
    ],
)
def test_what_is_refused_is_refused_in_the_same_words(body: bytes) -> None:
    """A guard holds on either way, and says the same."""
    assert said(body) == said(body + LONG)


@pytest.mark.parametrize(
    ("body", "tree"),
    [
        (b"<a/>", None),
        (b"<a> x </a>", " x "),
        (b'<a b="1"/>', {"b": "1"}),
        (b'<a b="1"><c d="2"/> </a>', {"b": "1", "c": {"d": "2"}}),
        (b"<a><b/>\n<b>1</b> <b><c/></b></a>", {"b": [None, "1", {"c": None}]}),
        (b"<a>x<!-- -->y<![CDATA[<z>]]>&amp;</a>", "xy<z>&"),
    ],
)
def test_an_element_is_read_as_what_it_holds(body: bytes, tree: object) -> None:
    """Attributes and children come by name, white space between them is none."""
    assert parse_short(body) == ("a", tree)


@pytest.mark.parametrize(
    "body",
    [
        b'<a b="1"> x</a>',
        b'<a b="1"> </a>',
        b"<a>x<b/></a>",
        b'<a b="1"><b/></a>',
        b'<a c="1"><b/><b/></a>',
        b"<a><b>1</b><b>2</b></a>",
        b'<a xmlns:x="u" x:b="1"/>',
        b"<a><b x:nil='true'/></a>",
        b"<a><b/>" * 50 + b"</a>" * 50,
    ],
)
def test_what_could_be_taken_for_something_else_is_left(body: bytes) -> None:
    """To xmltodict, which marks attributes and texts."""
    assert parse_short(body) is None
    assert parse(body, "")[0] == "a"
