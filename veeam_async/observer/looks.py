"""The ways in which sessions can be looked at, as plain callables."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from datetime import datetime
from typing import Generic, TypeVar
from uuid import UUID

import attrs

from veeam_async.errors import VeeamError
from veeam_async.models import Page, Session

S = TypeVar("S", bound=Session)


@attrs.frozen(kw_only=True)
class Looks(Generic[S]):
    """One attempt each; whoever calls decides when to look again.

    Args:
        get: gives a session, or raises NotFound.
        page: gives a page (from 1) of what *where* selects and what runs, or was
            created or has ended since a time (None: only what runs), oldest first.
        newest: gives the creation time of the newest session that *where* selects,
            None where there is none.
        references: gives the sessions that the server lists.
        is_fatal: tells whether an error would meet every other look as well.
    """

    get: Callable[[UUID], Awaitable[S]]
    page: Callable[[str | None, datetime | None, int], Awaitable[Page[S]]]
    newest: Callable[[str | None], Awaitable[datetime | None]]
    references: Callable[[], Awaitable[Collection[UUID]]]
    is_fatal: Callable[[VeeamError], bool]
