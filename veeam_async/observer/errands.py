"""Tasks that work for asks: each ends once nobody waits for what it brings."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Generic, TypeVar

from veeam_async.models import Session
from veeam_async.observer.pending import Pending

S = TypeVar("S", bound=Session)


class Errands(Generic[S]):
    """Tasks under way; *then* is called after the end of each.

    What a task raises ends all the asks that it worked for.
    """

    def __init__(self, then: Callable[[], None]) -> None:
        self._then = then
        self._tasks: dict[asyncio.Task[None], Sequence[Pending[S]]] = {}

    def __len__(self) -> int:
        return len(self._tasks)

    def spawn(
        self, work: Coroutine[None, None, None], by: Sequence[Pending[S]]
    ) -> None:
        """Do *work* for those who asked for it."""
        task = asyncio.create_task(work)
        self._tasks[task] = by
        task.add_done_callback(self._ended)

    def clear(self) -> set[asyncio.Task[None]]:
        """Cancel what nobody waits for any more; give what is ending."""
        ending = {
            task
            for task, by in self._tasks.items()
            if all(pending.is_over for pending in by)
        }
        for task in ending:
            task.cancel()
        return ending

    def _ended(self, task: asyncio.Task[None]) -> None:
        by = self._tasks.pop(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            for pending in by:
                pending.fail(error)
        self._then()
