"""How the sessions of a resource are looked at: one by one, by a query, by a list."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable
from datetime import UTC, datetime
from typing import TypeVar
from uuid import UUID

from veeam_async.errors import VeeamError
from veeam_async.ids import ends_in_uuid
from veeam_async.models import EntityRef, Page, Session
from veeam_async.observer.looks import Looks

S = TypeVar("S", bound=Session)

PAGE_SIZE = 100
"""Rows that a page has where none is asked for, and so what every server can give."""


def looks_by(
    get: Callable[[UUID], Awaitable[S]],
    query: Callable[[str | None, str, int, int], Awaitable[Page[S]]],
    references: Callable[[], Awaitable[Iterable[EntityRef]]],
    is_fatal: Callable[[VeeamError], bool],
) -> Looks[S]:
    """Give the ways to look, from one attempt to get, to query and to list.

    *query* takes a filter, an order, the size of a page and its number.
    """

    async def page(where: str | None, since: datetime | None, number: int) -> Page[S]:
        active = active_since(where, since)
        return await query(active, "creation_time", PAGE_SIZE, number)

    async def newest(where: str | None) -> datetime | None:
        found = await query(where, "-creation_time", 1, 1)
        return max((row.creation_time for row in found.rows), default=None)

    async def listed() -> Collection[UUID]:
        return [each.id for each in await references() if ends_in_uuid(each.uid)]

    return Looks(
        get=get, page=page, newest=newest, references=listed, is_fatal=is_fatal
    )


def active_since(where: str | None, since: datetime | None) -> str:
    """Give the filter for what runs, or was created or has ended *since* a time."""
    active = 'State!="Stopped"'
    if since is not None:
        # Whole seconds, as old servers write them: a little earlier does no harm.
        text = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        active = f'({active},EndTime>="{text}",CreationTime>="{text}")'
    return active if where is None else f"({where});{active}"
