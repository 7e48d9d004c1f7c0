"""A watch never takes a part of a list for all of it without a word."""

from __future__ import annotations

from uuid import UUID

import pytest

from tests.support.bodies import each_by_id, error, row, said, uuid_of
from tests.support.clients import talking
from tests.support.lies import LIES, lying
from tests.support.query_server import QueryServer
from veeam_async import EventKind, HealthChanged

COUNT = 230
# Nobody but lists knows of all.
GOT = each_by_id(
    {uuid_of(number): said(row(number, at=number)) for number in range(COUNT)},
    error(503, "busy"),
)


@pytest.mark.parametrize("lie", LIES)
async def test_a_watch_of_everything_finds_all_or_says_that_it_cannot(lie: str) -> None:
    """Where no page of a list but the first holds what that promised."""
    server = QueryServer(dict.fromkeys(range(COUNT), 0.0), state="Working", others=GOT)
    lying(server, 1, lambda: lie if server.queries[-1]["page"] != "1" else None)
    found: set[UUID] = set()
    async with talking(server) as (em, _):
        watch = em.backup_sessions.watch(interval=0.05, patience=0.2)
        async with watch:
            async for event in watch:
                if isinstance(event, HealthChanged):
                    # Of new sessions, or all where a busy machine holds up a list.
                    assert event.kind is EventKind.DEGRADED
                    return
                found.add(event.id)
                if len(found) == COUNT:
                    break

    assert found == {uuid_of(number) for number in range(COUNT)}
