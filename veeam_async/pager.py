"""The numbered pages of a query, read one after another until there are no more."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from veeam_async.models import Page, PagingInfo

E = TypeVar("E")
R = TypeVar("R")

_STALE_PAGES = 2
"""After so many pages in a row without a new row there is no end to be expected."""


class Pager(Generic[E, R]):
    """Read the pages that *fetch* gives by their number, from 1.

    *pick* takes the rows of a page and leaves out what an earlier page had: rows that
    move to a later page meanwhile come twice. *pages* is how many there are, as far as
    the pages that were read have told.
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
        self.pages = 1

    @property
    def left(self) -> int:
        """How many pages are still to be asked for."""
        return max(0, self.pages - self._next + 1)

    @property
    def has_more(self) -> bool:
        """Whether a page is still to be asked for."""
        return self._next <= self.pages

    async def read(self) -> list[R]:
        """Read the next page; what of it is new.

        Several may be read at once: each call takes a number of its own at once.
        """
        number, self._next = self._next, self._next + 1
        page = await self._fetch(number)
        new = self._pick(page.rows)
        if page.rows:
            self.pages = max(self.pages, _last_after(number, page.paging))
        self._stale = 0 if new or number == 1 else self._stale + 1
        if self._stale >= _STALE_PAGES or _is_repeated(number, page.paging, new):
            self.pages = min(self.pages, number)
        return new


def _is_repeated(number: int, paging: PagingInfo | None, new: list[R]) -> bool:
    """Whether a server that does not page has given an earlier page once more."""
    return not new and paging is not None and paging.page_num != number


def _last_after(number: int, paging: PagingInfo | None) -> int:
    """The number of the last page, as far as page *number* tells.

    An answer that is about another page comes from a server that does not page: going
    on would never end.
    """
    if paging is None or paging.page_num != number:
        return number
    has_next = any(link.rel == "Next" for link in paging.links)
    return max(paging.pages_count, number + has_next)
