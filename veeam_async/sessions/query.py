"""A query's rows over all of its pages, each once."""

from __future__ import annotations

from collections import deque
from typing import Generic, Self, TypeVar

from veeam_async.models import Identified, Page, PagingInfo
from veeam_async.pool.answers import read
from veeam_async.pool.pool import Pool

E = TypeVar("E", bound=Identified)

_ROUTE = "/query"
_STALE_PAGES = 2
"""After so many pages without a new row there is no end to be expected."""


class Query(Generic[E]):
    """An async iterator of entities; nothing is open between two of them.

    The server gives 100 rows where no page size is asked for, so it always is
    (page "GET /query"). Rows that move to a later page meanwhile come once; where rows
    vanish meanwhile, as many others can slip to a page that was read already.
    """

    def __init__(
        self,
        pool: Pool,
        kind: type[E],
        terms: str,
        *,
        page_size: int,
        limit: int | None,
    ) -> None:
        self._pool = pool
        self._kind = kind
        self._terms = terms
        self._page_size = page_size
        self._left = float("inf") if limit is None else limit
        self._page: int | None = 1
        self._rows: deque[E] = deque()
        self._seen: set[str] = set()
        self._stale = 0

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> E:
        while self._left > 0:
            if self._rows:
                self._left -= 1
                return self._rows.popleft()
            if self._page is None:
                break
            await self._turn(self._page)
        raise StopAsyncIteration

    async def _turn(self, page: int) -> None:
        """Fetch *page* and see whether another one follows it."""
        path = f"{_ROUTE}?{self._terms}&pageSize={self._page_size}&page={page}"
        answer = await self._pool.request("GET", path, route=_ROUTE)
        # A page of a generic alias: mypy takes it for a value, not for a type.
        found: Page[E] = await read(answer, Page[self._kind])  # type: ignore[name-defined]  # known at run time only
        new = [row for row in found.rows if row.uid not in self._seen]
        self._seen.update(row.uid for row in new)
        self._rows.extend(new)
        self._stale = 0 if new else self._stale + 1
        more = self._stale < _STALE_PAGES and _is_followed(page, found.paging)
        self._page = page + 1 if more and found.rows else None


def _is_followed(page: int, paging: PagingInfo | None) -> bool:
    """Tell whether there is a page after *page*.

    An answer that is about another page comes from a server that does not page: going
    on would never end.
    """
    if paging is None or paging.page_num != page:
        return False
    has_next = any(link.rel == "Next" for link in paging.links)
    return has_next or page < paging.pages_count
