"""A proxy on TCP between the client and the simulated server, which strikes when armed.

It passes everything on until it is armed with a fault; then it counts the requests that
the fault is meant for, and lets the fault have those that it is to strike.
"""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Protocol, Self
from urllib.parse import urlsplit

import attrs

from tests.faults.line import Asked, Line

Headers = tuple[tuple[str, str], ...]


@attrs.frozen(kw_only=True)
class Answer:
    """An answer of the server, whole."""

    status: int
    reason: str = "OK"
    headers: Headers = ()
    body: bytes = b""

    def head(self, *, length: str | None = None) -> bytes:
        """Its head; *length* is another Content-Length than the body's."""
        said = str(len(self.body)) if length is None else length
        lines = [f"HTTP/1.1 {self.status} {self.reason}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        if said:
            lines.append(f"Content-Length: {said}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def wire(self) -> bytes:
        """Head and body."""
        return self.head() + self.body

    def with_header(self, name: str, value: str) -> Answer:
        """The same, with one header in another's place, or a new one."""
        kept = tuple(each for each in self.headers if each[0].lower() != name.lower())
        return attrs.evolve(self, headers=(*kept, (name, value)))


class Strike:
    """One request that a fault strikes.

    *line* is the client's connection, *rng* decides what is left to chance.
    """

    def __init__(
        self,
        line: Line,
        asked: Asked,
        rng: random.Random,
        ask: Callable[[Asked], Awaitable[Answer]],
    ) -> None:
        self.line = line
        self.asked = asked
        self.rng = rng
        self._ask = ask

    async def answer(self, target: str | None = None) -> Answer:
        """Let the server do what it was asked, by another *target* perhaps."""
        asked = self.asked
        if target is not None:
            old, new = asked.target.encode(), target.encode()
            asked = attrs.evolve(asked, head=asked.head.replace(old, new, 1))
        return await self._ask(asked)


class Act(Protocol):
    """What is done about a request; True keeps the connection."""

    async def __call__(self, strike: Strike) -> bool: ...


class ConnectAct(Protocol):
    """What is done about a new connection; True goes on to serve requests."""

    async def __call__(
        self,
        line: Line,
        context: ssl.SSLContext | None,
        others: Mapping[str, ssl.SSLContext],
        rng: random.Random,
    ) -> bool: ...


async def pass_on(strike: Strike) -> bool:
    """Give the server's own answer."""
    await strike.line.write((await strike.answer()).wire())
    return True


@attrs.define
class Aim:
    """Which requests a fault strikes: of those that *wants* takes, from the *first*.

    It strikes once unless it is *lasting*.
    """

    wants: Callable[[Asked], bool]
    first: int = 1
    lasting: bool = False
    seen: int = 0

    def hits(self, asked: Asked) -> bool:
        """Count *asked*, and tell whether it is struck."""
        if not self.wants(asked):
            return False
        self.seen += 1
        return self.seen >= self.first if self.lasting else self.seen == self.first


class FaultProxy:
    """Stands between a client and the server at *upstream*; `async with` it.

    *context* is its own of TLS, None for plain TCP, *others* are contexts with other
    certificates, by their names.
    """

    def __init__(
        self,
        upstream: str,
        *,
        context: ssl.SSLContext | None,
        others: Mapping[str, ssl.SSLContext],
        rng: random.Random,
    ) -> None:
        parts = urlsplit(upstream)
        self._host, self._port = parts.hostname or "", parts.port or 0
        self._context = context
        self._others = others
        self._rng = rng
        self.asked: list[Asked] = []
        self.struck = 0
        self._act: Act | None = None
        self._aim = Aim(lambda _: False)
        self._on_connect: ConnectAct | None = None
        self._connects_left = 0.0
        self._lines: dict[asyncio.Task[None], Line] = {}

    @property
    def url(self) -> str:
        """Where it listens."""
        scheme = "http" if self._context is None else "https"
        return f"{scheme}://127.0.0.1:{self._listens_at}"

    @property
    def open_lines(self) -> int:
        """How many connections of the client are open."""
        return len(self._lines)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self._listens_at: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.close()
        for task in list(self._lines):
            task.cancel()
        if self._lines:
            await asyncio.wait(list(self._lines))
        await asyncio.sleep(0)

    # ------------------------------------------------------------ striking

    def arm(self, act: Act, aim: Aim) -> None:
        """Let *act* have the requests that *aim* hits."""
        self._act, self._aim = act, aim

    async def arm_connections(self, act: ConnectAct, *, lasting: bool) -> None:
        """Close what is open, and let *act* have the next connection, or all to come.

        The client is given the time to see that its idle connections are closed.
        """
        self._on_connect = act
        self._connects_left = float("inf") if lasting else 1
        for line in self._lines.values():
            line.close()
        await asyncio.sleep(0.05)

    async def whisper(self, data: bytes) -> None:
        """Send *data* on all connections, which are idle, and let it arrive."""
        for line in self._lines.values():
            await line.write(data)
        await asyncio.sleep(0.01)

    def disarm(self) -> None:
        """Pass everything on again."""
        self._act = self._on_connect = None

    async def emptied(self) -> None:
        """Wait, for ten seconds at most, until the client has closed everything."""
        for _ in range(100):
            if not self._lines:
                return
            await asyncio.sleep(0.1)

    # ------------------------------------------------------------ passing on

    async def _connected(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        line = Line(reader, writer)
        task = asyncio.create_task(self._serve(line))
        self._lines[task] = line
        task.add_done_callback(self._lines.pop)
        task.add_done_callback(lambda _: writer.close())

    async def _serve(self, line: Line) -> None:
        upstream = Upstream(self._host, self._port)
        try:
            if not await self._open(line):
                return
            while asked := await line.request():
                self.asked.append(asked)
                strike = Strike(line, asked, self._rng, upstream.ask)
                if not await self._act_for(asked)(strike):
                    break
        except (OSError, EOFError):
            pass
        finally:
            upstream.close()
            line.close()

    async def _open(self, line: Line) -> bool:
        act = self._on_connect
        if act is None or self._connects_left <= 0:
            return await line.open(self._context)
        self._connects_left -= 1
        self.struck += 1
        return await act(line, self._context, self._others, self._rng)

    def _act_for(self, asked: Asked) -> Act:
        if self._act is None or not self._aim.hits(asked):
            return pass_on
        self.struck += 1
        return self._act


class Upstream:
    """A connection to the server, opened with the first request."""

    def __init__(self, host: str, port: int) -> None:
        self._address = host, port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, asked: Asked) -> Answer:
        """Pass a request on and give its answer."""
        if self._streams is None:
            self._streams = await asyncio.open_connection(*self._address)
        reader, writer = self._streams
        writer.write(asked.head + b"\r\n\r\n" + asked.body)
        block = await reader.readuntil(b"\r\n\r\n")
        first, *lines = block.decode("latin-1").strip().split("\r\n")
        pairs = [line.partition(":")[::2] for line in lines]
        headers = {name.strip().lower(): value.strip() for name, value in pairs}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        _, status, reason = first.split(" ", 2)
        kept = tuple(
            (name.strip(), value.strip())
            for name, value in pairs
            if name.strip().lower() not in ("content-length", "connection")
        )
        return Answer(status=int(status), reason=reason, headers=kept, body=body)

    def close(self) -> None:
        """Close it."""
        if self._streams is not None:
            self._streams[1].close()
