"""niquests' AsyncSession: the body as bytes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import niquests

from benchmarks.work import Fetch, Ids, Work, by_workers


@asynccontextmanager
async def opened(work: Work) -> AsyncIterator[Fetch]:
    """Lend a fetch of one `AsyncSession`."""
    async with niquests.AsyncSession(
        pool_maxsize=work.connections,
        disable_http2=True,
        disable_http3=True,
        headers=work.headers,
    ) as session:
        session.trust_env = False
        session.verify = work.ca_file or True

        async def get(one: str) -> bytes:
            body: bytes = (await session.get(work.target(one))).content
            return body

        async def fetch(ids: Ids) -> int:
            return await by_workers(get, work, ids)

        yield fetch
