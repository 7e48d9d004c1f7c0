"""httpx's AsyncClient: the body as bytes."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from benchmarks.work import Fetch, Ids, Work, by_workers


@asynccontextmanager
async def opened(work: Work) -> AsyncIterator[Fetch]:
    """Lend a fetch of one `AsyncClient`."""
    limits = httpx.Limits(
        max_connections=work.connections, max_keepalive_connections=work.connections
    )
    async with httpx.AsyncClient(
        headers=work.headers,
        limits=limits,
        verify=ssl.create_default_context(cafile=work.ca_file),
        trust_env=False,
        timeout=60,
    ) as client:

        async def get(one: str) -> bytes:
            body: bytes = (await client.get(work.target(one))).content
            return body

        async def fetch(ids: Ids) -> int:
            return await by_workers(get, work, ids)

        yield fetch
