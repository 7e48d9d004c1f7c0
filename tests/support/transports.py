"""Both transports, to be opened by their names and asked alike; what they are told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.support.fault_server import FaultServer, Script
from veeam_async import ConnectionFailed, Timeout
from veeam_async.transport.aiohttp import AiohttpTransport
from veeam_async.transport.direct import DirectTransport
from veeam_async.transport.exchange import Request, Response
from veeam_async.transport.tls import Trust

TRANSPORTS: dict[str, type[AiohttpTransport | DirectTransport]] = {
    "direct": DirectTransport,
    "aiohttp": AiohttpTransport,
}


DEFAULT_TRUST: list[Trust] = []
"""Whom to trust over TLS where a test says nothing of it; the last one counts."""

SECRET = "dG9rZW4"
CHUNKED = b"HTTP/1.1 200 OK\r\nCONTENT-TYPE: a/b\r\nTransfer-Encoding: chunked\r\n\r\n"
GOOD = b"HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Length: 2\r\n\r\n{}"
GET = Request("GET", "/api/x?a=%2B%20b", {"X-RestSvcSessionId": SECRET})
POST = Request("POST", "/api/x", {"Content-Length": "0"})


@asynccontextmanager
async def transport(
    kind: str,
    origin: str,
    *,
    trust: Trust | None = None,
    connect: float = 10.0,
    request: float = 5.0,
    limit: int = 100_000,
) -> AsyncIterator[AiohttpTransport | DirectTransport]:
    """Open the transport *kind* to *origin*; *limit* is that of a body."""
    if trust is None and origin.startswith("https:"):
        trust = DEFAULT_TRUST[-1]
    made = TRANSPORTS[kind](
        origin,
        trust=trust,
        timeout=Timeout(connect=connect, request=request),
        max_body_size=limit,
    )
    try:
        yield made
    finally:
        await made.close()


async def answer(kind: str, script: Script, request: Request = GET) -> Response:
    """The response of a server that plays *script*."""
    async with FaultServer(script) as server, transport(kind, server.url) as made:
        return await made.send(request)


async def failure(
    kind: str, script: Script, asking: Request = GET, **settings: Any
) -> ConnectionFailed:
    """The error of an exchange, which shows no secret, nor do its causes."""
    async with FaultServer(script) as server:
        async with transport(kind, server.url, **settings) as made:
            with pytest.raises(ConnectionFailed) as caught:
                await made.send(asking)
    met: BaseException | None = caught.value
    while met is not None:
        assert SECRET not in repr(met) + str(met)
        met = met.__cause__ or met.__context__
    return caught.value
