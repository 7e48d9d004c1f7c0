"""What every client is given, and the two ways of asking for many ids at once."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeAlias, TypeVar

import attrs

A = TypeVar("A")
Ids: TypeAlias = Iterator[str]
Fetch: TypeAlias = Callable[[Ids], Awaitable[int]]
"""Fetches all ids, checks each answer, and gives how many there were."""

_STATES = {"json": b'"State": "Stopped"', "xml": b"<State>Stopped</State>"}
_DRAWN_AT_ONCE = 32
DISTINCT = 1000


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

    def entity(self, asked: str, uid: str, state: str) -> None:
        """Check an answer that was decoded."""
        self._judge(asked, uid.endswith(asked) and state == "Stopped")

    def _judge(self, asked: str, good: object) -> None:
        if not good:
            raise WrongAnswerError(asked)
        if not self.first:
            self.first = time.perf_counter()


@attrs.frozen(kw_only=True)
class Work:
    """Where to fetch from and how; all clients get the same."""

    url: str
    connections: int
    accept: str
    ca_file: str | None
    check: Check

    @property
    def headers(self) -> dict[str, str]:
        """What an Enterprise Manager wants to see on each request."""
        return {
            "Accept": f"application/{self.accept}",
            "Accept-Encoding": "identity",
            "X-RestSvcSessionId": "NWYxZDBjMmUtNmYwYS00YTM1LTlkNWMtMmYzZjZhOGYwYjEx",
        }

    def target(self, one: str) -> str:
        """Give the URL of a session."""
        return f"{self.url}{path(one)}"


Client: TypeAlias = Callable[[Work], AbstractAsyncContextManager[Fetch]]
"""Opens what it needs, lends a `Fetch`, and closes it again."""


def path(one: str) -> str:
    """Give the path of a session."""
    return f"/api/backupSessions/{one}?format=Entity"


def ids_of(count: int) -> Ids:
    """Give *count* different ids, made one by one."""
    for number in range(count):
        yield f"{number:08x}-0000-4000-8000-000000000000"


def ids_for(seconds: float, count: int) -> Ids:
    """Give ids until the time is over, *count* at most."""
    known = list(ids_of(DISTINCT))
    end = time.perf_counter() + seconds
    for number in range(count):
        if not number % _DRAWN_AT_ONCE and time.perf_counter() > end:
            return
        yield known[number % DISTINCT]


async def by_workers(
    get: Callable[[str], Awaitable[A]],
    work: Work,
    ids: Ids,
    check: Callable[[str, A], None] | None = None,
) -> int:
    """Let as many tasks as there are connections draw from *ids*.

    *check* holds an answer against its id; without one the answers are bodies.
    """
    judge: Callable[[str, Any], None] = check or work.check.body

    async def draw() -> int:
        count = 0
        for one in ids:
            judge(one, await get(one))
            count += 1
        return count

    return sum(await asyncio.gather(*(draw() for _ in range(work.connections))))


async def by_threads(
    fetch_some: Callable[[Ids], int], connections: int, ids: Ids
) -> int:
    """Let as many threads as there are connections draw from *ids*."""
    loop = asyncio.get_running_loop()
    shared = _shared(ids)
    with ThreadPoolExecutor(connections) as pool:
        drawing = [
            loop.run_in_executor(pool, fetch_some, shared) for _ in range(connections)
        ]
        return sum(await asyncio.gather(*drawing))


def _shared(ids: Ids) -> Ids:
    """Make *ids* safe to draw from by several threads."""
    lock = threading.Lock()
    end = ""

    def draw() -> str:
        with lock:
            return next(ids, end)

    return iter(draw, end)
