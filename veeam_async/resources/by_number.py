"""Reading a query by the numbers of its pages, and counting what they promised.

One reading of all pages is a sweep. Rows that move to a page that was read already, or
that tie and come in another order on each page, are missed by a sweep, which has others
twice then: it counts fewer rows than the pages had places. Further sweeps find them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Generic, TypeVar

from veeam_async.errors import ApiError, IncompleteAnswer, is_fault, is_refusal
from veeam_async.models import Identified, Page
from veeam_async.resources.pages import Pages
from veeam_async.resources.promise import (
    is_end,
    last_page,
    length,
    width,
    width_told,
)
from veeam_async.resources.terms import second_of

E = TypeVar("E", bound=Identified)

_STALE_PAGES = 2
"""Pages in a row without a new row, after which a sweep ends; or half of those that had
one, which is more. Where rows tie, late pages may hold none but known ones."""

_IDLE_SWEEPS = 6
"""Sweeps in a row without a new row, after which the missing ones do not come."""

_MOST_SWEEPS = 24
"""Sweeps in all."""


class Sweep:
    """One reading of all pages, of *size* rows each.

    With *second* only its rows count, and one beyond it ends the sweep. *uids* are
    those of the rows that count, *unreadable* how many of them could not be read,
    *places* how many there must be.
    """

    def __init__(self, size: int, second: datetime | None = None) -> None:
        self._size = size
        self._second = second
        self._stale = 0
        self._fresh = 0
        self._is_full = False
        self._width = size
        self._promised = 1
        self._pages = 1
        self.number: int = 1
        self.uids: set[str] = set()
        self.unreadable: int = 0
        self.places: int = 0
        self.least: int = 0
        self.is_beyond: bool = False

    @property
    def is_over(self) -> bool:
        """True once there is no page left to ask for."""
        return self.is_beyond or self._is_stale or self.number > self._pages

    @property
    def ends_full(self) -> bool:
        """True where its last page, by what that says, is as full as the others."""
        is_last = self.number > self._pages and not self.is_beyond
        return is_last and self._is_full and not self._is_stale

    @property
    def _is_stale(self) -> bool:
        return self._stale >= max(_STALE_PAGES, self._fresh // 2)

    @property
    def needed(self) -> int:
        """How many rows there must be, by the first page and by the others."""
        return max(self.places, self.least)

    def add(self, page: Page[Any]) -> None:
        """Count the rows of the next *page*."""
        if self.number == 1:
            self._width = width(page, self._size)
            self._promised = last_page(page, 1)
            if self._promised > 1 and self._second is None:
                self.least = (self._promised - 1) * self._width + 1
        self._is_full = 0 < self._width <= length(page)
        if length(page):
            self._pages = max(self._pages, last_page(page, self.number))
        self._count(page)
        self.number += 1

    def _count(self, page: Page[Any]) -> None:
        before = len(self.uids)
        counted = [row.uid for row in page.rows if self._is_of_second(row)]
        self.uids.update(counted)
        self.unreadable += len(page.unreadable)
        self.is_beyond = any(map(self._is_beyond, page.rows))
        # Where all its rows cannot be read, a page is none the less what was promised.
        is_kept = bool(page.unreadable) and self.number <= self._promised
        is_fresh = len(self.uids) > before
        self._fresh += is_fresh
        self._stale = 0 if is_fresh or is_kept else self._stale + 1
        # A row that a page has twice takes no other's place.
        here = len(set(counted)) + len(page.unreadable)
        # The places on a page tell how many are before it, also where one was short.
        above = (self.number - 1) * self._width if here or self.is_beyond else 0
        self.places = max(self.places + here, above + here)

    def _is_of_second(self, row: Any) -> bool:
        return self._second is None or second_of(row.creation_time) == self._second

    def _is_beyond(self, row: Any) -> bool:
        return self._second is not None and second_of(row.creation_time) > self._second


class ByNumber(Generic[E]):
    """Reads *pages* by their numbers, from 1, until all that was promised came.

    With *second* the pages begin there, and only its rows are read, *before* which so
    many came. *page* is the last page that came.

    A sweep may find less than was promised, since rows have vanished. That is believed
    where the server says of the place after the last row that nothing stands there.
    """

    def __init__(
        self,
        pages: Pages[E],
        *,
        size: int | None = None,
        second: datetime | None = None,
        before: int = 0,
    ) -> None:
        self._pages = pages
        self._size = pages.size if size is None else size
        self._second = second
        self._before = before
        self._sweep = Sweep(self._size, second)
        self._doubted: int | None = None
        self._can_doubt = True
        self._sweeps = 0
        self._idle = 0
        self._found: set[str] = set()
        self._needed: int | None = None
        self._is_lost = False
        self.page: Page[E] | None = None
        self.is_over: bool = False

    async def read(self) -> list[E]:
        """The new rows of the next page; raises what asking for it raises."""
        if self._is_lost:
            raise self._pages.incomplete("the others are on no page")
        if self._doubted is not None:
            return await self._confirm(self._doubted)
        number = self._sweep.number
        try:
            page = await self._pages.ask(number, size=self._size, since=self._second)
        except (ApiError, IncompleteAnswer) as error:
            if not (self._may_go_on and _is_no_page(error)):
                raise
            # There is no such page, so that the one before it was the last.
            self._can_doubt = False
            self._end_sweep()
            return []
        return self.take(page)

    def take(self, page: Page[E]) -> list[E]:
        """The new rows of *page*, which is the next one."""
        number = self._sweep.number
        new = self._pages.take(page, number, self._second)
        narrow = width(page, self._size)
        if number == 1 and 0 < narrow < width_told(page, self._size):
            # It gives fewer than it counts by: by these numbers it would skip some.
            self._size = narrow
            self._sweep = Sweep(narrow, self._second)
            return new
        self._sweep.add(page)
        self._pages.expect(self._before + self._needed_of(self._sweep))
        self.page = page
        if self._has_rest():
            self.is_over = True
        elif self._sweep.is_over and not self._may_go_on:
            self._end_sweep()
        return new

    @property
    def rows(self) -> int:
        """How many rows came, and those before the second."""
        return self._before + self._count(self._sweep)

    @property
    def is_end(self) -> bool:
        """True where nothing follows the second that was read."""
        return not self._sweep.is_beyond

    @property
    def _may_go_on(self) -> bool:
        """True where rows of the second may follow, although it says that none do.

        Its last page is full, and fewer rows came in all than were promised.
        """
        may_lack = self._can_doubt and self._pages.came < self._pages.most
        return self._second is not None and may_lack and self._sweep.ends_full

    def _has_rest(self) -> bool:
        """Whether a further sweep has found already what the one before it missed."""
        if self._second is not None or self._needed is None:
            return False
        rows = len(self._found | self._sweep.uids) + self._sweep.unreadable
        return rows >= max(self._needed, self._pages.least)

    def _needed_of(self, sweep: Sweep) -> int:
        """How many rows there must be by *sweep*, as far as they keep their places."""
        is_settled = self._second is not None or self._pages.terms.is_settled
        return sweep.needed if is_settled else sweep.least

    def _end_sweep(self) -> None:
        """Find out whether everything came; else all pages are read once more."""
        sweep, before, needed = self._sweep, len(self._found), self._needed
        self._needed = sweep.needed
        is_whole = self._is_whole_second if self._second else self._is_whole
        if not is_whole(sweep, needed):
            is_idle = needed == sweep.needed and len(self._found) == before
            self._sweep_again(is_idle=is_idle)
        elif self._is_certain(sweep):
            self.is_over = True
        else:
            self._doubted = self._count(sweep) if self._second else sweep.needed

    def _is_certain(self, sweep: Sweep) -> bool:
        """Whether there is nothing to be doubted in what *sweep* found.

        The last second of all may go on behind a page that is shorter than others: its
        server gives fewer rows at a time than it says, and counts none of the rest.
        """
        if self._second is None:
            return self._count(sweep) >= self._pages.least
        # Fewer than the least are counted once more anyway, by whoever reads by key.
        may_lack = self._pages.least <= self.rows < self._pages.most
        return sweep.is_beyond or not (may_lack and self._can_doubt)

    def _sweep_again(self, *, is_idle: bool) -> None:
        self._sweeps += 1
        self._idle = self._idle + 1 if is_idle else 0
        self._is_lost = self._idle >= _IDLE_SWEEPS or self._sweeps >= _MOST_SWEEPS
        self._sweep = Sweep(self._size, self._second)

    async def _confirm(self, rows: int) -> list[E]:
        """Ask what stands after the last of *rows*, which are fewer than promised."""
        try:
            # Of those before the second some may have vanished since they were counted.
            page = await self._pages.ask(rows + 1, size=1, since=self._second)
            is_last = is_end(page, rows)
        except (ApiError, IncompleteAnswer) as error:
            # Of a second nothing but the doubt needs that page.
            if not _is_no_page(error) or self._second is None:
                raise
            is_last = True
        self._doubted = None
        if is_last:
            self._pages.shrink(self._before + rows)
            self.is_over = True
        else:
            self._sweep_again(is_idle=True)
        return []

    def _is_whole(self, sweep: Sweep, before: int | None) -> bool:
        # What vanished meanwhile is no substitute for what is missing.
        has_shrunk = before is not None and sweep.needed < before
        self._found = set(sweep.uids) if has_shrunk else self._found | sweep.uids
        return self._count(sweep) >= self._needed_of(sweep)

    def _count(self, sweep: Sweep) -> int:
        return len(self._found) + sweep.unreadable

    def _is_whole_second(self, sweep: Sweep, before: int | None) -> bool:
        # Only what came between two equal counts is known to be all that there is.
        if before != sweep.needed:
            self._found = set()
            return False
        self._found |= sweep.uids
        count = self._count(sweep)
        if count > sweep.needed:
            self._found = set()
        return count == sweep.needed


def _is_no_page(error: ApiError | IncompleteAnswer) -> bool:
    """Whether *error* is all that a server has to say of a page that there is not."""
    is_incomplete = isinstance(error, IncompleteAnswer)
    return is_incomplete or is_refusal(error) or is_fault(error)
