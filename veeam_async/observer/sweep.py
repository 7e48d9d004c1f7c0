"""One look at a list: a paged query, its pages handed on as they come."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from typing import Generic, TypeAlias, TypeVar
from uuid import UUID

import attrs

from veeam_async.clock import Moment
from veeam_async.ids import ends_in_uuid
from veeam_async.models import Page, PagingInfo, Session

S = TypeVar("S", bound=Session)

_AT_ONCE = 4
"""Pages asked for at once: the server sorts and selects anew for each of them."""

_STALE_PAGES = 2
"""After so many pages without a new row there is no end to be expected."""

Turn: TypeAlias = Callable[[int], Awaitable[Page[S]]]
"""Gives the page of a number, from 1."""


@attrs.frozen
class Seen(Generic[S]):
    """The *rows* of a page that no earlier one had, by their ids.

    They were asked for at that monotonic time, and answered *at*.
    """

    rows: Sequence[tuple[UUID, S]]
    asked_at: float
    at: Moment


class Sweep(Generic[S]):
    """Read all pages that *turn* gives, the first alone, then some at once.

    *see* is told of each page. Rows that move to a later page meanwhile come once.
    *before* are the ids by UID that an earlier sweep has left in `ids`.
    """

    def __init__(
        self,
        turn: Turn[S],
        see: Callable[[Seen[S]], None],
        moment: Callable[[], Moment],
        before: Mapping[str, UUID],
    ) -> None:
        self._turn = turn
        self._see = see
        self._moment = moment
        self._before = before
        self.ids: dict[str, UUID] = {}
        self._next = 1
        self.pages = 1
        self._stale = 0

    async def begin(self) -> None:
        """Read the first page, which tells how many *pages* there are."""
        await self._read()

    async def go_on(self) -> None:
        """Read the others; raises what the first that fails met."""
        readers = [
            asyncio.create_task(self._read_on())
            for _ in range(min(_AT_ONCE, self.pages - self._next + 1))
        ]
        if not readers:
            return
        try:
            await asyncio.gather(*readers)
        finally:
            for reader in readers:
                reader.cancel()
            await asyncio.wait(readers)

    async def _read_on(self) -> None:
        while self._next <= self.pages:
            await self._read()

    async def _read(self) -> None:
        number, self._next = self._next, self._next + 1
        asked_at = self._moment().monotonic
        page = await self._turn(number)
        new = list(self._new(page.rows))
        if new:
            self.pages = max(self.pages, _last_after(number, page.paging))
        elif number > 1:
            self._stale += 1
            if self._stale == _STALE_PAGES:
                self.pages = number
        self._see(Seen(new, asked_at, self._moment()))

    def _new(self, rows: Iterable[S]) -> Iterator[tuple[UUID, S]]:
        """Give what came in no row yet; a UID without a UUID could not be told of."""
        known, before = self.ids, self._before
        for row in rows:
            uid = row.uid
            if uid in known:
                continue
            one = before.get(uid)
            if one is None:
                if not ends_in_uuid(uid):
                    continue
                one = row.id
            known[uid] = one
            yield one, row


def _last_after(number: int, paging: PagingInfo | None) -> int:
    """Give the number of the last page, as far as page *number* tells.

    An answer that is about another page comes from a server that does not page: going
    on would never end.
    """
    if paging is None or paging.page_num != number:
        return number
    has_next = any(link.rel == "Next" for link in paging.links)
    return max(paging.pages_count, number + has_next)
