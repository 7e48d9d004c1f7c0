"""This project: logged on, decoded into attrs models, each with its result object."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from benchmarks.peers import PLACE
from benchmarks.work import Client, Fetch, Ids, Work


def opened(*, ordered: bool = False, **more: Any) -> Client:
    """Give a client that fetches by an `EnterpriseManager`, with more settings."""
    # Not before: 0.1.0 may take its place.
    from veeam_async import EnterpriseManager

    @asynccontextmanager
    async def manager(work: Work) -> AsyncIterator[Fetch]:
        async with EnterpriseManager(
            work.url,
            username="bench",
            password="bench",
            tls=work.ca_file or True,
            accept="xml" if work.accept == "xml" else "json",
            max_connections=work.connections,
            **more,
        ) as em:

            async def fetch(ids: Ids) -> int:
                count, check = 0, work.check.entity
                async for fetched in em.backup_sessions.fetch(ids, ordered=ordered):
                    session = fetched.result()
                    check(str(fetched.id), session.uid, session.state)
                    count += 1
                return count

            yield fetch

    return manager


def released() -> Client:
    """Give the client as it was in 0.1.0, driven in the same way."""
    if "veeam_async" in sys.modules:
        raise ImportError("another veeam_async has been imported before")
    sys.path.insert(0, str(PLACE))
    import veeam_async

    if not str(veeam_async.__file__).startswith(str(PLACE)):
        raise ImportError(f"{veeam_async.__file__} is not 0.1.0")
    return opened()
