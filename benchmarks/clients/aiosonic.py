"""aiosonic: the body as bytes."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from aiosonic import HTTPClient, TCPConnector
from aiosonic.pools import PoolConfig

from benchmarks.work import Fetch, Ids, Work, by_workers


@asynccontextmanager
async def opened(work: Work) -> AsyncIterator[Fetch]:
    """Lend a fetch of one `HTTPClient`."""
    pool = PoolConfig(size=work.connections, max_conn_requests=None)
    async with HTTPClient(TCPConnector(pool_configs={":default": pool})) as client:
        send = partial(client.get, headers=work.headers)
        if work.ca_file:
            context = ssl.create_default_context(cafile=work.ca_file)
            send = partial(client.get, headers=work.headers, ssl=context)

        async def get(one: str) -> bytes:
            answer = await send(work.target(one))
            body: bytes = await answer.content()
            return body

        async def fetch(ids: Ids) -> int:
            return await by_workers(get, work, ids)

        yield fetch
