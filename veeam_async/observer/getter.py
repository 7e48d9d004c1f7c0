"""Look at sessions by themselves: a GET for each, so many at once."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import Generic, TypeVar
from uuid import UUID

from veeam_async.clock import Moment
from veeam_async.errors import NotFound, VeeamError
from veeam_async.models import Session
from veeam_async.observer.errands import Errands
from veeam_async.observer.looks import Looks
from veeam_async.observer.pending import Pending
from veeam_async.tracker.observation import Observation

S = TypeVar("S", bound=Session)

_LOG = logging.getLogger(__name__)


class Getter(Generic[S]):
    """Get what is wanted, *concurrency* at once, first come, first served."""

    def __init__(
        self,
        looks: Looks[S],
        *,
        concurrency: int,
        moment: Callable[[], Moment],
        random: Callable[[], float],
    ) -> None:
        self._looks = looks
        self._concurrency = concurrency
        self._moment = moment
        self._random = random
        self._queue: OrderedDict[tuple[UUID, bool], list[Pending[S]]] = OrderedDict()
        self._errands: Errands[S] = Errands(self.start)

    def want(self, one: UUID, by: Iterable[Pending[S]], *, stray: bool = False) -> None:
        """Put *one* down for all who asked; a *stray* was in no row of a list."""
        self._queue.setdefault((one, stray), []).extend(by)

    def start(self) -> None:
        """Get what was put down, as far as there is room."""
        while self._queue and len(self._errands) < self._concurrency:
            (one, stray), by = self._queue.popitem(last=False)
            self._errands.spawn(self._get(one, by, is_stray=stray), by)

    def clear(self) -> set[asyncio.Task[None]]:
        """Cancel what nobody waits for any more; give what is ending."""
        for key, by in list(self._queue.items()):
            if all(pending.is_over for pending in by):
                del self._queue[key]
        return self._errands.clear()

    async def _get(
        self, one: UUID, by: Sequence[Pending[S]], *, is_stray: bool
    ) -> None:
        """Look once; whoever asked decides what comes of it."""
        asked_at = self._moment().monotonic
        for pending in by:
            pending.count()
        session, error = await self._look(one)
        seen = Observation(
            id=one,
            asked_at=asked_at,
            at=self._moment(),
            session=session,
            error=error,
            random=0.0 if error is None else self._random(),
            stray=is_stray,
        )
        for pending in by:
            pending.give((seen,), 1)

    async def _look(self, one: UUID) -> tuple[S | None, VeeamError | None]:
        """Give the session, or the error met, or neither where it is missing."""
        try:
            return await self._looks.get(one), None
        except NotFound:
            return None, None
        except VeeamError as error:
            if self._looks.is_fatal(error):
                raise
            _LOG.debug("a look at %s failed: %s", one, type(error).__name__)
            return None, error
