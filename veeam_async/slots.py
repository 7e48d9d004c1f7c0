"""How many requests may be in flight: at most so many, fewer while the server sheds."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress

import attrs

from veeam_async.errors import ApiError, RequestTimeout

_OVERLOADED = (429, 503)


@attrs.frozen
class Slot:
    """The right to have one request in flight.

    *number* counts the slots handed out; *full*: no further one was free.
    """

    number: int
    full: bool


class Slots:
    """Hand out slots in the order they were asked for.

    Additive increase, multiplicative decrease: an overloaded answer (429, 503, a
    time-out) halves the limit, once for all the requests that were in flight together;
    each round trip of good answers at the limit adds one, up to *most*.
    """

    def __init__(self, most: int) -> None:
        if most < 1:
            raise ValueError("at least one connection is needed")
        self.most = most
        self.limit = float(most)
        self.in_flight = 0
        self._handed_out = 0
        self._halved_at = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def acquire(self) -> Slot:
        """Wait for a slot; hand it back with `release`."""
        if self._waiting or self.in_flight >= int(self.limit):
            await self._turn()
        else:
            self.in_flight += 1
        self._handed_out += 1
        return Slot(self._handed_out, self.in_flight >= int(self.limit))

    def release(self, slot: Slot, outcome: object) -> None:
        """Hand *slot* back; *outcome* is the answer, an error, None for neither."""
        if is_overload(outcome):
            self._halve(slot)
        elif outcome is not None and not isinstance(outcome, Exception):
            self._grow(slot)
        self.in_flight -= 1
        self._hand_on()

    def _grow(self, slot: Slot) -> None:
        """Grow by one in a round trip, while the limit is what holds requests back."""
        if slot.full:
            self.limit = min(float(self.most), self.limit + 1 / self.limit)

    def _halve(self, slot: Slot) -> None:
        """Halve, unless the request began before the last halving took effect."""
        if slot.number > self._halved_at:
            self.limit = max(1.0, self.limit / 2)
            self._halved_at = self._handed_out

    async def _turn(self) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            self._give_up(turn)
            raise

    def _give_up(self, turn: asyncio.Future[None]) -> None:
        if turn.cancelled():
            with suppress(ValueError):
                self._waiting.remove(turn)
        else:
            self.in_flight -= 1
            self._hand_on()

    def _hand_on(self) -> None:
        while self._waiting and self.in_flight < int(self.limit):
            turn = self._waiting.popleft()
            if not turn.done():
                self.in_flight += 1
                turn.set_result(None)


def is_overload(outcome: object) -> bool:
    """Tell whether *outcome* says that the server has too much to do."""
    if isinstance(outcome, RequestTimeout):
        return outcome.sent
    return isinstance(outcome, ApiError) and outcome.status in _OVERLOADED
