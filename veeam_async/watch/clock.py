"""The time of a watch: where it takes it from, and until when it may go on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import attrs

from veeam_async.polling import check_limit
from veeam_async.tracker.health import Moment

_FOR_EVER = 1e9
"""Seconds, some thirty years: what lies beyond them is beyond the calendar too."""


def _now() -> datetime:
    return datetime.now(UTC)


def _loop_time() -> float:
    return asyncio.get_running_loop().time()


@attrs.frozen(kw_only=True)
class Clock:
    """Where a watch takes its time from: monotonic seconds, wall time, and sleep."""

    monotonic: Callable[[], float] = _loop_time
    wall: Callable[[], datetime] = _now
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep

    def moment(self) -> Moment:
        """Give now, on both clocks."""
        return Moment(self.monotonic(), self.wall())


@attrs.frozen(kw_only=True)
class Limit:
    """Until when a watch may go on: *seconds* from its start, or an aware *time*."""

    seconds: float | None = None
    time: datetime | None = None

    def __attrs_post_init__(self) -> None:
        check_limit(self.seconds, self.time)

    def begin(self, now: Moment) -> tuple[float | None, datetime | None]:
        """Give the end on both clocks; a deadline is kept by the wall clock alone."""
        if self.seconds is None:
            return None, self.time
        seconds = min(self.seconds, _FOR_EVER)
        return now.monotonic + seconds, now.wall + timedelta(seconds=seconds)
