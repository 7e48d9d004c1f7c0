"""Answers: their heads through both transports, and what the pool makes of them."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator
from functools import partial
from typing import Any
from zlib import crc32

from tests.fuzz.mutation import NUMBERS, TEXTS, TIMES, VALUES, Mutator, Seed, seed
from tests.fuzz.target import Feed, Make, Target
from tests.fuzz.targets.bodies import XML_WORDS
from tests.fuzz.targets.samples import bodies
from veeam_async import BackupJobSession, VeeamError
from veeam_async.pool.responses import (
    error_of,
    is_success,
    read_now,
    redirect_target,
    sent_at,
)
from veeam_async.retry import Retry
from veeam_async.transport.connection import Connection, HeadWriter
from veeam_async.transport.exchange import Headers, Request, Response
from veeam_async.transport.failures import unintelligible
from veeam_async.transport.heads import HeadCheck

_URL = "https://em.example.com:9398/api/backupSessions"
_LIMIT = 1_000_000
_RETRY = Retry(attempts=5)
_END = b"\r\n\r\n"

_WHOLE = (
    b"HTTP/1.1 %d X\r\nContent-Type: %b\r\nDate: Mon, 02 Mar 2026 21:00:00 GMT\r\n%b"
    b"Server: Microsoft-HTTPAPI/2.0\r\nContent-Length: %d\r\n\r\n"
)
_CHUNKED = (
    b"HTTP/1.1 %d X\r\nContent-Type: %b\r\nX-RestSvcSessionId: YWJj\r\n%b"
    b"Transfer-Encoding: chunked\r\n\r\n%x\r\n"
)
_CLOSING = (
    b"HTTP/1.0 %d X\r\ncontent-type: %b\r\nConnection: close\r\n%bX-N: %d\r\n\r\n"
)
_HEADS = (_WHOLE, _CHUNKED, _CLOSING)
_MORE = (
    b"",
    b"Retry-After: 120\r\n",
    b"Retry-After: Mon, 02 Mar 2026 21:00:00 GMT\r\n",
    b"Location: https://u:p@em.example.com/a%20b?c=d#e\r\n",
    b'WWW-Authenticate: Negotiate, Basic realm="x"\r\n',
    b"Content-Encoding: br\r\nConnection: keep-alive, upgrade\r\n",
)
_STATUSES = (200, 200, 201, 301, 307, 400, 401, 403, 404, 408, 500, 502, 503, 524)
_FOREIGN = (
    b"<!DOCTYPE html><html><head><title>Sign &amp; in</title></head></html>",
    b'{"title":"Bad","detail":"No","errors":{"name":["too long",null],"x":{}}}',
    b"",
    b"Bad gateway",
)
_WORDS = (
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"HTTP/1.1 101 Switching\r\n\r\n",
    b"HTTP/2 200\r\n",
    b"HTTP/1.1 99 X\r\n",
    b"HTTP/1.1 999\r\n",
    b"\r\n",
    b"\n",
    b"\r",
    b" folded: x\r\n",
    b": nameless\r\n",
    b"a: " + b"b" * 66_000,
    b"a: b\r\n" * 127,
    b"a: b\r\n" * 300,
    b"Content-Length: 0\r\n",
    b"Content-Length: -1\r\n",
    b"Content-Length: 5, 5\r\n",
    b"Content-Length: 99999999999999999999\r\n",
    b"Transfer-Encoding: gzip, chunked\r\n",
    b"Transfer-Encoding: identity\r\n",
    b"0\r\n\r\n",
    b"1\r\na\r\n" * 500,
    b"ffffffffffffffff\r\n",
    b"5;ext=" + b"x" * 900 + b"\r\n",
    b"//[::1",
    b"http://[v1.a]:99999/\xc3\xa9?",
    b"//\xe2\x84\x80.com",
    b"%ff%00%0d%0a",
    b"Basic",
    b'Basic realm="' + b"\\" * 200,
    b"<title>" + b"&#x1F600;" * 40 + b"</title>",
    b"<title>" * 2000,
    b"\x1f\x8b\x08",
    *TIMES,
    *NUMBERS,
    *TEXTS,
    *VALUES[:16],
    *XML_WORDS[:8],
)


def _seeds() -> Iterator[Seed]:
    contents = [(each.body[:700], each.is_xml) for each in bodies()][::3]
    contents += [(each, each.startswith(b"<")) for each in _FOREIGN]
    contents += [(e.body, e.is_xml) for e in bodies() if e.kind == "ErrorBody"]
    for number, (body, is_xml) in enumerate(contents):
        media_type = b"text/html" if is_xml else b"application/json"
        for step, head in enumerate(_HEADS):
            more = _MORE[(number + step) % len(_MORE)]
            status = _STATUSES[(number * 3 + step) % len(_STATUSES)]
            begin = head % (status, media_type, more, len(body))
            end = b"\r\n0\r\n\r\n" if b"chunked" in begin else b""
            yield seed(begin + body + end)


def _maker() -> Make:
    return Mutator(tuple(_seeds()), _WORDS).make


# ---------------------------------------------------------------- what it means


def take_response(data: bytes) -> None:
    """Read an answer as the pool does, whatever a parser would say of its head."""
    head, _, body = data.partition(_END)
    first, *lines = head.split(b"\r\n")
    fields = [line.partition(b":") for line in lines]
    headers = Headers([(name, value) for name, _, value in fields])
    _judge(Response(_status_in(first), headers, body))


def _status_in(line: bytes) -> int:
    digits = line.partition(b" ")[2][:3]
    return int(digits) if digits.isdigit() else 500


def _judge(response: Response) -> None:
    """Ask all that the pool asks of an answer."""
    sent_at(response)
    redirect_target(response)
    dict(response.headers)
    if is_success(response):
        read_now(response, BackupJobSession)
        return
    error = error_of(response, "GET", _URL, hide=lambda shown: shown)
    wait = _RETRY.wait(error, 1, lambda: 0.5)
    assert wait is None or math.isfinite(wait)
    raise error


# ---------------------------------------------------------------- how it comes


class _Wire(asyncio.Transport):
    """A stand-in for a socket, in which what is written is lost."""

    def __init__(self) -> None:
        super().__init__()
        self.is_closed = False

    def write(self, data: Any) -> None:
        return

    def is_closing(self) -> bool:
        return self.is_closed

    def abort(self) -> None:
        self.is_closed = True

    def close(self) -> None:
        self.is_closed = True


def _pieces(data: bytes) -> list[bytes]:
    """The reads in which *data* comes: those of one input are always the same."""
    number = crc32(data)
    if number % 4 == 0 or not data:
        return [data]
    if number % 4 == 1 and len(data) < _BYTEWISE:
        return [data[at : at + 1] for at in range(len(data))]
    first = number % len(data)
    return [data[:first], data[first : first + 7], data[first + 7 :]]


_BYTEWISE = 400
"""Bytes of the longest input that comes one by one: the reads themselves take time."""


async def take_bytes(data: bytes) -> None:
    """Let a connection of the direct transport read an answer, then end."""
    wire = _Wire()
    connection = Connection(
        writer=HeadWriter("em"),
        seconds=math.inf,
        max_body_size=_LIMIT,
        on_lost=lambda _lost: None,
        is_tls=False,
    )
    connection.connection_made(wire)
    asked = Request("GET", "/", {})
    response = connection.begin(asked, 0.0)
    for piece in _pieces(data):
        _arrive(connection, wire, piece)
    if not wire.is_closed:
        connection.eof_received()
    connection.connection_lost(None)
    assert response.done()
    assert connection.closed.done()
    _judge(response.result())


def _arrive(connection: Connection, wire: _Wire, piece: bytes) -> None:
    if piece and not wire.is_closed:
        view = connection.get_buffer(-1)
        view[: len(piece)] = piece
        connection.buffer_updated(len(piece))


def _direct() -> Feed:
    loop = asyncio.new_event_loop()
    return lambda data: loop.run_until_complete(take_bytes(data))


def take_head(data: bytes) -> None:
    """Look at an answer as the check does that stands before aiohttp's parser."""
    check = HeadCheck()
    for piece in _pieces(data):
        if (fault := check.fault_in(piece)) is not None:
            raise unintelligible(fault)


def _is_own(error: BaseException) -> bool:
    return isinstance(error, VeeamError)


_target = partial(Target, open_maker=_maker, own=_is_own)

TARGETS = (
    _target(
        name="responses",
        about="answers as the pool reads them: errors, problems, pages, Retry-After, "
        "Date, Location",
        open_feed=lambda: take_response,
    ),
    _target(
        name="wire",
        about="bytes of answers through the direct transport's connection, in pieces",
        open_feed=_direct,
    ),
    _target(
        name="heads",
        about="the same through the check of heads before aiohttp's parser",
        open_feed=lambda: take_head,
    ),
)
