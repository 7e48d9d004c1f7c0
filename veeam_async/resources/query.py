"""Iterate over the rows of a query, page by page, each row once."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Generic, Protocol, Self, TypeVar

from veeam_async.brief import line
from veeam_async.models import Identified, UnreadableRow
from veeam_async.pool.client import Pool
from veeam_async.resources.by_key import ByKey
from veeam_async.resources.by_number import ByNumber
from veeam_async.resources.pages import Pages
from veeam_async.resources.promise import count_told, last_page
from veeam_async.resources.terms import Terms

E = TypeVar("E", bound=Identified)
E_co = TypeVar("E_co", bound=Identified, covariant=True)


class Reader(Protocol[E_co]):
    """Reads the pages of a query, until it *is_over*."""

    @property
    def is_over(self) -> bool:
        """True once everything was read."""

    async def read(self) -> Sequence[E_co]:
        """The new rows of the next page; raises what asking for it raises."""


def reader_of(pages: Pages[E]) -> Reader[E]:
    """Read *pages* by key where they are in order of creation, else by number."""
    return ByKey(pages) if pages.terms.is_keyed else ByNumber(pages)


class Query(Generic[E]):
    """An async iterator of entities; nothing is open between two of them.

    Every request names a page size, since the server's own is 100 (page "GET /query").
    In ascending order of creation, which is the default, no row that was there all the
    time is missed, whatever vanishes, moves or is created meanwhile. In any other order
    pages are read by number and their rows counted, and each row comes once; where rows
    vanish meanwhile, others can move to a page that was read already, and are missed.

    Iterating raises what a request raises, and IncompleteAnswer where the server does
    not give what its pages promised, nor shows that it has no more. Where the query is
    strict, the first row that cannot be read raises DecodeError; else such rows are
    left out, and *unreadable* are those that the latest reading left out so far.

    It is iterated once. A loop that was left by `break` can be gone on with by another;
    one over a query whose rows were all taken is a RuntimeError. `all`, `first` and
    `count` ask the server by themselves, each time anew.
    """

    def __init__(
        self,
        pool: Pool,
        terms: Terms,
        *,
        page_size: int,
        limit: int | None,
        strict: bool = False,
    ) -> None:
        self._pool = pool
        self._terms = terms
        self._limit = float("inf") if limit is None else limit
        self._strict = strict
        self._pages: Pages[E] = Pages(pool, terms, size=page_size, strict=strict)
        self._latest = self._pages
        self._taken = 0
        self._is_over = False
        self._rows: deque[E] = deque()
        self._reading = asyncio.Lock()
        self._reader = reader_of(self._pages)

    @property
    def unreadable(self) -> list[UnreadableRow]:
        """The rows that the latest reading left out so far."""
        return self._latest.unreadable

    async def all(self) -> list[E]:
        """Read every row, from the first one on, into a list."""
        anew = self._anew(self._limit)
        self._latest = anew._pages  # noqa: SLF001 - another one of this class
        return [row async for row in anew]

    async def first(self) -> E | None:
        """Ask for the first row alone; None where there is no row.

        By default that is the one created first: for the newest of a job's sessions,
        order them downwards.

            newest = await em.backup_sessions.query(
                F.job_name == "SAP HANA", order_by="-creation_time"
            ).first()
        """
        if self._limit == 0:
            return None
        pages = self._latest = self._pages_of_one()
        page = await pages.ask(1)
        rows = pages.take(page, 1)
        if rows or last_page(page, 1) == 1:
            return next(iter(rows), None)
        # Its row cannot be read: the first that can may come after many of them.
        anew = self._anew(1)
        self._latest = anew._pages  # noqa: SLF001 - another one of this class
        return await anext(anew, None)

    async def count(self) -> int:
        """Ask how many rows there are, in one request where the server can tell.

        They are no more than the query's `limit`. Rows that could not be read count.
        What a server says that contradicts itself is not believed: the rows are read
        and counted then.
        """
        if self._limit == 0:
            return 0
        pages = self._pages_of_one()
        page = await pages.ask(1)
        told = count_told(page)
        if told is None:
            anew = self._anew(self._limit)
            async for _ in anew:
                pass
            told = anew._pages.came  # noqa: SLF001 - another one of this class
        return int(min(told, self._limit))

    def _pages_of_one(self) -> Pages[E]:
        return Pages(self._pool, self._terms, size=1, strict=self._strict)

    def _anew(self, limit: float) -> Query[E]:
        """The same query, of which nothing was read."""
        return Query(
            self._pool,
            self._terms,
            page_size=self._pages.size,
            limit=None if limit == float("inf") else int(limit),
            strict=self._strict,
        )

    def __repr__(self) -> str:
        terms = self._terms
        order = f"by {'-' if terms.is_descending else ''}{terms.field}"
        state = "over" if self._is_over else "open"
        what = f"of {terms.kind.__name__} {order}, {state}, {self._taken} rows taken"
        where = None if terms.where is None else f"where {terms.where}"
        return line(self, what, said=where)

    def __aiter__(self) -> Self:
        if self._is_over:
            raise RuntimeError(
                "this query was iterated to its end, and gives nothing any more: make "
                "another one with query(…), or keep its rows: await query.all() gives "
                "a list"
            )
        return self

    async def __anext__(self) -> E:
        while self._taken < self._limit:
            if self._rows:
                self._taken += 1
                return self._rows.popleft()
            # Tasks may share a query: one of them reads the next page for all.
            async with self._reading:
                if self._rows:
                    continue
                if self._reader.is_over:
                    break
                self._latest = self._pages
                self._rows.extend(await self._reader.read())
        self._is_over = True
        raise StopAsyncIteration
