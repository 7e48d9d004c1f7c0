"""One kind of resource on the server: get one, query some, list the references."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import datetime
from functools import partial
from typing import Generic, TypeAlias, TypeVar

import attrs

from veeam_async.brief import cut, line
from veeam_async.errors import DecodeError, IncompleteAnswer
from veeam_async.filters import Condition, filter_text, query_field
from veeam_async.ids import Id, id_text, parse_own
from veeam_async.models import EntityRef, Identified, Page, Task
from veeam_async.pool.client import Pool
from veeam_async.pool.responses import read, read_task, sent_at
from veeam_async.resources.belonging import Reading, acts_on, is_entity, lie_in, names
from veeam_async.resources.promise import broken
from veeam_async.resources.query import Query
from veeam_async.resources.terms import Terms
from veeam_async.resources.unreadable import warn
from veeam_async.transport.exchange import Response

E = TypeVar("E", bound=Identified)

Where: TypeAlias = Condition | str
"""A condition made with `F`, or the text of a filter as the server understands it."""


class Entities(Generic[E]):
    """The resources of one kind. *path* is their collection's, `/jobs` for example."""

    def __init__(self, pool: Pool, path: str, kind: type[E]) -> None:
        self._pool = pool
        self._path = path
        self._route = f"{path}/{{id}}"
        self._lies_in = path
        self._kind = kind
        self._uid_start = f'"urn:veeam:{kind.__name__}:'

    def __repr__(self) -> str:
        origin = self._pool.endpoint.origin
        return line(self, f"of {self._kind.__name__} at {cut(origin, 80)}")

    async def get(self, id: Id) -> E:  # noqa: A002 - the field's term
        """Give the entity of *id*.

        Raises InvalidId before anything is sent, NotFound where there is none, and any
        other VeeamError that a request can meet.
        """
        return await self._entity(id)

    def query(
        self,
        where: Where | None = None,
        *,
        order_by: str | None = None,
        page_size: int = 100,
        limit: int | None = None,
        strict: bool = False,
    ) -> Query[E]:
        """Select entities on the server: an async iterator over all pages.

        `await query(…).all()` gives them in a list, `.first()` the first or None, and
        `.count()` how many there are.

        Args:
            where: a condition made with `F`, or a filter's text; None selects all.
            order_by: a field's name, "-end_time" for descending; None is the creation
                time, or the name where there is no such time.
            page_size: how many entities one request asks for.
            limit: the most entities to yield; None is all.
            strict: raise DecodeError for a row that cannot be read, which is left out,
                logged and collected in the query's `unreadable` else.

        Raises ValueError for a field that this resource cannot be queried by, and while
        iterating what `get` raises, and IncompleteAnswer where the server does not give
        what its first page promised. Each entity comes once. In ascending order of
        creation none that was there all the time is missed, whatever vanishes, moves or
        is created meanwhile.
        """
        check_paging(page_size, limit)
        terms = self._terms(where, order_by)
        return Query(self._pool, terms, page_size=page_size, limit=limit, strict=strict)

    async def references(self) -> list[EntityRef]:
        """Give the references of all; of sessions the server lists the last 30 days.

        A reference that cannot be read is left out, and a warning is logged.
        """
        found = await self._reference_page()
        warn(found, self._path)
        return list(found.rows)

    async def _reference_page(self) -> Page[EntityRef]:
        reading = Reading(Page[EntityRef], partial(lie_in, self._lies_in))
        await self._pool.request("GET", self._path, route=self._path, belongs=reading)
        return reading.result()

    async def _get_once(self, id: Id) -> E:  # noqa: A002 - the field's term
        """As `get`, in one attempt: the caller decides itself when to ask again."""
        return await self._entity(id, once=True)

    async def _entity(self, id: Id, *, once: bool = False) -> E:  # noqa: A002 - the field's term
        wanted = id_text(id, self._kind.__name__)
        answer = await self._request_entity(wanted, once=once)
        return self._own(await read(answer, self._kind), wanted, answer)

    def _own(self, found: E, wanted: str, answer: Response) -> E:
        """What was read of *answer*, where it is the entity that was asked for."""
        # The pool has compared them already, as far as that goes without reading.
        if names(found, wanted):
            return found
        del found  # no variable holds it where an error is raised
        raise self._pool.mismatched(answer, "GET", f"{self._path}/{wanted}")

    async def _page(
        self, where: str | None, order_by: str, size: int, number: int
    ) -> tuple[Page[E], datetime | None]:
        """Page *number* (from 1) of what *where* selects, without retries.

        With it comes the server's own time of the answer, if it told that. Raises
        IncompleteAnswer where another page comes, or what earlier ones promised does
        not.
        """
        terms = f"{self._terms(where, order_by).text()}&pageSize={size}&page={number}"
        answer = await self._pool.request(
            "GET", f"/query?{terms}", route="/query", once=True
        )
        # A page of a generic alias: mypy takes it for a value, not for a type.
        found: Page[E] = await read(answer, Page[self._kind])  # type: ignore[name-defined]  # known at run time only
        # A later page is asked for only where the first has promised it.
        fault = broken(found, number, is_promised=number > 1)
        if fault is None:
            return found, sent_at(answer)
        answer.hang_up()
        raise IncompleteAnswer(
            media_type=answer.headers.get("content-type", "").partition(";")[0],
            kind=self._kind.__name__,
            came=0,
            promised=0,
            fault=fault,
        )

    def _request_entity(
        self, wanted: str, *, once: bool = False
    ) -> Awaitable[Response]:
        """Ask for an entity by the text of its UUID, in lower case.

        Its answer is left unread; no coroutine of its own.
        """
        return self._pool.request(
            "GET",
            f"{self._path}/{wanted}?format=Entity",
            route=self._route,
            once=once,
            mark=f'{self._uid_start}{wanted}"'.encode(),
            belongs=partial(is_entity, wanted, self._kind),
        )

    async def _act(self, id: Id, action: str) -> Task:  # noqa: A002 - the field's term
        """POST an action, at most once: it may have been carried out.

        An answer that is no task, or one about something else, tells nothing of it.
        """
        wanted = parse_own(id, self._kind.__name__)
        path = self._action_path(str(wanted), action)
        answer = await self._pool.request(
            "POST", path, route=self._action_path("{id}", action)
        )
        try:
            task = read_task(answer)
        except DecodeError:
            answer.hang_up()
            raise
        if not acts_on(task, self._path, wanted):
            del task
            raise self._pool.mismatched(answer, "POST", path)
        return task

    def _action_path(self, name: str, action: str) -> str:
        """The path, or the route, of an action on the resource of this *name*."""
        return f"{self._path}/{name}?action={action}"

    def _terms(self, where: Where | None, order_by: str | None) -> Terms:
        text = None if where is None else filter_text(where, self._kind)
        by = order_by or self._default_order
        field = query_field(by.removeprefix("-"), self._kind)
        is_descending = by.startswith("-")
        return Terms(self._kind, text, field, is_descending=is_descending)

    @property
    def _default_order(self) -> str:
        # Rows that are created meanwhile come last, and so move none to another page.
        has_time = "creation_time" in attrs.fields_dict(self._kind)
        return "creation_time" if has_time else "name"


def check_paging(page_size: int, limit: int | None) -> None:
    """Raise ValueError for a *page_size* or *limit* that no query can have."""
    if page_size < 1 or not (limit is None or limit >= 0):
        raise ValueError("page_size is at least 1, limit at least 0")
