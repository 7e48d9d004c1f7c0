"""One keep-alive connection: the bytes of a request out, a response in.

A `BufferedProtocol` with a buffer of its own: asyncio allocates 256 KiB for each read
of a plain `Protocol`, which costs more than all else in an exchange.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from math import inf
from typing import cast

import httptools

from veeam_async.errors import BodyTooLarge, VeeamError
from veeam_async.transport.exchange import Response
from veeam_async.transport.failures import broken, cut_short, unintelligible
from veeam_async.transport.headers import (
    Headers,
    announced_size,
    ends_by_close,
    size_of,
)

MAX_HEAD = 64 * 1024
"""Bytes of status line and headers above which an answer is refused."""

_BUFFER = 64 * 1024
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
        self._head: list[tuple[bytes, bytes]] = []
        self._parts: list[bytes] = []
        self._size = self._outside = 0
        self._in_body = self._is_done = False
        self._is_kept = self._is_paused = False
        self._fault: VeeamError | None = None
        self.ends = inf
        self.closed: asyncio.Future[None] = self._loop.create_future()

    # ------------------------------------------------------------ the exchange

    @property
    def is_usable(self) -> bool:
        """Whether another exchange can begin."""
        return self._transport is not None and not self._transport.is_closing()

    @property
    def has_answered(self) -> bool:
        """Whether a byte of the answer under way has come."""
        return self._in_body or self._outside > 0

    def ask(self, request: bytes, ends: float) -> asyncio.Future[Response]:
        """Write *request*, to be answered until *ends* on the loop's clock.

        Whoever gets the answer takes it with `take`, whoever does not leaves with
        `leave`. No coroutine: each one in the chain costs every request its share.
        """
        self._head = []
        self._parts = []
        self._size = self._outside = 0
        self._in_body = self._is_done = False
        self.ends = ends
        self._answer = answer = self._loop.create_future()
        if self._transport is not None:
            self._transport.write(request)
        return answer

    def take(self) -> bool:
        """End an exchange that was answered; tell whether another one may follow."""
        self._answer = None
        self.ends = inf
        return self._is_kept and not self._is_paused

    def leave(self, answer: asyncio.Future[Response]) -> None:
        """End an exchange whose *answer* did not come, or nobody waits for any more.

        The connection closes: a half-read one must never be used again.
        """
        self._answer = None
        self.ends = inf
        self.abort()
        if answer.done() and not answer.cancelled():
            answer.exception()  # taken note of, in case that nobody else does

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

    # ------------------------------------------------------------ asyncio's calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, error: Exception | None) -> None:
        """Fail what waits for an answer, and say goodbye."""
        self._transport = None
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(self._lost(error))
        self.closed.set_result(None)
        self._on_lost(self)

    def _lost(self, error: Exception | None) -> VeeamError:
        return cut_short() if self._in_body else broken(error, is_tls=self._is_tls)

    def eof_received(self) -> bool:
        """End a body that has no other end, and let the transport close."""
        if self._in_body and not self._is_done and ends_by_close(self._head):
            self._complete(self._parser.get_status_code())
        return False

    def pause_writing(self) -> None:
        """Take note that the server does not read: it gets no further request here."""
        self._is_paused = True

    def resume_writing(self) -> None:
        """Take note that it does again."""
        self._is_paused = False

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
        if not self._is_done:
            self._judge(nbytes, is_growing=self._size > size)
        if self._fault is not None:
            self.fail(self._fault)

    def _judge(self, nbytes: int, *, is_growing: bool) -> None:
        """Refuse an answer that is not whole yet, where it is too large already.

        Most answers come in one read, so that none of this is looked at.
        """
        if is_growing:
            self._outside = 0
        else:
            self._outside += nbytes
        if self._outside > MAX_HEAD:
            self._fault = self._fault or unintelligible(_TOO_LONG)
        if self._in_body and announced_size(self._head) > self._max_body_size:
            self._fault = self._fault or BodyTooLarge(self._max_body_size)

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
        """See whether the head is too large; one that came in one read is not."""
        self._in_body = True
        if self._outside and size_of(self._head) > MAX_HEAD:
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
        status: int = self._parser.get_status_code()
        if status < _FINAL and status != _SWITCHED:
            self._head = []
            self._in_body = False
        elif self._fault is None:
            self._complete(status)

    def _complete(self, status: int) -> None:
        self._is_done = True
        self._is_kept = status >= _FINAL and self._parser.should_keep_alive()
        answer, parts = self._answer, self._parts
        if answer is not None and not answer.done():
            body = parts[0] if len(parts) == 1 else b"".join(parts)
            answer.set_result(Response(status, Headers(self._head), body))
