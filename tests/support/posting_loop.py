"""A loop whose sockets post a buffer before there is anything to read.

Windows' Proactor works so: a read is begun with a buffer, which is filled at any later
time. A protocol that gives the same buffer for two connections would mix them up.
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from typing import Any, cast


class PostingLoop(asyncio.SelectorEventLoop):
    """A loop that connects by `PostingTransport`."""

    async def create_connection(self, *args: Any, **options: Any) -> Any:
        """Post where a protocol without TLS is given a socket."""
        if "sock" not in options or options.get("ssl"):
            return await super().create_connection(*args, **options)
        protocol = args[0]()
        return PostingTransport(self, options["sock"], protocol), protocol


class PostingTransport(asyncio.Transport):
    """A transport that asks for a buffer first, and waits for bytes then."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        sock: socket.socket,
        protocol: asyncio.BufferedProtocol,
    ) -> None:
        super().__init__()
        self._loop, self._sock, self._protocol = loop, sock, protocol
        self._is_closing = False
        self._queue: list[bytes] = []
        self._error: Exception | None = None
        self._writing: asyncio.Task[None] | None = None
        self._reading = loop.create_task(self._read())
        protocol.connection_made(self)

    def get_write_buffer_size(self) -> int:
        """Bytes that wait."""
        return sum(map(len, self._queue))

    def is_closing(self) -> bool:
        """Tell whether it is closed, or will be."""
        return self._is_closing

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        """Send *data*, behind what waits."""
        if not data or self._is_closing:
            return
        # What is posted begins at once.
        if not self._queue:
            with suppress(OSError):
                data = bytes(data)[self._sock.send(data) :]
        if not data:
            return
        self._queue.append(bytes(data))
        if self._writing is None:
            self._writing = self._loop.create_task(self._write())
        if self.get_write_buffer_size() > 64 * 1024:
            self._protocol.pause_writing()

    def close(self) -> None:
        """Close, once all was sent."""
        if self._is_closing:
            return
        self._is_closing = True
        self._reading.cancel()
        if self._writing is None:
            self._loop.call_soon(self._lose)

    def abort(self) -> None:
        """Close at once."""
        self._is_closing = True
        self._queue.clear()
        self._reading.cancel()
        if self._writing is not None:
            self._writing.cancel()
        self._loop.call_soon(self._lose)

    async def _read(self) -> None:
        try:
            while not self._is_closing:
                # The post: what is given here is filled at some later time.
                posted = cast("memoryview", self._protocol.get_buffer(-1))
                if count := await self._loop.sock_recv_into(self._sock, posted):
                    self._protocol.buffer_updated(count)
                else:
                    if not self._protocol.eof_received():
                        self.close()
                    return
        except OSError as error:
            self._error = error
            self.abort()

    async def _write(self) -> None:
        try:
            while self._queue:
                await self._loop.sock_sendall(self._sock, self._queue[0])
                del self._queue[0]
        except OSError as error:
            self._error = error
            self.abort()
        self._writing = None
        self._protocol.resume_writing()
        if self._is_closing:
            self._loop.call_soon(self._lose)

    def _lose(self) -> None:
        if self._sock.fileno() >= 0:
            self._sock.close()
            self._protocol.connection_lost(self._error)
