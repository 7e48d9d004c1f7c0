"""Until when a watch may go on."""

from __future__ import annotations

from datetime import datetime, timedelta

import attrs

from veeam_async.clock import Moment
from veeam_async.polling import check_limit

_FOR_EVER = 1e9
"""Seconds, some thirty years: what lies beyond them is beyond the calendar too."""


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
