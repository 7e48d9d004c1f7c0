"""A server of running sessions in its own process: what watches are measured against.

It holds so many sessions that run, ends some and starts as many in each interval,
evenly, at real times, and answers what a watch asks: a session by its id, and the list
of those that run or have changed. Beside the API, below `/bench`, it tells what it was
asked and what changed when. Rows are kept as bytes: its ceiling lies far above a
watch's need. It ends with its time, or when its standard input is closed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
import ssl
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from random import Random

import attrs

from benchmarks.watching import bodies
from benchmarks.watching.population import Population, Row, Turnover
from benchmarks.watching.question import Question

try:
    import uvloop
except ImportError:  # there is none for Windows
    uvloop = None

_SESSIONS = "/api/backupSessions/"
_ID = slice(len(_SESSIONS), len(_SESSIONS) + 36)
LIST, SESSION = "/query", "/backupSessions/{id}"
"""The routes that a watch can take."""


@attrs.frozen(kw_only=True)
class Setting:
    """So many *sessions*, a *share* of which ends in each *interval* (seconds).

    The server ends after its *lifetime*; *seed* decides who ends and under which id.
    It speaks TLS where it has the path of a *certificate*, which holds its key too.
    """

    sessions: int
    interval: float
    share: float = 0.02
    lifetime: float = 600.0
    seed: int = 7
    certificate: str | None = None

    @property
    def life(self) -> float:
        """How many seconds a session takes, about; an hour where none ends."""
        return self.interval / self.share if self.share else 3600.0

    @property
    def turnover(self) -> int:
        """How many sessions end, and how many start, in each interval."""
        return math.ceil(self.sessions * self.share)


class Api:
    """What is answered to a request; *keep* is for how many seconds pages are kept."""

    def __init__(self, population: Population, keep: float) -> None:
        self._population = population
        self._keep = keep
        self._requests: Counter[str] = Counter()
        self._bytes: Counter[str] = Counter()
        self._pages: deque[tuple[float, bytes]] = deque()
        self._selected: tuple[tuple[str, int], list[Row]] = (("", -1), [])
        self._told: dict[str, Callable[[], bytes]] = {
            "/bench/counts": self._counts,
            "/bench/changes": self._changes,
            "/bench/ids": self._ids,
            "/bench/pages": self._recent_pages,
        }

    def answer(self, head: bytes) -> bytes:
        """Give the answer to the head of a request; no request has a body."""
        method, target, _ = head.decode().split(" ", 2)
        path, _, query = target.partition("?")
        if path in self._told:
            return _ok(self._told[path]())
        if method == "POST":
            token = f"X-RestSvcSessionId: {bodies.TOKEN}\r\n"
            return _answer("201 Created", bodies.logon(), token)
        if method == "DELETE":
            return _answer("204 No Content", b"")
        if path == "/api/query":
            return self._list(query)
        return self._session(path)

    def _session(self, path: str) -> bytes:
        row = self._population.get(path[_ID]) if path.startswith(_SESSIONS) else None
        if row is None:
            body = bodies.error(404, f"Cannot find session [{path[_ID]}]")
            return _answer("404 Not Found", self._count(SESSION, body))
        return _ok(self._count(SESSION, self._body(row)))

    def _list(self, query: str) -> bytes:
        try:
            question = Question.parse(query)
        except (KeyError, ValueError) as error:
            return _answer("400 Bad Request", bodies.error(400, str(error)))
        body = self._count(LIST, self._page(question))
        now = time.time()
        self._pages.append((now, body))
        while self._pages[0][0] < now - self._keep:
            self._pages.popleft()
        return _ok(body)

    def _page(self, asked: Question) -> bytes:
        rows = self._select(asked)
        start = (asked.page - 1) * asked.size
        chosen = [self._body(row) for row in rows[start : start + asked.size]]
        count = max(1, -(-len(rows) // asked.size))
        return bodies.page(chosen, asked.page, asked.size, count, asked.terms)

    def _body(self, row: Row) -> bytes:
        return row.body(time.time(), self._population.life)

    def _select(self, asked: Question) -> list[Row]:
        """Select, and keep what was selected until something changes."""
        key = (asked.terms, self._population.version)
        if self._selected[0] != key:
            rows = self._population.select(asked.selection)
            self._selected = (key, rows[::-1] if asked.is_descending else rows)
        return self._selected[1]

    def _count(self, route: str, body: bytes) -> bytes:
        self._requests[route] += 1
        self._bytes[route] += len(body)
        return body

    # ------------------------------------------------------------ beside the API

    def _counts(self) -> bytes:
        told = {
            "requests": self._requests,
            "bytes": self._bytes,
            "busy": time.process_time(),
        }
        return json.dumps(told).encode()

    def _changes(self) -> bytes:
        changes = map(attrs.astuple, self._population.changes)
        return json.dumps(list(changes)).encode()

    def _ids(self) -> bytes:
        return json.dumps([str(row.id) for row in self._population.active]).encode()

    def _recent_pages(self) -> bytes:
        since = time.time() - self._keep
        return b"\n".join(body for at, body in self._pages if at >= since)


class Answering(asyncio.Protocol):
    """Answer each request at once."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]  # a socket's

    def data_received(self, data: bytes) -> None:
        """Answer every whole head in *data*."""
        *heads, self._rest = (self._rest + data).split(b"\r\n\r\n")
        for head in heads:
            self._transport.write(self._api.answer(head))


def _ok(body: bytes) -> bytes:
    return _answer("200 OK", body)


def _answer(status: str, body: bytes, more: str = "") -> bytes:
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: application/json; charset=utf-8\r\n"
        f"Server: bench\r\nContent-Length: {len(body)}\r\n{more}\r\n"
    )
    return head.encode() + body


async def serve(setting: Setting) -> None:
    """Serve until the time is up or the standard input is closed; print the port."""
    random = Random(setting.seed)  # noqa: S311 - no secrets
    population = Population(setting.sessions, random, time.time(), setting.life)
    api = Api(population, keep=setting.interval)
    loop = asyncio.get_running_loop()
    context = None
    if setting.certificate is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(setting.certificate)
    server = await loop.create_server(
        lambda: Answering(api), "127.0.0.1", 0, ssl=context
    )
    if setting.turnover:
        Turnover(population, setting.interval / setting.turnover)
    print(server.sockets[0].getsockname()[1], flush=True)
    left = asyncio.Event()
    _call_when_left(lambda: loop.call_soon_threadsafe(left.set))
    try:
        async with asyncio.timeout(setting.lifetime):
            await left.wait()
    except TimeoutError:
        print("the server's time was up", file=sys.stderr)
    finally:
        server.close()


def _call_when_left(call: Callable[[], object]) -> None:
    """Call, from a thread, when whoever started this process closes its input."""

    def read() -> None:
        while os.read(sys.stdin.fileno(), 1):
            pass
        call()

    threading.Thread(target=read, daemon=True).start()


def main() -> None:
    """Read the setting and serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("setting", help="a Setting as JSON")
    setting = Setting(**json.loads(parser.parse_args().setting))
    (uvloop or asyncio).run(serve(setting))


if __name__ == "__main__":
    main()
