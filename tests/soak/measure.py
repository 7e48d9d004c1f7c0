"""What the process of the clients costs and keeps: turns, tasks, sockets, memory."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import os
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs

MIB = 1024 * 1024

_DESCRIPTORS = Path("/proc/self/fd")
_STATM = Path("/proc/self/statm")
_TRIM = getattr(ctypes.pythonapi, "malloc_trim", None)
"""Gives what is free back to the system, else resident memory is the past's."""


@attrs.define
class Turns:
    """How long the loop's thread worked in one turn, a callback or a step of a task.

    By the CPU time of the thread: wall time would be the machine's, which has other
    work. *longest* is without the garbage collector, whose time in a turn was at most
    *collecting*: it goes through all that there is. Nothing is measured any more once
    memory *is_traced*, which takes several times the work.
    """

    count: int = 0
    longest: float = 0.0
    collecting: float = 0.0
    is_traced: bool = False
    _collected: float = 0.0
    _began: float = 0.0
    _thread: int = attrs.field(factory=threading.get_ident)
    _is_skipped: bool = False

    def skip(self) -> None:
        """Leave this turn out: it is not the clients'."""
        self._is_skipped = True

    def clear(self) -> None:
        """Forget the turns so far, in which much was done for the first time."""
        self.count, self.longest, self.collecting = 0, 0.0, 0.0

    def collects(self, phase: str, _info: object) -> None:
        """Take the garbage collector's time, which calls this."""
        if threading.get_ident() != self._thread:
            return
        if phase == "start":
            self._began = time.thread_time()
        else:
            self._collected += time.thread_time() - self._began

    def run(self, work: Callable[[], None]) -> None:
        """Run what a turn is made of."""
        self._collected = 0.0
        began = time.thread_time()
        work()
        spent = time.thread_time() - began
        self.count += 1
        if not (self._is_skipped or self.is_traced):
            self.longest = max(self.longest, spent - self._collected)
            self.collecting = max(self.collecting, self._collected)
        self._is_skipped = False


@contextmanager
def timed() -> Iterator[Turns]:
    """Have the turns of a loop that begins within the block measured."""
    turns = Turns()

    class TimedHandle(asyncio.Handle):
        __slots__ = ()

        def _run(self) -> None:
            turns.run(super()._run)  # asyncio's own: no hook

    before = asyncio.events.Handle
    # Loops make their handles by this name.
    asyncio.events.Handle = TimedHandle  # type: ignore[misc]  # a class, to mypy
    gc.callbacks.append(turns.collects)
    try:
        yield turns
    finally:
        gc.callbacks.remove(turns.collects)
        asyncio.events.Handle = before  # type: ignore[misc]  # as above


@attrs.frozen(kw_only=True)
class Kept:
    """What is there at a moment: memory in bytes, open files and sockets, tasks."""

    traced: int
    resident: int
    sockets: int
    files: int
    tasks: int


def kept() -> Kept:
    """What is there now, once the garbage is gone."""
    gc.collect()
    if _TRIM is not None:
        _TRIM(0)
    opened = [_target(name) for name in _names()]
    return Kept(
        traced=tracemalloc.get_traced_memory()[0],
        resident=_resident(),
        sockets=sum(each.startswith("socket:") for each in opened),
        files=sum(each.startswith("/") for each in opened),
        tasks=len(asyncio.all_tasks()),
    )


def _names() -> list[str]:
    # Where there is no /proc, tasks and memory are looked at alone.
    return os.listdir(_DESCRIPTORS) if _DESCRIPTORS.is_dir() else []  # noqa: PTH208 - names are enough


def _target(name: str) -> str:
    try:
        return os.readlink(_DESCRIPTORS / name)  # noqa: PTH115 - a socket is no path
    except OSError:
        # The descriptor of the listing itself.
        return ""


def _resident() -> int:
    if not _STATM.exists():
        return 0
    pages = int(_STATM.read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
