"""Ctrl-C, Ctrl-Break, SIGTERM, SIGHUP: they cancel what runs, from within its loop.

`asyncio.run` lets a second Ctrl-C raise KeyboardInterrupt wherever the loop happens to
be, also between a future and who waits for it: what is half done then never ends, or
complains on the terminal. Service managers and coreutils' `timeout` send two signals at
once as a matter of course. So here

- while a loop runs (`run_async`), no signal raises: each cancels the command's task,
- a second one cancels the clean-up too, and so waits a second at most for a server
  that is silent; where it comes together with the first, only after some seconds in
  which to log out; one more ends the process at once,
- before there was a loop, while modules are loaded, one ends the process at once:
  nothing is to be undone, and an extension that is loading may not survive an
  exception (orjson does not); unless the user is asked for something (`asking`),
- there, and after a loop, the first raises KeyboardInterrupt, and none after it,
- once one came, nobody complains of what was broken off: neither asyncio, nor a thread
  that outlives the loop, nor the interpreter, which shows a KeyboardInterrupt that hits
  a finalizer, and coroutines that were never begun.
"""

from __future__ import annotations

import os
import signal
import sys
import warnings
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import partial
from time import monotonic
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, NoReturn, Self, TypeVar

if TYPE_CHECKING:
    import asyncio
    import logging

T = TypeVar("T")

_TOGETHER_SECONDS = 0.5
"""Signals with less between them may be one and the same wish."""
_GRACE_SECONDS = 3.0
"""How long a command has to clean up, where two came together."""
_PATIENCE = 2
"""How many wishes are met by cancelling."""
_COMPLAINING = ("asyncio", "concurrent.futures")
"""The loggers of those who cannot know that something was broken off on purpose."""
_SHOW_CURSOR = b"\x1b[?25h"

# Numbers: `exits`, which names them, loads what takes long to load.
_EXITS = {signal.SIGINT: 130, signal.SIGTERM: 143}
if sys.platform == "win32":
    # Ctrl-Break, which is also what a parent process can send there.
    _EXITS[signal.SIGBREAK] = 130
else:
    # The terminal has gone, or the connection to it.
    _EXITS[signal.SIGHUP] = 129
INTERRUPTED = tuple(_EXITS.values())
"""The exit codes of a command that a signal has ended."""


class Interrupts:
    """Takes the signals during the block.

    *exit_code* is that of the one which came first.
    """

    def __init__(self) -> None:
        self.exit_code: int = _EXITS[signal.SIGINT]
        self._wishes = 0
        self._last = 0.0
        self._in_loop = False
        self._is_doubled = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[Any] | None = None
        self._before: dict[signal.Signals, Any] = {}
        self.may_raise: bool = False
        """Whether a signal without a loop raises: else it ends the process."""
        self._undo: list[Callable[[], object]] = []

    def __enter__(self) -> Self:
        # 1. Nobody is heard who complains of what a signal has broken off.
        self._replace(sys, "unraisablehook")
        self._replace(warnings, "showwarning")
        # 2. The signals.
        with suppress(ValueError):  # not in the main thread: a test's own
            for number in _EXITS:
                before = signal.getsignal(number)
                # A shell without job control starts background jobs with SIGINT
                # ignored, nohup any with SIGHUP: so it stays.
                if number == signal.SIGTERM or before is not signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._take)
        self._outer = _CURRENT.set(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.may_raise = False
        _CURRENT.reset(self._outer)
        for number, before in self._before.items():
            signal.signal(number, before)
        while self._undo:
            self._undo.pop()()

    def unless_came(self, hook: Callable[..., object]) -> Callable[..., Any]:
        """*hook*, which does nothing once a signal has come."""

        def called(*arguments: Any, **more: Any) -> None:
            if not self._wishes:
                hook(*arguments, **more)

        return called

    def _replace(self, module: Any, name: str) -> None:
        """Replace the hook *name* of *module* until the block ends."""
        before = getattr(module, name)
        setattr(module, name, self.unless_came(before))
        self._undo.append(lambda: setattr(module, name, before))

    def run(self, main: Coroutine[Any, Any, T]) -> T:
        """Run *main* in a loop; KeyboardInterrupt where a signal came meanwhile."""
        # Before there is a loop: one that is broken off while it is made is never
        # closed.
        self._in_loop = True
        import asyncio  # noqa: PLC0415 - the help needs no loop

        try:
            self._quiet_threads()
            with asyncio.Runner() as runner:
                runner.get_loop().set_exception_handler(self._complain)
                result = runner.run(self._main(main))
        except asyncio.CancelledError:
            if not self._wishes:
                raise
            raise KeyboardInterrupt from None
        finally:
            self._in_loop, self.may_raise = False, True
        if self._wishes:  # too late to cancel anything, but nothing more is to begin
            raise KeyboardInterrupt
        return result

    async def _main(self, main: Coroutine[Any, Any, T]) -> T:
        import asyncio  # noqa: PLC0415 - the help needs no loop

        self._task = asyncio.current_task()
        self._loop = asyncio.get_running_loop()
        if self._wishes:
            self._cancel()
        try:
            return await main
        finally:
            self._task = None

    def _take(self, number: int, _frame: FrameType | None) -> None:
        """Handle a signal, between any two steps of the program."""
        now = monotonic()
        if self._wishes and now - self._last < _TOGETHER_SECONDS:
            self._wake(self._double)
            return
        if not self._wishes:
            self.exit_code = _EXITS[signal.Signals(number)]
        self._wishes += 1
        self._last = now
        if self._wishes > _PATIENCE:
            _end_at_once(self.exit_code)
        if self._in_loop:
            self._wake(self._cancel if self._wishes == 1 else _cancel_all)
        elif self._wishes == 1 and not self.may_raise:
            _end_at_once(self.exit_code)
        elif self._wishes == 1:
            raise KeyboardInterrupt

    def _wake(self, callback: Callable[[], object]) -> None:
        """Have the loop call back, when it is between two steps of its own."""
        if self._loop is not None:
            with suppress(RuntimeError):  # closed: the task has ended
                self._loop.call_soon_threadsafe(callback)

    def _double(self) -> None:
        """Take a second signal of a pair for a wish of its own, but later."""
        if self._loop is not None and not self._is_doubled:
            self._is_doubled = True
            self._loop.call_later(_GRACE_SECONDS, _cancel_all)

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _quiet_threads(self) -> None:
        """Do the same for asyncio and its threads, some of which outlive its loop."""
        # Here, since asyncio loads both, and the help needs neither.
        import logging  # noqa: PLC0415 - see above
        import threading  # noqa: PLC0415 - see above

        self._replace(threading, "excepthook")
        for name in _COMPLAINING:
            logger = logging.getLogger(name)
            logger.addFilter(self._is_heard)
            self._undo.append(partial(logger.removeFilter, self._is_heard))

    def _is_heard(self, _record: logging.LogRecord) -> bool:
        return not self._wishes

    def _complain(
        self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]
    ) -> None:
        """Pass a complaint of asyncio on, but for those about what was broken off."""
        if not self._wishes:
            loop.default_exception_handler(context)


def _cancel_all() -> None:
    """Cancel the command's task, and what it does in spite of being cancelled."""
    import asyncio  # noqa: PLC0415 - the help needs no loop

    for task in asyncio.all_tasks():
        task.cancel()


_CURRENT: ContextVar[Interrupts] = ContextVar("interrupts")


def run_async(main: Coroutine[Any, Any, T]) -> T:
    """Run a command's coroutine to its end, which a signal may bring on."""
    current = _CURRENT.get(None)
    if current is not None:
        return current.run(main)
    with Interrupts() as own:
        return own.run(main)


@contextmanager
def asking() -> Iterator[None]:
    """Let a signal raise in the block, which has a terminal to put in order."""
    current = _CURRENT.get(None)
    before = current is None or current.may_raise
    if current is not None:
        current.may_raise = True
    try:
        yield
    finally:
        if current is not None:
            current.may_raise = before


def end_at_once() -> None:
    """Let any signal end the process at once, as long as nothing is to be undone."""
    for number, code in _EXITS.items():
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda *_, code=code: _end_at_once(code))


def end(code: int) -> NoReturn:
    """End the process, which has done all it had to, with the *code* of a signal."""
    # The interpreter would let another signal kill it, or itself, where the first hit
    # a class that was being made by `exec`; it would wait for threads that wait for a
    # name server; and it would show what its own clean-up meets in what is half made.
    for number in _EXITS:
        signal.signal(number, signal.SIG_IGN)
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def _end_at_once(code: int) -> NoReturn:
    # No clean-up, which is what did not end, and nothing that could complain.
    with suppress(OSError, ValueError, AttributeError):
        if os.isatty(sys.stdout.fileno()):
            os.write(sys.stdout.fileno(), _SHOW_CURSOR)
    os._exit(code)
