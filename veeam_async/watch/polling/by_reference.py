"""Poll for everything where there is no query: by the list of references."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from math import inf
from typing import Generic, TypeVar
from uuid import UUID

from veeam_async.clock import Clock
from veeam_async.errors import VeeamError
from veeam_async.models import Session
from veeam_async.watch.polling.request import PollRequest, PollSource, TaskSet
from veeam_async.watch.tracker.discovery import DiscoveryResult

S = TypeVar("S", bound=Session)

_EVERY = 60.0
"""Seconds between two lists: they are all that the server holds, of thirty days."""


class ReferencePoller(Generic[S]):
    """Poll the list of references, which names all sessions but tells no states.

    *failed_at* is when the last list failed that did, in monotonic seconds.
    """

    def __init__(self, source: PollSource[S], *, clock: Clock) -> None:
        self._source = source
        self._clock = clock
        self.failed_at: float = -inf
        self._tasks: TaskSet[S] = TaskSet(lambda: None)
        self._last: tuple[float, frozenset[UUID]] | None = None

    def want(
        self, requests: Sequence[PollRequest[S]], *, stands_in: bool = False
    ) -> None:
        """Answer all these requests from one list.

        Where it *stands_in* for a query, it may be a minute old.
        """
        oldest = _EVERY if stands_in else 0.0
        self._tasks.spawn(self._look(requests, oldest), requests)

    def cancel_unwanted(self) -> set[asyncio.Task[None]]:
        """Cancel what nobody waits for; returns the tasks that are ending."""
        return self._tasks.cancel_unwanted()

    async def _look(self, requests: Sequence[PollRequest[S]], oldest: float) -> None:
        asked_at, error = self._clock.monotonic(), None
        is_old = self._last is not None and asked_at - self._last[0] < oldest
        if not is_old:
            for request in requests:
                request.count()
            error = await self._list(asked_at)
        result = DiscoveryResult(
            asked_at=asked_at,
            at=self._clock.moment(),
            error=error,
            random=0.0 if error is None else self._clock.random(),
            listed=None if error or self._last is None else self._last[1],
            is_old=is_old,
        )
        for request in requests:
            request.discovered(result)

    async def _list(self, asked_at: float) -> VeeamError | None:
        """Ask for the list; the error met, if any."""
        try:
            self._last = asked_at, frozenset(await self._source.references())
        except VeeamError as error:
            if self._source.is_fatal(error):
                raise
            self.failed_at = self._clock.monotonic()
            return error
        return None
