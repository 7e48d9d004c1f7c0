"""Small bodies of XML as the tree that xmltodict makes of them, in half its time.

What xmltodict can do and no body of the server needs is left to it: a text between an
element's children. Nothing here counts elements: whoever has many counts them before.
"""

from __future__ import annotations

from typing import Any, TypeAlias
from xml.parsers import expat

Element: TypeAlias = "dict[str, Element | list[Element]] | str | None"
"""An element: its attributes (after an `@`), children and text (as `#text`); its text
alone where it has nothing else, None where it has not even that.
"""

_MOST_NAMES = 500
_SPACE = " \t\r\n"


class OddError(ValueError):
    """A body that is not as plain as all of the server's are."""


class _Marked(dict[str, str]):
    """The names of attributes with an `@` in front, made once for each."""

    def __missing__(self, name: str) -> str:
        if len(self) < _MOST_NAMES:  # a hostile server sends any number
            self[name] = f"@{name}"
        return f"@{name}"


_MARKED = _Marked()


def read_elements(parser: expat.XMLParserType, body: bytes) -> dict[str, Any]:
    """Have *parser*, which is fresh, read *body*: the root element by its name.

    White space between elements is left out, which xmltodict keeps. Raises OddError,
    and what expat and the parser's own handlers raise.
    """
    # An element is None until it has an attribute or a child. These run for each
    # element: so no classes, and no attributes to look up.
    node: Any = None
    outer: list[Any] = []
    texts: list[str] = []
    push, pop, marked = outer.append, outer.pop, _MARKED

    def start(_name: str, attributes: dict[str, str]) -> None:
        nonlocal node
        if texts:
            _pass_over(texts)
        push(node)
        node = None
        if attributes:
            node = {marked[name]: attributes[name] for name in attributes}

    def end(name: str) -> None:
        nonlocal node
        value = node
        if texts:
            value = _with_text(value, texts) if value else "".join(texts)
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
    found: dict[str, Any] = node
    return found


def _repeat(node: dict[str, Any], name: str, value: Any) -> None:
    """Add one more child of a *name*, which makes a list of them."""
    if type(node[name]) is list:
        node[name].append(value)
    else:
        node[name] = [node[name], value]


def _pass_over(texts: list[str]) -> None:
    """Drop *texts*, where they are but the white space between elements."""
    if "".join(texts).strip(_SPACE):
        raise OddError
    texts.clear()


def _with_text(element: dict[str, Any], texts: list[str]) -> dict[str, Any]:
    """The *element*, which has attributes or children, with the *texts* in it."""
    text = "".join(texts)
    if next(reversed(element)).startswith("@"):
        return {**element, "#text": text}
    if text.strip(_SPACE):  # between the last child and the end
        raise OddError
    return element
