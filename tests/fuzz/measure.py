"""What an input comes to: taken, refused, or a fault; and what it took."""

from __future__ import annotations

import resource
import signal
import sys
import time
import traceback
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import attrs

from tests.fuzz.target import Target, Unreached

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_BYTES = 64 * 1024 * 1024
"""Memory of one input, at most."""

_HANGS_AFTER = 60.0
"""Seconds by the clock, so many that a busy machine is none of the reasons."""

_MEASURED_AGAIN = 5
_PAGE = 1024 if sys.platform != "darwin" else 1


class Hangs(BaseException):
    """An input took so long that it was broken off; no `except Exception` stops it."""


@attrs.frozen
class Fault:
    """A fault that an input brought about; equal *keys* are the same fault."""

    key: str
    text: str


@attrs.define
class Result:
    """What one input came to, and its CPU in seconds."""

    is_reached: bool = True
    is_taken: bool = False
    seconds: float = 0.0
    fault: Fault | None = None


def try_input(target: Target, data: bytes) -> Result:
    """Feed *data* to *target*, and measure its time."""
    result = _tried(target, data, time.perf_counter)
    # By the clock first, below which CPU always is: to ask for that takes as long as
    # the input does. Other work of the machine is counted too: the least counts.
    for _ in range(_MEASURED_AGAIN):
        if result.fault is not None or result.seconds < target.most_seconds / 4:
            return result
        again = _tried(target, data, time.thread_time)
        result.seconds = min(result.seconds, again.seconds)
    if result.seconds > target.most_seconds:
        text = f"{result.seconds * 1000:.0f} ms of CPU"
        result.fault = Fault(f"{target.name}: too slow", text)
    return result


def _tried(target: Target, data: bytes, clock: Callable[[], float]) -> Result:
    result = Result()
    begun = clock()
    try:
        target.feed(data)
        result.is_taken = True
    except Unreached:
        result.is_reached = False
    except Hangs as error:
        result.fault = Fault(f"{target.name}: hangs {_place(error)}", _shown(error))
    except BaseException as error:  # noqa: BLE001 - what escapes is what is looked for
        result.seconds = clock() - begun
        result.fault = _fault_of(target, error)
    else:
        result.seconds = clock() - begun
    return result


def _fault_of(target: Target, error: BaseException) -> Fault | None:
    """The fault that an error is, or showing it; None where all is as it should be."""
    if not target.own(error):
        return Fault(
            f"{target.name}: {type(error).__name__} {_place(error)}", _shown(error)
        )
    try:
        str(error)
        repr(error)
    except Exception as worse:  # noqa: BLE001 - the same
        return Fault(f"{target.name}: showing {_place(worse)}", _shown(worse))
    return None


def _place(error: BaseException) -> str:
    """The deepest line of the package that an error came through."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "veeam_async" in frame.filename] or frames
    if not ours:
        return ""
    last = ours[-1]
    return f"{Path(last.filename).name}:{last.lineno}"


def _shown(error: BaseException) -> str:
    lines = traceback.format_exception(error, limit=-12)
    return "".join(lines)[-_SHOWN:]


_SHOWN = 4000

# ---------------------------------------------------------------- memory


def memory_of(target: Target, data: bytes) -> int:
    """The most bytes that were allocated at once for *data*."""
    tracemalloc.start()
    try:
        _tried(target, data, time.perf_counter)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def peak() -> int:
    """The most memory that this process has ever held, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _PAGE


# ---------------------------------------------------------------- what never ends


@contextmanager
def watchdog() -> Iterator[Callable[[], None]]:
    """Break an input off that takes far too long; what is given winds the watch up."""

    def bite(_number: int, _frame: FrameType | None) -> None:
        raise Hangs

    def wind_up() -> None:
        signal.setitimer(signal.ITIMER_REAL, _HANGS_AFTER)

    before = signal.signal(signal.SIGALRM, bite)
    try:
        yield wind_up
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
