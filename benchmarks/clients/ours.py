"""This project: logged on, decoded into attrs models, each with its result object."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from benchmarks.work import Fetch, Ids, Work
from veeam_async import EnterpriseManager


@asynccontextmanager
async def opened(work: Work, **more: Any) -> AsyncIterator[Fetch]:
    """Lend a fetch of an open `EnterpriseManager`."""
    async with _manager(work, **more) as em:

        async def fetch(ids: Ids) -> int:
            return await _drain(em, work, ids, ordered=False)

        yield fetch


@asynccontextmanager
async def in_order(work: Work) -> AsyncIterator[Fetch]:
    """Lend one that gives the results in the order of the ids."""
    async with _manager(work) as em:

        async def fetch(ids: Ids) -> int:
            return await _drain(em, work, ids, ordered=True)

        yield fetch


def on_aiohttp(work: Work) -> AbstractAsyncContextManager[Fetch]:
    """Lend one over the other transport."""
    return opened(work, transport="aiohttp")


def _manager(work: Work, **more: Any) -> EnterpriseManager:
    return EnterpriseManager(
        work.url,
        username="bench",
        password="bench",
        tls=work.ca_file or True,
        accept="xml" if work.accept == "xml" else "json",
        max_connections=work.connections,
        **more,
    )


async def _drain(em: EnterpriseManager, work: Work, ids: Ids, *, ordered: bool) -> int:
    count = 0
    check = work.check.entity
    async for fetched in em.backup_sessions.fetch(ids, ordered=ordered):
        session = fetched.result()
        check(str(fetched.id), session.uid, session.state)
        count += 1
    return count
