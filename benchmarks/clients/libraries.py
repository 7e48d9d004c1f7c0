"""What one could use instead: each lends a `get` that gives a body as bytes.

A library is imported where it takes part: the others need not be installed for that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from benchmarks.work import Get, Work


async def aiohttp(work: Work, opened: AsyncExitStack) -> Get:
    """Lend aiohttp's own `ClientSession`."""
    import aiohttp

    connector = aiohttp.TCPConnector(limit=work.connections, ssl=work.context or True)
    session = aiohttp.ClientSession(
        connector=connector, headers=work.headers, cookie_jar=aiohttp.DummyCookieJar()
    )
    await opened.enter_async_context(session)

    async def get(url: str) -> bytes:
        async with session.get(url) as answer:
            return await answer.read()

    return get


async def httpx(work: Work, opened: AsyncExitStack) -> Get:
    """Lend httpx' `AsyncClient`."""
    import httpx

    most = work.connections
    limits = httpx.Limits(max_connections=most, max_keepalive_connections=most)
    trust = {"verify": work.context or True, "trust_env": False}
    client = httpx.AsyncClient(headers=work.headers, limits=limits, timeout=60, **trust)
    await opened.enter_async_context(client)

    async def get(url: str) -> Any:
        return (await client.get(url)).content

    return get


async def niquests(work: Work, opened: AsyncExitStack) -> Get:
    """Lend niquests' `AsyncSession`."""
    import niquests

    only = {"disable_http2": True, "disable_http3": True}
    made = niquests.AsyncSession(
        pool_maxsize=work.connections, headers=work.headers, **only
    )
    session = _trusting(await opened.enter_async_context(made), work)

    async def get(url: str) -> Any:
        return (await session.get(url)).content

    return get


async def aiosonic(work: Work, opened: AsyncExitStack) -> Get:
    """Lend aiosonic's `HTTPClient`."""
    from aiosonic import HTTPClient, TCPConnector
    from aiosonic.pools import PoolConfig

    pool = PoolConfig(size=work.connections, max_conn_requests=None)
    client = HTTPClient(TCPConnector(pool_configs={":default": pool}))
    await opened.enter_async_context(client)
    given = {"headers": work.headers} | ({"ssl": work.context} if work.context else {})

    async def get(url: str) -> Any:
        return await (await client.get(url, **given)).content()

    return get


async def pyreqwest(work: Work, opened: AsyncExitStack) -> Get:
    """Lend pyreqwest, which is written in Rust."""
    from pyreqwest.client import ClientBuilder

    builder = ClientBuilder().default_headers(work.headers).no_proxy().http1_only()
    builder = builder.pool_max_idle_per_host(work.connections)
    if work.ca_file:
        pem = await asyncio.to_thread(Path(work.ca_file).read_bytes)
        builder = builder.add_root_certificate_pem(pem)
    client = await opened.enter_async_context(builder.build())

    async def get(url: str) -> memoryview:
        answer = await client.get(url).build().send()
        return memoryview(await answer.bytes())

    return get


async def wreq(work: Work, _: AsyncExitStack) -> Get:
    """Lend wreq, which is written in Rust."""
    import wreq

    given: dict[str, Any] = {"tls_verify": Path(work.ca_file)} if work.ca_file else {}
    given |= {"headers": work.headers, "pool_max_size": work.connections}
    client = wreq.Client(http1_only=True, no_proxy=True, **given)

    async def get(url: str) -> Any:
        async with client.get(url) as answer:
            return await answer.bytes()

    return get


def requests(work: Work) -> Callable[[str], Any]:
    """Lend a `Session` of requests, for one thread."""
    from importlib.metadata import version

    import requests
    import urllib3

    if urllib3.__version__ != version("urllib3"):
        raise ImportError("urllib3-future has taken the place of urllib3")
    session = _trusting(requests.Session(), work)
    session.headers.update(work.headers)

    return lambda url: session.get(url).content


def veeam_em(work: Work) -> Callable[[str], Any]:
    """Lend veeam-em of PyPI, for one thread: logged on, it gives dicts.

    It has no call for a job session, so its general one is used.
    """
    import requests
    from veeam_em.manager import VeeamEm

    class Session(requests.Session):
        """Trusts what it was told to: veeam-em itself can only say yes or no."""

        def request(self, *args: Any, **given: Any) -> Any:
            """Verify the server by the session's own setting."""
            return super().request(*args, **{**given, "verify": self.verify})

    manager = VeeamEm(api_endpoint=work.url, session=_trusting(Session(), work))
    manager.get_token("bench", "bench")
    base, entity = f"{work.url}/api", {"format": "Entity"}

    def get(url: str) -> Any:
        return manager.request(url.removeprefix(base).partition("?")[0], params=entity)

    return get


def _trusting(session: Any, work: Work) -> Any:
    session.trust_env = False
    session.verify = work.ca_file or True
    return session
