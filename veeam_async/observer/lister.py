"""Look at many sessions by a list: one query at a time, for all who asked meanwhile."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Generic, TypeVar
from uuid import UUID

from veeam_async.clock import Moment
from veeam_async.errors import (
    BadRequest,
    VeeamError,
    is_fault,
    is_of_rows,
    is_unsupported,
)
from veeam_async.models import Page, Session
from veeam_async.observer.errands import Errands
from veeam_async.observer.getter import Getter
from veeam_async.observer.looks import Looks
from veeam_async.observer.pending import Pending
from veeam_async.observer.round import Round
from veeam_async.observer.sweep import Seen, Sweep
from veeam_async.tracker.watermark import Watermark

S = TypeVar("S", bound=Session)

_LOG = logging.getLogger(__name__)

_FAULTS = 3
"""After so many in a row a 500 is no fault that passes, once queries have worked; nor
is a row that cannot be read, which hides all the others."""


class Lister(Generic[S]):
    """List what is wanted; *getter* gets what is in no row.

    *refuse* is told where the server refuses queries, with those who asked for
    everything. *pages* is how many the last list had, of those without a filter.
    """

    def __init__(
        self,
        looks: Looks[S],
        getter: Getter[S],
        refuse: Callable[[Sequence[Pending[S]]], None],
        *,
        moment: Callable[[], Moment],
        random: Callable[[], float],
    ) -> None:
        self._looks = looks
        self._getter = getter
        self._refuse = refuse
        self._moment = moment
        self._random = random
        self._waiting: list[Pending[S]] = []
        self._errands: Errands[S] = Errands(self._start)
        self._mark = Watermark()
        self._ids: dict[str, UUID] = {}
        self._faults = 0
        self._refused = False
        self._has_worked = False
        self.pages: int | None = None

    def want(self, pendings: Iterable[Pending[S]]) -> None:
        """List what they ask for, after the list that is under way."""
        self._waiting += pendings
        self._start()

    def clear(self) -> set[asyncio.Task[None]]:
        """Cancel what nobody waits for any more; give what is ending."""
        self._waiting = [each for each in self._waiting if not each.is_over]
        return self._errands.clear()

    def _start(self) -> None:
        if self._waiting and not len(self._errands):
            where = self._waiting[0].ask.where
            now = [each for each in self._waiting if each.ask.where == where]
            self._waiting = [each for each in self._waiting if each.ask.where != where]
            self._errands.spawn(self._look(where, now), now)

    async def _look(self, where: str | None, by: Sequence[Pending[S]]) -> None:
        of = Round(by, self._moment().monotonic)
        if where is None and self._refused:
            self._do_without(of)  # it waited while that was found out
            return
        try:
            await self._read(where, of)
        except VeeamError as error:
            self._fail(error, of, where)
        else:
            self._faults = 0
            self._get_open(of, stray=True)
            of.sweep(self._moment())

    def _fail(self, error: VeeamError, of: Round[S], where: str | None) -> None:
        if self._looks.is_fatal(error) or (where is not None and self._is_vain(error)):
            raise error
        if where is None and self._is_refusal(error):
            _LOG.warning(
                "queries are refused or unreadable, a GET for each from now: %s", error
            )
            self._refused = True
            self._do_without(of)
            return
        _LOG.debug("a list failed: %s", type(error).__name__)
        of.fail(error, self._moment(), self._random())

    def _do_without(self, of: Round[S]) -> None:
        self._get_open(of, stray=False)
        self._refuse(of.watchers)

    def _is_vain(self, error: VeeamError) -> bool:
        """Tell whether a filter that met *error* will never be answered."""
        if isinstance(error, BadRequest):
            return True
        return is_unsupported(error) and not self._has_worked

    def _is_refusal(self, error: VeeamError) -> bool:
        if is_fault(error) or is_of_rows(error):
            self._faults += 1
            is_first = is_fault(error) and not self._has_worked
            return is_first or self._faults >= _FAULTS
        return is_unsupported(error)

    def _get_open(self, of: Round[S], *, stray: bool) -> None:
        for one, pendings in of.open.items():
            self._getter.want(one, pendings, stray=stray)
        self._getter.start()

    async def _read(self, where: str | None, of: Round[S]) -> None:
        since = await self._since(where, of)

        async def turn(number: int) -> Page[S]:
            of.count()
            return await self._looks.page(where, since, number)

        def see(seen: Seen[S]) -> None:
            if where is None:
                self._mark.see_all(row for _, row in seen.rows)
            of.see(seen)

        sweep = Sweep(turn, see, self._moment, self._ids)
        await sweep.begin()
        self._has_worked = True
        if where is None:
            self.pages = sweep.pages
        if of.is_worth(sweep.pages):
            await sweep.go_on()
        self._ids = sweep.ids

    async def _since(self, where: str | None, of: Round[S]) -> datetime | None:
        """Give the earliest time that anybody asks from, None where nobody does."""
        known = self._mark.since() if where is None else None
        times = [await self._start_of(watcher, of) for watcher in of.watchers]
        if known is not None:
            times.append(known)
        return min(times, default=None)

    async def _start_of(self, watcher: Pending[S], of: Round[S]) -> datetime:
        scope = watcher.ask.scope
        assert scope is not None  # noqa: S101 - that makes it a watcher
        if scope.since is not None:
            return scope.since
        of.count()
        return scope.start(await self._looks.newest(scope.where))
