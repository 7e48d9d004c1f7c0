"""Cancelling an operation at any one of its steps, at every wait of it or of its tasks.

A step ends where the operation, or a task that it began, waits for something. What the
server does in the same loop is no step.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Generator
from contextlib import asynccontextmanager
from contextvars import Context, ContextVar, copy_context
from typing import Any
from weakref import WeakSet

Work = Callable[[], Coroutine[Any, Any, object]]

_CURRENT: ContextVar[Steps | None] = ContextVar("steps", default=None)


class Steps:
    """A run of an operation, cancelled at each step whose number *cancels_at* takes.

    *late*: only once what is waited for has come, and before it is taken up. `count` is
    how many steps there were, `tasks` are all that the operation began, `asked` tells
    whether it was cancelled before its end.
    """

    def __init__(
        self, cancels_at: Callable[[int], bool] = lambda _: False, *, late: bool = False
    ) -> None:
        self.count = 0
        self.asked = False
        # Weak: a task keeps the frames of what it raised, and all that these refer to.
        self.tasks: WeakSet[asyncio.Task[Any]] = WeakSet()
        self._cancels_at = cancels_at
        self._late = late
        self._main: asyncio.Task[object] | None = None

    async def run(self, work: Work) -> bool:
        """Run *work* to its end, within `counting`; whether it was cancelled."""
        context = copy_context()
        context.run(_CURRENT.set, self)
        main = asyncio.get_running_loop().create_task(work(), context=context)
        self._main = main
        await asyncio.wait([main])
        self._main = None
        if main.cancelled():
            return True
        await main
        return False

    def passed(self, waited_for: object) -> None:
        """Count a step, which ended with waiting for something."""
        self.count += 1
        if not self._cancels_at(self.count):
            return
        if not self._late:
            self.cancel()
        elif asyncio.isfuture(waited_for):
            # Comes before the waiting task's own, which is added after this.
            waited_for.add_done_callback(self.cancel)
        else:
            asyncio.get_running_loop().call_soon(self.cancel)

    def cancel(self, _future: object = None) -> None:
        """Cancel the operation, unless it has ended."""
        if self._main is not None and not self._main.done():
            self.asked = True
            self._main.cancel()


@asynccontextmanager
async def counting() -> AsyncIterator[None]:
    """Have this loop's tasks count their steps during the block."""
    loop = asyncio.get_running_loop()
    before = loop.get_task_factory()
    loop.set_task_factory(_spawn)
    try:
        yield
    finally:
        loop.set_task_factory(before)


def _spawn(
    loop: asyncio.AbstractEventLoop,
    work: Coroutine[Any, Any, Any] | Generator[Any, None, Any],
    *,
    context: Context | None = None,
    **settings: Any,
) -> asyncio.Task[Any]:
    steps = (context or copy_context()).get(_CURRENT)
    counted: Any = work if steps is None else _Counted(work, steps)
    task: asyncio.Task[Any] = asyncio.Task(
        counted, loop=loop, context=context, **settings
    )
    if steps is not None:
        steps.tasks.add(task)
    return task


class _Counted(Coroutine[Any, Any, Any]):
    """A coroutine whose steps are counted."""

    def __init__(self, work: Any, steps: Steps) -> None:
        self._work = work
        self._steps = steps

    def __repr__(self) -> str:
        return repr(self._work)

    def send(self, value: Any) -> Any:
        return self._noted(self._work.send(value))

    def throw(self, *error: Any) -> Any:
        try:
            return self._noted(self._work.throw(*error))
        finally:
            # Else the error holds this frame, and the frame the error.
            del error

    def close(self) -> None:
        self._work.close()

    def __await__(self) -> Generator[Any, Any, Any]:
        return (yield from self._work.__await__())

    def _noted(self, waited_for: Any) -> Any:
        self._steps.passed(waited_for)
        return waited_for
