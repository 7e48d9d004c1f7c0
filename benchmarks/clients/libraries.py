"""What one could use instead: each lends a `get` that gives a body as bytes.

A library is imported where it takes part: the others need not be installed for that.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.work import Get, Work


@asynccontextmanager
async def aiohttp(work: Work) -> AsyncIterator[Get]:
    """Lend aiohttp's own `ClientSession`."""
    import aiohttp

    context = ssl.create_default_context(cafile=work.ca_file) if work.ca_file else True
    connector = aiohttp.TCPConnector(limit=work.connections, ssl=context)
    async with aiohttp.ClientSession(
        connector=connector, headers=work.headers, cookie_jar=aiohttp.DummyCookieJar()
    ) as session:

        async def get(url: str) -> bytes:
            async with session.get(url) as answer:
                return await answer.read()

        yield get


@asynccontextmanager
async def httpx(work: Work) -> AsyncIterator[Get]:
    """Lend httpx' `AsyncClient`."""
    import httpx

    most = work.connections
    async with httpx.AsyncClient(
        headers=work.headers,
        limits=httpx.Limits(max_connections=most, max_keepalive_connections=most),
        verify=ssl.create_default_context(cafile=work.ca_file),
        trust_env=False,
        timeout=60,
    ) as client:

        async def get(url: str) -> bytes:
            body: bytes = (await client.get(url)).content
            return body

        yield get


@asynccontextmanager
async def niquests(work: Work) -> AsyncIterator[Get]:
    """Lend niquests' `AsyncSession`."""
    import niquests

    async with niquests.AsyncSession(
        pool_maxsize=work.connections,
        disable_http2=True,
        disable_http3=True,
        headers=work.headers,
    ) as session:
        session.trust_env = False
        session.verify = work.ca_file or True

        async def get(url: str) -> bytes:
            body: bytes = (await session.get(url)).content
            return body

        yield get


@asynccontextmanager
async def aiosonic(work: Work) -> AsyncIterator[Get]:
    """Lend aiosonic's `HTTPClient`."""
    from aiosonic import HTTPClient, TCPConnector
    from aiosonic.pools import PoolConfig

    pool = PoolConfig(size=work.connections, max_conn_requests=None)
    async with HTTPClient(TCPConnector(pool_configs={":default": pool})) as client:
        send = partial(client.get, headers=work.headers)
        if work.ca_file:
            context = ssl.create_default_context(cafile=work.ca_file)
            send = partial(client.get, headers=work.headers, ssl=context)

        async def get(url: str) -> bytes:
            answer = await send(url)
            body: bytes = await answer.content()
            return body

        yield get


@asynccontextmanager
async def pyreqwest(work: Work) -> AsyncIterator[Get]:
    """Lend pyreqwest, which is written in Rust."""
    from pyreqwest.client import ClientBuilder

    builder = ClientBuilder().default_headers(work.headers).no_proxy().http1_only()
    builder = builder.pool_max_idle_per_host(work.connections)
    if work.ca_file:
        pem = await asyncio.to_thread(Path(work.ca_file).read_bytes)
        builder = builder.add_root_certificate_pem(pem)
    async with builder.build() as client:

        async def get(url: str) -> memoryview:
            answer = await client.get(url).build().send()
            return memoryview(await answer.bytes())

        yield get


@asynccontextmanager
async def wreq(work: Work) -> AsyncIterator[Get]:
    """Lend wreq, which is written in Rust."""
    import wreq

    trust = {"tls_verify": Path(work.ca_file)} if work.ca_file else {}
    client = wreq.Client(
        headers=work.headers,
        http1_only=True,
        no_proxy=True,
        pool_max_size=work.connections,
        **trust,
    )

    async def get(url: str) -> memoryview:
        async with client.get(url) as answer:
            found: memoryview = await answer.bytes()
            return found

    yield get


def requests(work: Work) -> Callable[[str], bytes]:
    """Lend a `Session` of requests, for one thread."""
    from importlib.metadata import version

    import requests
    import urllib3

    if urllib3.__version__ != version("urllib3"):
        raise ImportError("urllib3-future has taken the place of urllib3")
    session = _trusting(requests.Session(), work)
    session.headers.update(work.headers)

    def get(url: str) -> bytes:
        body: bytes = session.get(url).content
        return body

    return get


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
    base = f"{work.url}/api"

    def get(url: str) -> Any:
        route = url.removeprefix(base).partition("?")[0]
        return manager.request(route, params={"format": "Entity"})

    return get


def _trusting(session: Any, work: Work) -> Any:
    session.trust_env = False
    session.verify = work.ca_file or True
    return session
