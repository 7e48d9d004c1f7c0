"""The slow start of a limiter: its limit doubles each round trip while that helps.

On a server that serves ten requests at once, hundreds of them would only queue.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

import attrs

FIRST_LIMIT = 32
"""Requests at once before anything is known: a burst that no server minds much."""

_SILENCE = 0.5
"""Seconds without any answer after which the limit doubles: the server is only slow."""

_WORTH_IT = 1.6
"""The factor by which twice the limit must bring more answers a second."""


class Limited(Protocol):
    """What a slow start knows of its limiter."""

    maximum: int
    limit: float
    in_flight: int
    handed_out: int

    @property
    def waiting(self) -> int:
        """How many wait for a slot."""
        ...

    @property
    def given_back(self) -> int:
        """How many slots have come back."""
        ...

    def raise_to(self, limit: float) -> None:
        """Raise the limit."""
        ...


@attrs.frozen
class _RoundTrip:
    """A round trip: ends when a newer slot has returned and `limit` slots are back.

    It *began* at that time of the loop; *last* was the number of the newest slot then,
    *limit* and *given_back* were the limiter's. *rate* is the answers per second of the
    round trip before it. Both conditions are needed: where answers overtake each other,
    a newer slot returns far too soon.
    """

    last: int
    limit: float
    given_back: int
    began: float
    rate: float


class SlowStart:
    """Judge each round trip of a limiter that adds one to its limit with each answer.

    It goes on as long as twice the limit brings more answers a second; where it does
    not, requests only wait for longer. The first overloaded answer ends it.
    """

    def __init__(self, limiter: Limited) -> None:
        self._limiter = limiter
        self._trip: _RoundTrip | None = None
        self._silence: asyncio.TimerHandle | None = None
        self._is_over = False

    def last_useful_limit(self, slot_number: int) -> float | None:
        """The limit to go back to once growth no longer helps; None to go on.

        Call it for each good answer, with the number of the slot that comes back.
        """
        limiter, before, rate = self._limiter, self._trip, 0.0
        # 1. Too few requests are in flight to learn anything about the limit.
        if not limiter.waiting and limiter.in_flight < limiter.limit / 2:
            self._trip = None
            return None
        # 2. The round trip goes on.
        answers = limiter.given_back - (before.given_back if before else 0)
        if before and (slot_number <= before.last or answers < before.limit):
            return None
        now = asyncio.get_running_loop().time()
        if before:
            rate = answers / max(now - before.began, 1e-9)
            # 3. It has ended, and brought hardly more than the one before it.
            if rate < before.rate * _WORTH_IT:
                self.end()
                return before.limit
        # 4. It has ended, and was worth it: the next one begins.
        self._trip = _RoundTrip(
            limiter.handed_out, limiter.limit, limiter.given_back, now, rate
        )
        return None

    def end(self) -> None:
        """Stop judging round trips, and cancel the timer."""
        self._is_over = True
        self.rest()

    def rest(self) -> None:
        """Cancel the timer; the next that waits starts another one."""
        if self._silence is not None:
            self._silence.cancel()
            self._silence = None

    def listen(self) -> None:
        """Start the timer that doubles the limit if no slot comes back meanwhile."""
        if self._silence is None:
            self._listen(self._limiter.given_back)

    def _listen(self, given_back: int) -> None:
        if self._limiter.limit < self._limiter.maximum:
            loop = asyncio.get_running_loop()
            self._silence = loop.call_later(_SILENCE, self._heard, given_back)

    def _heard(self, before: int) -> None:
        """Double the limit if nothing came back: slow is not overloaded."""
        self._silence = None
        # Read first: a slot that `raise_to` hands on is in flight at once, but counted
        # as handed out only when its waiter runs.
        limiter, given_back = self._limiter, self._limiter.given_back
        # Only before the first round trip: after it, a pause says nothing.
        if self._trip is None and given_back == before:
            limiter.raise_to(limiter.limit * 2)
        if limiter.waiting and not self._is_over:
            self._listen(given_back)
