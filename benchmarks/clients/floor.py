"""The floors: asyncio's protocols alone, without a parser of HTTP.

They learn from the first answer how many bytes each will have, and count from then on.
No client that understands HTTP can be faster on the same loop.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from benchmarks.work import Client, Fetch, Ids, Work, path

_BUFFER = 128 * 1024


class _Counting:
    """Writes a request after each answer, until there are no more ids."""

    def __init__(self, work: Work) -> None:
        self._check = work.check.body
        lines = [f"{name}: {value}" for name, value in work.headers.items()]
        self._rest = "\r\n".join([" HTTP/1.1", "Host: bench", *lines, "", ""]).encode()
        self._size = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]  # a socket's

    def fetch(self, ids: Ids) -> asyncio.Future[int]:
        """Ask for one id after the other; gives how many there were."""
        self._ids, self._count = ids, 0
        self._done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._next()
        return self._done

    def connection_lost(self, error: Exception | None) -> None:
        """Say so to whoever waits."""
        if not self._done.done():
            self._done.set_exception(error or ConnectionError("closed"))

    def _next(self) -> None:
        one = next(self._ids, None)
        if one is None:
            self._done.set_result(self._count)
            return
        self._asked = one
        self.transport.write(b"GET " + path(one).encode() + self._rest)

    def _is_whole(self, answer: bytes) -> bool:
        self._size = self._size or _size_of(answer)
        return len(answer) >= self._size > 0

    def _take(self, answer: bytes) -> None:
        try:
            self._check(self._asked, answer)
        except Exception as error:  # noqa: BLE001 - whoever waits for it raises it
            self._done.set_exception(error)
            return
        self._count += 1
        self._next()


class Plain(_Counting, asyncio.Protocol):
    """Takes what asyncio has read into memory that it allocates for each read."""

    _got = b""

    def data_received(self, data: bytes) -> None:
        """Put the parts together."""
        self._got = answer = self._got + data if self._got else data
        if self._is_whole(answer):
            self._got = b""
            self._take(answer)


class Buffered(_Counting, asyncio.BufferedProtocol):
    """Lets asyncio read into memory of its own."""

    def __init__(self, work: Work) -> None:
        super().__init__(work)
        self._view = memoryview(bytearray(_BUFFER))
        self._end = 0

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - asyncio's hint
        """Give what is left of the buffer."""
        return self._view[self._end :]

    def buffer_updated(self, nbytes: int) -> None:
        """See whether the answer is whole."""
        self._end += nbytes
        if self._end >= self._size:
            answer = bytes(self._view[: self._end])
            if self._is_whole(answer):
                self._end = 0
                self._take(answer)


def opened(kind: Callable[[Work], Plain | Buffered]) -> Client:
    """Give a client by one protocol of a *kind* for each connection."""

    @asynccontextmanager
    async def floors(work: Work) -> AsyncIterator[Fetch]:
        parts = urlsplit(work.url)
        loop = asyncio.get_running_loop()
        made: list[Plain | Buffered] = []
        for _ in range(work.connections):
            _, floor = await loop.create_connection(
                lambda: kind(work),
                parts.hostname or "",
                parts.port or 80,
                ssl=work.context,
            )
            made.append(floor)

        async def fetch(ids: Ids) -> int:
            return sum(await asyncio.gather(*(floor.fetch(ids) for floor in made)))

        yield fetch
        for floor in made:
            floor.transport.abort()

    return floors


def _size_of(answer: bytes) -> int:
    """Give the size of a whole answer, 0 while its head is not complete."""
    head, end, _ = answer.partition(b"\r\n\r\n")
    if not end:
        return 0
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    if length is None:
        raise ConnectionError("an answer without a length")
    return len(head) + len(end) + int(length[1])
