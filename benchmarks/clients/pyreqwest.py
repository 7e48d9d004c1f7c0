"""pyreqwest, a client written in Rust: the body as bytes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from pyreqwest.client import ClientBuilder

from benchmarks.work import Fetch, Ids, Work, by_workers


@asynccontextmanager
async def opened(work: Work) -> AsyncIterator[Fetch]:
    """Lend a fetch of one client."""
    builder = ClientBuilder().default_headers(work.headers).no_proxy().http1_only()
    builder = builder.pool_max_idle_per_host(work.connections)
    if work.ca_file:
        pem = await asyncio.to_thread(Path(work.ca_file).read_bytes)
        builder = builder.add_root_certificate_pem(pem)
    async with builder.build() as client:

        async def get(one: str) -> memoryview:
            answer = await client.get(work.target(one)).build().send()
            return memoryview(await answer.bytes())

        async def fetch(ids: Ids) -> int:
            return await by_workers(get, work, ids)

        yield fetch
