"""When to look again at what could not be looked at: later and later, all together."""

from __future__ import annotations

import attrs

from veeam_async.clock import Moment
from veeam_async.errors import VeeamError
from veeam_async.retry import jittered

BACKOFF_FIRST = 0.8
BACKOFF_LAST = 30.0
"""Seconds, doubled with each failure in a row, with full jitter."""


@attrs.define
class Backoff:
    """The next look after a failed one; what failed in one look shares the next.

    Else ten thousand sessions that one list showed would come back one by one.
    """

    _failed: Moment | None = None
    _again: float = 0.0

    def next(
        self, at: Moment, failures: int, random: float, error: VeeamError
    ) -> float:
        """Give when to look again after *failures* in a row and this *error*."""
        if at is not self._failed:
            self._failed = at
            self._again = at.monotonic + jittered(
                error, failures, random, first=BACKOFF_FIRST, longest=BACKOFF_LAST
            )
        return self._again
