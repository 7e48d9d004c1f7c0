"""The law of two transports: whatever a server says, the caller sees the same.

Left out is where they differ by nature, as test_contract.py shows: bytes
after an answer, spaces behind the size of a chunk, and how often a request is repeated
on a kept connection of whose answer a part had come.
"""

from __future__ import annotations

import asyncio
import re
from typing import Literal

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.bodies import session, uuid_of
from tests.support.clients import gets, talking
from tests.support.fault_server import Act, Answer, Asked, Raw, Reset
from veeam_async import Retry, VeeamError

SESSION_ID = uuid_of(1)
FAST = Retry(attempts=3, wait_initial=0.0001, wait_max=0.0002)
STATUSES = [200, 200, 200, 201, 204, 302, 304, 400, 403, 404, 429, 500, 502, 503]
HEADERS = [
    b"content-type: application/json",
    b"Content-Type: application/xml; charset=utf-8",
    b"CONTENT-TYPE:text/html",
    b"Retry-After: 0",
    b"Retry-After: x",
    b"Set-Cookie: a=b",
    b"X-Odd: \xe9\xff",
    b"Connection: close",
    b"Connection: keep-alive",
    b"no colon",
    b"Folded: a\r\n b",
    b"Bare: a\nx: y",
    b"Control: a\x01",
    b"\r\n".join(b"N%d: x" % number for number in range(130)),
    b"Bad\x00: y",
    b"Content-Length: 7",
    b"Transfer-Encoding: chunked",
]
BODIES = [session(1), b"", b"{}", b'{"Message": "It is so."}', b"<html>", b"\xff" * 99]
GOOD = Answer(body=session(1))


@attrs.frozen
class Said:
    """An answer in pieces, which may end anywhere; the connection stays or ends."""

    pieces: list[bytes]
    end: Literal["keep", "close"]

    async def __call__(self, writer: asyncio.StreamWriter, asked: Asked) -> bool:
        for piece in self.pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        return self.end == "keep"


def framed(body: bytes, framing: str, size: int) -> tuple[bytes, bytes]:
    """The header that tells how *body* ends, and the body as it is sent."""
    if framing == "length":
        return b"Content-Length: %d\r\n" % len(body), body
    if framing == "end":
        return b"", body
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)
    trailer = b"X-Sum: 5\r\n" if framing == "trailers" else b""
    return b"Transfer-Encoding: chunked\r\n", chunks + b"0\r\n" + trailer + b"\r\n"


def name_of(line: bytes) -> bytes:
    """The name of a header in lower case."""
    return line.partition(b":")[0].lower()


@st.composite
def answers(draw: st.DrawFn) -> Said:
    """Draw an answer, most of which are whole and in order."""
    status = draw(st.sampled_from(STATUSES))
    framing = draw(st.sampled_from(["length", "length", "chunks", "trailers", "end"]))
    body = b"" if status in (204, 304) else draw(st.sampled_from(BODIES))
    if status in (204, 304):
        framing = "length"
    how, sent = framed(body, framing, draw(st.integers(1, 400)))
    # A length in front of a longer body would leave bytes after the answer.
    fitting = HEADERS[: {"end": -2, "length": None}.get(framing, -1)]
    # In Python's development mode aiohttp refuses equal names.
    names = st.lists(st.sampled_from(fitting), max_size=3, unique_by=name_of)
    lines = draw(names)
    before = b"HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n" * draw(st.integers(0, 2))
    version = draw(st.sampled_from([b"1.1", b"1.1", b"1.0"]))
    head = b"HTTP/%b %d Said\r\n%b" % (version, status, how)
    text = head + b"".join(line + b"\r\n" for line in lines) + b"\r\n" + sent
    is_cut = draw(st.integers(0, 4)) == 0
    if is_cut:
        # Not within the head, where it tells on how often it is repeated.
        text = text[: draw(st.integers(len(text) - len(sent), len(text)))]
    text = before + text
    at = draw(st.integers(0, len(text)))
    ends = "close" if is_cut or framing == "end" else draw(st.sampled_from(KEEP))
    return Said([text[:at], text[at:]], ends)


KEEP: list[Literal["keep", "close"]] = ["keep", "keep", "close"]
FAULTS: list[Act] = [Reset(), Raw(b""), Raw(b"SSH-2.0-OpenSSH_9.2p1\r\n\r\n")]
SCRIPTS = st.lists(answers() | st.sampled_from(FAULTS), min_size=1, max_size=4)


async def seen(
    acts: list[Act], transport: Literal["auto", "aiohttp"]
) -> tuple[list[object], int]:
    """What became of some requests, and how many the server saw."""
    script = gets(*acts, GOOD)
    outcomes: list[object] = []
    async with talking(script, transport=transport, retry=FAST) as (em, server):
        for _ in acts:
            try:
                outcomes.append((await em.backup_sessions.get(SESSION_ID)).id)
            except VeeamError as error:
                outcomes.append(visible(error))
    return outcomes, server.count("GET")


def visible(error: VeeamError) -> tuple[object, ...]:
    """All of an error that a caller may look at; a parser's own words are left out."""
    text = re.sub(r"127\.0\.0\.1:\d+", "HOST", str(error))
    text = re.sub(r"(?<=no HTTP to be understood: ).*", "", text)
    names = ("status", "message", "sent", "retry_after", "problems")
    return type(error), text, *(getattr(error, name, None) for name in names)


@pytest.mark.loops
@settings(max_examples=60)
@given(acts=SCRIPTS)
async def test_the_caller_sees_the_same_over_both_transports(acts: list[Act]) -> None:
    """Result or error, its words, and how many requests it took."""
    assert await seen(acts, "auto") == await seen(acts, "aiohttp")
