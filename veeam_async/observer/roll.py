"""Look at everything where there is no query: by the list of references."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar
from uuid import UUID

from veeam_async.clock import Moment
from veeam_async.errors import VeeamError
from veeam_async.models import Session
from veeam_async.observer.errands import Errands
from veeam_async.observer.looks import Looks
from veeam_async.observer.pending import Pending
from veeam_async.tracker.scope import Swept

S = TypeVar("S", bound=Session)


class Roll(Generic[S]):
    """Call the roll: tell which sessions there are, whatever their state."""

    def __init__(
        self,
        looks: Looks[S],
        *,
        moment: Callable[[], Moment],
        random: Callable[[], float],
    ) -> None:
        self._looks = looks
        self._moment = moment
        self._random = random
        self._errands: Errands[S] = Errands(lambda: None)

    def want(self, pendings: Sequence[Pending[S]]) -> None:
        """Tell all of them what is listed."""
        if pendings:
            self._errands.spawn(self._call(pendings), pendings)

    def clear(self) -> set[asyncio.Task[None]]:
        """Cancel what nobody waits for any more; give what is ending."""
        return self._errands.clear()

    async def _call(self, pendings: Sequence[Pending[S]]) -> None:
        asked_at = self._moment().monotonic
        for pending in pendings:
            pending.count()
        listed, error = await self._listed()
        swept = Swept(
            asked_at=asked_at,
            at=self._moment(),
            error=error,
            random=0.0 if error is None else self._random(),
            listed=listed,
        )
        for pending in pendings:
            pending.sweep(swept)

    async def _listed(self) -> tuple[frozenset[UUID] | None, VeeamError | None]:
        """Give the sessions that the server lists, or the error met."""
        try:
            return frozenset(await self._looks.references()), None
        except VeeamError as error:
            if self._looks.is_fatal(error):
                raise
            return None, error
