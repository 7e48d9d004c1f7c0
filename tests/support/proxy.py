"""A small HTTP proxy on loopback: tunnels by CONNECT, forwards anything else."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit


class Proxy:
    """Pass everything on; *refusal* is a status to answer with instead.

    *credentials* are `user:password`; who does not give them gets a 407. *lines* are
    the first lines of what was asked, *url* says where it listens.
    """

    def __init__(
        self, *, refusal: int | None = None, credentials: str | None = None
    ) -> None:
        self.lines: list[str] = []
        self._refusal = refusal
        self._credentials = credentials
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """Where it listens; with the credentials that it wants."""
        user = f"{self._credentials}@" if self._credentials else ""
        return f"http://{user}127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await asyncio.sleep(0)

    async def _connected(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            self.lines.append(head.partition(b"\r\n")[0].decode())
            if status := self._refused(head):
                writer.write(b"HTTP/1.1 %d No\r\nContent-Length: 0\r\n\r\n" % status)
                await writer.drain()
                return
            await self._pass_on(head, reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    def _refused(self, head: bytes) -> int | None:
        if self._credentials is None:
            return self._refusal
        wanted = b64encode(self._credentials.encode()).decode()
        line = f"proxy-authorization: basic {wanted}".lower()
        return self._refusal if line in head.decode().lower() else 407

    async def _pass_on(
        self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        method, target, _ = self.lines[-1].split(" ")
        place = urlsplit(f"//{target}" if method == "CONNECT" else target)
        far_reader, far_writer = await asyncio.open_connection(
            place.hostname, place.port
        )
        try:
            if method == "CONNECT":
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                there = _pump(reader, far_writer)
            else:
                there = self._ask(head, reader, far_writer)
            await asyncio.gather(there, _pump(far_reader, writer))
        finally:
            far_writer.close()

    async def _ask(
        self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Pass requests on one after the other; none of them has a body."""
        while head:
            writer.write(_relative(head))
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except asyncio.IncompleteReadError:
                break
            self.lines.append(head.partition(b"\r\n")[0].decode())
        writer.write_eof()


def _relative(head: bytes) -> bytes:
    """Ask the server by path alone, as a proxy does."""
    first, _, rest = head.partition(b"\r\n")
    method, target, version = first.decode().split(" ")
    parts = urlsplit(target)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    return f"{method} {path} {version}\r\n".encode() + rest


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()
