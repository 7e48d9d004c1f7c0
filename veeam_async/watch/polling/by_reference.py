"""Poll for everything where there is no query: by the list of references."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Generic, TypeVar
from uuid import UUID

from veeam_async.clock import Clock
from veeam_async.errors import VeeamError
from veeam_async.models import Session
from veeam_async.watch.polling.request import PollRequest, PollSource, TaskSet
from veeam_async.watch.tracker.discovery import DiscoveryResult

S = TypeVar("S", bound=Session)


class ReferencePoller(Generic[S]):
    """Poll the list of references, which names all sessions but tells no states."""

    def __init__(self, source: PollSource[S], *, clock: Clock) -> None:
        self._source = source
        self._clock = clock
        self._tasks: TaskSet[S] = TaskSet(lambda: None)

    def want(self, requests: Sequence[PollRequest[S]]) -> None:
        """Answer all these requests from one list."""
        self._tasks.spawn(self._look(requests), requests)

    def cancel_unwanted(self) -> set[asyncio.Task[None]]:
        """Cancel what nobody waits for; returns the tasks that are ending."""
        return self._tasks.cancel_unwanted()

    async def _look(self, requests: Sequence[PollRequest[S]]) -> None:
        asked_at = self._clock.monotonic()
        for request in requests:
            request.count()
        listed, error = await self._listed()
        result = DiscoveryResult(
            asked_at=asked_at,
            at=self._clock.moment(),
            error=error,
            random=0.0 if error is None else self._clock.random(),
            listed=listed,
        )
        for request in requests:
            request.discovered(result)

    async def _listed(self) -> tuple[frozenset[UUID] | None, VeeamError | None]:
        """The sessions that the server lists, or the error met."""
        try:
            return frozenset(await self._source.references()), None
        except VeeamError as error:
            if self._source.is_fatal(error):
                raise
            return None, error
