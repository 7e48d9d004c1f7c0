"""Both transports, to be opened by their names and asked alike."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from veeam_async import Timeout
from veeam_async.transport.aiohttp import AiohttpTransport
from veeam_async.transport.direct import DirectTransport
from veeam_async.transport.tls import Trust

TRANSPORTS: dict[str, type[AiohttpTransport | DirectTransport]] = {
    "direct": DirectTransport,
    "aiohttp": AiohttpTransport,
}


DEFAULT_TRUST: list[Trust] = []
"""Whom to trust over TLS where a test says nothing of it; the last one counts."""


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
