"""Bodies that are none of the API's: pages, problems, compressed ones, in a few words.

Proxies, gateways and frameworks before or below the server answer with them. What is
taken out of one is for showing alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from veeam_async.codec.parse import PAGE, Tree, content
from veeam_async.errors import one_line

LONGEST = 64 * 1024
"""Bytes: errors are short; parsing a proxy's long page would block the loop."""

_LOOKED_AT = 16 * 1024
_SHOWN = 200
_PLAIN = (b"{", b"[", b"<", b"")
_MOST_FAULTS = 5
_COMPRESSED = {
    b"\x1f\x8b": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x78\x01": "deflate",
    b"\x78\x9c": "deflate",
    b"\x78\xda": "deflate",
}
"""How compressed bodies begin; Brotli's have no such mark."""


def compression_of(body: bytes, encoding: str = "") -> str | None:
    """How *body* is compressed, None where it is not.

    *encoding* is its Content-Encoding, which is believed where the body begins like
    none of the API's.
    """
    for start, name in _COMPRESSED.items():
        if body.startswith(start):
            return name
    named = encoding.strip().lower()
    is_plain = named in ("", "identity") or content(body[:16])[:1] in _PLAIN
    return None if is_plain else one_line(named)


def compressed(kind: str) -> str:
    """The sentence for a body that is compressed as *kind*."""
    return f"the body is compressed ({kind}) although no compression was asked for"


def page_sentence(body: bytes) -> str:
    """The sentence for an HTML page."""
    title = title_of(body)
    return f'{PAGE}, titled "{title}"' if title else PAGE


def title_of(body: bytes) -> str | None:
    """The title of an HTML page on one line, None where there is none."""
    start = body[:_LOOKED_AT]
    lowered = start.lower()
    # Searched for step by step: an expression that goes back would take quadratic time.
    tag = lowered.find(b"<title")
    begin = lowered.find(b">", tag) + 1
    end = lowered.find(b"</title", begin)
    if tag < 0 or begin == 0 or end < 0:
        return None
    import html  # noqa: PLC0415 - few answers are pages

    # Cut first: a character reference of thousands of digits is an error in Python.
    text = start[begin:end][:_SHOWN].decode("utf-8", "replace")
    return one_line(html.unescape(text)) or None


def words_of(body: bytes) -> str | None:
    """What a body says that is no error of the API's own; None where it says nothing.

    That is a problem of RFC 9457, whose fields frameworks name in `errors`.
    """
    if len(body) > LONGEST:
        return None
    try:
        tree: Tree = orjson.loads(content(body))
    except orjson.JSONDecodeError:
        return None
    if not isinstance(tree, dict):
        return None
    members = {name.lower(): value for name, value in tree.items()}
    said = [
        members.get("title"),
        members.get("detail"),
        *_faults(members.get("errors")),
    ]
    return " ".join(text for text in said if isinstance(text, str) and text) or None


def _faults(errors: Any) -> Iterator[str]:
    """The first faults that `errors` lists, by the fields that they are about."""
    if not isinstance(errors, dict):
        return
    for name, texts in list(errors.items())[:_MOST_FAULTS]:
        for text in (texts if isinstance(texts, list) else [texts])[:_MOST_FAULTS]:
            if isinstance(text, str) and text:
                yield f"{name}: {text}" if name else text
