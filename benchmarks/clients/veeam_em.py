"""veeam-em of PyPI, which is synchronous: by threads, logged on, parsed into dicts.

It has no call for a job session, so its general one is used.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from queue import SimpleQueue
from typing import Any

import requests
from veeam_em.manager import VeeamEm

from benchmarks.work import Fetch, Ids, Work, by_threads


@asynccontextmanager
async def opened(work: Work) -> AsyncIterator[Fetch]:
    """Lend a fetch by threads, each with a logged on client of its own."""
    managers: SimpleQueue[Any] = SimpleQueue()
    for _ in range(work.connections):
        managers.put(_manager(work))

    def fetch_some(ids: Ids) -> int:
        manager = managers.get()
        try:
            return _each(manager, work, ids)
        finally:
            managers.put(manager)

    async def fetch(ids: Ids) -> int:
        return await by_threads(fetch_some, work.connections, ids)

    yield fetch
    while not managers.empty():
        managers.get().session.close()


class _Session(requests.Session):
    """Trusts what it was told to: veeam-em itself can only say yes or no."""

    def request(self, *args: Any, **given: Any) -> Any:
        """Verify the server by the session's own setting."""
        return super().request(*args, **{**given, "verify": self.verify})


def _manager(work: Work) -> Any:
    session = _Session()
    session.trust_env = False
    session.verify = work.ca_file or True
    manager = VeeamEm(api_endpoint=work.url, session=session)
    manager.get_token("bench", "bench")
    return manager


def _each(manager: Any, work: Work, ids: Ids) -> int:
    count = 0
    for one in ids:
        found = manager.request(f"/backupSessions/{one}", params={"format": "Entity"})
        work.check.entity(one, found["UID"], found["State"])
        count += 1
    return count
