"""Poll many sessions by a list: one query of a filter at a time, for all who ask."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Generic, TypeAlias, TypeVar
from uuid import UUID

from veeam_async.clock import Clock
from veeam_async.errors import (
    ApiError,
    BadRequest,
    RequestTimeout,
    VeeamError,
    is_fault,
    is_unsupported,
)
from veeam_async.models import Page, Session
from veeam_async.watch.polling.by_get import GetPoller
from veeam_async.watch.polling.by_reference import ReferencePoller
from veeam_async.watch.polling.fan_out import FanOut
from veeam_async.watch.polling.known_ids import KnownIds
from veeam_async.watch.polling.list_outage import TRIED_AT_LAST, ListOutage
from veeam_async.watch.polling.pager import Pager
from veeam_async.watch.polling.request import PollRequest, PollSource, TaskSet
from veeam_async.watch.polling.server_parts import REFUSALS, ServerParts
from veeam_async.watch.tracker.schedule import STAND_IN_AFTER
from veeam_async.watch.tracker.watermark import (
    MOST_PARTS,
    OVERLAP,
    BackupServer,
    Since,
    Watermarks,
    earliest,
    server_of,
)

S = TypeVar("S", bound=Session)
T = TypeVar("T")

Kind: TypeAlias = tuple[str | None, bool]
"""Lists of a filter, and whether they are to show everything, or given sessions."""

Got: TypeAlias = tuple[UUID, S | None, VeeamError | None]
"""A session that was got: the error that was met, or neither where it is missing."""

_LOG = logging.getLogger(__name__)

_AT_ONCE = 4
"""Pages asked for at once: the server sorts and selects anew for each of them."""

_LISTS_AT_ONCE = 4
"""Lists of different filters: a slow one is not to hold up the others."""

_MOST_GETS = 20
"""Rows of a list that are got by themselves, since they cannot be read there."""

_MOST_SERVERS = 60
"""Backup servers that are asked for their newest session, but for those that were: no
longer a filter than one of so many parts as there can be."""

_PROBES = 3
"""Sessions got at first, to learn whether GETs work where lists do not."""

_LOOK_BACK = timedelta(minutes=15)
"""How far a list of given ids goes back, at most, where it is not known how far."""

_SLOWER = 2
"""How many times as long as while lists worked a page may take that is tried again."""

_SLICES = 32
_SPREAD = 0.9
"""GETs that stand in for a list are sent in so many parts over this part of an
interval, since a burst of them is what a list is there to avoid."""


class QueryPoller(Generic[S]):
    """List what is wanted; *by_get* looks at what is in no row that can be read.

    Where lists do not work, GETs and *by_reference* stand in for them until a list
    works again. *pages* is how many the last list had, of those without a filter; None
    before the first.
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
        self._listing: set[str | None] = set()
        self._outages: dict[Kind, ListOutage] = {}
        self._marks = Watermarks()
        self._parts = ServerParts()
        self._ids = KnownIds()
        self._has_worked = False
        self._has_warned = False
        self._longest_page = 0.0
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
        """Begin a list for each filter, as far as there is room."""
        # 1. What lists do not show: those of everything may fail, and others work.
        for kind in dict.fromkeys(map(_kind_of, self._waiting)):
            outage = self._outages.get(kind)
            if outage is not None and self._is_replaced(kind, outage):
                self._stand_in_for(self._taken(kind), kind[0], outage)
        # 2. One list of a filter at a time: the server sorts all its sessions for it.
        for where in dict.fromkeys(each.where for each in self._waiting):
            if where not in self._listing and len(self._listing) < _LISTS_AT_ONCE:
                self._listing.add(where)
                requests = self._taken((where, False), (where, True))
                self._tasks.spawn(self._look(where, requests), requests)

    def _is_replaced(self, kind: Kind, outage: ListOutage) -> bool:
        failed_at = max(self._by_get.failed_at, self._by_reference.failed_at)
        patience = min(
            each.patience for each in self._waiting if _kind_of(each) == kind
        )
        return outage.is_replaced(
            self._clock.monotonic(),
            failed_at=failed_at,
            within=STAND_IN_AFTER * patience,
        )

    def _taken(self, *kinds: Kind) -> list[PollRequest[S]]:
        taken = [each for each in self._waiting if _kind_of(each) in kinds]
        self._waiting = [each for each in self._waiting if _kind_of(each) not in kinds]
        return taken

    def _stand_in_for(
        self,
        requests: Sequence[PollRequest[S]],
        where: str | None,
        outage: ListOutage,
        fan_out: FanOut[S] | None = None,
    ) -> None:
        """Look without a list, beside those of other filters; *fan_out* has begun."""
        fan_out = fan_out or FanOut(requests, self._clock.monotonic())
        self._tasks.spawn(self._stand_in(where, fan_out, outage), requests)

    async def _look(
        self, where: str | None, requests: Sequence[PollRequest[S]]
    ) -> None:
        fan_out = FanOut(requests, self._clock.monotonic())
        try:
            unreadable = await self._read_in_time(where, fan_out)
            await self._get_unreadable(unreadable, fan_out)
        except VeeamError as error:
            self._marks.fail()
            self._fail(error, fan_out, where)
        else:
            self._end_outages(where, fan_out)
            fan_out.list_worked(self._clock.moment())
            self._get_open(fan_out, unlisted=True)
            fan_out.complete(self._clock.moment())
        finally:
            self._listing.discard(where)

    def _end_outages(self, where: str | None, fan_out: FanOut[S]) -> None:
        # A list of everything shows what one of given sessions does.
        for is_whole in {False, bool(fan_out.discoverers)}:
            if self._outages.pop((where, is_whole), None) is not None:
                _LOG.info("lists work again")

    async def _read_in_time(self, where: str | None, fan_out: FanOut[S]) -> set[UUID]:
        """Read the list; raises RequestTimeout where its pages stop coming."""
        kind = where, bool(fan_out.discoverers)
        outage = self._outages.get(kind) or ListOutage()
        within = STAND_IN_AFTER * fan_out.patience
        usual = max(fan_out.interval, min(_SLOWER * self._longest_page, within))

        def left() -> float:
            until = outage.deadline(fan_out.heard_at, usual, within)
            return until - self._clock.monotonic()

        # No task of its own: what a page brings is told only once all of it is noted.
        limit = asyncio.timeout(left())
        try:
            async with limit:
                fan_out.on_page = partial(_extend, limit, left)
                return await self._read(where, fan_out)
        except TimeoutError as error:
            if isinstance(error, VeeamError):
                raise
        raise _stalled(self._clock.monotonic() - fan_out.heard_at)

    # ------------------------------------------------------------ what failed

    def _fail(self, error: VeeamError, fan_out: FanOut[S], where: str | None) -> None:
        # 1. No later look can mend it, or none with this filter: the watches end.
        if self._source.is_fatal(error) or (where is not None and self._is_vain(error)):
            raise error
        # 2. Lists do not work: other ways stand in for them.
        kind = where, bool(fan_out.discoverers)
        outage = self._outages.setdefault(kind, ListOutage())
        was_replaced = outage.tried_at is not None
        within = 0.0 if self._is_refused(error) else STAND_IN_AFTER * fan_out.patience
        now = self._clock.monotonic()
        # With a filter nothing but a list shows new sessions: it is tried again soon.
        longest = TRIED_AT_LAST if where is None else within or fan_out.interval
        since = fan_out.list_failed()
        if outage.fail(since, now, error, within=within, longest=longest):
            if not was_replaced:
                _LOG.warning("lists do not work, a GET for each meanwhile: %s", error)
            self._stand_in_for(fan_out.requests, where, outage, fan_out)
            return
        # 3. It may pass: the trackers look again soon.
        _LOG.debug("a list failed: %s", type(error).__name__)
        at, random = self._clock.moment(), self._clock.random()
        fan_out.fail(error, at, random, outage.again_by(within))

    def _is_vain(self, error: VeeamError) -> bool:
        """Whether a query with a filter can never succeed after this error."""
        if isinstance(error, BadRequest):
            return True
        return is_unsupported(error) and not self._has_worked

    def _is_refused(self, error: VeeamError) -> bool:
        """Whether the server has never answered a query, and does not now."""
        return not self._has_worked and (is_unsupported(error) or is_fault(error))

    async def _stand_in(
        self, where: str | None, fan_out: FanOut[S], outage: ListOutage
    ) -> None:
        """Look at what the list would show by a GET for each, over an interval.

        Where the first of them fail too, the server is away, and all fail with them.
        """
        error = outage.error
        assert error is not None  # noqa: S101 - that is what an outage is
        failure = await self._probe(fan_out, 1 if outage.is_total else _PROBES)
        # One that failed alone, while others are answered, is no sign of that.
        soon = fan_out.asked_at - STAND_IN_AFTER * fan_out.patience
        if failure is not None and self._by_get.worked_at < soon:
            at = self._clock.moment()
            outage.give_up(at.monotonic)
            fan_out.fail(failure, at, self._clock.random())
            return
        at = self._clock.moment()
        outage.stand_in(at.monotonic, self._longest(where, fan_out))
        fan_out.replaced(error, at)
        if fan_out.discoverers and where is None:
            self._by_reference.want(fan_out.discoverers, stands_in=True)
        elif fan_out.discoverers:
            # Nothing else could tell what the filter selects: only new ones are missed.
            fan_out.fail_discovery(error, at, self._clock.random())
        wanted = list(fan_out.open.items())
        size = max(1, -(-len(wanted) // _SLICES))
        pause = _SPREAD * fan_out.interval / _SLICES
        for start in range(0, len(wanted), size):
            if start:
                await self._clock.sleep(pause)
            for session_id, requests in wanted[start : start + size]:
                self._by_get.want(session_id, requests)
            self._by_get.start()

    def _longest(self, where: str | None, fan_out: FanOut[S]) -> float:
        """Seconds after which a list is tried again at the latest."""
        # With a filter nothing but a list shows new sessions: it is tried again soon.
        within = STAND_IN_AFTER * fan_out.patience
        return TRIED_AT_LAST if where is None else within or fan_out.interval

    async def _probe(self, fan_out: FanOut[S], most: int) -> VeeamError | None:
        """Get a session; the error met, None where the server answers.

        One that cannot be read, or whose GET hangs, says nothing about the others: then
        another is got, *most* in all, and the first good answer counts.
        """
        error, asked_at = None, self._clock.monotonic()
        likely = self._by_get.likely(fan_out.open, most)
        under_way: set[asyncio.Task[Got[S]]] = set()
        try:
            while likely or under_way:
                if likely:
                    fan_out.count()
                    probe = asyncio.create_task(self._get(likely.pop(0)))
                    under_way.add(probe)
                patience = fan_out.interval if likely else None
                done, under_way = await asyncio.wait(
                    under_way, timeout=patience, return_when=asyncio.FIRST_COMPLETED
                )
                for session_id, session, error in [each.result() for each in done]:
                    if session is not None:
                        row = [(session_id, session)]
                        fan_out.deliver(row, asked_at, self._clock.moment())
                    # Whether one is missing is found out by those that follow.
                    if error is None:
                        return None
        finally:
            await _ended(under_way)
        return error

    async def _get(self, session_id: UUID) -> Got[S]:
        return session_id, *await self._by_get.look(session_id)

    def _get_open(self, fan_out: FanOut[S], *, unlisted: bool) -> None:
        for session_id, requests in fan_out.open.items():
            self._by_get.want(session_id, requests, unlisted=unlisted)
        self._by_get.start()

    # ------------------------------------------------------------ the pages

    async def _read(self, where: str | None, fan_out: FanOut[S]) -> set[UUID]:
        """Read the list; returns the ids of the rows that cannot be read."""
        since = await self._since(fan_out)
        try:
            return await self._read_since(where, since, fan_out)
        except ApiError as error:
            if not self._parts.is_refused(error, since):
                raise
            flat = self._parts.without(since)
            unreadable = await self._read_since(where, flat, fan_out)
        # Only now is it known that nothing else was wrong with the filter.
        self._parts.refuse()
        return unreadable

    async def _read_since(
        self, where: str | None, since: Since | None, fan_out: FanOut[S]
    ) -> set[UUID]:
        unreadable: set[UUID] = set()
        fetch = partial(self._fetch, fan_out, where, since, unreadable)
        ids = self._ids if where is None else KnownIds(self._ids)
        ids.begin()
        pager = Pager(fetch, ids.new)
        read = partial(self._read_page, pager, where, fan_out)
        await read()
        self._has_worked = True
        if where is None:
            self.pages = pager.pages
        # The first page told how many there are; GETs may be cheaper than the rest.
        if fan_out.is_worth(pager.pages):
            await _read_rest(pager, read)
        self._longest_page = fan_out.longest_page
        if where is None:
            ids.complete()
            self._marks.complete(fan_out.date, self._clock.wall(), _LOOK_BACK)
        return unreadable

    async def _fetch(
        self,
        fan_out: FanOut[S],
        where: str | None,
        since: Since | None,
        unreadable: set[UUID],
        number: int,
    ) -> Page[S]:
        fan_out.count()
        listing = await self._source.page(where, since, number)
        page = listing.page
        if number == 1:
            fan_out.date = listing.date
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
        fan_out.heard_at = self._clock.monotonic()
        fan_out.longest_page = max(fan_out.longest_page, fan_out.heard_at - asked_at)
        fan_out.on_page()
        if where is None:
            self._see_all(rows, is_whole=not fan_out.discoverers)
        fan_out.deliver(rows, asked_at, self._clock.moment())

    def _see_all(self, rows: Sequence[tuple[UUID, S]], *, is_whole: bool) -> None:
        """Note what is new in a list: the times of what runs were noted before.

        Not *is_whole*: each list goes back another while, and shows again what is old.
        """
        is_whole = is_whole and not self._ids.is_empty
        for row, is_known in self._ids.changed(rows):
            self._marks.see(row, is_new=is_whole and not is_known)

    async def _since(self, fan_out: FanOut[S]) -> Since | None:
        """The earliest times that a request asks from, None where none does."""
        times = [await self._start_of(each, fan_out) for each in fan_out.discoverers]
        # Those who look at everything have marks of their own, and these, of all
        # sessions, say nothing about those that a filter selects.
        if len(times) < len(fan_out.requests):
            known = self._marks.since(OVERLAP, _LOOK_BACK)
            times += [] if known is None else [known]
        return self._parts.allowed(earliest(times))

    async def _start_of(self, request: PollRequest[S], fan_out: FanOut[S]) -> Since:
        scope = request.due.scope
        assert scope is not None  # noqa: S101 - that makes it a discoverer
        if scope.since is not None:
            return scope.since
        newest, date = await self._newest(scope.where, fan_out)
        return scope.start(newest, date, self._clock.wall())

    async def _newest(
        self, where: str | None, fan_out: FanOut[S]
    ) -> tuple[list[S], datetime | None]:
        """The newest session of each backup server, and the server's own time."""
        found: list[S] = []
        date: datetime | None = None
        servers: list[BackupServer] = []
        while len(found) <= _MOST_SERVERS:
            fan_out.count()
            try:
                listing = await self._source.newest(where, servers)
            except ApiError as error:
                if not servers or error.status not in REFUSALS:
                    raise
                if len(servers) <= MOST_PARTS:
                    self._parts.refuse()
                break
            date = date or listing.date
            found += listing.page.rows[:1]
            server = server_of(found[-1]) if listing.page.rows else None
            if server is None or server in servers or not self._parts.work:
                break
            servers.append(server)
        return found, date


def _kind_of(request: PollRequest[S]) -> Kind:
    return request.where, request.due.scope is not None


def _extend(limit: asyncio.Timeout, left: Callable[[], float]) -> None:
    if not limit.expired():
        limit.reschedule(asyncio.get_running_loop().time() + left())


def _stalled(seconds: float) -> RequestTimeout:
    return RequestTimeout(f"no page of the list came for {seconds:.0f} s", sent=True)


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
        await _ended(readers)


async def _ended(tasks: Collection[asyncio.Task[T]]) -> None:
    """Cancel those tasks that have not ended, and wait for their end."""
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)
