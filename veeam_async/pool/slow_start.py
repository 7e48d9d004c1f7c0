"""The slow start of a limiter: doubled with each round trip while that is of use.

Hundreds of requests at once would be wasted on a server that can serve ten.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

import attrs

FIRST_LIMIT = 32
"""How many at once before anything is known: a burst that no server minds much."""

_SILENCE = 0.5
"""Seconds without any answer after which the limit doubles: the server is only slow."""

_WORTH_IT = 1.6
"""By how much a round trip of twice the limit must bring more answers a second."""


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

    When it *began* the *limit* was this, *last* the newest slot, and so many had been
    *given_back*; the one before it brought so many answers a second (*rate*). Where
    answers overtake each other the first newer slot alone would end it far too soon.
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
        """The limit to go back to where growing on is of no use, None where it is.

        Call it for each answer, with the number of the slot that comes back.
        """
        limiter, before, rate = self._limiter, self._trip, 0.0
        # 1. Who asks for less than the limit tells nothing of it.
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
            # 3. It has ended, and brought no more than the one before it.
            if rate < before.rate * _WORTH_IT:
                self.end()
                return before.limit
        # 4. It has ended, and was worth it: the next one begins.
        self._trip = _RoundTrip(
            limiter.handed_out, limiter.limit, limiter.given_back, now, rate
        )
        return None

    def end(self) -> None:
        """Judge and listen no more."""
        self._is_over = True
        if self._silence is not None:
            self._silence.cancel()

    def listen(self) -> None:
        """See after a while whether anything has come back."""
        if self._silence is None:
            self._listen(self._limiter.given_back)

    def _listen(self, given_back: int) -> None:
        if self._limiter.limit < self._limiter.maximum:
            loop = asyncio.get_running_loop()
            self._silence = loop.call_later(_SILENCE, self._heard, given_back)

    def _heard(self, before: int) -> None:
        """Double where nothing came back: slow is not overloaded."""
        self._silence = None
        # Read now: while slots are handed on, the two counts that it is made of differ.
        limiter, given_back = self._limiter, self._limiter.given_back
        # Once there are answers a pause says nothing: others stand in between.
        if self._trip is None and given_back == before:
            limiter.raise_to(limiter.limit * 2)
        if limiter.waiting and not self._is_over:
            self._listen(given_back)
