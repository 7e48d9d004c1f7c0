"""How many requests may be in flight: at most so many, fewer while the server sheds."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from typing import TypeAlias

import attrs

from veeam_async.errors import is_overload, is_refusal

_START = 32
"""How many at once before anything is known: a burst that no server minds much."""

_SILENCE = 0.5
"""Seconds without any answer after which a start asks for more: it is only slow."""

_WORTH_IT = 1.6
"""By how much a round trip of twice the limit must bring more answers a second."""

Slot: TypeAlias = tuple[int, bool]
"""The right to have one request in flight: its number, and whether it was the last.

A plain pair, since there is one for each request.
"""


@attrs.frozen
class _Round:
    """A round trip of a start: until a slot after *last* and *limit* slots came back.

    When it *began* the *limit* was this, and so many slots had been *given_back*; the
    one before it brought so many answers a second (*rate*). Where answers overtake each
    other the first slot after *last* alone would end it far too soon.
    """

    last: int
    limit: float
    given_back: int
    began: float
    rate: float


class Slots:
    """Hand out slots in the order they were asked for.

    Additive increase, multiplicative decrease: an overloaded answer (429, 503, a
    time-out) halves the limit, once for all the requests that were in flight together;
    each round trip of good answers at the limit adds one, up to *most*. Until the first
    such answer a round trip doubles the limit, which starts at 32: hundreds of requests
    at once would be wasted on a server that can serve ten. It doubles as long as that
    brings more answers a second; where it does not, they only wait for longer.
    """

    def __init__(self, most: int) -> None:
        if most < 1:
            raise ValueError("at least one connection is needed")
        self.most = most
        self.limit = float(min(most, _START))
        self.in_flight = 0
        self._is_starting = self.limit < most
        self._round: _Round | None = None
        self._silence: asyncio.TimerHandle | None = None
        self._handed_out = 0
        self._halved_at = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    def take(self) -> Slot | None:
        """Give a slot without waiting, None while there is none."""
        if self._waiting or self.in_flight + 1 > self.limit:
            return None
        self.in_flight += 1
        self._handed_out += 1
        return self._handed_out, self.in_flight + 1 > self.limit

    async def acquire(self) -> Slot:
        """Wait for a slot; hand it back with `release`."""
        slot = self.take()
        if slot is None:
            await self._turn()
            self._handed_out += 1
            slot = self._handed_out, self.in_flight + 1 > self.limit
        return slot

    def release(self, slot: Slot, outcome: object) -> None:
        """Hand *slot* back; *outcome* is the answer, an error, None for neither."""
        if not isinstance(outcome, Exception) or is_refusal(outcome):
            # The round trip in which a start comes to the most is judged as well.
            if outcome is not None and (self.limit < self.most or self._is_starting):
                self._grow(slot)
        elif is_overload(outcome):
            self._halve(slot)
        self.in_flight -= 1
        if self._waiting:
            self._hand_on()

    def _grow(self, slot: Slot) -> None:
        """Grow by one in a round trip, while the limit is what holds requests back."""
        if self._is_starting:
            self._judge(slot)
        if self._is_starting:
            step = 1.0 if self._waiting else 0.0
        else:
            step = 1 / self.limit if slot[1] else 0.0
        self.limit = min(float(self.most), self.limit + step)

    def _judge(self, slot: Slot) -> None:
        """Begin a round trip where one has ended, unless it was of no use."""
        if not self._waiting and self.in_flight < self.limit / 2:
            self._round = None  # who asks for less than the limit tells nothing of it
            return
        before, rate = self._round, 0.0
        answers = self._given_back - (before.given_back if before else 0)
        if before is not None and (slot[0] <= before.last or answers < before.limit):
            return
        now = asyncio.get_running_loop().time()
        if before is not None:
            rate = answers / max(now - before.began, 1e-9)
            if rate < before.rate * _WORTH_IT:
                self._is_starting, self.limit = False, before.limit
                return
        self._round = _Round(self._handed_out, self.limit, self._given_back, now, rate)

    def _halve(self, slot: Slot) -> None:
        """Halve, unless the request began before the last halving took effect."""
        self._is_starting = False
        if slot[0] > self._halved_at:
            self.limit = max(1.0, self.limit / 2)
            self._halved_at = self._handed_out

    async def _turn(self) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        if self._silence is None and self._is_starting and self.limit < self.most:
            self._listen(self._given_back)
        try:
            await turn
        except asyncio.CancelledError:
            self._give_up(turn)
            raise

    def _listen(self, before: int) -> None:
        """See after a while whether more than *before* have been given back."""
        loop = asyncio.get_running_loop()
        self._silence = loop.call_later(_SILENCE, self._double, before)

    def _double(self, before: int) -> None:
        """Double where nothing came back: slow is not overloaded."""
        self._silence = None
        given_back = self._given_back
        # Once there are answers a pause says nothing: others stand in between.
        if self._is_starting and self._round is None and given_back == before:
            self.limit = min(float(self.most), self.limit * 2)
            self._hand_on()
        if self._is_starting and self._waiting and self.limit < self.most:
            self._listen(given_back)

    @property
    def _given_back(self) -> int:
        return self._handed_out - self.in_flight

    def _give_up(self, turn: asyncio.Future[None]) -> None:
        if turn.cancelled():
            with suppress(ValueError):
                self._waiting.remove(turn)
        else:
            self.in_flight -= 1
            self._hand_on()

    def _hand_on(self) -> None:
        while self._waiting and self.in_flight + 1 <= self.limit:
            turn = self._waiting.popleft()
            if not turn.done():
                self.in_flight += 1
                turn.set_result(None)
