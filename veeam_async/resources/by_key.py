"""Reading a query by key: on from the last time of creation, not by page number.

Rows that vanish, move or are created meanwhile move others to another page, but give
them no other time of creation. So each request asks for what was created since the last
row that came, cut to the whole second, and passes over what came already. Two things
must show on each page for that to be sound: it is in ascending order and begins at the
second that was asked for, or later with a row that came already: there is no gap then.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import pairwise, takewhile
from typing import Any, Generic, TypeVar

from veeam_async.errors import ApiError, BodyTooLarge
from veeam_async.models import Identified, Page
from veeam_async.resources.by_number import ByNumber
from veeam_async.resources.pages import Pages
from veeam_async.resources.promise import last_page, width
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


class ByKey(Generic[E]):
    """Reads *pages*, which are ordered by creation time, from key to key.

    A server that does not do what a key needs is read by page numbers. So is a single
    second that holds more rows than the server gives on one page.
    """

    def __init__(self, pages: Pages[E]) -> None:
        self._pages = pages
        self._size = pages.size
        self._since: datetime | None = None
        self._earlier: datetime | None = None
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
        if self._second is not None:
            return await self._read_second(self._second)
        if self._since is None:
            return await self._read_first()
        return await self._read_on(self._since)

    async def _read_first(self) -> list[E]:
        page = await self._pages.ask(1)
        if last_page(page, 1) == 1:
            self._end()
        elif not _is_ascending(page.rows):
            return self._go_over(page)
        else:
            self._first = page
            self._advance(page)
        return self._pages.take(page, 1, comes_again=not self._is_done)

    async def _read_on(self, since: datetime) -> list[E]:
        try:
            page = await self._pages.ask(1, size=self._size, since=since)
        except (ApiError, BodyTooLarge) as error:
            self._refused(error, since)
            return []
        first, self._first = self._first, None
        # 1. It takes the condition for another one, or sorts otherwise.
        if not _is_ascending(page.rows, since):
            return self._go_over(first)
        # 2. There may be a gap before its first row: what came there has vanished.
        if not self._follows(page, since):
            self._step_back(since)
            return []
        is_last = last_page(page, 1) == 1
        new = self._pages.take(page, 1, since, comes_again=not is_last)
        self._stale = 0 if new else self._stale + 1
        if is_last:
            self._end()
        # 3. It goes on, or the second is larger than the page.
        elif second_of(_time(page.rows[-1])) > since:
            self._advance(page)
        else:
            self._grow(page, since)
        return new

    def _follows(self, page: Page[E], since: datetime) -> bool:
        """True where there is no gap before *page*."""
        if not page.rows:
            return False
        begins = second_of(_time(page.rows[0])) == since
        return begins or self._pages.overlaps(page)

    def _refused(self, error: ApiError | BodyTooLarge, since: datetime) -> None:
        """Do without a larger page, or without the condition."""
        is_refused = isinstance(error, ApiError) and error.status in _REFUSED
        is_larger = self._size > self._pages.size
        if is_larger and (is_refused or isinstance(error, BodyTooLarge)):
            self._second = ByNumber(self._pages, second=since)
        elif is_refused:
            self._go_over(self._first)
        else:
            raise error

    def _advance(self, page: Page[E]) -> None:
        """Go on from the last second of *page*."""
        earliest = second_of(_time(page.rows[0]))
        self._since = since = second_of(_time(page.rows[-1]))
        self._earlier = earliest if earliest < since else None
        self._size = self._pages.size
        # The rows of that second come again: there must be room for others.
        again = sum(1 for _ in takewhile(_not_before(since), reversed(page.rows)))
        while self._size < min(2 * again, _LARGEST):
            self._size = self._larger(self._size)
        if self._stale >= _STALE_PAGES:
            self._go_over()

    def _grow(self, page: Page[E], since: datetime) -> None:
        """Ask for more rows at a time, or for the second by page numbers."""
        given = width(page, self._size)
        if given < self._size or self._size >= _LARGEST:
            self._second = ByNumber(self._pages, size=given, second=since)
        else:
            self._size = self._larger(self._size)

    def _larger(self, size: int) -> int:
        return max(min(2 * size, _LARGEST), self._pages.size)

    def _step_back(self, since: datetime) -> None:
        """Look from an earlier second, or the beginning, what comes again of it."""
        self._size = self._pages.size
        if self._earlier is not None and self._earlier < since:
            self._since, self._earlier = self._earlier, None
        elif self._restarts < _RESTARTS:
            self._restarts += 1
            self._since = None
        else:
            self._go_over()

    async def _read_second(self, second: ByNumber[E]) -> list[E]:
        """Read on in a second that is larger than a page."""
        try:
            new = await second.read()
        except ApiError as error:
            if error.status not in _REFUSED:
                raise
            return self._go_over(self._first)
        if second.is_over and second.page is not None:
            self._second, self._first, self._stale = None, None, 0
            if second.is_end:
                self._end()
            elif _is_ascending(second.page.rows, self._since):
                self._advance(second.page)
            else:
                self._go_over()
        return new

    def _end(self) -> None:
        """End where as much came as was promised, else count by page numbers."""
        self._is_done = self._pages.came >= self._pages.least
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


def _not_before(since: datetime) -> Callable[[Any], bool]:
    return lambda row: _time(row) >= since


def _time(row: Any) -> datetime:
    """The time of creation of a *row*, which has one: it is ordered by that."""
    time: datetime = row.creation_time
    return time
