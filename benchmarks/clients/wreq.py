"""wreq, a client written in Rust: the body as bytes, or read by orjson alone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import wreq

from benchmarks.work import Fetch, Ids, Work, by_workers


@asynccontextmanager
async def opened(work: Work) -> AsyncIterator[Fetch]:
    """Lend a fetch that leaves the bodies as bytes."""
    get = _getter(work)

    async def fetch(ids: Ids) -> int:
        return await by_workers(get, work, ids)

    yield fetch


@asynccontextmanager
async def decoded(work: Work) -> AsyncIterator[Fetch]:
    """Lend a fetch that reads each body by `orjson.loads`, into no class."""
    get = _getter(work)

    async def found(one: str) -> Any:
        return orjson.loads(await get(one))

    def check(one: str, found: Any) -> None:
        work.check.entity(one, found["UID"], found["State"])

    async def fetch(ids: Ids) -> int:
        return await by_workers(found, work, ids, check)

    yield fetch


def _getter(work: Work) -> Callable[[str], Awaitable[memoryview]]:
    client = wreq.Client(**_settings(work))

    async def get(one: str) -> memoryview:
        async with client.get(work.target(one)) as answer:
            found: memoryview = await answer.bytes()
            return found

    return get


def _settings(work: Work) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "headers": work.headers,
        "http1_only": True,
        "no_proxy": True,
        "pool_max_size": work.connections,
    }
    if work.ca_file:
        settings["tls_verify"] = Path(work.ca_file)
    return settings
