"""The event loop in which connections live, and plain words where it is another one.

What a connection brings is told to the loop that opened it. Whoever waits for it in
another loop, or in another process, waits for ever: so that is refused before.
"""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio import get_running_loop
from weakref import WeakSet

NO_LOOP = (
    "no asyncio event loop runs here: veeam_async works inside of asyncio.run(…), and "
    "neither under trio nor without a loop"
)
_NEVER_OPEN = (
    "this EnterpriseManager is not connected: use `async with EnterpriseManager(…)`, "
    "or await its open()"
)
_CLOSED = (
    "this EnterpriseManager is not connected any more, since it was closed: use `async "
    "with EnterpriseManager(…)`, or await its open() again"
)
_FORKED = (
    "this EnterpriseManager was opened before a fork, by the parent process: make one "
    "of its own in each process"
)
_ELSEWHERE = (
    "this EnterpriseManager was opened in another event loop: leave it there, and make "
    "one of its own for each loop"
)
_LOOP_ENDED = (
    "this EnterpriseManager was opened in another event loop, which has ended since: "
    "make one for this loop, and leave each before its loop ends"
)


def running_loop() -> asyncio.AbstractEventLoop:
    """The loop that runs; RuntimeError with a plain sentence where none does."""
    try:
        return get_running_loop()
    except RuntimeError:
        raise RuntimeError(NO_LOOP) from None


def check_here(loop: asyncio.AbstractEventLoop | None, what: str) -> None:
    """RuntimeError where another loop runs than *loop*, in which *what* began."""
    if loop is not running_loop():
        raise RuntimeError(
            f"this {what} began in another event loop: go on with it there, or begin "
            "one of its own here"
        )


def can_wait(loop: asyncio.AbstractEventLoop | None, what: str) -> bool:
    """Tell whether tasks of *loop*, in which *what* began, can be waited for here.

    False where it never began, or where its loop has ended and the tasks with it;
    RuntimeError in another loop.
    """
    if loop is None or loop.is_closed():
        return False
    check_here(loop, what)
    return True


class Home:
    """Where a pool lives while it is open: one event loop, of one process."""

    __slots__ = ("__weakref__", "_loop", "_process")

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        # 0 before it was ever open.
        self._process = 0

    def settle(self, loop: asyncio.AbstractEventLoop) -> None:
        """Live in *loop* from now on."""
        self._loop, self._process = loop, os.getpid()
        _SETTLED.add(self)

    def leave(self) -> None:
        """Live nowhere."""
        self._loop = None
        _SETTLED.discard(self)

    def lose(self) -> None:
        """Forget the loop, in a process that was forked from the one it runs in."""
        self._loop = None

    def check(self) -> None:
        """RuntimeError, with what to do, anywhere else than in its loop."""
        # One call for each request: all else is left to who is not at home.
        try:
            if get_running_loop() is self._loop:
                return
        except RuntimeError:
            pass
        raise RuntimeError(self.fault())

    def fault(self) -> str:
        """What is wrong where it is used, in a sentence that says what to do."""
        if self._process not in (0, os.getpid()):
            return _FORKED
        if self._loop is None:
            return _CLOSED if self._process else _NEVER_OPEN
        try:
            get_running_loop()
        except RuntimeError:
            return NO_LOOP
        return _LOOP_ENDED if self._loop.is_closed() else _ELSEWHERE


_SETTLED: WeakSet[Home] = WeakSet()


def _lose_all() -> None:
    for home in list(_SETTLED):
        home.lose()


if sys.platform != "win32":  # which has no fork
    # A child may go on with the very loop of its parent, and would read what comes for
    # that from the sockets that both have.
    os.register_at_fork(after_in_child=_lose_all)
