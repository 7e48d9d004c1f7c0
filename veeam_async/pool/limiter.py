"""The limit on requests in flight, lowered while the server is overloaded."""

from __future__ import annotations

import asyncio
import copy
from collections import deque
from contextlib import suppress
from typing import TypeAlias

from veeam_async.errors import is_overload, is_refusal
from veeam_async.pool.slow_start import FIRST_LIMIT, SlowStart

Slot: TypeAlias = tuple[int, bool]
"""The right to have one request in flight: its number, from 1, and whether it was the
last one free. A plain pair is the cheapest, and each request needs one.
"""


class Limiter:
    """Hand out slots in the order they were asked for.

    Additive increase, multiplicative decrease: an overloaded answer (429, 503, a
    time-out) halves the limit, once for all the requests that were in flight together;
    each round trip of good answers at the limit adds one, up to *maximum*. Until the
    first overloaded answer it doubles with each round trip instead: see `SlowStart`.
    """

    def __init__(self, maximum: int) -> None:
        if maximum < 1:
            raise ValueError("at least one connection is needed")
        self.maximum = maximum
        self.limit: float = float(min(maximum, FIRST_LIMIT))
        self.in_flight: int = 0
        self.handed_out: int = 0
        self._halved_at = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._slow_start = SlowStart(self) if self.limit < maximum else None

    @property
    def waiting(self) -> int:
        """How many wait for a slot."""
        return len(self._waiting)

    @property
    def given_back(self) -> int:
        """How many slots have come back, whatever became of their requests."""
        return self.handed_out - self.in_flight

    def take(self) -> Slot | None:
        """Take a slot without waiting, None while there is none."""
        if self._waiting or self.in_flight + 1 > self.limit:
            return None
        self.in_flight += 1
        self.handed_out += 1
        return self.handed_out, self.in_flight + 1 > self.limit

    async def acquire(self) -> Slot:
        """Wait for a slot; hand it back with `release`."""
        slot = self.take()
        if slot is None:
            await self._turn()
            self.handed_out += 1
            slot = self.handed_out, self.in_flight + 1 > self.limit
        return slot

    @property
    def is_settled(self) -> bool:
        """A good answer's slot may serve the next request of who has it.

        False where others wait, or the limit still moves.
        """
        return (
            self.limit >= self.maximum
            and self._slow_start is None
            and not self._waiting
        )

    def renew(self) -> Slot:
        """Hand a slot back after a good answer, and take another one, in one step."""
        self.handed_out += 1
        return self.handed_out, self.in_flight + 1 > self.limit

    def release(self, slot: Slot, outcome: object) -> None:
        """Hand *slot* back; *outcome* is the answer, an error, None for neither."""
        # 1. A good answer, or a server that refused this one request: it has time.
        if not isinstance(outcome, Exception) or is_refusal(outcome):
            # A slow start still judges the round trip in which it reaches the maximum.
            is_growing = self.limit < self.maximum or self._slow_start is not None
            if outcome is not None and is_growing:
                self._grow(slot)
        # 2. The server has too much to do. Other failures say nothing of its load.
        elif is_overload(outcome):
            self._halve(slot)
        self.in_flight -= 1
        if self._waiting:
            self._hand_on()

    def raise_to(self, limit: float) -> None:
        """Raise the limit, up to the maximum, and let those who wait have the slots."""
        self.limit = min(float(self.maximum), limit)
        self._hand_on()

    def _grow(self, slot: Slot) -> None:
        """Raise the limit a little, if it is what holds requests back.

        A slow start adds 1 for each answer, which doubles the limit in a round trip;
        after it each answer adds 1/limit, which makes 1 in a round trip.
        """
        start = self._slow_start
        if start is not None and (useful := start.last_useful_limit(slot[0])):
            self._slow_start, start, self.limit = None, None, useful
        if start is not None:
            step = 1.0 if self._waiting else 0.0
        else:
            step = 1 / self.limit if slot[1] else 0.0
        self.limit = min(float(self.maximum), self.limit + step)

    def _halve(self, slot: Slot) -> None:
        """Halve, unless the request began before the last halving took effect."""
        if self._slow_start is not None:
            self._slow_start.end()
            self._slow_start = None
        if slot[0] > self._halved_at:
            self.limit = max(1.0, self.limit / 2)
            self._halved_at = self.handed_out

    # ------------------------------------------------------------ who waits

    def refuse(self, error: Exception) -> None:
        """Fail all who wait for a slot with copies of *error*."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                # A shared one would gather the tracebacks of all of them.
                turn.set_exception(copy.copy(error))

    def rest(self) -> None:
        """Stop judging until the next request, which may come in another loop."""
        if self._slow_start is not None:
            self._slow_start.rest()

    async def _turn(self) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        if self._slow_start is not None:
            self._slow_start.listen()
        try:
            await turn
        except asyncio.CancelledError:
            self._give_up(turn)
            raise

    def _give_up(self, turn: asyncio.Future[None]) -> None:
        if turn.cancelled():
            with suppress(ValueError):
                self._waiting.remove(turn)
        # What came in the same moment as the cancellation was an error, or its slot:
        # then the next one has it.
        elif turn.exception() is None:
            self.in_flight -= 1
            self._hand_on()

    def _hand_on(self) -> None:
        while self._waiting and self.in_flight + 1 <= self.limit:
            turn = self._waiting.popleft()
            if not turn.done():
                self.in_flight += 1
                turn.set_result(None)
