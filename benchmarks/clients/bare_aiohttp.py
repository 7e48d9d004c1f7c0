"""aiohttp's own client: the body as bytes, nothing decoded."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

from benchmarks.work import Fetch, Ids, Work, by_workers


@asynccontextmanager
async def opened(work: Work) -> AsyncIterator[Fetch]:
    """Lend a fetch of one `ClientSession`."""
    context = ssl.create_default_context(cafile=work.ca_file) if work.ca_file else True
    connector = aiohttp.TCPConnector(limit=work.connections, ssl=context)
    async with aiohttp.ClientSession(
        connector=connector, headers=work.headers, cookie_jar=aiohttp.DummyCookieJar()
    ) as session:

        async def get(one: str) -> bytes:
            async with session.get(work.target(one)) as answer:
                return await answer.read()

        async def fetch(ids: Ids) -> int:
            return await by_workers(get, work, ids)

        yield fetch
