"""TLS between a socket and a connection, driven here for speed.

asyncio's own TLS asks OpenSSL after each answer whether there is more, which costs an
exception each time. Here the buffers are in sight: where they are empty, nothing is
asked. To the socket a `TlsStream` is a protocol, to the connection a transport.

- Nothing reaches the connection, nor leaves it, before hands were shaken.
- What has come is decrypted and handed over at once. Whether there is more, be it that
  it cannot be decrypted yet, is told to the connection, which takes no further request
  then.
- A body that ends with the connection is whole where the server says goodbye in TLS, or
  closes the socket between two records, as many servers do. Within one it was cut.
- An alert goes out before the socket closes; the server's is the error of the exchange.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast

from veeam_async.transport.connection import Connection, new_buffer

_HEADER = 5
"""Bytes before each record (RFC 8446, section 5.1): the last two are its length."""


class TlsStream(asyncio.BufferedProtocol, asyncio.Transport):
    """A stream of TLS to *host*, checked by *context*, for one *connection*."""

    def __init__(
        self, connection: Connection, context: ssl.SSLContext, host: str
    ) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(
            self._incoming, self._outgoing, server_hostname=host
        )
        # Given a buffer, it gives the number of bytes, which its types do not say.
        self._decrypt = cast("Callable[[int, memoryview], int]", self._tls.read)
        super().__init__(extra={"ssl_object": self._tls})
        self._connection = connection
        self._loop = asyncio.get_running_loop()
        # Some loops ask for a buffer long before they fill it: it must be our own. The
        # connection's is filled and emptied in one go, and may be shared.
        self._cipher = new_buffer()
        self._plain = connection.get_buffer(-1)
        self._records = Records()
        self._unsent: list[bytes | bytearray | memoryview] = []
        self._is_begun = self._is_open = self._is_paused = self._is_amid = False
        self._error: Exception | None = None
        self._transport: asyncio.Transport
        self._opened: asyncio.Future[None] = self._loop.create_future()
        self._opened.add_done_callback(_mark_as_seen)

    async def open(self, connected: socket.socket) -> None:
        """Shake hands over a *connected* socket, which is closed where that fails.

        Raises SSLError, or the OSError that ended it.
        """
        transport, _ = await self._loop.create_connection(lambda: self, sock=connected)
        try:
            self._is_begun = True
            if not transport.is_closing():
                self.buffer_updated(0)
            await self._opened
        except BaseException:
            # Whoever does not wait any longer must not wait for a goodbye either.
            transport.abort()
            raise

    # ------------------------------------------------------------ the socket's calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the socket's transport; `open` begins the handshake."""
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, error: Exception | None) -> None:
        """Pass the loss on, with the error of TLS where that was the reason."""
        error, self._error = self._error or error, None
        if self._is_open:
            self._connection.connection_lost(error)
        elif not self._opened.done():
            self._opened.set_exception(_cut_off(error))

    def eof_received(self) -> bool:
        """End the body at the end of a record, and let the socket close."""
        if self._is_open and not self._is_amid:
            self._connection.eof_received()
        return False

    def pause_writing(self) -> None:
        """Pass on that the server does not read."""
        self._is_paused = True
        self._connection.pause_writing()

    def resume_writing(self) -> None:
        """Pass on that it reads again, unless there is more to be sent."""
        self._is_paused = False
        if not self._unsent:
            self._connection.resume_writing()

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - asyncio's hint
        """The buffer of what is encrypted."""
        return self._cipher

    def buffer_updated(self, nbytes: int) -> None:
        """Go on with what was read into the buffer."""
        data = self._cipher[:nbytes]
        self._incoming.write(data)
        is_short = False
        try:
            if self._is_open:
                self._read()
            else:
                self._shake_hands()
        except ssl.SSLWantReadError:
            is_short = True
        except ssl.SSLError as error:
            self._give_up(error)
            return
        # Where all was decrypted, and nothing was left before, a record has ended.
        if is_short or self._is_amid:
            self._is_amid = self._connection.has_more = self._records.pass_over(data)
        if self._unsent or self._outgoing.pending:
            self._send_rest()

    # ------------------------------------------------------------ the other's calls

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        """Send *data*, or keep it while both sides agree on new keys.

        Raises nothing: whoever shows variables would show the secrets in *data*.
        """
        self._unsent.append(data)
        self._send()

    def is_closing(self) -> bool:
        """Tell whether it is closed, or will be."""
        return self._transport.is_closing()

    def close(self) -> None:
        """Say goodbye in TLS, and close."""
        with suppress(ssl.SSLError):
            self._tls.unwrap()
        self._leave()

    def abort(self) -> None:
        """Close at once."""
        self._transport.abort()

    # ------------------------------------------------------------ TLS

    def _shake_hands(self) -> None:
        """Go on with the handshake; once it is done, the connection is made."""
        if not self._is_begun:
            # A transport that is closed before its loop has handed it out leaves the
            # socket behind in uvloop, whose number may be another one's by then.
            raise ssl.SSLWantReadError
        try:
            self._tls.do_handshake()
        except ssl.SSLError:
            raise
        except Exception as error:  # noqa: BLE001 - a context may bring its own checks
            # A loop would log it, and leave whoever waits without an answer.
            self._give_up(error)
            return
        self._is_open = True
        self._connection.connection_made(self)
        if not self._opened.done():
            self._opened.set_result(None)
        if self._incoming.pending:
            self._read()

    def _read(self) -> None:
        """Decrypt what has come, and hand it over."""
        decrypt, plain, incoming = self._decrypt, self._plain, self._incoming
        connection, size = self._connection, len(self._plain)
        has_more = True
        while has_more:
            count = decrypt(size, plain)
            if not count:
                connection.eof_received()
                self.close()
                return
            # A record that did not fill the buffer was read to its end. To ask for more
            # where there is none would raise: most of what this module gains.
            has_more = count == size or incoming.pending > 0
            connection.has_more = has_more
            connection.buffer_updated(count)
            has_more = has_more and not self._transport.is_closing()

    def _send(self) -> None:
        """Encrypt and send what is unsent, as far as TLS takes it now."""
        unsent = self._unsent
        try:
            while unsent:
                count = self._tls.write(unsent[0])
                if count < len(unsent[0]):
                    unsent[0] = memoryview(unsent[0])[count:]
                else:
                    del unsent[0]
        except ssl.SSLWantReadError:
            # The server renegotiates: what it says next lets the rest go.
            self._connection.pause_writing()
        except ssl.SSLError as error:
            self._give_up(error)
            return
        if self._outgoing.pending:
            self._transport.write(self._outgoing.read())

    def _send_rest(self) -> None:
        """Send what had to wait, and what TLS itself has to say."""
        self._send()
        if not self._unsent and not self._is_paused:
            self._connection.resume_writing()

    def _give_up(self, error: Exception) -> None:
        """Close for *error*, of which OpenSSL may have left an alert to be sent."""
        # Its frames hold this stream, and the variables of a request.
        self._error = self._error or error.with_traceback(None)
        self._leave()

    def _leave(self) -> None:
        """Send what is encrypted, as far as the socket takes it now, and close."""
        self._unsent.clear()
        self._transport.write(self._outgoing.read())
        self._transport.close()
        # To close alone would wait for as long as the server does not read. A turn of
        # the loop later even uvloop has written.
        self._loop.call_soon(self._transport.abort)


class Records:
    """The borders of the records in what has come, be it cut anywhere."""

    def __init__(self) -> None:
        self._ahead = 0
        self._header = b""

    def pass_over(self, data: memoryview) -> bool:
        """True where *data*, which came next, ends amid a record."""
        text = self._header + data if self._header else data
        at = self._ahead
        while at + _HEADER <= len(text):
            at += _HEADER + int.from_bytes(text[at + _HEADER - 2 : at + _HEADER])
        self._ahead = max(0, at - len(text))
        self._header = bytes(text[at:])
        return at != len(text)


def _mark_as_seen(done: asyncio.Future[None]) -> None:
    """See the exception, which asyncio would log where nobody waits any longer."""
    if not done.cancelled():
        done.exception()


def _cut_off(error: Exception | None) -> Exception:
    """The error of a handshake that the socket's end cut off."""
    if error is None or isinstance(error, ConnectionError):
        return ConnectionResetError("it was closed in the middle of the handshake")
    return error
