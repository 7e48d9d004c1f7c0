"""An ask on its way: what of it is not answered yet, and who waits for that."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Sequence
from typing import Generic, TypeVar

from veeam_async.models import Session
from veeam_async.tracker.observation import Observation
from veeam_async.tracker.scope import Swept
from veeam_async.watch.ask import Ask

S = TypeVar("S", bound=Session)


class Pending(Generic[S]):
    """*ask* on its way; *done* is awaited, and cancelled by whoever gives it up."""

    def __init__(self, ask: Ask[S]) -> None:
        self.ask = ask
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._left = len(ask.ids) + len(ask.in_doubt) + (ask.scope is not None)
        self._count_down(0)

    @property
    def is_over(self) -> bool:
        """Whether nobody waits any more."""
        return self.done.done()

    def count(self) -> None:
        """Count a request that was sent for it."""
        self.ask.tally.requests += 1

    def give(self, seen: Sequence[Observation[S]], answered: int) -> None:
        """Hand on what was *seen*, which answers so many of the ids asked for."""
        if not self.is_over:
            self.ask.tally.rows += sum(one.session is not None for one in seen)
            self.ask.deliver(seen)
            self._count_down(answered)

    def sweep(self, swept: Swept) -> None:
        """Hand on how the look at everything ended."""
        if not self.is_over:
            self.ask.sweep(swept)
            self._count_down(1)

    def fail(self, error: BaseException) -> None:
        """End with *error*; a copy, since a shared one would gather tracebacks."""
        if not self.is_over:
            self.done.set_exception(copy.copy(error))

    def _count_down(self, answered: int) -> None:
        self._left -= answered
        if self._left == 0 and not self.is_over:
            self.done.set_result(None)
