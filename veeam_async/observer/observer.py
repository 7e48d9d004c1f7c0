"""The one place that decides how to look: by a GET for each, or by a list for all.

What all watches of a resource ask for within a moment is answered by one look; each
answer is handed on as it comes. The way to look is chosen by what it costs: from 32
sessions on a page of a hundred rows is cheaper than a GET for each, unless so many
others run that there are more pages than sessions asked for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from random import random as _random
from typing import Generic, TypeVar

from veeam_async.clock import Moment
from veeam_async.models import Session
from veeam_async.observer.getter import Getter
from veeam_async.observer.lister import Lister
from veeam_async.observer.looks import Looks
from veeam_async.observer.pending import Pending
from veeam_async.observer.roll import Roll
from veeam_async.watch.ask import Ask

S = TypeVar("S", bound=Session)

LIST_FROM = 32
"""Asked-for sessions from which on a list is worth its while."""

_MOMENT = 0.002
"""Seconds for which to collect: timers that are due together fire apart by less."""

_LONGEST = 20
"""Moments that collecting may take: hundreds of watches wake up one after another."""

_TRUSTED = 10
"""For how many looks the cost of the last list is believed, once it was too high."""


class Observer(Generic[S]):
    """Look by *looks*, with at most *concurrency* GETs at once.

    *moment* gives the time on both clocks, *random* numbers in [0, 1), *collect* is for
    how many seconds to collect what is asked for.
    """

    def __init__(
        self,
        looks: Looks[S],
        *,
        concurrency: int,
        moment: Callable[[], Moment],
        random: Callable[[], float] = _random,
        collect: float = _MOMENT,
    ) -> None:
        self._moment = collect
        self._getter = Getter(
            looks, concurrency=concurrency, moment=moment, random=random
        )
        self._lister = Lister(
            looks, self._getter, self._refuse, moment=moment, random=random
        )
        self._roll = Roll(looks, moment=moment, random=random)
        self._asked: list[Pending[S]] = []
        self._refused = False
        self._distrust = _TRUSTED

    async def observe(self, ask: Ask[S]) -> None:
        """Look, and return once all that was asked for has been delivered.

        Raises what would meet every other look as well.
        """
        pending = Pending(ask)
        self._asked.append(pending)
        if len(self._asked) == 1:
            self._collect(1, _LONGEST)
        try:
            await pending.done
        except BaseException:
            await self._end_what_nobody_wants()
            raise

    def _collect(self, known: int, left: int) -> None:
        """Set out after a moment, or a few: as long as more is asked for."""
        loop = asyncio.get_running_loop()
        loop.call_later(self._moment, self._set_out_or_wait, known, left)

    def _set_out_or_wait(self, known: int, left: int) -> None:
        if len(self._asked) > known and left > 0:
            self._collect(len(self._asked), left - 1)
        else:
            self._set_out()

    async def _end_what_nobody_wants(self) -> None:
        ending = self._getter.clear() | self._lister.clear() | self._roll.clear()
        if ending:
            await asyncio.wait(ending)

    def _set_out(self) -> None:
        """Look at what was asked for, all of a strategy together."""
        asked = [each for each in self._asked if not each.is_over]
        self._asked = []
        for pending in asked:
            for one in pending.ask.in_doubt:
                self._getter.want(one, [pending])
        narrowed = [each for each in asked if each.ask.where is not None]
        self._lister.want(narrowed)  # nothing else could tell what its filter selects
        for strategy in ("auto", "get", "query"):
            same = [each for each in asked if each.ask.strategy == strategy]
            self._look([each for each in same if each not in narrowed], strategy)
        self._getter.start()  # only now: what several ask for is got once

    def _look(self, asked: Sequence[Pending[S]], strategy: str) -> None:
        if self._is_for_list(strategy, asked):
            self._lister.want(each for each in asked if _wants_rows(each))
        else:
            for pending in asked:
                for one in pending.ask.ids:
                    self._getter.want(one, [pending])
            self._roll.want([each for each in asked if each.ask.scope is not None])

    def _is_for_list(self, strategy: str, asked: Sequence[Pending[S]]) -> bool:
        if self._refused or strategy == "get":
            return False
        if strategy == "query" or any(each.ask.scope for each in asked):
            return True
        many = len({one for each in asked for one in each.ask.ids})
        return many >= LIST_FROM and self._is_cheap(many)

    def _is_cheap(self, many: int) -> bool:
        """Tell whether a list has no more pages than *many*, as far as is known."""
        if (self._lister.pages or 1) > many and self._distrust > 0:
            self._distrust -= 1
            return False
        self._distrust = _TRUSTED
        return True

    def _refuse(self, watchers: Sequence[Pending[S]]) -> None:
        """Look otherwise from now on: the server takes no queries."""
        self._refused = True
        self._roll.want(watchers)


def _wants_rows(pending: Pending[S]) -> bool:
    return bool(pending.ask.ids) or pending.ask.scope is not None
