"""Turn the bytes of a body into plain values: JSON by orjson, XML by xmltodict.

A body is taken for what it is: its first byte decides, and only where that is neither
`{`, `[` nor `<` does its media type.
"""

from __future__ import annotations

from typing import TypeAlias
from xml.parsers import expat

import orjson
import xmltodict

from veeam_async.codec.guard import GuardedExpat, UnreadableError

Tree: TypeAlias = "dict[str, Tree] | list[Tree] | str | int | float | None"
"""What a body consists of once it is parsed."""

_BOM = b"\xef\xbb\xbf"
_SPACE = b" \t\r\n"
_START = 4096
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


def is_xml(body: bytes, media_type: str) -> bool:
    """Tell whether *body* is XML, by its first byte before its media type."""
    start = _content(body[:_START])[:1]
    if start in (b"{", b"["):
        return False
    return start == b"<" or "xml" in media_type.partition(";")[0].lower()


def parse(body: bytes, media_type: str) -> tuple[str | None, Tree]:
    """Give the root element's name (None for JSON) and the value below it.

    Raises UnreadableError, with a plain sentence, for what is neither JSON nor XML.
    """
    if body.startswith(b"{"):
        return None, _parse_json(body)
    if body.startswith(_PROLOG):
        return _parse_xml(body, None)
    content = _content(body)
    if not content:
        raise UnreadableError("the body is empty")
    if content[:20].lower().startswith(_HTML):
        raise UnreadableError("the body is an HTML page")
    if is_xml(content, media_type):
        return _parse_xml(content, "utf-8" if body.startswith(_BOM) else None)
    return None, _parse_json(content)


def _content(body: bytes) -> bytes:
    return body.removeprefix(_BOM).lstrip(_SPACE)


def _parse_json(body: bytes) -> Tree:
    try:
        tree: Tree = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise UnreadableError(_json_fault(body, error)) from None
    return tree


def _json_fault(body: bytes, error: orjson.JSONDecodeError) -> str:
    if body[:1] not in (b"{", b"["):
        return "the body is neither JSON nor XML"
    foreign = _utf8_fault(body)
    if "unexpected end" in (foreign or error.msg):
        return "the JSON ends before it is complete"
    if foreign:
        return "the JSON is not UTF-8"
    if "depth" in error.msg:
        return "the JSON nests deeper than 1,024 levels"
    return f"the JSON is malformed: {error.msg} at character {error.pos}"


def _utf8_fault(body: bytes) -> str | None:
    """Say why *body* is no UTF-8, None where it is."""
    try:
        body.decode()
    except UnicodeDecodeError as error:
        return error.reason
    return None


def _parse_xml(body: bytes, encoding: str | None) -> tuple[str, Tree]:
    # White space between elements arrives as "#text" and matches no field; that inside
    # a text is part of the text. Without a DOCTYPE there are no entities to disable.
    try:
        tree = xmltodict.parse(
            body,
            encoding=encoding,
            expat=GuardedExpat,
            strip_whitespace=False,
            disable_entities=False,
        )
    except expat.ExpatError as error:
        raise UnreadableError(_xml_fault(body, error)) from None
    ((root, below),) = tree.items()
    return root, below


def _xml_fault(body: bytes, error: expat.ExpatError) -> str:
    if error.code in _CUT_CODES:
        return "the XML ends before it is complete"
    if error.code == _INVALID_CODE and _utf8_fault(body):
        return "the XML is not UTF-8"
    return f"the XML is malformed: {error}"
