"""One keep-alive connection: the bytes of a request out, a response in.

A `BufferedProtocol` with a buffer of its own: asyncio allocates 256 KiB for each read
of a plain `Protocol`, which costs more than all else in an exchange.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping
from math import inf
from typing import cast

import httptools

from veeam_async.errors import BodyTooLarge, VeeamError
from veeam_async.transport.exchange import (
    LEAST_STATUS,
    MAX_HEAD,
    MAX_HEADERS,
    FollowUp,
    Headers,
    RawHeaders,
    Request,
    Response,
    announced_size,
    last_value,
)
from veeam_async.transport.failures import broken, cut_short, unintelligible
from veeam_async.transport.heads import HeadCheck
from veeam_async.transport.known_heads import END_OF_HEAD, GOOD, LARGEST, KnownHeads

_BUFFER = 64 * 1024
_TOO_LONG = "its head is over 64 KiB"
_TOO_MANY = f"its head has over {MAX_HEADERS} headers"
_NO_STATUS = "its status is none"
_SWITCHED = 101
_LATIN_1 = 0xFF
_FINAL = 200
"""The first status of a response that does not merely announce another."""


_GET = "GET"
_REDIRECT = 300
"""The first status of a response that is no success."""


class HeadWriter:
    """A writer of requests to *host*, the value of their Host header."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._headers: Mapping[str, str] | None = None
        self._block = b""

    def check(self, request: Request) -> None:
        """Raise ValueError where *request*, which has no body, would be two."""
        if " " in request.target or not (
            request.target.isascii() and request.target.isprintable()
        ):
            raise ValueError("a request target is percent-encoded")
        # The same mapping comes again and again until a token is renewed, so that the
        # block of headers is written once for all those requests.
        if request.headers is not self._headers and not self._keep(request.headers):
            raise ValueError("a header holds a character that no header may")

    def write(self, request: Request) -> bytes:
        """The bytes of *request*, which was checked before.

        They hold secrets: they are for a plain call, never for a variable.
        """
        if request.headers is not self._headers:
            self._keep(request.headers)
        return f"{request.method} {request.target}".encode() + self._block

    def _keep(self, headers: Mapping[str, str]) -> bool:
        """Write the block of *headers*; False where they cannot be sent."""
        lines = [f"Host: {self._host}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        block = " HTTP/1.1\r\n{}\r\n\r\n".format("\r\n".join(lines))
        if not (all(map(str.isprintable, lines)) and _is_latin(block)):
            return False
        self._block, self._headers = block.encode("latin-1"), headers
        return True


class Connection(asyncio.BufferedProtocol):
    """A connection that carries one exchange at a time.

    *writer* writes the requests, an exchange has *seconds*; *max_body_size* is in
    bytes; *on_lost* is called when the connection has closed; *is_tls* serves to
    explain why it may have; *buffer* is what is read into, *known* are the heads that
    came before, here or on another connection; both are its own by default. `began` is
    when the last exchange began, on the loop's clock, `deadline` when the time of the
    one under way is over, infinity while there is none; `has_followed` tells whether it
    follows another in the same `begin`; `closed` is done when the connection is.
    `has_more` tells that TLS keeps more than it has handed over, be it that it cannot
    be decrypted yet.
    """

    def __init__(
        self,
        *,
        writer: HeadWriter,
        seconds: float,
        max_body_size: int,
        on_lost: Callable[[Connection], object],
        is_tls: bool,
        buffer: memoryview | None = None,
        known: KnownHeads | None = None,
    ) -> None:
        self._writer = writer
        self._known = KnownHeads() if known is None else known
        self._seconds = seconds
        self._max_body_size = max_body_size
        self._on_lost = on_lost
        self._is_tls = is_tls
        self._loop = asyncio.get_running_loop()
        self._view = new_buffer() if buffer is None else buffer
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._response: asyncio.Future[Response] | None = None
        self._follow_up: FollowUp | None = None
        self._head: list[tuple[bytes, bytes]] = []
        self._begun = b""  # of a head that comes in pieces
        self._parts: list[bytes] = []
        self._size = self._overhead = self._status_before = 0
        self._in_body = self._is_done = self._is_parsed = False
        self._is_kept = self._is_paused = False
        self._answer: Response | None = None
        self._fault: VeeamError | None = None
        self._request: Request | None = None
        self.has_followed: bool = False
        self.began: float = 0.0
        self.deadline: float = inf
        self.has_more = False
        self.closed: asyncio.Future[None] = self._loop.create_future()

    # ------------------------------------------------------------ the exchange

    @property
    def is_usable(self) -> bool:
        """Whether another exchange can begin."""
        return self._transport is not None and not self._transport.is_closing()

    @property
    def has_received(self) -> bool:
        """Whether a byte of the response under way has come."""
        return self._in_body or self._overhead > 0

    def begin(
        self, request: Request, began: float, follow_up: FollowUp | None = None
    ) -> asyncio.Future[Response]:
        """Begin an exchange: write *request*, and promise its response.

        As long as *follow_up* makes it another one, the promise is the last one's.
        Whoever gets the response calls `finish`, whoever does not calls `abandon`.
        """
        # No coroutine: each one in the chain costs every request its share.
        self._follow_up = follow_up
        self._response = response = self._loop.create_future()
        self._request = request
        self.has_followed = False
        self._send(request, began)
        return response

    def _send(self, request: Request, began: float) -> None:
        self.began = began
        self.deadline = began + self._seconds
        self._is_done = False
        if self._is_parsed:
            self._forget_the_last()
        if self._transport is not None:
            # What is sent stays out of sight: some tools show variables.
            self._transport.write(self._writer.write(request))

    def _forget_the_last(self) -> None:
        """Be ready for the parser to read another response."""
        self._is_parsed = self._in_body = False
        self._head = []
        self._begun = b""
        self._parts = []
        self._size = self._overhead = 0
        self._status_before = self._parser.get_status_code()
        if self._status_before >= _REDIRECT:
            # The same refusal again could not be told from the one before.
            self._parser = httptools.HttpResponseParser(self)
            self._status_before = 0

    def finish(self) -> bool:
        """End an exchange that was answered; True where another one may follow."""
        self._response = None
        self.deadline = inf
        # A server that answered before it read the request leaves the rest of it in
        # our buffer: the next request would wait behind that.
        return self._is_kept and not self._is_paused

    def abandon(self, response: asyncio.Future[Response]) -> None:
        """End an exchange whose *response* failed, or is not waited for any more.

        The connection closes: a half-read one must never be used again.
        """
        self._response = None
        self.deadline = inf
        self.abort()
        if response.cancelled():
            self._keep_what_came()
        elif response.done() and response.exception() is None:
            # Cancelled in the very moment in which it came. (Asking for the exception
            # marks it as seen, in case that nobody else does: asyncio would log it.)
            self._keep(response.result())

    def fail(self, error: VeeamError) -> None:
        """Fail the exchange under way with *error*, and close the connection."""
        if self._response is not None and not self._response.done():
            self._keep_what_came(error)
            self._response.set_exception(error)
        self.abort()

    def peer_certificate(self) -> bytes | None:
        """The certificate that the server showed (DER), None without TLS."""
        if self._transport is None:
            return None
        tls: ssl.SSLObject | None = self._transport.get_extra_info("ssl_object")
        return None if tls is None else tls.getpeercert(binary_form=True)

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()

    # ------------------------------------------------------------ asyncio's calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport to write to."""
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, error: Exception | None) -> None:
        """Fail the exchange under way, and report the loss."""
        self._transport = None
        if self._response is not None and not self._response.done():
            failure = self._lost(error)
            self._keep_what_came(failure)
            self._response.set_exception(failure)
        self.closed.set_result(None)
        self._on_lost(self)

    def _keep_what_came(self, error: VeeamError | None = None) -> None:
        """Tell on the request, and with *error*, what came of the answer."""
        status = self._received_status()
        if status is not None:
            self._keep(Response(status, Headers(self._head), b""))
        if error is not None:
            error.answered = status

    def _keep(self, answer: Response) -> None:
        if self._request is not None:
            self._request.came = answer

    def _received_status(self) -> int | None:
        """The final status, where its line came in the exchange under way."""
        status: int = self._parser.get_status_code()
        # Until a status line comes, the parser tells that of the answer before.
        is_new = self._in_body or self._head or status != self._status_before
        return status if is_new and status >= _FINAL else None

    def _lost(self, error: Exception | None) -> VeeamError:
        if self._in_body:
            return cut_short(error)
        return broken(error, is_tls=self._is_tls)

    def eof_received(self) -> bool:
        """Complete a body that has no other end, and let the transport close."""
        status = self._parser.get_status_code() if self._in_body else 0
        if status >= LEAST_STATUS and not self._is_done and _ends_by_close(self._head):
            self._complete(status)
            self._hand_over()
        return False

    def pause_writing(self) -> None:
        """Note that the server does not read: it gets no further request here."""
        self._is_paused = True

    def resume_writing(self) -> None:
        """Note that the server reads again."""
        self._is_paused = False

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - asyncio's hint
        """The one buffer, for every read."""
        return self._view

    def buffer_updated(self, nbytes: int) -> None:
        """Parse what was read into the buffer, unless all of it is known."""
        waiting = self._response
        if waiting is None:
            # Bytes that nobody asked for: no request must take them for its response.
            self.abort()
            return
        if self._is_parsed or nbytes > LARGEST or waiting.done():
            self._parse(nbytes)
            return
        if self._known.rest:
            self._known.rest -= 1
            self._parse(nbytes)
            return
        head, _, body = self._view[:nbytes].tobytes().partition(END_OF_HEAD)
        headers = self._known.headers(head, body)
        if headers is None:
            self._parse(nbytes, (head, body))
            return
        self._is_done = self._is_kept = True
        self._answer = Response(GOOD, headers, body, self)
        self._hand_over()

    def _parse(self, nbytes: int, whole: tuple[bytes, bytes] | None = None) -> None:
        """Parse what was read; where it is a *whole* answer, learn its head."""
        self._is_parsed = True
        size = self._size
        try:
            self._parser.feed_data(self._view[:nbytes])
        except httptools.HttpParserError as error:
            self._fault = self._fault or unintelligible(str(error))
            self._read_on(nbytes)
        except httptools.HttpParserUpgrade:
            self.abort()  # with its 101 the server speaks another protocol
        # Most responses come in one read, for which nothing more is looked at.
        if not self._is_done:
            self._check_limits(nbytes, is_growing=self._size > size)
        elif whole is not None:
            self._learn(*whole)
        if self._is_done:
            self._hand_over()
        if self._fault is not None:
            self.fail(self._fault)

    def _learn(self, head: bytes, body: bytes) -> None:
        is_get = self._request is not None and self._request.method == _GET
        if is_get and self._is_kept and self._answer and self._fault is None:
            self._known.learn(head, body, self._answer)

    def _read_on(self, nbytes: int) -> None:
        """Keep the headers behind the one that the parser refused."""
        if not self._in_body:
            heads = HeadCheck()
            heads.fault_in(self._begun + bytes(self._view[:nbytes]))
            self._head = list(heads.headers)

    def _check_limits(self, nbytes: int, *, is_growing: bool) -> None:
        """Refuse a response that is not whole yet, where it is too large already."""
        # What comes while the body does not grow is a head, or trailers: both must end.
        if is_growing:
            self._overhead = 0
        else:
            self._overhead += nbytes
        if self._overhead > MAX_HEAD:
            self._fault = self._fault or unintelligible(_TOO_LONG)
        elif not self._in_body:
            self._begun += bytes(self._view[:nbytes])
        if self._in_body and announced_size(self._head) > self._max_body_size:
            self._fault = self._fault or BodyTooLarge(self._max_body_size)

    # ------------------------------------------------------------ the parser's calls

    def on_message_begin(self) -> None:
        """Refuse a second response to one request."""
        if self._is_done:
            self.abort()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; a trailer is passed over."""
        if not self._in_body:
            self._head.append((name, value))

    def on_headers_complete(self) -> None:
        """Turn to the body, unless the head is too large."""
        self._in_body = True
        # A head that came in one read is no larger than the buffer.
        if self._overhead and _size_of(self._head) > MAX_HEAD:
            self._fault = unintelligible(_TOO_LONG)
        if len(self._head) > MAX_HEADERS:
            self._fault = unintelligible(_TOO_MANY)

    def on_body(self, part: bytes) -> None:
        """Keep a part of the body, as long as it may grow."""
        self._size += len(part)
        if self._size > self._max_body_size:
            self._parts.clear()
            self._fault = self._fault or BodyTooLarge(self._max_body_size)
        else:
            self._parts.append(part)

    def on_message_complete(self) -> None:
        """Turn to the next response, where this one only announces the real one."""
        status: int = self._parser.get_status_code()
        if status < _FINAL and status != _SWITCHED:
            self._head = []
            self._in_body = False
            if status < LEAST_STATUS:
                self._fault = unintelligible(_NO_STATUS)
        elif self._fault is None:
            self._complete(status)

    def _complete(self, status: int) -> None:
        if self._is_done:
            return  # what comes behind a response is nobody's
        self._is_done = True
        self._is_kept = status >= _FINAL and self._parser.should_keep_alive()
        parts = self._parts
        body = parts[0] if len(parts) == 1 else b"".join(parts)
        self._answer = Response(status, Headers(self._head), body, self)

    def _hand_over(self) -> None:
        """Give the response to who waits for it, or send the request that follows."""
        waiting, response = self._response, self._answer
        if waiting is None or waiting.done() or response is None:
            return
        self._answer = None
        try:
            has_followed = self._follow_up is not None and self._follow(response)
        except Exception as error:  # noqa: BLE001 - for whoever called `send`
            waiting.set_exception(error)
        else:
            if not has_followed:
                waiting.set_result(response)

    def _follow(self, response: Response) -> bool:
        """Send what follows *response* at once; False where nothing does."""
        is_free = self._is_kept and not self._is_paused and self._fault is None
        # What TLS keeps was sent before the next request, whatever it is.
        is_free = is_free and not self.has_more
        request, follow_up, transport = self._request, self._follow_up, self._transport
        if request is None or follow_up is None or transport is None:
            return False
        if not is_free or transport.is_closing():
            return False
        if not follow_up(response):
            return False
        self.has_followed = True
        self._send(request, self._loop.time())
        return True


def new_buffer() -> memoryview:
    """A buffer for what a socket gives in one read."""
    return memoryview(bytearray(_BUFFER))


def _is_latin(text: str) -> bool:
    return text.isascii() or all(ord(char) <= _LATIN_1 for char in text)


def _size_of(raw: RawHeaders) -> int:
    """How many bytes *raw* took on its way."""
    return sum(len(name) + len(value) + len(": \r\n") for name, value in raw)


def _ends_by_close(raw: RawHeaders) -> bool:
    """Whether nothing but the connection's end ends the body."""
    coding = last_value(raw, b"transfer-encoding") or b""
    is_chunked = coding.lower().rpartition(b",")[2].strip() == b"chunked"
    return not is_chunked and last_value(raw, b"content-length") is None
