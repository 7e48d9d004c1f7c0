"""A loop whose time passes only while everybody in it waits for time alone.

Client, proxy and simulated server share one loop and real sockets on loopback, so that
once no socket has anything to read, nothing is under way: whatever is next in time may
happen at once. A request that stalls for a minute costs nothing then, and on a busy
machine no time-out strikes that was not meant to.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable
from typing import Any

_BREATH = 0.002
"""Real seconds that the kernel is given to deliver what was sent."""
_LONG, _LONG_BREATH = 1.0, 0.008
"""A leap of so many seconds is a time-out, before which it is given longer."""

_TICK = 1e-9
"""Seconds that a turn of the loop takes: whoever sleeps for less must not do so for
ever, as where a clock and the end of a wait differ by the last bit alone."""


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """A loop on a clock of its own, which leaps instead of waiting."""

    def __init__(self) -> None:
        self._elapsed = 0.0
        self._in_threads = 0
        super().__init__(_Leaping(self.leap, self.has_threads))

    def time(self) -> float:
        """Seconds since the loop was made, by its own clock."""
        return self._elapsed

    def leap(self, seconds: float) -> None:
        """Let so much time pass."""
        self._elapsed += seconds

    def has_threads(self) -> bool:
        """Whether a thread works for the loop, which takes real time."""
        return self._in_threads > 0

    def run_in_executor(  # type: ignore[override]  # which is typed by a TypeVarTuple
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> Any:
        """Run *func* in a thread; no time passes meanwhile."""
        future = super().run_in_executor(executor, func, *args)
        self._in_threads += 1
        future.add_done_callback(self._thread_done)
        return future

    def _thread_done(self, _future: object) -> None:
        self._in_threads -= 1


class _Leaping(selectors.DefaultSelector):
    """A selector that lets time leap where no socket is ready."""

    def __init__(
        self, leap: Callable[[float], None], has_threads: Callable[[], bool]
    ) -> None:
        super().__init__()
        self._leap = leap
        self._has_threads = has_threads

    def select(
        self, timeout: float | None = None
    ) -> list[tuple[selectors.SelectorKey, int]]:
        """Give what is ready; where nothing is, let *timeout* pass at once."""
        self._leap(_TICK)
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None or self._has_threads():
            return super().select(timeout if timeout is None else min(timeout, 0.01))
        ready = super().select(_LONG_BREATH if timeout > _LONG else _BREATH)
        if not ready:
            self._leap(timeout)
        return ready
