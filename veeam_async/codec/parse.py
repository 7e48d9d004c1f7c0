"""Bodies as plain values: JSON by orjson, XML by xmltodict over a guarded expat.

The first byte decides what a body is. Its media type counts only where that byte is
none of `{`, `[` and `<`: a good body under a wrong label is still a good body.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeAlias
from xml.parsers import expat

import orjson

from veeam_async.codec.elements import OddError, read_elements

Tree: TypeAlias = "dict[str, Tree] | list[Tree] | str | int | float | None"
"""What a body consists of once it is parsed."""

MAX_DEPTH = 64
"""How many elements may lie within each other."""

MAX_TAG = 256 * 1024
"""The most bytes in one tag."""

PAGE = "the body is an HTML page"
"""What is said of one."""

LARGE_JSON = 2 * 1024 * 1024
"""Bytes of JSON that only a collection without pages reaches: it is sampled first."""

NEITHER = "the body is neither JSON nor XML"
"""What is said of whatever begins like none of them."""

_BOM = b"\xef\xbb\xbf"
_SPACE = b" \t\r\n"
_START = 4096
_SHOWN = 60
_PROLOG = b"<?xml"
_HTML = (b"<!doctype html", b"<html", b"<head", b"<body")
_CUT_CODES = tuple(
    expat.errors.codes[message]
    for message in (
        expat.errors.XML_ERROR_NO_ELEMENTS,
        expat.errors.XML_ERROR_UNCLOSED_TOKEN,
        expat.errors.XML_ERROR_UNCLOSED_CDATA_SECTION,
        expat.errors.XML_ERROR_PARTIAL_CHAR,
    )
)
_INVALID_CODE = expat.errors.codes[expat.errors.XML_ERROR_INVALID_TOKEN]

# Bytes, above which handlers of our own save nothing.
_SMALL = 64 * 1024
# A list of tasks, the densest body that a server sends, has more bytes to a parent.
_BYTES_PER_PARENT = 48
_FREE_PARENTS = 1000
_MAX_NAMES = 2000
# How a large body of JSON is sampled, and what stands in so much of a good one: see
# `_refuse_dense`.
_WINDOWS, _WINDOW = 64, 256
_MOST_NAMES, _BYTES_PER_NAME = 300, 24
_BYTES_PER_BRACKET, _FREE_BRACKETS = 40, 200
_BYTES_PER_COMMA = 8
_NAME = re.compile(rb'"((?:[^"\\]|\\.){1,64})":', re.DOTALL)
_ENCODINGS = (None, "utf-8", "utf-16", "us-ascii", "iso-8859-1", "windows-1252")
# The parts of this pattern exclude each other, so that a failure is found in linear
# time. Possessive quantifiers would say so, but Python before 3.11.5 matches them
# wrongly.
_TAG = re.compile(rb"""<[^"'>]*(?:"[^"]*"[^"'>]*|'[^']*'[^"'>]*)*>""")

_StartHandler = Callable[[str, dict[str, str]], None]
_EndHandler = Callable[[str], None]


class UnreadableError(ValueError):
    """A body that cannot be parsed; its text is a plain sentence."""


class MalformedError(UnreadableError):
    """A body that breaks its grammar: by a single bad character, it may be."""


def is_xml(body: bytes, media_type: str) -> bool:
    """Whether *body* is XML, by its first byte before its media type."""
    start = content(body[:_START])[:1]
    if start in (b"{", b"["):
        return False
    return start == b"<" or "xml" in media_type.partition(";")[0].lower()


def parse(body: bytes, media_type: str) -> tuple[str | None, Tree]:
    """The name of the root element (None for JSON), and the value below it.

    Raises UnreadableError, with a plain sentence, for what is neither JSON nor XML, and
    MalformedError for what a single bad character may have made so.
    """
    # The two beginnings of nearly every body come first, before anything is copied.
    if body.startswith(b"{"):
        return None, _parse_json(body)
    if body.startswith(_PROLOG):
        return _parse_xml(body, None)
    bare = content(body)
    if not bare:
        raise UnreadableError("the body is empty")
    if bare[:20].lower().startswith(_HTML):
        raise UnreadableError(PAGE)
    if is_xml(bare, media_type):
        return _parse_xml(bare, "utf-8" if body.startswith(_BOM) else None)
    return None, _parse_json(bare)


def parse_short(body: bytes) -> tuple[str, Tree] | None:
    """The name of the root element, and the value below it (see `elements.Element`).

    It is for a small body of XML that is as plain as the server's are; None says
    nothing of any other: `parse` knows.
    """
    # With so few tags no limit on elements can be reached, so none is counted.
    is_short = body.startswith(b"<") and len(body) <= _SMALL
    if not is_short or body.count(b"<") > MAX_DEPTH or b"\0" in body[:4]:
        return None
    try:
        ((root, below),) = read_elements(guarded(None, None), body).items()
    except (OddError, UnreadableError, expat.ExpatError):
        return None
    return root, below


def content(body: bytes) -> bytes:
    """A body from its first significant byte on."""
    # Version 9.5 of the server puts a byte order mark in front of its JSON.
    return body.removeprefix(_BOM).lstrip(_SPACE)


def quoted(text: str) -> str:
    """A foreign word in quotes, cut short, fit to stand in a sentence."""
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…")


# ---------------------------------------------------------------- JSON


def _parse_json(body: bytes) -> Tree:
    if len(body) > LARGE_JSON:
        _refuse_dense(body)
    try:
        tree: Tree = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise MalformedError(_json_fault(body, error)) from None
    return tree


def _refuse_dense(body: bytes) -> None:
    """Refuse a large body that would take many times its size in memory.

    That is one of little else but names that all differ, brackets or short values. It
    is told by samples from all over the body: to look at all of it would cost a good
    one a tenth of its decoding.
    """
    step = len(body) // _WINDOWS
    starts = range(0, step * _WINDOWS, step)
    sample = b"".join(body[at : at + _WINDOW] for at in starts)
    sample = sample.translate(None, _SPACE)
    brackets = sample.count(b"{") + sample.count(b"[")
    if brackets > _FREE_BRACKETS + len(sample) // _BYTES_PER_BRACKET:
        raise UnreadableError("the JSON is little else but brackets")
    # Names are counted before it is seen whether they differ, which takes longer.
    has_many = sample.count(b'":') > len(sample) // _BYTES_PER_NAME
    if has_many and len(set(_NAME.findall(sample))) > _MOST_NAMES:
        raise UnreadableError("the JSON is little else but names that all differ")
    if sample.count(b",") > len(sample) // _BYTES_PER_COMMA:
        raise UnreadableError("the JSON is little else but short values")


def _json_fault(body: bytes, error: orjson.JSONDecodeError) -> str:
    if body[:1] not in (b"{", b"["):
        return NEITHER
    foreign = _utf8_fault(body)
    if "unexpected end" in (foreign or error.msg):
        return "the JSON ends before it is complete"
    if foreign:
        return "the JSON is not UTF-8"
    if "depth" in error.msg:
        return "the JSON nests deeper than 1,024 levels"
    return f"the JSON is malformed: {error.msg} at character {error.pos}"


def _utf8_fault(body: bytes) -> str | None:
    """Python's reason why *body* is no UTF-8, None where it is."""
    try:
        body.decode()
    except UnicodeDecodeError as error:
        return error.reason
    return None


# ---------------------------------------------------------------- XML


def _parse_xml(body: bytes, encoding: str | None) -> tuple[str, Tree]:
    # Here, since it loads half of the standard library for what few servers send.
    import xmltodict  # noqa: PLC0415 - see above

    if b"\0" in body[:4]:
        _refuse_half_characters(body)
    try:
        tree: dict[str, Tree] = xmltodict.parse(
            body,
            encoding=encoding,
            expat=GuardedExpat,
            # White space inside a text is part of it. That between elements arrives as
            # "#text", which matches no field.
            strip_whitespace=False,
            # Any DOCTYPE is refused, so there are no entities to disable.
            disable_entities=False,
        )
    except expat.ExpatError as error:
        raise MalformedError(_xml_fault(body, error)) from None
    ((root, below),) = tree.items()
    return root, below


def _refuse_half_characters(body: bytes) -> None:
    """Refuse UTF-16 that holds half a surrogate: expat pairs it with what follows."""
    try:
        body.decode("utf-16-be" if body[:1] in (b"\0", b"\xfe") else "utf-16-le")
    except UnicodeDecodeError:
        raise MalformedError("the XML is not UTF-16") from None


def _xml_fault(body: bytes, error: expat.ExpatError) -> str:
    if error.code in _CUT_CODES:
        return "the XML ends before it is complete"
    if error.code == _INVALID_CODE and _utf8_fault(body):
        return "the XML is not UTF-8"
    return f"the XML is malformed: {error}"


class GuardedExpat:
    """An expat module, as far as xmltodict needs one, whose parsers are guarded.

    They refuse what no Enterprise Manager sends before it costs anything: a DOCTYPE, an
    encoding out of the ordinary, a giant tag, elements nested deep or without end.
    """

    @staticmethod
    def ParserCreate(  # noqa: N802 - expat's name
        encoding: str | None, separator: str | None
    ) -> _GuardedParser:
        """Create a parser that is guarded."""
        return _GuardedParser(guarded(encoding, separator))


def guarded(encoding: str | None, separator: str | None) -> expat.XMLParserType:
    """A parser of expat's own, which refuses a DOCTYPE and encodings."""
    parser = expat.ParserCreate(encoding, separator)
    parser.StartDoctypeDeclHandler = _refuse_doctype
    parser.XmlDeclHandler = _refuse_encoding
    return parser


class _GuardedParser:
    """An expat parser that looks at the tags of a body before and while it reads them.

    The handlers that xmltodict sets are kept here until the body comes.
    """

    __slots__ = ("__dict__", "_parser")

    StartElementHandler: _StartHandler
    EndElementHandler: _EndHandler

    def __init__(self, parser: expat.XMLParserType) -> None:
        self._parser = parser

    def Parse(self, data: bytes, final: bool) -> int:  # noqa: N802, FBT001 - expat's
        _refuse_long_tag(data)
        parser: Any = self._parser
        # xmltodict asks for attributes as a list, and takes a dict as well: that saves
        # a fifth of its work.
        vars(self).pop("ordered_attributes", None)
        for name, value in vars(self).items():
            setattr(parser, name, value)
        # With so few tags no limit on elements can be reached, so none is counted.
        if data.count(b"<") <= MAX_DEPTH:
            _check_root(parser, self.StartElementHandler)
        else:
            parser.StartElementHandler, parser.EndElementHandler = _counting(
                self.StartElementHandler, self.EndElementHandler, len(data)
            )
        # One call with the whole body: expat before 2.6 reads a long token anew for
        # each piece that it arrives in, which takes quadratic time.
        done: int = parser.Parse(data, final)
        return done


def _check_root(parser: Any, begin: _StartHandler) -> None:
    """Look at the first element only, and step aside for *begin* after it."""

    def start_root(name: str, attributes: dict[str, str]) -> None:
        _refuse_html(name)
        parser.StartElementHandler = begin
        begin(name, attributes)

    parser.StartElementHandler = start_root


def _counting(
    begin: _StartHandler, end: _EndHandler, size: int
) -> tuple[_StartHandler, _EndHandler]:
    """Handlers that hold a body of *size* bytes to the limits on its elements.

    *begin* and *end* are called for each element that passes.
    """
    names: set[str] = set()
    depth, parents, opened = 0, 0, False
    # Each element that holds elements becomes a dict, which the garbage collector has
    # to visit while the whole process waits: a body must not consist of little else.
    allowed = _FREE_PARENTS + size // _BYTES_PER_PARENT

    def start_element(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth, parents, opened
        depth += 1
        parents += opened  # a parent's first child begins before anything ended
        opened = True
        if depth == 1:
            _refuse_html(name)
        names.add(name)  # each new one takes a place in a dict that grows
        if len(names) > _MAX_NAMES or depth > MAX_DEPTH or parents > allowed:
            raise UnreadableError(_exceeded(len(names), depth))
        begin(name, attributes)

    def end_element(name: str) -> None:
        nonlocal depth, opened
        depth -= 1
        opened = False
        end(name)

    return start_element, end_element


def _exceeded(names: int, depth: int) -> str:
    """The limit that a body exceeds: that on parents, unless it is another."""
    if names > _MAX_NAMES:
        return f"the XML has more than {_MAX_NAMES} element names"
    if depth > MAX_DEPTH:
        return f"the XML nests deeper than {MAX_DEPTH} levels"
    return "the XML is little else but nested elements"


def _refuse_doctype(name: str, *_declaration: object) -> None:
    _refuse_html(name)
    # Entities are not the only attack: expat before 2.8.1 takes quadratic time for a
    # flood of attribute declarations.
    raise UnreadableError("the XML is refused: it has a DOCTYPE")


def _refuse_html(name: str) -> None:
    if name.lower() == "html":
        raise UnreadableError(PAGE)


def _refuse_encoding(_version: str, encoding: str | None, _standalone: int) -> None:
    # Others would be looked up among Python's codecs, some of which are no encodings.
    if encoding is not None and encoding.lower() not in _ENCODINGS:
        raise MalformedError(f"the XML's encoding is unknown: {quoted(encoding)}")


def _refuse_long_tag(data: bytes) -> None:
    """Refuse a tag of more than MAX_TAG bytes, before expat sees it."""
    # expat takes all attributes of a tag in one go, while everything else waits.
    window = MAX_TAG // 2
    for at in range(0, len(data) - window, window):
        # A tag has no `<` inside, so a longer one spans at least one whole window.
        if data.find(b"<", at, at + window) < 0:
            start = data.rfind(b"<", 0, at)
            # What spans the window may also be a text whose tag has ended, a comment
            # or CDATA: those may be long.
            declares = data[start + 1 : start + 2] in (b"!", b"?")
            if not declares and not _TAG.match(data, start, start + MAX_TAG):
                raise UnreadableError(f"the XML has a tag of over {MAX_TAG} bytes")
