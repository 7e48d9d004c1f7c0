"""The pages of one query: asked for until they hold what was promised."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Generic, TypeVar

from veeam_async.errors import DecodeError, IncompleteAnswer
from veeam_async.models import Identified, Page, UnreadableRow
from veeam_async.pool.client import Pool
from veeam_async.pool.responses import read
from veeam_async.resources.promise import broken, last_page, least, width, width_told
from veeam_async.resources.terms import Terms
from veeam_async.resources.unreadable import warn
from veeam_async.transport.exchange import Response

E = TypeVar("E", bound=Identified)

_ROUTE = "/query"


def _is_of_rows(error: DecodeError) -> bool:
    return any(" @ $.rows[" in problem for problem in error.problems)


class Pages(Generic[E]):
    """Pages of the query of *terms*, and the rows that came on any of them.

    *size* is how many rows are asked for at a time. *promised* is how many the first
    page promised at most, *most* the same if the others hold more than it: as many as
    it says, or as were asked for. *least* is how many all pages promised at least;
    *full* is how many that page held; *unreadable* are the rows left out, each once.
    """

    def __init__(
        self, pool: Pool, terms: Terms, *, size: int, strict: bool = False
    ) -> None:
        self._pool = pool
        self.terms = terms
        self.size = size
        self._strict = strict
        self._media_type = ""
        self._seen: set[str] = set()
        self._places: set[tuple[datetime | None, int, int]] = set()
        self.unreadable: list[UnreadableRow] = []
        self.promised: int = 0
        self.most: int = 0
        self.least: int = 0
        self.full: float = math.inf

    @property
    def came(self) -> int:
        """How many rows came so far."""
        return len(self._seen) + len(self.unreadable)

    async def ask(
        self, number: int, *, size: int | None = None, since: datetime | None = None
    ) -> Page[E]:
        """Page *number* of *size* rows, of those created *since* a time.

        One without what an earlier one promised is asked for again. Raises what a
        request raises, and IncompleteAnswer where the page does not come.
        """
        attempt = 1
        size = self.size if size is None else size
        while True:
            try:
                page, answer = await self._get(number, size, since)
                fault = broken(
                    page, number, is_promised=self.promised > 0, is_all=since is None
                )
                if fault is None:
                    self._keep_promise(page, size)
                    return page
                answer.hang_up()
                self._keep_promise(page, size)
                del page  # no variable holds its rows where an error is raised
            except DecodeError as error:
                # What is wrong with a row alone is so the next time too.
                if not self.promised or _is_of_rows(error):
                    raise
                fault = f"page {number} is none: {'; '.join(error.problems)}"
            if not await self._pool.pause(attempt):
                raise self.incomplete(fault)
            attempt += 1

    async def _get(
        self, number: int, size: int, since: datetime | None
    ) -> tuple[Page[E], Response]:
        path = f"{_ROUTE}?{self.terms.text(since)}&pageSize={size}&page={number}"
        answer = await self._pool.request("GET", path, route=_ROUTE)
        self._media_type = answer.headers.get("content-type", "")
        # A page of a generic alias: mypy takes it for a value, not for a type.
        kind = Page[self.terms.kind]  # type: ignore[name-defined]  # known at run time only
        found: Page[E] = await read(answer, kind, strict=self._strict)
        return found, answer

    def _keep_promise(self, page: Page[E], size: int) -> None:
        """Note the first promise of more than one page."""
        if not self.promised and last_page(page, 1) > 1:
            self.promised = last_page(page, 1) * (width(page, size) or size)
            self.most = last_page(page, 1) * width_told(page, size)
            self.expect(least(page, size))
            self.full = width(page, size)

    def expect(self, rows: int) -> None:
        """Note that there are so many *rows* at least."""
        self.least = max(self.least, rows)

    def shrink(self, rows: int) -> None:
        """Note that there are only so many *rows* any more: others have vanished."""
        self.least = rows

    def incomplete(self, fault: str) -> IncompleteAnswer:
        """The error for what cannot be completed, because of *fault*."""
        error = IncompleteAnswer(
            media_type=self._media_type.partition(";")[0].strip(),
            kind=self.terms.kind.__name__,
            came=self.came,
            promised=self.promised,
            fault=fault,
        )
        return self._pool.clean(error)

    def overlaps(self, page: Page[E]) -> bool:
        """True where a row of *page* came before."""
        return any(row.uid in self._seen for row in page.rows)

    def take(
        self,
        page: Page[E],
        number: int,
        since: datetime | None = None,
        *,
        comes_again: bool = False,
    ) -> list[E]:
        """The rows of *page* that came on no earlier one, each once.

        *comes_again*: what follows its last row is on the next page too.
        """
        if page.unreadable:
            self._note(page, number, since, comes_again=comes_again)
        new = {row.uid: row for row in page.rows if row.uid not in self._seen}
        self._seen.update(new)
        return list(new.values())

    def _note(
        self,
        page: Page[E],
        number: int,
        since: datetime | None,
        *,
        comes_again: bool,
    ) -> None:
        """Collect what *page* left out; the first time it is told."""
        if not self.unreadable:
            warn(page, _ROUTE)
        first, last = self._new_span(page, comes_again=comes_again)
        known = {row.uid for row in self.unreadable if row.uid}
        for row in page.unreadable:
            place = (since, number, row.index)
            if row.uid is not None:
                is_new = row.uid not in known
            else:
                is_new = first < row.index < last and place not in self._places
            if is_new:
                self._places.add(place)
                self.unreadable.append(row)

    def _new_span(self, page: Page[E], *, comes_again: bool) -> tuple[int, int]:
        """The places between which rows without a UID are new.

        They are known by their places alone: those before a row that came already did
        so too, and those after the last row may come again.
        """
        left_out = {row.index for row in page.unreadable}
        places = range(len(page.rows) + len(left_out))
        readable = [place for place in places if place not in left_out]
        placed = list(zip(readable, page.rows, strict=False))
        first = max((n for n, row in placed if row.uid in self._seen), default=-1)
        end = max(readable, default=-1) if comes_again else len(places)
        return first, end
