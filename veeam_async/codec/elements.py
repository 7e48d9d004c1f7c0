"""Small bodies of XML as dicts, in half the time that xmltodict takes.

What no body of the server needs is left to xmltodict: a text beside attributes or
between an element's children, and whatever else could be taken for something that it
is not. Nothing here counts elements: whoever has many counts them before.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias
from xml.parsers import expat

Element: TypeAlias = "dict[str, Element | list[Element]] | str | None"
"""An element: its attributes and children by their names; its text alone where it has
neither, None where it has not even that.
"""

_DECLARED = {"xmlns:xsi", "xmlns:xsd", "xmlns:i"}
"""The names with a prefix that mean nothing here."""

_SPACE = " \t\r\n"


class OddError(ValueError):
    """A body that is not as plain as all of the server's are."""


def read_elements(parser: expat.XMLParserType, body: bytes) -> dict[str, Any]:
    """The root element of *body* by its name, read by *parser*, which is fresh.

    White space between elements is left out. Raises OddError, and what expat and the
    parser's own handlers raise.
    """
    # An element is None until it has a child, or expat's own dict of its attributes.
    # These run for each element: so no classes, and no attributes to look up.
    node: Any = None
    newest: Any = None
    outer: list[Any] = []
    texts: list[str] = []
    push, pop = outer.append, outer.pop

    def start(_name: str, attributes: dict[str, str]) -> None:
        nonlocal node, newest
        if texts:
            _pass_over(texts)
        push(node)
        node = None
        if attributes:
            node = newest = attributes

    def end(name: str) -> None:
        nonlocal node
        value = node
        if texts:
            value = "".join(texts) if value is None else _beside(value, newest, texts)
            texts.clear()
        node = pop()
        if node is None:
            node = {name: value}
        elif name not in node:
            node[name] = value
        else:
            _repeat(node, name, value)

    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = texts.append
    parser.Parse(body, True)
    _refuse_prefixes(parser.intern)
    found: dict[str, Any] = node
    return found


def _refuse_prefixes(names: Iterable[str]) -> None:
    """Raise OddError for what has one among the *names* of elements and attributes."""
    # That of an element means nothing, but an attribute's makes it somebody else's.
    has_any = ":" in "".join(names)
    if has_any and not {name for name in names if ":" in name} <= _DECLARED:
        raise OddError


def _repeat(node: dict[str, Any], name: str, value: Any) -> None:
    """Add one more child of a *name*, which makes a list of them."""
    before = node[name]
    # A text may be an attribute's value, and so may every member of some others.
    if len(node) > 1 or isinstance(before, str):
        raise OddError
    if isinstance(before, list):
        before.append(value)
    else:
        node[name] = [before, value]


def _beside(element: Any, newest: Any, texts: list[str]) -> Any:
    """The *element*, whose *texts* are but white space behind its last child.

    Where it has the *newest* attributes it may have no child, and a text of its own.
    """
    if element is newest or "".join(texts).strip(_SPACE):
        raise OddError
    return element


def _pass_over(texts: list[str]) -> None:
    """Drop *texts*, where they are but the white space between elements."""
    if "".join(texts).strip(_SPACE):
        raise OddError
    texts.clear()
