"""Poll many sessions by a list: one query at a time, for all who asked meanwhile."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Generic, TypeVar
from uuid import UUID

from veeam_async.clock import Clock
from veeam_async.errors import (
    BadRequest,
    VeeamError,
    is_fault,
    is_unsupported,
)
from veeam_async.ids import ends_in_uuid
from veeam_async.models import Page, Session
from veeam_async.pager import Pager
from veeam_async.watch.polling.by_get import GetPoller
from veeam_async.watch.polling.by_reference import ReferencePoller
from veeam_async.watch.polling.fan_out import FanOut
from veeam_async.watch.polling.request import PollRequest, PollSource, TaskSet
from veeam_async.watch.tracker.watermark import Watermark

S = TypeVar("S", bound=Session)

_LOG = logging.getLogger(__name__)

_AT_ONCE = 4
"""Pages asked for at once: the server sorts and selects anew for each of them."""

_FAULTS = 3
"""Lists in a row that failed by a 500, after which queries that have worked count as
refused."""

_MOST_GETS = 20
"""Rows of a list that are got by themselves, since they cannot be read there."""


class QueryPoller(Generic[S]):
    """List what is wanted; *by_get* looks at what is in no row that can be read.

    Where the server refuses queries (*is_refused*), GETs and *by_reference* stand in
    for them, for good. *pages* is how many the last list had, of those without a
    filter; None before the first.
    """

    def __init__(
        self,
        source: PollSource[S],
        *,
        by_get: GetPoller[S],
        by_reference: ReferencePoller[S],
        clock: Clock,
    ) -> None:
        self._source = source
        self._by_get = by_get
        self._by_reference = by_reference
        self._clock = clock
        self._waiting: list[PollRequest[S]] = []
        self._tasks: TaskSet[S] = TaskSet(self._start)
        self._mark = Watermark()
        self._ids: dict[str, UUID] = {}
        self._faults = 0
        self._has_worked = False
        self._has_warned = False
        self.is_refused = False
        self.pages: int | None = None

    def want(self, requests: Iterable[PollRequest[S]]) -> None:
        """List what these requests ask for, after the list that is under way."""
        self._waiting += requests
        self._start()

    def cancel_unwanted(self) -> set[asyncio.Task[None]]:
        """Cancel what nobody waits for; returns the tasks that are ending."""
        self._waiting = [each for each in self._waiting if not each.is_over]
        return self._tasks.cancel_unwanted()

    def _start(self) -> None:
        if self._waiting and not len(self._tasks):
            # One list at a time: the server sorts all its sessions for each.
            where = self._waiting[0].where
            now = [each for each in self._waiting if each.where == where]
            self._waiting = [each for each in self._waiting if each.where != where]
            self._tasks.spawn(self._look(where, now), now)

    async def _look(
        self, where: str | None, requests: Sequence[PollRequest[S]]
    ) -> None:
        fan_out = FanOut(requests, self._clock.monotonic())
        if where is None and self.is_refused:
            self._do_without(fan_out)  # refused while these requests waited
            return
        try:
            await self._get_unreadable(await self._read(where, fan_out), fan_out)
        except VeeamError as error:
            self._fail(error, fan_out, where)
        else:
            self._faults = 0
            self._get_open(fan_out, unlisted=True)
            fan_out.complete(self._clock.moment())

    # ------------------------------------------------------------ what failed

    def _fail(self, error: VeeamError, fan_out: FanOut[S], where: str | None) -> None:
        # 1. No later look can mend it, or none with this filter: the watches end.
        if self._source.is_fatal(error) or (where is not None and self._is_vain(error)):
            raise error
        # 2. The server takes no queries at all: other ways stand in for them. Not for
        #    those with a filter, since nothing else could tell what it selects.
        if where is None and self._is_refusal(error):
            _LOG.warning("queries are refused, a GET for each from now: %s", error)
            self.is_refused = True
            self._do_without(fan_out)
            return
        # 3. It may pass: the trackers look again later.
        _LOG.debug("a list failed: %s", type(error).__name__)
        fan_out.fail(error, self._clock.moment(), self._clock.random())

    def _do_without(self, fan_out: FanOut[S]) -> None:
        self._get_open(fan_out, unlisted=False)
        if fan_out.discoverers:
            self._by_reference.want(fan_out.discoverers)

    def _is_vain(self, error: VeeamError) -> bool:
        """Whether a query with a filter can never succeed after this error."""
        if isinstance(error, BadRequest):
            return True
        return is_unsupported(error) and not self._has_worked

    def _is_refusal(self, error: VeeamError) -> bool:
        if is_fault(error):
            self._faults += 1
            return not self._has_worked or self._faults >= _FAULTS
        return is_unsupported(error)

    def _get_open(self, fan_out: FanOut[S], *, unlisted: bool) -> None:
        for session_id, requests in fan_out.open.items():
            self._by_get.want(session_id, requests, unlisted=unlisted)
        self._by_get.start()

    # ------------------------------------------------------------ the pages

    async def _read(self, where: str | None, fan_out: FanOut[S]) -> set[UUID]:
        """Read the list; returns the ids of the rows that cannot be read."""
        since = await self._since(where, fan_out)
        unreadable: set[UUID] = set()
        fetch = partial(self._fetch, fan_out, where, since, unreadable)
        ids: dict[str, UUID] = {}
        pager = Pager(fetch, partial(_new_rows, ids, self._ids))
        read = partial(self._read_page, pager, where, fan_out)
        await read()
        self._has_worked = True
        if where is None:
            self.pages = pager.pages
        # The first page told how many there are; GETs may be cheaper than the rest.
        if fan_out.is_worth(pager.pages):
            await _read_rest(pager, read)
        self._ids = ids
        return unreadable

    async def _fetch(
        self,
        fan_out: FanOut[S],
        where: str | None,
        since: datetime | None,
        unreadable: set[UUID],
        number: int,
    ) -> Page[S]:
        fan_out.count()
        page = await self._source.page(where, since, number)
        if page.unreadable:
            unreadable.update(row.id for row in page.unreadable if row.id)
            self._warn(page)
        return page

    def _warn(self, page: Page[S]) -> None:
        """Log once that a list has rows that cannot be read: each look has them."""
        if not self._has_warned:
            first = page.unreadable[0]
            who = first.uid or "a row of no readable UID"
            _LOG.warning(
                "lists have rows that cannot be read: %s: %s", who, first.reason
            )
        self._has_warned = True

    async def _get_unreadable(self, ids: Iterable[UUID], fan_out: FanOut[S]) -> None:
        """Get the rows of a look at everything that could not be read in the list.

        What was asked for by its id is got like all that is in no row.
        """
        if not fan_out.discoverers:
            return
        new = [each for each in ids if each not in fan_out.open]
        for session_id in new[:_MOST_GETS]:
            asked_at = self._clock.monotonic()
            fan_out.count()
            try:
                session = await self._source.get(session_id)
            except VeeamError as error:
                if self._source.is_fatal(error):
                    raise
                _LOG.debug("%s cannot be read: %s", session_id, type(error).__name__)
            else:
                row = [(session_id, session)]
                fan_out.deliver(row, asked_at, self._clock.moment())

    async def _read_page(
        self,
        pager: Pager[S, tuple[UUID, S]],
        where: str | None,
        fan_out: FanOut[S],
    ) -> None:
        asked_at = self._clock.monotonic()
        rows = await pager.read()
        if where is None:
            self._mark.see_all(row for _, row in rows)
        fan_out.deliver(rows, asked_at, self._clock.moment())

    async def _since(self, where: str | None, fan_out: FanOut[S]) -> datetime | None:
        """The earliest time that a request asks from, None where none does."""
        # The mark of all sessions says nothing about those that a filter selects.
        known = self._mark.since() if where is None else None
        times = [await self._start_of(each, fan_out) for each in fan_out.discoverers]
        if known is not None:
            times.append(known)
        return min(times, default=None)

    async def _start_of(self, request: PollRequest[S], fan_out: FanOut[S]) -> datetime:
        scope = request.due.scope
        assert scope is not None  # noqa: S101 - that makes it a discoverer
        if scope.since is not None:
            return scope.since
        fan_out.count()
        return scope.start(await self._source.newest(scope.where))


async def _read_rest(
    pager: Pager[S, tuple[UUID, S]], read: Callable[[], Awaitable[None]]
) -> None:
    """Read the pages after the first, some at once; raises what one of them met."""

    async def read_on() -> None:
        while pager.has_more:
            await read()

    readers = [asyncio.create_task(read_on()) for _ in range(min(_AT_ONCE, pager.left))]
    if not readers:
        return
    try:
        await asyncio.gather(*readers)
    finally:
        for reader in readers:
            reader.cancel()
        await asyncio.wait(readers)


def _new_rows(
    ids: dict[str, UUID], before: Mapping[str, UUID], rows: Sequence[S]
) -> list[tuple[UUID, S]]:
    """The rows that no earlier page had, by their ids, which are noted in *ids*.

    *before* are the ids of the previous list: to parse a UUID from each of ten thousand
    UIDs anew would take longer than all else. A UID without a UUID is left out, since
    no event could name it.
    """
    new = []
    for row in rows:
        uid = row.uid
        if uid in ids:
            continue
        session_id = before.get(uid)
        if session_id is None:
            if not ends_in_uuid(uid):
                continue
            session_id = row.id
        ids[uid] = session_id
        new.append((session_id, row))
    return new
