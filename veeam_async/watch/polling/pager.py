"""The numbered pages of a watch's list, of which several are read at once.

What a page misses meanwhile a GET finds: unlike a query, nothing is counted here. But
a page that the first one promised, and that brings nothing, makes the list no whole
one: in a watch of everything no GET would find what it misses.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from veeam_async.errors import ConnectionFailed, IncompleteAnswer
from veeam_async.models import Page, PagingInfo

E = TypeVar("E")
R = TypeVar("R")

_STALE_PAGES = 2
"""Pages in a row without a new row, after which the server is not asked for more."""


class Pager(Generic[E, R]):
    """Read the pages that *fetch* gets by their number, from 1.

    *pick* selects the rows of a page that no earlier page had: a row that moves to a
    later page meanwhile comes twice. *pages* is the number of pages, as far as those
    that were read tell; 1 before the first.
    """

    def __init__(
        self,
        fetch: Callable[[int], Awaitable[Page[E]]],
        pick: Callable[[Sequence[E]], list[R]],
    ) -> None:
        self._fetch = fetch
        self._pick = pick
        self._next = 1
        self._stale = 0
        self._promised = 1
        self._came = 0
        self.pages: int = 1

    @property
    def left(self) -> int:
        """How many pages are still to be asked for."""
        return max(0, self.pages - self._next + 1)

    @property
    def has_more(self) -> bool:
        """Whether a page is still to be asked for."""
        return self._next <= self.pages

    async def read(self) -> list[R]:
        """The new rows of the next page; raises what *fetch* raises.

        And IncompleteAnswer for a page that brings nothing though the first promised
        it. Calls may overlap: each takes its page number before it waits for anything.
        """
        number, self._next = self._next, self._next + 1
        page = await self._fetch(number)
        _check(number, page.paging)
        new = self._pick(page.rows)
        if page.rows or page.unreadable:
            self.pages = max(self.pages, _last_after(number, page.paging))
        self._came += len(page.rows)
        if number == 1:
            self._promised = self.pages
        # Where all its rows cannot be read, a page is none the less what was promised.
        elif not new and not page.unreadable:
            self._miss(number)
        else:
            self._stale = 0
        return new

    def _miss(self, number: int) -> None:
        """Page *number* brought nothing new."""
        if number <= self._promised:
            raise IncompleteAnswer(
                media_type="",
                kind="session",
                came=self._came,
                promised=0,
                fault=f"page {number} of {self._promised} brought no other row",
            )
        self._stale += 1
        if self._stale >= _STALE_PAGES:
            self.pages = min(self.pages, number)


def _check(number: int, paging: PagingInfo | None) -> None:
    """ConnectionFailed where a page is not the one that was asked for.

    Taken for it, the rows of that one would stay out of sight, and nobody would know.
    """
    if paging is None and number > 1:
        raise ConnectionFailed(f"page {number} of a list came without PagingInfo")
    if paging is not None and paging.page_num != number:
        raise ConnectionFailed(
            f"page {paging.page_num} of a list came where page {number} was asked for: "
            "does a proxy or cache before the server mix answers up?"
        )


def _last_after(number: int, paging: PagingInfo | None) -> int:
    """The number of the last page, as far as page *number* tells."""
    if paging is None:
        return number
    has_next = any(link.rel == "Next" for link in paging.links)
    return max(paging.pages_count, number + has_next)
