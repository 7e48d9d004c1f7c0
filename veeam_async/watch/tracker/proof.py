"""Whether the server knows anything, while it does not know a session.

A server that restarts, or a gateway in front of it, answers 404 to everything for a
minute. So a session is gone only where 404s stand on both sides of a good answer about
something else. Where no other session gives one, it is asked for: that is a control.
"""

from __future__ import annotations

from math import inf

import attrs

from veeam_async.clock import Moment
from veeam_async.errors import VeeamError


@attrs.frozen(kw_only=True)
class ControlResult:
    """How a control went: well, or with an *error*.

    *asked_at* is in monotonic seconds, *at* the moment of the answer.
    """

    asked_at: float
    at: Moment
    error: VeeamError | None = None


@attrs.define
class Proof:
    """The newest good answer, by when it was *asked* for, and the next control.

    That is *due* in monotonic seconds, infinite where there is none to make; *looking*:
    one is under way.
    """

    asked: Moment | None = None
    due: float = inf
    looking: bool = False

    def is_older(self, asked_at: float) -> bool:
        """Whether a good answer that was asked for then is a newer one."""
        return self.asked is None or asked_at > self.asked.monotonic

    def is_between(self, missed: Moment | None, now: float, within: float) -> bool:
        """Whether it was asked for since a 404 that came no longer ago than *within*.

        Nobody knows what the server knew in the time between two that lie far apart: it
        may have been up for a moment only.
        """
        if missed is None or self.asked is None or now - missed.monotonic > within:
            return False
        return self.asked.monotonic >= missed.monotonic

    def want(self, at: float) -> None:
        """Have a control made at that time, unless one is under way."""
        if not self.looking:
            self.due = min(self.due, at)

    def take_due(self, now: float) -> bool:
        """Whether a control is to be made now."""
        if self.due > now:
            return False
        self.due, self.looking = inf, True
        return True
