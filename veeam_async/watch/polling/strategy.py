"""The one place that decides how to look: by a GET for each, or by a list for all.

What all watches of a resource ask for within a moment is answered by one look; each
answer is handed on as it comes. The way to look is chosen by what it costs: from 32
sessions on a page of a hundred rows is cheaper than a GET for each, unless so many
others run that there are more pages than sessions asked for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from itertools import chain
from typing import Generic, TypeVar

from veeam_async.clock import Clock
from veeam_async.models import Session
from veeam_async.watch.polling.by_get import GetPoller
from veeam_async.watch.polling.by_query import QueryPoller
from veeam_async.watch.polling.by_reference import ReferencePoller
from veeam_async.watch.polling.control import ControlPoller
from veeam_async.watch.polling.request import PollRequest, PollSource
from veeam_async.watch.tracker.tracker import Due

S = TypeVar("S", bound=Session)

LIST_FROM = 32
"""Sessions asked for, from which number on a list is worth its cost."""

_COLLECT_SECONDS = 0.002
"""Seconds to collect requests: timers due together fire within less."""

_LONGEST = 20
"""Times that collecting may go on: hundreds of watches wake up one by one."""

_TRUSTED = 10
"""Looks for which a list that had too many pages is not tried again."""


class SharedPoller(Generic[S]):
    """Poll a *source* for all watches of a resource, *concurrency* GETs at once.

    *collect* is for how many seconds to collect what is asked for.
    """

    def __init__(
        self,
        source: PollSource[S],
        *,
        concurrency: int,
        clock: Clock,
        collect: float = _COLLECT_SECONDS,
    ) -> None:
        self._collect_seconds = collect
        self._by_get = GetPoller(source, concurrency=concurrency, clock=clock)
        self._by_reference = ReferencePoller(source, clock=clock)
        self._control = ControlPoller(source, clock=clock)
        self._by_query = QueryPoller(
            source, by_get=self._by_get, by_reference=self._by_reference, clock=clock
        )
        self._collected: list[PollRequest[S]] = []
        self._distrust = _TRUSTED

    async def poll(self, request: PollRequest[S]) -> None:
        """Look, and return once all that was asked for has been delivered.

        Raises what would meet every other look as well.
        """
        self._collected.append(request)
        if len(self._collected) == 1:
            self._collect(1, _LONGEST)
        try:
            await request.done
        except BaseException:
            # Left here, it would keep the next one from being looked for where the
            # loop, and the timer with it, has ended meanwhile.
            with suppress(ValueError):
                self._collected.remove(request)
            # Where all is answered, as after a watch's last event, no task is left.
            if not request.is_answered:
                await self._end_unwanted()
            raise

    def _collect(self, known: int, left: int) -> None:
        """Look after a moment, and later while more requests keep coming."""
        loop = asyncio.get_running_loop()
        loop.call_later(self._collect_seconds, self._set_out_or_wait, known, left)

    def _set_out_or_wait(self, known: int, left: int) -> None:
        if len(self._collected) > known and left > 0:
            self._collect(len(self._collected), left - 1)
        else:
            self._set_out()

    async def _end_unwanted(self) -> None:
        ending = self._by_get.cancel_unwanted() | self._by_query.cancel_unwanted()
        ending |= self._by_reference.cancel_unwanted()
        ending |= self._control.cancel_unwanted()
        if ending:
            await asyncio.wait(ending)

    def _set_out(self) -> None:
        """Look at what was asked for, all of a strategy together."""
        requests = [each for each in self._collected if not each.is_over]
        self._collected = []
        for request in requests:
            for session_id in request.due.confirm:
                self._by_get.want(session_id, [request], unlisted=True)
        if controls := [each for each in requests if each.due.control]:
            self._control.want(controls)
        # With a filter only a query will do: nothing else could tell what it selects.
        if narrowed := [each for each in requests if each.where is not None]:
            self._by_query.want(narrowed)
        others = [each for each in requests if each.where is None]
        for strategy in ("auto", "get", "query"):
            if alike := [each for each in others if each.strategy == strategy]:
                self._look(alike, strategy)
        self._by_get.start()  # only now: what several ask for is got once

    def _look(self, requests: Sequence[PollRequest[S]], strategy: str) -> None:
        if self._is_for_list(strategy, requests):
            self._by_query.want(each for each in requests if _wants_rows(each))
            return
        for request in requests:
            for session_id in request.due.session_ids:
                self._by_get.want(session_id, [request])
        if discoverers := [each for each in requests if each.due.scope]:
            self._by_reference.want(discoverers)

    def _is_for_list(self, strategy: str, requests: Sequence[PollRequest[S]]) -> bool:
        if strategy == "get":
            return False
        if strategy == "query" or any(_needs_list(each.due) for each in requests):
            return True
        wanted = set(chain.from_iterable(each.due.session_ids for each in requests))
        return len(wanted) >= LIST_FROM and self._is_cheap(len(wanted))

    def _is_cheap(self, many: int) -> bool:
        """Whether a list has no more pages than so many ids, as far as is known."""
        if (self._by_query.pages or 1) > many and self._distrust > 0:
            self._distrust -= 1
            return False
        self._distrust = _TRUSTED
        return True


def _needs_list(due: Due) -> bool:
    """True where a list is to be asked for, whatever it costs."""
    return due.scope is not None or due.failing


def _wants_rows(request: PollRequest[S]) -> bool:
    return bool(request.due.session_ids) or request.due.scope is not None
