"""Whether lists work: when GETs take their place, and when a list is tried again.

Lists are a way to look, not a fate: a gateway may refuse them for a minute, and serve
them for months after that.
"""

from __future__ import annotations

from math import inf

import attrs

from veeam_async.errors import VeeamError

_TRIED_AFTER = 120.0
TRIED_AT_LAST = 1800.0
"""Seconds until a list is tried again; they double from one to the other."""


@attrs.define
class ListOutage:
    """The state of the lists of one kind; all times in monotonic seconds.

    *since* is when the first was asked for that failed, None while they work. *error*
    is that of the last. *tried_at* is when the next is tried, None while lists are
    still asked for at every look. *is_total*: GETs did not work either, so that lists
    and GETs take turns.
    """

    since: float | None = None
    error: VeeamError | None = None
    tried_at: float | None = None
    is_total: bool = False
    _is_turn_of_gets: bool = False
    _pause: float = _TRIED_AFTER
    _failed_at: float = -inf

    def is_replaced(self, now: float, *, failed_at: float, within: float) -> bool:
        """Whether GETs take the place of a list that is wanted now.

        Where they or references fail too, as one did last at *failed_at*, that is for
        no longer than *within* seconds.
        """
        if self.tried_at is None:
            return self._is_turn_of_gets
        is_poor = failed_at > self._failed_at
        return now < (
            min(self.tried_at, self._failed_at + within) if is_poor else self.tried_at
        )

    def fail(
        self,
        failing_since: float,
        now: float,
        error: VeeamError,
        *,
        within: float,
        longest: float = TRIED_AT_LAST,
    ) -> bool:
        """Note a list that failed; tell whether GETs take its place from now on.

        Those of a watch that asks have since *failing_since*. Lists may fail for
        *within* seconds before that, and are tried again after *longest* at most. Where
        nothing works it is the turn of the GETs next time.
        """
        self.error = error
        self.since = min(failing_since, inf if self.since is None else self.since)
        self._is_turn_of_gets = self.is_total
        is_soon = self.tried_at is None and now - self.since < within
        if self.is_total or is_soon:
            return False
        self._replace(now, longest)
        return True

    def _replace(self, now: float, longest: float) -> None:
        self._failed_at = now
        self.tried_at = now + min(self._pause, longest)
        self._pause = min(2 * self._pause, TRIED_AT_LAST)

    def give_up(self, now: float) -> None:
        """Note that GETs do not work either: it is the turn of a list."""
        self.tried_at, self.since, self.is_total = None, now, True
        self._is_turn_of_gets = False
        self._pause = _TRIED_AFTER

    def stand_in(self, now: float, longest: float) -> None:
        """Note that GETs work, where it was their turn: they take the lists' place."""
        self.is_total = self._is_turn_of_gets = False
        if self.tried_at is None:
            self._replace(now, longest)

    def again_by(self, within: float) -> float:
        """When to look again at the latest, so that GETs take over in time."""
        if self.since is None or self.is_total:
            return inf
        return self.since + within

    def deadline(self, asked_at: float, interval: float, within: float) -> float:
        """When to give up a list of which no page comes, asked for at *asked_at*.

        One that is only tried again is given an *interval*, or what it usually takes.
        """
        if self.tried_at is not None:
            return asked_at + interval
        since = asked_at if self.since is None else self.since
        return max(since + within, asked_at + min(interval, within))
