"""From the bytes of a body to a model, or to sentences that say what is wrong with it.

The fast pass stops at the first fault, so that good bodies pay for nothing more; a body
that it gave up on is gone over again by the careful pass.

A DecodeError is raised where no other exception is being handled: that one may hold a
secret, and would hang on it as its context. Hence what goes wrong in here is handed on
as a value, beside the model that there would have been.
"""

from __future__ import annotations

import asyncio
from typing import Any, TypeVar, cast

import orjson
from cattrs import transform_error

from veeam_async.codec.compile import Structurer
from veeam_async.codec.foreign import compressed, compression_of, page_sentence
from veeam_async.codec.kinds import (
    ForeignError,
    is_secret,
    name_of,
    page,
    row_of,
    says_so,
    wrong_kind,
)
from veeam_async.codec.parse import (
    LARGE_JSON,
    PAGE,
    UnreadableError,
    content,
    is_xml,
    parse,
)
from veeam_async.errors import DecodeError

K = TypeVar("K")

XML_ASIDE_ABOVE = 64 * 1024
"""Bytes of XML above which a body is decoded in a thread, so that the loop goes on."""

JSON_ASIDE_ABOVE = 512 * 1024
"""The same for JSON, which only a collection without pages reaches."""

FAST = Structurer(careful=False)
CAREFUL = Structurer(careful=True)

_EXCERPT = 120
_LOOKED_AT = 4096
_SECRETS = ("sessionid", "logonsession", "x-restsvc")
_FAULTS = (AttributeError, KeyError, TypeError, ValueError)


def decode(body: bytes, media_type: str | None, kind: type[K]) -> K:
    """Decode *body*, which holds a *kind*: a model, or a `Page` of one.

    *media_type* is the answer's Content-Type, None where there was none. Raises
    DecodeError for whatever is not a JSON object or an XML element of that kind.
    """
    try:
        # The shortest way for nearly every body; a `Page[…]` is no type and never here.
        is_short = len(body) <= LARGE_JSON and body.startswith(b"{")
        if is_short and isinstance(kind, type):
            tree = orjson.loads(body)
            if says_so(tree, kind):
                return cast("K", FAST.structure(tree, kind))
    except _FAULTS:
        pass
    tree = None  # else two would be in memory at once
    return _decode_any(body, media_type or "", kind)


async def decode_aside(body: bytes, media_type: str | None, kind: type[K]) -> K:
    """Decode as `decode` does, a large body in a thread."""
    # orjson holds the interpreter's lock while it parses, but that is a tenth of what
    # decoding takes: 4 MiB of JSON hold the loop for 15 ms instead of 85.
    if len(body) > XML_ASIDE_ABOVE and _is_long(body, media_type or ""):
        return await asyncio.to_thread(decode, body, media_type, kind)
    return decode(body, media_type, kind)


def _is_long(body: bytes, media_type: str) -> bool:
    return is_xml(body, media_type) or len(body) > JSON_ASIDE_ABOVE


def _decode_any(body: bytes, media_type: str, kind: type[K]) -> K:
    """Decode what is no flawless entity in JSON, or raise what is wrong with it."""
    found: K
    found, problems = _read(body, media_type, kind)
    if problems:
        raise DecodeError(
            media_type=_bare(media_type) or "an unnamed media type",
            kind=name_of(kind),
            problems=tuple(problems),
            excerpt="" if is_secret(kind) else _excerpt(body),
        )
    return found


def _read(body: bytes, media_type: str, kind: Any) -> tuple[Any, list[str] | None]:
    """The model, or what is wrong with the body."""
    try:
        root, tree = parse(body, media_type)
    except UnreadableError as error:
        return None, [_unreadable(body, media_type, str(error))]
    if wrong := wrong_kind(root, tree, kind):
        return None, [wrong]
    try:
        row = row_of(kind)
        found = tree if row is None else page(tree, row)
    except (ForeignError, TypeError) as error:
        return None, [str(error)]
    return structure(found, kind)


def _unreadable(body: bytes, media_type: str, fault: str) -> str:
    """What a body is that cannot be parsed, else the parser's *fault*."""
    if kind := compression_of(body):
        return compressed(kind)
    # What calls itself HTML need not begin like a page to be one.
    is_page = fault == PAGE or ("html" in _bare(media_type) and content(body))
    return page_sentence(body) if is_page else fault


def structure(tree: Any, kind: Any) -> tuple[Any, list[str] | None]:
    """Structure *tree* by the fast pass, else by the careful one.

    The model comes first; what is wrong is a list beside it, None where nothing is.
    """
    if not isinstance(tree, dict):
        return None, ["an object was expected"]
    try:
        return FAST.structure(tree, kind), None
    except _FAULTS:
        pass
    try:
        return CAREFUL.structure(tree, kind), None
    except Exception as error:  # noqa: BLE001 - cattrs collects faults in groups
        problems = transform_error(error, format_exception=_sentence)
    if is_secret(kind):
        # A sentence shows the value that it is about; the path may be told.
        problems = [f"unusable @ {each.rpartition(' @ ')[2]}" for each in problems]
    return None, problems


def _sentence(error: BaseException, _kind: type | None) -> str:
    return "the value is missing" if isinstance(error, KeyError) else str(error)


def _bare(media_type: str) -> str:
    """A media type without its parameters, in lower case."""
    return media_type.partition(";")[0].strip().lower()


def _excerpt(body: bytes) -> str:
    """The beginning of *body* on one line, empty where a logon shows in it."""
    # Any body may turn out to be a logon's, whatever was asked. In UTF-16 a NUL stands
    # behind each letter of the words that give it away.
    if compression_of(body):
        return ""
    start = body[:_LOOKED_AT].decode("utf-8", "replace").replace("\0", "")
    if any(word in start.lower() for word in _SECRETS):
        return ""
    line = " ".join(start.split())[:_EXCERPT]
    # It may end on somebody's terminal, so no control sequence gets through.
    return "".join(char if char.isprintable() else "�" for char in line)
