"""Job sessions of one kind: get, fetch, query, watch, wait."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable
from typing import Generic, TypeVar

from veeam_async.bulk.fetch import Fetch
from veeam_async.ids import Id
from veeam_async.models import Session
from veeam_async.pool.answers import is_large, read, read_now
from veeam_async.sessions.followed import Followed
from veeam_async.transport.exchange import Response

S = TypeVar("S", bound=Session)


class JobSessions(Followed[S], Generic[S]):
    """The sessions of one kind: get one, fetch many, query, watch, wait."""

    def fetch(
        self,
        ids: Iterable[Id] | AsyncIterable[Id],
        *,
        concurrency: int | None = None,
        ordered: bool = False,
    ) -> Fetch[S]:
        """Get many sessions at once: an async iterator of `Fetched`, one for each id.

        Args:
            ids: ids of any kind, from an iterable of either kind; drawn as needed.
            concurrency: how many at once; the manager's `max_connections` else.
            ordered: results in the order of the ids, instead of as they arrive.

        An id that fails has its error in its `Fetched`; only what would meet all the
        others too, a failed authentication above all, ends the whole fetch. ValueError
        where *ids* are a single one, or *concurrency* is below 1. For example:

            async for fetched in em.backup_sessions.fetch(ids):
                print(fetched.id, fetched.session or fetched.error)
        """
        fetch = Fetch(
            self._fetch,
            ids,
            concurrency=self._pool.slots.most if concurrency is None else concurrency,
            ordered=ordered,
            is_fatal=self._is_fatal,
            finish=self._finish,
        )
        self._keep(fetch)
        return fetch

    async def _fetch(self, id: Id) -> Response | S:  # noqa: A002 - the field's term
        """Ask for a session, and read its answer already where that takes a thread."""
        answer = await self._ask(id)
        return await read(answer, self._kind) if is_large(answer) else answer

    def _finish(self, answer: Response | S) -> S:
        if isinstance(answer, Response):
            return read_now(answer, self._kind)
        return answer
