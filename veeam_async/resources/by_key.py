"""Reading a query by key: on from the last time of creation, not by page number.

Rows that vanish, move or are created meanwhile move others to another page, but give
them no other time of creation. So each request asks for what was created since the last
row that came, cut to the whole second, and passes over what came already. Two things
must show on each page for that to be sound: it is in ascending order and begins at the
second that was asked for, or later with a row that came already: there is no gap then.

Each page tells how many rows there are at least from its second on. It ends where as
many came; a page that ends it sooner is not believed, and pages are read by number.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import pairwise, takewhile
from typing import Any, Generic, TypeVar

import attrs

from veeam_async.errors import ApiError, BodyTooLarge
from veeam_async.models import Identified, Page
from veeam_async.resources.by_number import ByNumber
from veeam_async.resources.pages import Pages
from veeam_async.resources.promise import last_page, least, length, width
from veeam_async.resources.terms import second_of

E = TypeVar("E", bound=Identified)

_LARGEST = 8192
"""Rows to which a page grows, where it holds those of one second alone."""

_RESTARTS = 2
"""Times that it begins anew, where nothing of what came last is there any more."""

_REFUSED = (400, 414, 431, 500, 501)
"""What answers a condition or a page size that a server does not take."""

_STALE_PAGES = 3
"""Pages in a row without a new row, after which the server does not go on by key."""


@attrs.frozen
class _Key:
    """A second to go on *since*, and how many rows came *before* it."""

    since: datetime
    before: int


class ByKey(Generic[E]):
    """Reads *pages*, which are ordered by creation time, from key to key.

    A server that does not do what a key needs is read by page numbers. So is a single
    second that holds more rows than the server gives on one page.
    """

    def __init__(self, pages: Pages[E]) -> None:
        self._pages = pages
        self._size = pages.size
        self._key: _Key | None = None
        self._earlier: _Key | None = None
        self._first: Page[E] | None = None
        self._stale = 0
        self._restarts = 0
        self._by_number: ByNumber[E] | None = None
        self._second: ByNumber[E] | None = None
        self._is_done = False

    @property
    def is_over(self) -> bool:
        """True once everything was read."""
        if self._by_number is not None:
            return self._by_number.is_over
        return self._is_done

    async def read(self) -> list[E]:
        """The new rows of the next page; raises what asking for it raises."""
        if self._by_number is not None:
            return await self._by_number.read()
        if self._key is None:
            return await self._read_first()
        if self._second is not None:
            return await self._read_second(self._second, self._key)
        return await self._read_on(self._key)

    async def _read_first(self) -> list[E]:
        page = await self._pages.ask(1)
        is_last = last_page(page, 1) == 1
        if not is_last and not _is_ascending(page.rows):
            return self._go_over(page)
        new = self._pages.take(page, 1, comes_again=not is_last)
        if is_last:
            self._end(length(page))
        else:
            self._first = page
            self._pages.expect(least(page, self._pages.size))
            self._advance(page, 0)
        return new

    async def _read_on(self, key: _Key) -> list[E]:
        since = key.since
        try:
            page = await self._pages.ask(1, size=self._size, since=since)
        except (ApiError, BodyTooLarge) as error:
            self._refused(error, key)
            return []
        first, self._first = self._first, None
        # 1. It takes the condition for another one, or sorts otherwise.
        if not _is_ascending(page.rows, since):
            return self._go_over(first)
        # 2. There may be a gap before its first row: what came there has vanished.
        if not self._follows(page, since):
            self._step_back(since)
            return []
        self._pages.expect(key.before + least(page, self._size))
        may_go_on = self._may_go_on(page)
        new = self._pages.take(page, 1, since, comes_again=may_go_on)
        self._stale = 0 if new else self._stale + 1
        # 3. It is the last one, it goes on, or the second is larger than the page.
        if not may_go_on or self._has_all(page):
            self._end(key.before + length(page))
        elif second_of(_time(page.rows[-1])) > since:
            self._advance(page, key.before)
        else:
            self._grow(page, key)
        return new

    def _may_go_on(self, page: Page[E]) -> bool:
        """True unless *page* is the last, which a full one may say wrongly."""
        return length(page) >= self._pages.full or last_page(page, 1) > 1

    def _has_all(self, page: Page[E]) -> bool:
        """True where *page* says that it is the last, and as much as possible came."""
        return last_page(page, 1) == 1 and self._pages.came >= self._pages.most

    def _follows(self, page: Page[E], since: datetime) -> bool:
        """True where there is no gap before *page*."""
        if not page.rows:
            return False
        begins = second_of(_time(page.rows[0])) == since
        return begins or self._pages.overlaps(page)

    def _refused(self, error: ApiError | BodyTooLarge, key: _Key) -> None:
        """Do without a larger page, or without the condition."""
        is_refused = isinstance(error, ApiError) and error.status in _REFUSED
        is_larger = self._size > self._pages.size
        if is_larger and (is_refused or isinstance(error, BodyTooLarge)):
            self._second = ByNumber(self._pages, second=key.since, before=key.before)
        elif is_refused:
            self._go_over(self._first)
        else:
            raise error

    def _advance(self, page: Page[E], before: int) -> None:
        """Go on from the last second of *page*, *before* which so many rows came."""
        at_least = self._key.before if self._key is not None else 0
        earliest = second_of(_time(page.rows[0]))
        since = second_of(_time(page.rows[-1]))
        # The rows of that second come again: there must be room for others.
        again = sum(1 for _ in takewhile(_not_before(since), reversed(page.rows)))
        self._key = _Key(since, before + _places_before(page, again))
        self._earlier = _Key(earliest, at_least) if earliest < since else None
        self._size = self._pages.size
        while self._size < min(2 * again, _LARGEST):
            self._size = self._larger(self._size)
        if self._stale >= _STALE_PAGES:
            self._go_over()

    def _grow(self, page: Page[E], key: _Key) -> None:
        """Ask for more rows at a time, or for the second by page numbers."""
        # One that says it is the last is only as wide as it was asked to be.
        given = min(width(page, self._size), length(page))
        if given < self._size or self._size >= _LARGEST:
            self._second = ByNumber(
                self._pages, size=given, second=key.since, before=key.before
            )
        else:
            self._size = self._larger(self._size)

    def _larger(self, size: int) -> int:
        return max(min(2 * size, _LARGEST), self._pages.size)

    def _step_back(self, since: datetime) -> None:
        """Look from an earlier second, or the beginning, what comes again of it."""
        self._size = self._pages.size
        if self._earlier is not None and self._earlier.since < since:
            self._key, self._earlier = self._earlier, None
        elif self._restarts < _RESTARTS:
            self._restarts += 1
            self._key = None
        else:
            self._go_over()

    async def _read_second(self, second: ByNumber[E], key: _Key) -> list[E]:
        """Read on in a second that is larger than a page."""
        try:
            new = await second.read()
        except ApiError as error:
            if error.status not in _REFUSED:
                raise
            return self._go_over(self._first)
        if second.is_over and second.page is not None:
            self._second, self._first, self._stale = None, None, 0
            self._leave(second, second.page, key)
        return new

    def _leave(self, second: ByNumber[E], page: Page[E], key: _Key) -> None:
        """Go on after the *second* of *key*, whose last page is *page*."""
        if second.is_end:
            self._end(second.rows)
        elif _is_ascending(page.rows, key.since):
            here = sum(1 for _ in takewhile(_not_after(key.since), page.rows))
            self._advance(page, second.rows - here - len(page.unreadable))
        else:
            self._go_over()

    def _end(self, rows: int) -> None:
        """End where *rows* are as many as promised, else count by page numbers.

        A row that came, and has vanished, is no substitute for one that is missing.
        """
        self._is_done = rows >= self._pages.least
        if not self._is_done:
            self._go_over()

    def _go_over(self, page: Page[E] | None = None) -> list[E]:
        """Read by page numbers from now on; *page* is the first, if it is new."""
        self._by_number = ByNumber(self._pages)
        return [] if page is None else self._by_number.take(page)


def _is_ascending(rows: Sequence[Any], since: datetime | None = None) -> bool:
    """Whether *rows* were created one after the other, none before *since*.

    By whole seconds: servers differ in whether they keep what is below.
    """
    if not rows:
        return since is not None
    seconds = [second_of(_time(row)) for row in rows]
    is_late = since is None or seconds[0] >= since
    return is_late and all(one <= next_one for one, next_one in pairwise(seconds))


def _places_before(page: Page[Any], again: int) -> int:
    """How many places of *page* are before those of its last rows, *again* of them."""
    places = len(page.rows) - again
    for row in page.unreadable:
        # The one right before them may be of their second.
        if row.index < places:
            places += 1
    return places


def _not_before(since: datetime) -> Callable[[Any], bool]:
    return lambda row: _time(row) >= since


def _not_after(second: datetime) -> Callable[[Any], bool]:
    return lambda row: second_of(_time(row)) <= second


def _time(row: Any) -> datetime:
    """The time of creation of a *row*, which has one: it is ordered by that."""
    time: datetime = row.creation_time
    return time
