"""Decode a body into a model, and say in plain sentences why one cannot be.

The first pass stops at the first fault, so that good bodies pay for nothing; a body
that failed is gone over again to name its faults with their paths. A DecodeError is
raised where no other exception is being handled: what went before it may hold a
secret, and would hang on it as its context.
"""

from __future__ import annotations

import asyncio
from typing import Any, TypeVar, cast

import orjson
from cattrs import transform_error

from veeam_async.codec.body import is_xml, parse
from veeam_async.codec.envelopes import ForeignError, page
from veeam_async.codec.guard import UnreadableError
from veeam_async.codec.kinds import is_secret, says_so, wrong_kind
from veeam_async.codec.names import name_of, row_of
from veeam_async.codec.structures import Structures
from veeam_async.errors import DecodeError, Json

K = TypeVar("K")

XML_ASIDE_ABOVE = 64 * 1024
"""Bytes of XML above which a body is decoded in a thread, so that the loop goes on."""

JSON_ASIDE_ABOVE = 512 * 1024
"""The same for JSON, which only a collection without pages reaches."""

_EXCERPT = 120
_LOOKED_AT = 4096
_SECRETS = ("sessionid", "logonsession", "x-restsvc")
_FAULTS = (AttributeError, KeyError, TypeError, ValueError)
_FAST = Structures(careful=False)
_CAREFUL = Structures(careful=True)


def decode(body: bytes, media_type: str | None, kind: type[K]) -> K:
    """Give the *kind* (a model, or a `Page` of one) that *body* holds.

    *media_type* is the answer's Content-Type, None where there was none. Raises
    DecodeError for whatever is not a JSON object or an XML element of that kind.
    """
    try:
        # The shortest way for nearly every body; a `Page[…]` is no type and never here.
        if body.startswith(b"{") and isinstance(kind, type):
            tree = orjson.loads(body)
            if says_so(tree, kind):
                return cast("K", _FAST.structure(tree, kind))
    except _FAULTS:
        pass
    return _decoded(body, media_type or "", kind)


def _decoded(body: bytes, media_type: str, kind: type[K]) -> K:
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


def _bare(media_type: str) -> str:
    """Give a media type without its parameters."""
    return media_type.partition(";")[0].strip().lower()


async def decode_aside(body: bytes, media_type: str | None, kind: type[K]) -> K:
    """Decode as `decode` does, a large body in a thread.

    orjson holds the interpreter's lock while it parses, but that is a tenth of what
    decoding takes: 4 MiB of JSON hold the loop for 15 ms instead of 85.
    """
    if len(body) > XML_ASIDE_ABOVE and _is_long(body, media_type or ""):
        return await asyncio.to_thread(decode, body, media_type, kind)
    return decode(body, media_type, kind)


def _is_long(body: bytes, media_type: str) -> bool:
    return is_xml(body, media_type) or len(body) > JSON_ASIDE_ABOVE


def from_dict(cls: type[K], data: Json) -> K:
    """Give the model that `to_dict` made *data* from; DecodeError where it did not."""
    found: K
    found, problems = _structured(data, cls)
    if problems:
        raise DecodeError(
            media_type="plain JSON types",
            kind=name_of(cls),
            problems=tuple(problems),
            excerpt="",
        )
    return found


def _read(body: bytes, media_type: str, kind: Any) -> tuple[Any, list[str] | None]:
    """Give the model, or what is wrong with the body."""
    try:
        root, tree = parse(body, media_type)
    except UnreadableError as error:
        is_page = "html" in _bare(media_type) and body.strip(b"\xef\xbb\xbf \t\r\n")
        return None, ["the body is an HTML page" if is_page else str(error)]
    if wrong := wrong_kind(root, tree, kind):
        return None, [wrong]
    try:
        row = row_of(kind)
        found = tree if row is None else page(tree, row)
    except (ForeignError, TypeError) as error:
        return None, [str(error)]
    return _structured(found, kind)


def _structured(tree: Any, kind: Any) -> tuple[Any, list[str] | None]:
    if not isinstance(tree, dict):
        return None, ["an object was expected"]
    try:
        return _FAST.structure(tree, kind), None
    except _FAULTS:
        pass
    return _carefully_structured(tree, kind)


def _carefully_structured(tree: Any, kind: Any) -> tuple[Any, list[str] | None]:
    """Give the model, or its faults with their paths; of a logon the paths alone."""
    try:
        return _CAREFUL.structure(tree, kind), None
    except Exception as error:  # noqa: BLE001 - cattrs collects faults in groups
        found = transform_error(error, format_exception=_sentence)
    if is_secret(kind):
        found = [f"unusable @ {problem.rpartition(' @ ')[2]}" for problem in found]
    return None, found


def _sentence(error: BaseException, _kind: type | None) -> str:
    return "the value is missing" if isinstance(error, KeyError) else str(error)


def _excerpt(body: bytes) -> str:
    """Give the beginning of *body* on one line, nothing where a logon shows in it."""
    start = body[:_LOOKED_AT].decode("utf-8", "replace").replace("\0", "")
    if any(word in start.lower() for word in _SECRETS):
        return ""
    line = " ".join(start.split())[:_EXCERPT]
    return "".join(char if char.isprintable() else "�" for char in line)
