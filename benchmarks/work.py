"""What every client is given, how its answers are checked, and what drives it."""

from __future__ import annotations

import asyncio
import ssl
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import cached_property
from typing import Any, Literal, TypeAlias

import attrs
import orjson

from benchmarks.serving import TOKEN

Ids: TypeAlias = Iterator[str]
Fetch: TypeAlias = Callable[[Ids], Awaitable[int]]
"""Fetches all ids, checks each answer, and gives how many there were."""

Gives: TypeAlias = Literal["body", "parsed", "dicts"]
"""A body as bytes, one that is parsed by orjson while it is checked, or a dict."""

_STATES = {"json": b'"State": "Stopped"', "xml": b"<State>Stopped</State>"}
_DRAWN_AT_ONCE = 32
_DISTINCT = 1000


class WrongAnswerError(Exception):
    """A client was given something else than what it asked for."""


class Check:
    """Holds each answer against its id; the same work for every client."""

    def __init__(self, accept: str) -> None:
        self._state = _STATES[accept]
        self.first = 0.0

    def body(self, asked: str, body: bytes | bytearray | memoryview) -> None:
        """Check an answer that was not decoded: its id and its state."""
        whole = body if isinstance(body, bytes) else bytes(body)
        self._judge(asked, asked.encode() in whole and self._state in whole)

    def parsed(self, asked: str, body: bytes | memoryview) -> None:
        """Check an answer that is read by orjson, into no class."""
        found = orjson.loads(body)
        self.entity(asked, found["UID"], found["State"])

    def dicts(self, asked: str, found: dict[str, Any]) -> None:
        """Check an answer that the client has read into a dict."""
        self.entity(asked, found["UID"], found["State"])

    def entity(self, asked: str, uid: str, state: str) -> None:
        """Check an answer that was decoded."""
        self._judge(asked, uid.endswith(asked) and state == "Stopped")

    def _judge(self, asked: str, good: object) -> None:
        if not good:
            raise WrongAnswerError(asked)
        if not self.first:
            self.first = time.perf_counter()


@attrs.define(kw_only=True)
class Work:
    """Where to fetch from and how; *judge* is how *check* takes what a client gives."""

    url: str
    connections: int = 32
    accept: str = "json"
    ca_file: str | None
    check: Check
    judge: Callable[[str, Any], None]

    @cached_property
    def context(self) -> ssl.SSLContext | None:
        """Verifies the server, None over plain HTTP."""
        ca = self.ca_file
        return ssl.create_default_context(cafile=ca) if ca else None

    @property
    def headers(self) -> dict[str, str]:
        """What an Enterprise Manager wants to see on each request."""
        return {
            "Accept": f"application/{self.accept}",
            "Accept-Encoding": "identity",
            "X-RestSvcSessionId": TOKEN,
        }

    def target(self, session_id: str) -> str:
        """Give the URL of a session."""
        return f"{self.url}{path(session_id)}"


Client: TypeAlias = Callable[[Work], AbstractAsyncContextManager[Fetch]]
"""Opens what it needs, lends a `Fetch`, and closes it again."""

Get: TypeAlias = Callable[[str], Awaitable[Any]]
"""Gives the answer from a URL."""


def path(session_id: str) -> str:
    """Give the path of a session."""
    return f"/api/backupSessions/{session_id}?format=Entity"


def ids_of(count: int) -> Ids:
    """Give *count* different ids, made one by one."""
    for number in range(count):
        yield f"{number:08x}-0000-4000-8000-000000000000"


def ids_for(seconds: float, count: int) -> Ids:
    """Give ids until the time is over, *count* at most."""
    known = list(ids_of(_DISTINCT))
    end = time.perf_counter() + seconds
    for number in range(count):
        if not number % _DRAWN_AT_ONCE and time.perf_counter() > end:
            return
        yield known[number % _DISTINCT]


def by_workers(lend: Callable[[Work, AsyncExitStack], Awaitable[Get]]) -> Client:
    """Let as many tasks as there are connections draw from the ids."""

    @asynccontextmanager
    async def opened(work: Work) -> AsyncIterator[Fetch]:
        judge = work.judge
        async with AsyncExitStack() as stack:
            get = await lend(work, stack)

            async def draw(ids: Ids) -> int:
                count = 0
                for one in ids:
                    judge(one, await get(work.target(one)))
                    count += 1
                return count

            async def fetch(ids: Ids) -> int:
                drawing = (draw(ids) for _ in range(work.connections))
                return sum(await asyncio.gather(*drawing))

            yield fetch

    return opened


def by_threads(lend: Callable[[Work], Callable[[str], Any]]) -> Client:
    """Let as many threads draw from the ids, each by a `get` of its own.

    These stay open between two fetches.
    """

    @asynccontextmanager
    async def opened(work: Work) -> AsyncIterator[Fetch]:
        judge = work.judge
        gets = [lend(work) for _ in range(work.connections)]
        loop = asyncio.get_running_loop()

        def draw(get: Callable[[str], Any], ids: Ids) -> int:
            count = 0
            for one in ids:
                judge(one, get(work.target(one)))
                count += 1
            return count

        async def fetch(ids: Ids) -> int:
            shared = _shared(ids)
            drawing = [loop.run_in_executor(pool, draw, get, shared) for get in gets]
            return sum(await asyncio.gather(*drawing))

        with ThreadPoolExecutor(work.connections) as pool:
            yield fetch

    return opened


def _shared(ids: Ids) -> Ids:
    """Make *ids* safe to draw from by several threads."""
    lock = threading.Lock()
    end = ""

    def draw() -> str:
        with lock:
            return next(ids, end)

    return iter(draw, end)
