"""Iterate over the rows of a query, page by page, each row once."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Generic, Self, TypeVar

from veeam_async.models import Identified, UnreadableRow
from veeam_async.pool.client import Pool
from veeam_async.resources.by_key import ByKey
from veeam_async.resources.by_number import ByNumber
from veeam_async.resources.pages import Pages
from veeam_async.resources.terms import Terms

E = TypeVar("E", bound=Identified)


class Query(Generic[E]):
    """An async iterator of entities; nothing is open between two of them.

    Every request names a page size, since the server's own is 100 (page "GET /query").
    In ascending order of creation, which is the default, no row that was there all the
    time is missed, whatever vanishes, moves or is created meanwhile. In any other order
    pages are read by number and their rows counted, and each row comes once; where rows
    vanish meanwhile, others can move to a page that was read already, and are missed.

    Iterating raises what a request raises, and IncompleteAnswer where the server does
    not give what its pages promised, nor shows that it has no more. *unreadable* are
    the rows left out so far, since they could not be read. Where the query is strict,
    the first of them raises DecodeError.
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
        self._pages: Pages[E] = Pages(pool, terms, size=page_size, strict=strict)
        self._left = float("inf") if limit is None else limit
        self._rows: deque[E] = deque()
        self._reading = asyncio.Lock()
        self._reader: ByKey[E] | ByNumber[E] = (
            ByKey(self._pages) if terms.is_keyed else ByNumber(self._pages)
        )

    @property
    def unreadable(self) -> list[UnreadableRow]:
        """The rows left out so far."""
        return self._pages.unreadable

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> E:
        while self._left > 0:
            if self._rows:
                self._left -= 1
                return self._rows.popleft()
            # Tasks may share a query: one of them reads the next page for all.
            async with self._reading:
                if self._rows:
                    continue
                if self._reader.is_over:
                    break
                self._rows.extend(await self._reader.read())
        raise StopAsyncIteration
