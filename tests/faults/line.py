"""A client's connection as the proxy holds it: bytes, TLS where there is any, an end.

TLS is driven here, so that it can be cut anywhere: within the handshake, between two
records, inside one.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from contextlib import suppress

import attrs

RECORD = 512
"""Bytes of text in one record of TLS at most: a small answer is several records."""


@attrs.frozen
class Asked:
    """A request as it came: header names in lower case."""

    method: str
    target: str
    head: bytes
    body: bytes


class Line:
    """The proxy's end of one connection of the client."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._tls: ssl.SSLObject | None = None
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._text = bytearray()
        writer.get_extra_info("socket").setsockopt(
            socket.IPPROTO_TCP, socket.TCP_NODELAY, 1
        )

    # ------------------------------------------------------------ the handshake

    async def open(
        self, context: ssl.SSLContext | None, *, share: float | None = None
    ) -> bool:
        """Shake hands; with *share* no more than that part of the answer is sent.

        False where the client went, or the rest of the handshake was kept back.
        """
        if context is None:
            return True
        self._tls = context.wrap_bio(self._in, self._out, server_side=True)
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                if share is not None and self._out.pending:
                    flight = self._out.read()
                    await self.raw(flight[: int(len(flight) * share)])
                    return False
                await self._flush()
                if not await self._fill():
                    return False
            except ssl.SSLError:
                await self._flush()
                return False
            else:
                await self._flush()
                return True

    # ------------------------------------------------------------ in

    async def request(self) -> Asked | None:
        """Give the next request, None where there is none."""
        while b"\r\n\r\n" not in self._text:
            if not await self._more():
                return None
        head, _, rest = bytes(self._text).partition(b"\r\n\r\n")
        size = _length(head)
        while len(rest) < size:
            if not await self._more():
                return None
            rest = bytes(self._text).partition(b"\r\n\r\n")[2]
        self._text = bytearray(rest[size:])
        method, target, _ = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ", 2)
        return Asked(method, target, head, rest[:size])

    async def gone(self) -> None:
        """Wait until the client closes its side."""
        while await self._reader.read(65536):
            pass

    async def _more(self) -> bool:
        """Read some text; False at the end."""
        if self._tls is None:
            data = await self._reader.read(65536)
            self._text += data
            return bool(data)
        while True:
            try:
                data = self._tls.read(65536)
            except ssl.SSLWantReadError:
                await self._flush()
                if not await self._fill():
                    return False
            except ssl.SSLError:
                return False
            else:
                self._text += data
                return bool(data)

    async def _fill(self) -> bool:
        data = await self._reader.read(65536)
        self._in.write(data)
        return bool(data)

    # ------------------------------------------------------------ out

    async def write(self, data: bytes) -> None:
        """Send *data*, over TLS where this is a connection of TLS."""
        for record in self.records(data):
            await self.raw(record)

    def records(self, data: bytes) -> list[bytes]:
        """What goes over the wire for *data*: records of TLS, or the bytes."""
        if self._tls is None:
            return [data] if data else []
        made = []
        for start in range(0, len(data), RECORD):
            self._tls.write(data[start : start + RECORD])
            made.append(self._out.read())
        return made

    async def raw(self, data: bytes) -> None:
        """Send bytes as they are."""
        if data:
            self._writer.write(data)
            await self._writer.drain()

    async def _flush(self) -> None:
        await self.raw(self._out.read())

    # ------------------------------------------------------------ its end

    @property
    def is_tls(self) -> bool:
        """Whether hands were shaken, or are being."""
        return self._tls is not None

    async def notify(self) -> None:
        """Say over TLS that nothing more will come."""
        if self._tls is None:
            return
        with suppress(ssl.SSLError):
            self._tls.unwrap()
        await self._flush()

    async def half_close(self) -> None:
        """End this direction alone."""
        await self.notify()
        if self._writer.can_write_eof():
            self._writer.write_eof()

    def reset(self) -> None:
        """Break the connection off with a RST."""
        raw = self._writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    def close(self) -> None:
        """Close it, without a word where it is one of TLS."""
        self._writer.close()


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            return int(value)
    return 0
