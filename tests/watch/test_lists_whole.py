"""A watch never takes a part of a list for all of it without a word."""

from __future__ import annotations

import json
from uuid import UUID

import pytest

from tests.support.bodies import error, row, uuid_of
from tests.support.clients import talking
from tests.support.fault_server import Act, Answer, Asked
from tests.support.lies import LIES, lying
from tests.support.query_server import QueryServer
from veeam_async import EventKind, HealthChanged

COUNT = 230
ROWS = {number: row(number, at=number) for number in range(COUNT)}
BY_ID = {str(uuid_of(number)): each for number, each in ROWS.items()}


def got(asked: Asked) -> Act:
    """Answer a GET of one session; nobody but lists knows of all."""
    name = asked.target.rpartition("/")[2].partition("?")[0]
    if name not in BY_ID:
        return error(503, "busy")
    return Answer(body=json.dumps(BY_ID[name]).encode())


@pytest.mark.parametrize("lie", LIES)
async def test_a_watch_of_everything_finds_all_or_says_that_it_cannot(lie: str) -> None:
    """Where no page of a list but the first holds what that promised."""
    server = QueryServer(dict.fromkeys(range(COUNT), 0.0), state="Working", others=got)
    lying(server, 1, lambda: lie if server.queries[-1]["page"] != "1" else None)
    found: set[UUID] = set()
    async with talking(server.script) as (em, _):
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
