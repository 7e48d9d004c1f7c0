"""How the sessions of a resource are looked at: one by one, by a query, by a list."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import UTC, datetime
from typing import TypeVar
from uuid import UUID

from veeam_async.errors import VeeamError
from veeam_async.ids import ends_in_uuid
from veeam_async.models import Page, Session
from veeam_async.observer.looks import Looks
from veeam_async.sessions.entities import Entities

S = TypeVar("S", bound=Session)

PAGE_SIZE = 100
"""Rows that a page has where none is asked for, and so what every server can give."""


def looks_at(sessions: Entities[S], is_fatal: Callable[[VeeamError], bool]) -> Looks[S]:
    """Give the ways to look at *sessions*, one attempt each."""

    async def get(one: UUID) -> S:
        return await sessions.get_once(one)

    async def page(where: str | None, since: datetime | None, number: int) -> Page[S]:
        return await sessions.page(
            active_since(where, since), "creation_time", size=PAGE_SIZE, number=number
        )

    async def newest(where: str | None) -> datetime | None:
        found = await sessions.page(where, "-creation_time", size=1, number=1)
        return max((row.creation_time for row in found.rows), default=None)

    async def references() -> Collection[UUID]:
        listed = await sessions.references()
        return [each.id for each in listed if ends_in_uuid(each.uid)]

    return Looks(
        get=get, page=page, newest=newest, references=references, is_fatal=is_fatal
    )


def active_since(where: str | None, since: datetime | None) -> str:
    """Give the filter for what runs, or was created or has ended *since* a time."""
    active = 'State!="Stopped"'
    if since is not None:
        # Whole seconds, as old servers write them: a little earlier does no harm.
        text = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        active = f'({active},EndTime>="{text}",CreationTime>="{text}")'
    return active if where is None else f"({where});{active}"
