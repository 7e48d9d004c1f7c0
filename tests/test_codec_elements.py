"""Small XML, which handlers of our own read, beside the same read by xmltodict."""

from __future__ import annotations

from typing import Any
from xml.sax.saxutils import escape, quoteattr

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.bodies import uuid_of
from veeam_async import BackupJobSession, DecodeError
from veeam_async.codec import decode
from veeam_async.codec.parse import UnreadableError, parse

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


@st.composite
def documents(draw: st.DrawFn) -> bytes:
    """A session, of which much is odd."""
    uid = f"urn:veeam:BackupJobSession:{uuid_of(1)}"
    body = "".join(draw(st.lists(elements(), max_size=6)))
    prolog = draw(st.sampled_from(["", '<?xml version="1.0" encoding="utf-8"?>\n']))
    space = 'xmlns:xsi="urn:i" xmlns:x="urn:x"'
    root = f'<BackupJobSession {space} UID="{uid}" Name="n" Type="BackupJobSession">'
    return f"{prolog}{root}{body}{draw(GAPS)}</BackupJobSession>".encode()


def outcome(body: bytes) -> Any:
    """The session, or the sentences that say what is wrong."""
    try:
        return decode(body, "application/xml", BackupJobSession)
    except DecodeError as error:
        return error.problems


@given(documents())
def test_both_ways_give_equal_models(body: bytes) -> None:
    """Or the same sentences, whatever a document holds."""
    assert outcome(body) == outcome(body + LONG)


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
        (b'<a b="1"/>', {"@b": "1"}),
        (b'<a b="1"> x</a>', {"@b": "1", "#text": " x"}),
        (b"<a><b/>\n<b>1</b> <b><c/></b></a>", {"b": [None, "1", {"c": None}]}),
        (b"<a>x<!-- -->y<![CDATA[<z>]]>&amp;</a>", "xy<z>&"),
    ],
)
def test_an_element_is_read_as_what_it_holds(body: bytes, tree: object) -> None:
    """Attributes have an `@`, children come by name, white space between is none."""
    assert parse(body, "") == ("a", tree)
