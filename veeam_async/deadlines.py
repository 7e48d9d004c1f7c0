"""Time-outs and deadlines: checked, counted down, enforced, and polled until over."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import TypeVar

from veeam_async.clock import Clock
from veeam_async.errors import DeadlineExceeded, VeeamError
from veeam_async.loops import running_loop

T = TypeVar("T")


class NothingFoundError(Exception):
    """The time of a `poll` is up, and its last look found nothing."""


async def poll(
    look: Callable[[], Awaitable[T | None]],
    *,
    interval: float,
    seconds: float,
    clock: Clock,
    outlives: Callable[[VeeamError], bool],
) -> T:
    """The first thing that *look* finds, with *interval* seconds between two calls.

    *look* returns None where it finds nothing, and is called once at least. An error
    that *outlives* accepts counts as nothing found. After *seconds* that error is
    raised, or NothingFoundError where the last call returned None.
    """
    until = clock.monotonic() + seconds
    while True:
        failure: Exception = NothingFoundError()
        try:
            found = await look()
        except VeeamError as error:
            if not outlives(error):
                raise
            failure, found = error, None
        if found is not None:
            return found
        left = until - clock.monotonic()
        if left <= 0:
            raise failure
        await clock.sleep(min(interval, left))


@asynccontextmanager
async def limited(
    seconds: float | None, late: Callable[[], DeadlineExceeded]
) -> AsyncIterator[None]:
    """Cancel the block after *seconds* (None: never), and raise what *late* makes."""
    running_loop()  # where none is, asyncio says less
    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            yield
    except TimeoutError:
        if not limit.expired():
            raise  # a time-out of something smaller
        raise late() from None


async def in_spite_of_cancelling(work: Coroutine[None, None, None]) -> None:
    """Run *work* to its end, however often the caller is cancelled meanwhile.

    It swallows those cancellations: the caller raises its own afterwards. What *work*
    raises is not raised here.
    """
    task = asyncio.create_task(work)
    while not task.done():
        with suppress(asyncio.CancelledError):
            await asyncio.wait([task])


async def finished(work: Coroutine[None, None, None], *, grace: float) -> None:
    """Run *work*, which cleans up, to its end, also where the caller is cancelled.

    From then on it has *grace* seconds, in which no other cancellation counts, and is
    cancelled itself after them; the caller's own cancellation is raised at last.
    """
    task = asyncio.create_task(work)
    try:
        await asyncio.wait([task])
    except asyncio.CancelledError:
        late = asyncio.get_running_loop().call_later(grace, task.cancel)
        await in_spite_of_cancelling(_ended(task))
        late.cancel()
        raise
    await task


async def _ended(task: asyncio.Task[None]) -> None:
    """Wait for the end of *task*, whose error gives way to a cancellation."""
    await asyncio.wait([task])
    if not task.cancelled():
        task.exception()


def time_left(
    timeout: float | None, deadline: datetime | None, clock: Clock
) -> Callable[[], float | None]:
    """A callable for the seconds left, None without a limit; *timeout* starts now."""
    # A deadline is kept by the wall clock alone, which all processes share.
    if deadline is not None:
        return lambda: max(0.0, (deadline - clock.wall()).total_seconds())
    end = None if timeout is None else clock.monotonic() + timeout
    return lambda: None if end is None else max(0.0, end - clock.monotonic())


def check_limit(timeout: float | None, deadline: datetime | None) -> None:
    """Raise ValueError for two limits, a bad *timeout*, or a time that UTC has not."""
    if timeout is not None and deadline is not None:
        raise ValueError("give a timeout or a deadline, not both")
    check_seconds(timeout=timeout)
    if deadline is None:
        return
    if deadline.utcoffset() is None:
        raise ValueError("a deadline needs a time zone")
    try:
        deadline.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"the deadline {deadline!r} is in no year of UTC") from None


def check_seconds(**limits: float | None) -> None:
    """Raise ValueError where one of *limits* is below 0 or NaN; None passes."""
    for name, seconds in limits.items():
        # The comparison this way round: NaN must not pass.
        if seconds is not None and not seconds >= 0:
            raise ValueError(f"{name} is a number of seconds, at least 0")


def check_interval(interval: float) -> None:
    """Raise ValueError where *interval* is not finite and above 0."""
    if not 0 < interval < math.inf:
        raise ValueError("an interval is a number of seconds above 0")
