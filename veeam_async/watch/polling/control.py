"""Ask the server for something that it must know, while it does not know a session."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Generic, TypeVar

from veeam_async.clock import Clock
from veeam_async.errors import VeeamError
from veeam_async.models import Session
from veeam_async.watch.polling.request import PollRequest, PollSource, TaskSet
from veeam_async.watch.tracker.proof import ControlResult

S = TypeVar("S", bound=Session)


class ControlPoller(Generic[S]):
    """Make one control for all who want one."""

    def __init__(self, source: PollSource[S], *, clock: Clock) -> None:
        self._source = source
        self._clock = clock
        self._tasks: TaskSet[S] = TaskSet(lambda: None)

    def want(self, requests: Sequence[PollRequest[S]]) -> None:
        """Answer all these requests from one control."""
        self._tasks.spawn(self._look(requests), requests)

    def cancel_unwanted(self) -> set[asyncio.Task[None]]:
        """Cancel what nobody waits for; returns the tasks that are ending."""
        return self._tasks.cancel_unwanted()

    async def _look(self, requests: Sequence[PollRequest[S]]) -> None:
        asked_at, error = self._clock.monotonic(), None
        for request in requests:
            request.count()
        try:
            await self._source.control()
        except VeeamError as failure:
            if self._source.is_fatal(failure):
                raise
            error = failure
        result = ControlResult(asked_at=asked_at, at=self._clock.moment(), error=error)
        for request in requests:
            request.controlled(result)
