"""Poll sessions one by one: a GET for each, so many at once."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from itertools import islice
from math import inf
from typing import Generic, TypeVar
from uuid import UUID

from veeam_async.clock import Clock
from veeam_async.errors import NotFound, VeeamError
from veeam_async.models import Session
from veeam_async.watch.polling.request import PollRequest, PollSource, TaskSet
from veeam_async.watch.tracker.session import Observation

S = TypeVar("S", bound=Session)

_LOG = logging.getLogger(__name__)

_MOST_FAILED = 10_000
"""Sessions remembered of which the last GET has failed."""


class GetPoller(Generic[S]):
    """Get what is wanted, *concurrency* sessions at once, first come, first served.

    *failed_at* is when the last one failed that did, *worked_at* when the last was
    answered; in monotonic seconds.
    """

    def __init__(
        self, source: PollSource[S], *, concurrency: int, clock: Clock
    ) -> None:
        self._source = source
        self._concurrency = concurrency
        self._clock = clock
        self.failed_at: float = -inf
        self.worked_at: float = -inf
        self._failed: set[UUID] = set()
        # A session that several requests want is got once, but an unlisted one by
        # itself, since its observation says so.
        self._queue: OrderedDict[tuple[UUID, bool], list[PollRequest[S]]] = (
            OrderedDict()
        )
        self._tasks: TaskSet[S] = TaskSet(self.start)

    def want(
        self,
        session_id: UUID,
        requests: Iterable[PollRequest[S]],
        *,
        unlisted: bool = False,
    ) -> None:
        """Queue a session; *unlisted* says that no row of a list would do."""
        self._queue.setdefault((session_id, unlisted), []).extend(requests)

    def start(self) -> None:
        """Get what is queued, as far as there is room."""
        while self._queue and len(self._tasks) < self._concurrency:
            # Taken only now: requests for it that come while it waits share this GET.
            (session_id, unlisted), requests = self._queue.popitem(last=False)
            self._tasks.spawn(
                self._get(session_id, requests, unlisted=unlisted), requests
            )

    def cancel_unwanted(self) -> set[asyncio.Task[None]]:
        """Cancel what nobody waits for; returns the tasks that are ending."""
        for key, requests in list(self._queue.items()):
            if all(request.is_over for request in requests):
                del self._queue[key]
        return self._tasks.cancel_unwanted()

    async def _get(
        self, session_id: UUID, requests: Sequence[PollRequest[S]], *, unlisted: bool
    ) -> None:
        """Get a session once, and deliver what was seen to all *requests*."""
        asked_at = self._clock.monotonic()
        for request in requests:
            request.count()
        session, error = await self.look(session_id)
        seen = Observation(
            id=session_id,
            asked_at=asked_at,
            at=self._clock.moment(),
            session=session,
            error=error,
            random=0.0 if error is None else self._clock.random(),
            unlisted=unlisted,
        )
        for request in requests:
            request.deliver((seen,), 1)

    async def look(self, session_id: UUID) -> tuple[S | None, VeeamError | None]:
        """The session, or the error met, or neither where the server knows it not."""
        session = failure = None
        try:
            session = await self._source.get(session_id)
        except NotFound:
            pass
        except VeeamError as error:
            if self._source.is_fatal(error):
                raise
            _LOG.debug("a look at %s failed: %s", session_id, type(error).__name__)
            failure = error
        self._note(session_id, failure)
        return session, failure

    def _note(self, session_id: UUID, error: VeeamError | None) -> None:
        if error is not None:
            self.failed_at = self._clock.monotonic()
            if len(self._failed) >= _MOST_FAILED:
                self._failed.clear()
            self._failed.add(session_id)
            return
        self.worked_at = self._clock.monotonic()
        if self._failed:
            self._failed.discard(session_id)

    def likely(self, session_ids: Iterable[UUID], most: int) -> list[UUID]:
        """Some of the sessions, those first of which the last GET has not failed."""
        ids = list(session_ids)
        good = islice((each for each in ids if each not in self._failed), most)
        return (list(good) or ids)[:most]
