"""One keep-alive connection: the bytes of a request out, a response in.

A `BufferedProtocol` with a buffer of its own: asyncio allocates 256 KiB for each read
of a plain `Protocol`, which costs more than all else in an exchange.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import cast

import httptools

from veeam_async.errors import BodyTooLarge, VeeamError
from veeam_async.transport.exchange import Response
from veeam_async.transport.failures import broken, cut_short, unintelligible
from veeam_async.transport.headers import Headers

MAX_HEAD = 64 * 1024
"""Bytes of status line and headers above which an answer is refused."""

_BUFFER = 64 * 1024
_LENGTH, _ENCODING = len("content-length"), len("transfer-encoding")
_TOO_LONG = "its head is over 64 KiB"
_SWITCHED = 101
_FINAL = 200
"""The first status of an answer that does not merely announce another."""


class Connection(asyncio.BufferedProtocol):
    """A connection that carries one exchange at a time.

    *max_body_size* is in bytes; *on_lost* is told when the connection has closed;
    *is_tls* serves to explain why it may have.
    """

    def __init__(
        self,
        *,
        max_body_size: int,
        on_lost: Callable[[Connection], object],
        is_tls: bool,
    ) -> None:
        self._max_body_size = max_body_size
        self._on_lost = on_lost
        self._is_tls = is_tls
        self._loop = asyncio.get_running_loop()
        self._view = memoryview(bytearray(_BUFFER))
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[Response] | None = None
        self._paused: asyncio.Future[None] | None = None
        self.closed: asyncio.Future[None] = self._loop.create_future()
        self.is_kept = False
        self._begin()

    # ------------------------------------------------------------ the exchange

    @property
    def is_usable(self) -> bool:
        """Whether another exchange can begin."""
        return self._transport is not None and not self._transport.is_closing()

    @property
    def has_answered(self) -> bool:
        """Whether a byte of the answer under way has come."""
        return self._in_body or self._outside > 0

    async def exchange(self, request: bytes) -> Response:
        """Write *request* and give its answer.

        However this ends but with an answer, the connection is closed: a half-read one
        must never be used again.
        """
        self._begin()
        self._answer = answer = self._loop.create_future()
        try:
            if self._paused is not None:
                await self._paused
            if self._transport is not None:
                self._transport.write(request)
            response: Response = await answer
        except BaseException:
            self._leave(answer)
            raise
        finally:
            self._answer = None
        return response

    def _leave(self, answer: asyncio.Future[Response]) -> None:
        """Close, and take note of an answer that nobody will look at any more."""
        self.abort()
        if answer.done() and not answer.cancelled():
            answer.exception()

    def fail(self, error: VeeamError) -> None:
        """End the exchange under way with *error*, and the connection with it."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)
        self.abort()

    def peer_certificate(self) -> bytes | None:
        """Give the certificate that the server showed (DER), None without TLS."""
        if self._transport is None:
            return None
        tls: ssl.SSLObject | None = self._transport.get_extra_info("ssl_object")
        return None if tls is None else tls.getpeercert(binary_form=True)

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()

    def _begin(self) -> None:
        """Expect a new answer."""
        self._is_done = False
        self._expect_head()
        self._outside = 0
        self._fault: VeeamError | None = None

    def _expect_head(self) -> None:
        self._head: list[tuple[bytes, bytes]] = []
        self._in_body = False
        self._ends_by_close = False
        self._parts: list[bytes] = []
        self._size = 0

    # ------------------------------------------------------------ asyncio's calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, error: Exception | None) -> None:
        """Fail what waits for an answer, and say goodbye."""
        self._transport = None
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(self._lost(error))
        self.resume_writing()
        self.closed.set_result(None)
        self._on_lost(self)

    def _lost(self, error: Exception | None) -> VeeamError:
        return cut_short() if self._in_body else broken(error, is_tls=self._is_tls)

    def eof_received(self) -> bool:
        """End a body that has no other end, and let the transport close."""
        if self._in_body and self._ends_by_close and not self._is_done:
            self._complete()
        return False

    def pause_writing(self) -> None:
        """Let the next request wait: the server takes nothing at the moment."""
        self._paused = self._loop.create_future()

    def resume_writing(self) -> None:
        """Let it go on."""
        paused, self._paused = self._paused, None
        if paused is not None and not paused.done():
            paused.set_result(None)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - asyncio's hint
        """Give the one buffer."""
        return self._view

    def buffer_updated(self, nbytes: int) -> None:
        """Take in what was read."""
        if self._answer is None:
            # Bytes that nobody asked for: no request must take them for its answer.
            self.abort()
            return
        size = self._size
        try:
            self._parser.feed_data(self._view[:nbytes])
        except httptools.HttpParserError as error:
            self._fault = self._fault or unintelligible(str(error))
        except httptools.HttpParserUpgrade:
            self.abort()  # with its 101 the server speaks another protocol
        if self._size == size:
            self._note_outside(nbytes)
        else:
            self._outside = 0
        if self._fault is not None:
            self.fail(self._fault)

    def _note_outside(self, nbytes: int) -> None:
        """Count what came of head or trailers since the body last grew."""
        self._outside += nbytes
        if self._outside > MAX_HEAD:
            self._fault = self._fault or unintelligible(_TOO_LONG)

    # ------------------------------------------------------------ the parser's calls

    def on_message_begin(self) -> None:
        """Refuse a second answer to one request."""
        if self._is_done:
            self.abort()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; a trailer is passed over."""
        if not self._in_body:
            self._head.append((name, value))

    def on_headers_complete(self) -> None:
        """See how the body will end, and whether it is too large already."""
        self._in_body = True
        length, chunked = None, False
        for name, value in self._head:
            if len(name) == _LENGTH and name.lower() == b"content-length":
                length = int(value)
            elif len(name) == _ENCODING and name.lower() == b"transfer-encoding":
                chunked = value.lower().rstrip().endswith(b"chunked")
        self._ends_by_close = length is None and not chunked
        if length is not None and length > self._max_body_size:
            self._fault = BodyTooLarge(self._max_body_size)
        if self._outside and _size(self._head) > MAX_HEAD:
            self._fault = unintelligible(_TOO_LONG)

    def on_body(self, part: bytes) -> None:
        """Keep a part of the body, as long as it may grow."""
        self._size += len(part)
        if self._size > self._max_body_size:
            self._parts.clear()
            self._fault = self._fault or BodyTooLarge(self._max_body_size)
        else:
            self._parts.append(part)

    def on_message_complete(self) -> None:
        """Hand the answer over, unless it is one that only announces the real one."""
        status = self._parser.get_status_code()
        if status < _FINAL and status != _SWITCHED:
            self._expect_head()
        elif self._fault is None:
            self._complete()

    def _complete(self) -> None:
        body = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        status = self._parser.get_status_code()
        self._is_done = True
        self.is_kept = status >= _FINAL and self._parser.should_keep_alive()
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(Response(status, Headers(self._head), body))


def _size(head: list[tuple[bytes, bytes]]) -> int:
    return sum(len(name) + len(value) + len(": \r\n") for name, value in head)
