"""The jobs of all kinds in one query."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from uuid import UUID

import attrs

from veeam_async.errors import ApiError
from veeam_async.jobs.kinds import as_its_kind, explained, is_refusal
from veeam_async.models import Job, UnreadableRow
from veeam_async.pool.client import Pool
from veeam_async.resources.pages import Pages
from veeam_async.resources.query import Query, Reader, reader_of
from veeam_async.resources.terms import Terms

Report = Callable[[type[Job], ApiError], object]
"""Is called with each kind that is left out, and why."""


@attrs.frozen(kw_only=True)
class Wanted:
    """Which jobs are asked for: *kinds* are the terms for each, in their order.

    *met* is called with each job that comes, and the kind among which it was shown.
    """

    kinds: Sequence[Terms]
    page_size: int
    strict: bool
    report: Report
    met: Callable[[Job, type[Job]], object]


class JobQuery(Query[Job]):
    """An async iterator of jobs: those of `/jobs`, then agents', then file shares'.

    *left_out* are the kinds that the server refuses to show, each with its error.
    Where `/jobs` is one, and no job is found elsewhere, that error is raised. In all
    else it is a `Query`.
    """

    def __init__(self, pool: Pool, wanted: Wanted, *, limit: int | None) -> None:
        super().__init__(
            pool,
            wanted.kinds[0],
            page_size=wanted.page_size,
            limit=limit,
            strict=wanted.strict,
        )
        self._wanted = wanted
        self._reader = self._own = self._newest = _OneByOne(pool, wanted)

    @property
    def unreadable(self) -> list[UnreadableRow]:
        """The rows that the latest reading left out so far."""
        return self._newest.unreadable

    @property
    def left_out(self) -> Mapping[type[Job], ApiError]:
        """The kinds that the latest reading left out so far."""
        return dict(self._newest.refused)

    async def all(self) -> list[Job]:
        """Read every job, from the first one on, into a list."""
        return [job async for job in self._again(self._limit)]

    async def first(self) -> Job | None:
        """Ask for the first job alone; None where there is none."""
        return await anext(self._again(min(self._limit, 1), page_size=1), None)

    async def count(self) -> int:
        """Ask how many jobs there are, in one request for each kind.

        They are no more than the query's `limit`. Jobs that could not be read count.
        """
        counted = self._newest = _OneByOne(self._pool, self._wanted)
        return int(min(await counted.count(self._limit), self._limit))

    async def __anext__(self) -> Job:
        self._newest = self._own
        return await super().__anext__()

    def _again(self, limit: float, page_size: int | None = None) -> JobQuery:
        """The same query, of which nothing was read."""
        size = self._wanted.page_size if page_size is None else page_size
        again = JobQuery(
            self._pool,
            attrs.evolve(self._wanted, page_size=size),
            limit=None if math.isinf(limit) else int(limit),
        )
        self._newest = again._own
        return again


@attrs.define
class _Part:
    """The query of one kind."""

    terms: Terms
    pages: Pages[Job]
    reader: Reader[Job] = attrs.field(init=False)
    has_begun: bool = False

    def __attrs_post_init__(self) -> None:
        self.reader = reader_of(self.pages)


class _OneByOne:
    """Reads one kind of jobs after the other, and each job once."""

    def __init__(self, pool: Pool, wanted: Wanted) -> None:
        self._pool = pool
        self._wanted = wanted
        size, strict = wanted.page_size, wanted.strict
        self._parts = [
            _Part(terms, Pages(pool, terms, size=size, strict=strict))
            for terms in wanted.kinds
        ]
        self._waiting = list(self._parts)
        self._seen: set[UUID] = set()
        self.refused: dict[type[Job], ApiError] = {}

    @property
    def is_over(self) -> bool:
        """True once everything was read."""
        return not self._waiting

    @property
    def unreadable(self) -> list[UnreadableRow]:
        """The rows left out so far."""
        return [row for part in self._parts for row in part.pages.unreadable]

    async def read(self) -> list[Job]:
        """The new jobs of the next page, none where its kind is left out."""
        part = self._waiting[0]
        rows: Sequence[Job] = ()
        try:
            rows = await part.reader.read()
        except ApiError as error:
            # Half a list of a kind is no list.
            if part.has_begun or not is_refusal(error):
                raise
            self.refused[part.terms.kind] = explained(error, part.terms.kind)
        part.has_begun = True
        if part.terms.kind in self.refused or part.reader.is_over:
            del self._waiting[0]
        new = [as_its_kind(row) for row in rows if row.id not in self._seen]
        self._seen.update(row.id for row in new)
        self._tell(is_empty=not self._seen)
        for row in new:
            self._wanted.met(row, part.terms.kind)
        return new

    async def count(self, most: float) -> int:
        """How many jobs there are, as far as *most*."""
        found = 0
        while self._waiting and found < most:
            part = self._waiting.pop(0)
            size, strict = self._wanted.page_size, self._wanted.strict
            query: Query[Job] = Query(
                self._pool, part.terms, page_size=size, limit=None, strict=strict
            )
            try:
                found += await query.count()
            except ApiError as error:
                if not is_refusal(error):
                    raise
                self.refused[part.terms.kind] = explained(error, part.terms.kind)
        self._tell(is_empty=not found)
        return found

    def _tell(self, *, is_empty: bool) -> None:
        """Report what is left out; raise it where it is all that there may be."""
        if is_empty and self.is_over and Job in self.refused:
            raise self.refused[Job]
        if not is_empty or self.is_over:
            for kind, error in self.refused.items():
                self._wanted.report(kind, error)
