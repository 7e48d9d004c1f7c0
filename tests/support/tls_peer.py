"""A server of TLS that is driven by hand, so that a test can cut what it sends."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from tests.support.fault_server import head

GOOD = head(200, {"Content-Length": "2"}) + b"{}"
"""An answer that keeps the connection."""


class TlsPeer:
    """The server's side of a connection, whose *number* is that of its coming."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        context: ssl.SSLContext,
        number: int,
    ) -> None:
        self.number = number
        self.writer = writer
        self.reader = reader
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_side=True)

    async def open(self) -> bytes:
        """Shake hands; what is to be sent last, tickets perhaps, is given."""
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                await self.send(self._out.read())
                await self._fill()
            else:
                return self._out.read()

    async def request(self) -> bytes:
        """The next request, which has no body."""
        text = bytearray()
        while not text.endswith(b"\r\n\r\n"):
            more = await self.read()
            if not more:
                raise ConnectionResetError("the client said goodbye")
            text += more
        return bytes(text)

    async def read(self) -> bytes:
        """The text of the next record; nothing at the end."""
        while True:
            try:
                return self._tls.read(65536)
            except ssl.SSLWantReadError:
                await self.send(self._out.read())
                await self._fill()
            except ssl.SSLZeroReturnError:
                return b""

    def records(self, *texts: bytes) -> bytes:
        """Records of TLS, one for each text."""
        for text in texts:
            self._tls.write(text)
        return self._out.read()

    def goodbye(self) -> bytes:
        """The record by which TLS ends."""
        with suppress(ssl.SSLWantReadError):
            self._tls.unwrap()
        return self._out.read()

    def alert(self) -> bytes:
        """The record by which TLS refuses a record that was changed on its way."""
        self._in.write(b"\x17\x03\x03\x00\x40" + bytes(64))
        with suppress(ssl.SSLError):
            self._tls.read(1)
        return self._out.read()

    async def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.writer.write(data)
        await self.writer.drain()

    async def gone(self) -> None:
        """Wait until the client has closed its side."""
        with suppress(ConnectionError):
            while await self.reader.read(65536):
                pass

    async def _fill(self) -> None:
        data = await self.reader.read(65536)
        if not data:
            raise ConnectionResetError("the client went")
        self._in.write(data)


Serve = Callable[[TlsPeer], Awaitable[None]]


@asynccontextmanager
async def tls_server(context: ssl.SSLContext, serve: Serve) -> AsyncIterator[str]:
    """Have each connection served by *serve*, then close it; its URL is given."""
    tasks: set[asyncio.Task[None]] = set()
    numbers = iter(range(1, 1000))

    async def handle(peer: TlsPeer) -> None:
        try:
            with suppress(ConnectionError):
                await serve(peer)
        finally:
            peer.writer.close()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = TlsPeer(reader, writer, context, next(numbers))
        task = asyncio.create_task(handle(peer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    async with await asyncio.start_server(connected, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        try:
            yield f"https://127.0.0.1:{port}"
        finally:
            await asyncio.sleep(0)
            for task in list(tasks):
                task.cancel()
            if tasks:
                done, _ = await asyncio.wait(tasks)
                for task in done:
                    if not task.cancelled():
                        task.result()
