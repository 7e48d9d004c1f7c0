"""requests, with a thread and a session for each connection: the body as bytes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from importlib.metadata import version
from queue import SimpleQueue
from typing import Any

import requests
import urllib3

from benchmarks.work import Fetch, Ids, Work, by_threads

if urllib3.__version__ != version("urllib3"):
    raise ImportError("urllib3-future has taken the place of urllib3")


@asynccontextmanager
async def opened(work: Work) -> AsyncIterator[Fetch]:
    """Lend a fetch by threads, whose sessions stay open between two fetches."""
    sessions: SimpleQueue[Any] = SimpleQueue()

    def fetch_some(ids: Ids) -> int:
        session = sessions.get()
        try:
            return _each(session, work, ids)
        finally:
            sessions.put(session)

    async def fetch(ids: Ids) -> int:
        return await by_threads(fetch_some, work.connections, ids)

    with ExitStack() as stack:
        for _ in range(work.connections):
            sessions.put(stack.enter_context(_session(work)))
        yield fetch


def _session(work: Work) -> Any:
    session = requests.Session()
    session.trust_env = False
    session.headers.update(work.headers)
    session.verify = work.ca_file or True
    return session


def _each(session: Any, work: Work, ids: Ids) -> int:
    count = 0
    for one in ids:
        work.check.body(one, session.get(work.target(one)).content)
        count += 1
    return count
