"""Iterate over the rows of a query, page by page, each row once."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Generic, Self, TypeVar

from veeam_async.models import Identified, Page, UnreadableRow
from veeam_async.pager import Pager
from veeam_async.pool.client import Pool
from veeam_async.pool.responses import read
from veeam_async.resources.unreadable import warn

E = TypeVar("E", bound=Identified)

_ROUTE = "/query"


class Query(Generic[E]):
    """An async iterator of entities; nothing is open between two of them.

    Every request names a page size, since the server's own is 100 (page "GET /query").
    A row that moves to a later page meanwhile comes once. Where rows vanish meanwhile,
    others can move to a page that was read already, and are missed. Iterating raises
    what a request raises; *unreadable* are the rows left out so far, since they could
    not be read. Where the query is strict, the first of them raises DecodeError.
    """

    def __init__(
        self,
        pool: Pool,
        kind: type[E],
        terms: str,
        *,
        page_size: int,
        limit: int | None,
        strict: bool = False,
    ) -> None:
        self._pool = pool
        self._kind = kind
        self._terms = terms
        self._page_size = page_size
        self._strict = strict
        self.unreadable: list[UnreadableRow] = []
        self._left = float("inf") if limit is None else limit
        self._rows: deque[E] = deque()
        self._seen: set[str] = set()
        self._pager = Pager(self._page, self._pick)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> E:
        while self._left > 0:
            if self._rows:
                self._left -= 1
                return self._rows.popleft()
            if not self._pager.has_more:
                break
            self._rows.extend(await self._pager.read())
        raise StopAsyncIteration

    async def _page(self, number: int) -> Page[E]:
        path = f"{_ROUTE}?{self._terms}&pageSize={self._page_size}&page={number}"
        answer = await self._pool.request("GET", path, route=_ROUTE)
        # A page of a generic alias: mypy takes it for a value, not for a type.
        kind = Page[self._kind]  # type: ignore[name-defined]  # known at run time only
        found: Page[E] = await read(answer, kind, strict=self._strict)
        self._note(found)
        return found

    def _note(self, page: Page[E]) -> None:
        """Collect what *page* left out; the first time it is told."""
        if not self.unreadable:
            warn(page, _ROUTE)
        # One that moves between pages is one all the same, like any other row.
        known = {row.uid for row in self.unreadable if row.uid}
        self.unreadable += [row for row in page.unreadable if row.uid not in known]

    def _pick(self, rows: Sequence[E]) -> list[E]:
        """The rows that no earlier page had."""
        new = [row for row in rows if row.uid not in self._seen]
        self._seen.update(row.uid for row in new)
        return new
