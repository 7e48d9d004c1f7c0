"""A raw HTTP server on loopback that answers, or fails to, by a script.

It speaks bytes, not a library's idea of HTTP, so that it can also say what no library
would. Each connection is handled by one coroutine; all it was asked is recorded.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from types import TracebackType
from typing import ClassVar, Protocol, Self
from urllib.parse import parse_qsl, urlsplit

import attrs


@attrs.frozen
class Asked:
    """A request as it came: header names in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    connection: int

    @cached_property
    def path(self) -> str:
        """Its path, without the root of the API."""
        return urlsplit(self.target).path.removeprefix("/api")

    @cached_property
    def terms(self) -> dict[str, str]:
        """Its query, by the names of its terms."""
        return dict(parse_qsl(urlsplit(self.target).query))


class Act(Protocol):
    """What the server does about one request; True keeps the connection."""

    async def __call__(self, writer: asyncio.StreamWriter, asked: Asked) -> bool: ...


@attrs.frozen(kw_only=True)
class Answer:
    """Answer properly."""

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = attrs.field(factory=dict)
    media_type: str = "application/json"
    close: bool = False

    async def __call__(self, writer: asyncio.StreamWriter, asked: Asked) -> bool:
        headers = {
            "Content-Type": self.media_type,
            "Content-Length": str(len(self.body)),
            **self.headers,
        }
        writer.write(head(self.status, headers) + self.body)
        await writer.drain()
        return not self.close


@attrs.frozen(kw_only=True)
class CutShort:
    """Promise a longer body than is sent, then close."""

    body: bytes = b'{"UID": "urn:veeam'
    promised: int = 4096

    async def __call__(self, writer: asyncio.StreamWriter, asked: Asked) -> bool:
        headers = {
            "Content-Type": "application/json",
            "Content-Length": str(self.promised),
        }
        writer.write(head(200, headers) + self.body)
        await writer.drain()
        return False


@attrs.frozen(kw_only=True)
class Endless:
    """Send a chunked body of *size* bytes, a piece at a time, without its length."""

    size: int
    piece: int = 64 * 1024
    sent: list[int] = attrs.field(factory=list)

    async def __call__(self, writer: asyncio.StreamWriter, asked: Asked) -> bool:
        headers = {"Content-Type": "application/json", "Transfer-Encoding": "chunked"}
        writer.write(head(200, headers))
        for start in range(0, self.size, self.piece):
            writer.write(b"%x\r\n%b\r\n" % (self.piece, b" " * self.piece))
            await writer.drain()
            self.sent.append(start + self.piece)
        writer.write(b"0\r\n\r\n")
        return True


@attrs.frozen
class Raw:
    """Send these bytes as they are, then close."""

    text: bytes

    async def __call__(self, writer: asyncio.StreamWriter, asked: Asked) -> bool:
        writer.write(self.text)
        await writer.drain()
        return False


@attrs.frozen(kw_only=True)
class Pieces:
    """Send *parts* as they are, one after the other, then close unless *keep*."""

    parts: Iterable[bytes]
    keep: bool = False
    pause: float = 0.0

    async def __call__(self, writer: asyncio.StreamWriter, asked: Asked) -> bool:
        for part in self.parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(self.pause)
        return self.keep


@attrs.frozen
class Reset:
    """Break the connection off with a RST, after these bytes of an answer."""

    text: bytes = b""

    async def __call__(self, writer: asyncio.StreamWriter, asked: Asked) -> bool:
        if self.text:
            writer.write(self.text)
            await writer.drain()
            await asyncio.sleep(0.02)  # a RST overtakes what was not read yet
        raw = writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
        return False


@attrs.frozen
class Stall:
    """Never answer, or with no more than these bytes."""

    text: bytes = b""

    async def __call__(self, writer: asyncio.StreamWriter, asked: Asked) -> bool:
        writer.write(self.text)
        await asyncio.Event().wait()
        return False


@attrs.frozen
class Held:
    """Do *act* once it is *released*; *begun* is set where it waits for that."""

    act: Act
    released: asyncio.Event
    begun: asyncio.Event = attrs.field(factory=asyncio.Event)

    async def __call__(self, writer: asyncio.StreamWriter, asked: Asked) -> bool:
        self.begun.set()
        await self.released.wait()
        return await self.act(writer, asked)


Script = Callable[[Asked], Act] | Iterable[Act]


class FaultServer:
    """Answer by *script*: acts in turn (the last one repeats), or one for each request.

    `async with` it; *url* is where it listens, *asked* what came. It speaks TLS where
    it has a *context*, or where all such servers have one.
    """

    default_context: ClassVar[ssl.SSLContext | None] = None

    def __init__(
        self, script: Script, *, context: ssl.SSLContext | None = None
    ) -> None:
        self.asked: list[Asked] = []
        self.connections = 0
        self._script = played(script)
        self._context = context or self.default_context
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """Where it listens, without a path."""
        scheme = "http" if self._context is None else "https"
        return f"{scheme}://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(
            self.connected, "127.0.0.1", 0, ssl=self._context
        )
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.close()
        # What was accepted just now is served by tasks that have yet to begin.
        for _ in range(3):
            await asyncio.sleep(0)
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await asyncio.sleep(0)

    def count(self, method: str, start: str = "/") -> int:
        """Number of requests of *method* for targets that begin so."""
        return sum(
            asked.method == method and asked.target.startswith(start)
            for asked in self.asked
        )

    async def connected(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Serve a connection: asyncio's callback, for a listener at another address."""
        self.connections += 1
        task = asyncio.create_task(self._serve(reader, writer, self.connections))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        # One that was cancelled before it began closes nothing itself.
        task.add_done_callback(lambda _: writer.close())

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int
    ) -> None:
        try:
            while asked := await _request(reader, number):
                self.asked.append(asked)
                if not await self._script(asked)(writer, asked):
                    break
        except (ConnectionError, ssl.SSLError):
            pass
        finally:
            writer.close()


def head(status: int, headers: Mapping[str, str]) -> bytes:
    """The head of an answer."""
    lines = [f"HTTP/1.1 {status} X", *(f"{k}: {v}" for k, v in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def played(script: Script) -> Callable[[Asked], Act]:
    """What chooses the act for a request: of acts in turn, the last again and again."""
    if callable(script):
        return script
    waiting = list(script)

    def choose(_asked: Asked) -> Act:
        return waiting.pop(0) if len(waiting) > 1 else waiting[0]

    return choose


async def _request(reader: asyncio.StreamReader, number: int) -> Asked | None:
    try:
        block = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    first, *lines = block.decode("latin-1").strip().split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    await reader.readexactly(int(headers.get("content-length", "0")))
    return Asked(method, target, headers, number)
