"""An expat that refuses what no Enterprise Manager sends, before it costs anything.

xmltodict makes its parser from what it is given as `expat`; here it gets one that
watches the declarations and the nesting. A body is parsed as one buffer, since expat
before 2.6 reads a long token anew for each chunk that it arrives in.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from xml.parsers import expat

MAX_DEPTH = 64
"""How deep elements may nest."""

MAX_TAG = 256 * 1024
"""Bytes of one tag: expat takes its attributes in one go, while all else waits."""

_BYTES_PER_PARENT = 48
_FREE_PARENTS = 1000
_MAX_NAMES = 2000
_ENCODINGS = (None, "utf-8", "utf-16", "us-ascii", "iso-8859-1", "windows-1252")
# Its parts exclude each other, so that a failure is found in linear time; possessive
# quantifiers, which would say so, are matched wrongly before Python 3.11.5.
_TAG = re.compile(rb"""<[^"'>]*(?:"[^"]*"[^"'>]*|'[^']*'[^"'>]*)*>""")

Start = Callable[[str, dict[str, str]], None]
End = Callable[[str], None]


class UnreadableError(ValueError):
    """A body that cannot be parsed; its text is a plain sentence."""


class GuardedExpat:
    """Stand in for the expat module where xmltodict makes its parser."""

    @staticmethod
    def ParserCreate(  # noqa: N802 - expat's name
        encoding: str | None, separator: str | None
    ) -> _GuardedParser:
        """Make a parser that is guarded."""
        parser = expat.ParserCreate(encoding, separator)
        parser.StartDoctypeDeclHandler = _refuse_doctype
        parser.XmlDeclHandler = _refuse_encoding
        return _GuardedParser(parser)


class _GuardedParser:
    """An expat parser that looks at a body's tags before and while it reads them.

    What xmltodict sets is kept until the body comes. That attributes shall be lists is
    passed over: it takes dicts as well, and has a fifth less to do.
    """

    __slots__ = ("__dict__", "_parser")

    StartElementHandler: Start
    EndElementHandler: End

    def __init__(self, parser: expat.XMLParserType) -> None:
        self._parser = parser

    def Parse(self, data: bytes, final: bool) -> int:  # noqa: N802, FBT001 - expat's
        _refuse_long_tag(data)
        parser: Any = self._parser
        vars(self).pop("ordered_attributes", None)
        for name, value in vars(self).items():
            setattr(parser, name, value)
        # With so few tags no bound on elements can be met, so none is counted.
        if data.count(b"<") <= MAX_DEPTH:
            _look_at_root(parser, self.StartElementHandler)
        else:
            parser.StartElementHandler, parser.EndElementHandler = _counting(
                self.StartElementHandler, self.EndElementHandler, len(data)
            )
        done: int = parser.Parse(data, final)
        return done


def _look_at_root(parser: Any, begin: Start) -> None:
    def start_root(name: str, attributes: dict[str, str]) -> None:
        _refuse_html(name)
        parser.StartElementHandler = begin
        begin(name, attributes)

    parser.StartElementHandler = start_root


def _counting(begin: Start, end: End, size: int) -> tuple[Start, End]:
    """Wrap the handlers of a body of *size* bytes in the rules for its nesting.

    Elements that hold elements are counted too: each becomes a dict that the garbage
    collector has to visit, with the whole process waiting, so a body must not consist
    of little else. Each new name of an element costs a place in a growing dict, too.
    """
    names: set[str] = set()
    depth, parents, opened = 0, 0, False
    allowed = _FREE_PARENTS + size // _BYTES_PER_PARENT

    def start_element(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth, parents, opened
        depth += 1
        parents += opened  # a parent's first child begins before anything ended
        opened = True
        if depth == 1:
            _refuse_html(name)
        names.add(name)
        if len(names) > _MAX_NAMES:
            raise UnreadableError(f"the XML has more than {_MAX_NAMES} element names")
        if depth > MAX_DEPTH:
            raise UnreadableError(f"the XML nests deeper than {MAX_DEPTH} levels")
        if parents > allowed:
            raise UnreadableError("the XML is little else but nested elements")
        begin(name, attributes)

    def end_element(name: str) -> None:
        nonlocal depth, opened
        depth -= 1
        opened = False
        end(name)

    return start_element, end_element


def _refuse_doctype(name: str, *_declaration: object) -> None:
    _refuse_html(name)
    raise UnreadableError("the XML is refused: it has a DOCTYPE")


def _refuse_html(name: str) -> None:
    if name.lower() == "html":
        raise UnreadableError("the body is an HTML page")


def _refuse_encoding(_version: str, encoding: str | None, _standalone: int) -> None:
    # Others would be looked up among Python's codecs, some of which are no encodings.
    if encoding is not None and encoding.lower() not in _ENCODINGS:
        raise UnreadableError(f"the XML's encoding is unknown: {encoding[:60]!r}")


def _refuse_long_tag(data: bytes) -> None:
    """Look where no `<` occurs for long: a tag must have ended there, a text may go on.

    No tag has a `<` inside, so that a longer one spans at least one whole window.
    """
    window = MAX_TAG // 2
    for at in range(0, len(data) - window, window):
        if data.find(b"<", at, at + window) < 0:
            start = data.rfind(b"<", 0, at)
            declares = data[start + 1 : start + 2] in (b"!", b"?")
            if not declares and not _TAG.match(data, start, start + MAX_TAG):
                raise UnreadableError(f"the XML has a tag of over {MAX_TAG} bytes")
