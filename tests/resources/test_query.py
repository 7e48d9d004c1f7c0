"""Queries: what is asked of the server, and its pages turned without loss."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.support.bodies import behind_logon, each_by_id, page, session, uuid_of
from tests.support.clients import gets, talking
from tests.support.fault_server import Act, Answer, Asked
from tests.support.simulated import client
from veeam_async import (
    BackupJobSession,
    DecodeError,
    EnterpriseManager,
    F,
    IncompleteAnswer,
)
from veeam_async.simulator import Simulator


def pages(*bodies: bytes) -> Callable[[Asked], Act]:
    """Answer a query with the page that it asks for."""
    return behind_logon(lambda asked: Answer(body=bodies[int(asked.terms["page"]) - 1]))


async def rows(em: EnterpriseManager, **options: object) -> list[BackupJobSession]:
    """Read a query to its end."""
    return [one async for one in em.backup_sessions.query(**options)]  # type: ignore[arg-type]  # options vary


async def test_a_query_asks_for_pages_of_entities_in_an_order_that_holds() -> None:
    """Ascending by creation: what is new comes last."""
    async with talking(gets(Answer(body=page(range(3), 1, 1)))) as (em, server):
        found = await rows(em)

    asked = urlsplit(server.asked[1].target)
    assert asked.path == "/api/query"
    assert parse_qs(asked.query) == {
        "type": ["BackupJobSession"],
        "format": ["Entities"],
        "sortAsc": ["CreationTime"],
        "pageSize": ["100"],
        "page": ["1"],
    }
    assert len(found) == 3


async def test_a_query_can_be_ordered_by_a_field_downwards() -> None:
    """The model's name of the field becomes the service's."""
    async with talking(gets(Answer(body=page(range(1), 1, 1)))) as (em, server):
        await rows(em, order_by="-end_time", page_size=7)
        with pytest.raises(ValueError, match="cannot be queried by 'progress'"):
            em.backup_sessions.query(order_by="progress")
        [one async for one in em.jobs.query(limit=0)]

    query = parse_qs(urlsplit(server.asked[1].target).query)
    assert (query["sortDesc"], query["pageSize"]) == (["EndTime"], ["7"])
    assert "sortAsc" not in query


@pytest.mark.parametrize("next_link", [True, False])
async def test_all_pages_are_turned(*, next_link: bool) -> None:
    """By the Next link or by the count: either says that there is more.

    All are of one second, and this server knows neither keys nor larger pages: they are
    read by number, and twice, since nothing else shows that none of them vanished.
    """
    bodies = [
        page(range(n * 100, n * 100 + 100), n + 1, 3, next_link=next_link)
        for n in range(3)
    ]
    async with talking(pages(*bodies)) as (em, server):
        found = await rows(em)

    assert len({one.id for one in found}) == len(found) == 300
    asked = [one.terms["page"] for one in server.asked[1:-1]]
    assert asked == ["1", "1", "1", "2", "3", "1", "2", "3"]


async def test_rows_that_move_to_the_next_page_come_once() -> None:
    """New rows in front push others over the edge."""
    bodies = [page(range(100), 1, 2), page(range(95, 160), 2, 2)]
    async with talking(pages(*bodies)) as (em, _):
        found = await rows(em, order_by="-end_time")

    assert len({one.id for one in found}) == len(found) == 160


async def test_a_server_that_does_not_page_is_told() -> None:
    """It promises nine pages, and answers the first whatever is asked, for ever."""
    body = page(range(5), 1, 9)
    found = []
    async with talking(gets(Answer(body=body))) as (em, server):
        with pytest.raises(IncompleteAnswer, match="5 of up to 45 rows"):
            async for one in em.backup_sessions.query():
                found.append(one)  # noqa: PERF401 - it is cut off

    assert len(found) == 5
    assert server.count("GET") <= 10


async def test_a_limit_is_kept_and_turns_no_needless_page() -> None:
    """Nor is anything asked for no row at all."""
    bodies = [page(range(100), 1, 2), page(range(100, 200), 2, 2)]
    async with talking(pages(*bodies)) as (em, server):
        assert len(await rows(em, limit=100)) == 100
        assert server.count("GET") == 1
        assert len(await rows(em, limit=101, order_by="name")) == 101
        assert server.count("GET") == 3
        assert await rows(em, limit=0) == []

    assert server.count("GET") == 3


async def test_sizes_that_make_no_sense_are_refused() -> None:
    """Before anything is sent."""
    async with talking(gets(Answer())) as (em, server):
        with pytest.raises(ValueError, match="at least 1"):
            em.backup_sessions.query(page_size=0)
        with pytest.raises(ValueError, match="at least 0"):
            em.backup_sessions.query(limit=-1)

        assert server.count("GET") == 0


async def test_a_page_of_other_rows_is_refused() -> None:
    """References have no state to work with."""
    body = b'{"Refs": {"Refs": []}, "Entities": null, "PagingInfo": null}'
    other = b'{"Entities": {"Jobs": {"Jobs": [{}]}}, "PagingInfo": null}'
    for one in (body, other):
        async with talking(gets(Answer(body=one))) as (em, _):
            with pytest.raises(DecodeError):
                await rows(em)


@pytest.mark.parametrize("product", ["11", "12", "13"])
@pytest.mark.parametrize("accept", ["json", "xml"])
async def test_a_query_finds_what_a_simulated_server_has(
    product: str, accept: str
) -> None:
    """Past the silent hundred rows, in both media types of three versions."""
    async with (
        Simulator(sessions=250, running=20, product=product, speed=0.001) as server,  # type: ignore[arg-type]  # a parameter
        client(server, accept=accept) as em,
    ):
        everything = await rows(em)
        running = await rows(em, where=F.state != "Stopped")
        references = await em.backup_sessions.references()

    assert len({one.id for one in everything}) == len(everything) == 250
    assert {one.id for one in everything} == {one.id for one in references}
    assert {one.id for one in running} == {
        one.id for one in everything if not one.is_stopped
    }
    assert running


async def test_a_server_that_always_names_a_next_page_is_left() -> None:
    """It never gives the second row that it promises."""
    endless = pages(*(page(range(1), number, number + 1) for number in range(1, 99)))
    async with talking(endless) as (em, server):
        with pytest.raises(IncompleteAnswer, match="1 of up to 2 rows"):
            await rows(em)

    assert server.count("GET") <= 40


def with_bad_rows(body: bytes, *bad: tuple[int, object]) -> bytes:
    """A page with bad rows in place of those with these numbers."""
    tree = json.loads(body)
    found = tree["Entities"]["BackupJobSessions"]["BackupJobSessions"]
    for index, row in bad:
        found[index] = row
    return json.dumps(tree).encode()


async def test_rows_that_cannot_be_read_cost_no_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """They are collected, and told by one warning."""
    damaged = {**json.loads(session(101)), "Progress": "half"}
    bodies = [
        with_bad_rows(page(range(100), 1, 2), (0, None), (99, 7)),
        with_bad_rows(page(range(100, 200), 2, 2), (1, damaged)),
    ]
    async with talking(pages(*bodies)) as (em, _):
        query = em.backup_sessions.query()
        found = [one async for one in query]

    assert [one.id for one in found] == [
        uuid_of(number) for number in range(200) if number not in (0, 99, 101)
    ]
    assert [(row.index, row.id) for row in query.unreadable] == [
        (0, None),
        (99, None),
        (1, uuid_of(101)),
    ]
    warnings = [each for each in caplog.records if each.levelno == logging.WARNING]
    assert len(warnings) == 1


async def test_a_bad_character_costs_no_row() -> None:
    """The row that it is in comes too."""
    body = page(range(3), 1, 1).replace(b"Mail servers@", b"Mail \\ud83d\xff\x1b@", 1)
    async with talking(gets(Answer(body=body))) as (em, _):
        query = em.backup_sessions.query(strict=True)
        found = [one async for one in query]

    assert found[0].name.startswith("Mail \ufffd\ufffd\ufffd@")
    assert (len(found), query.unreadable) == (3, [])


async def test_a_strict_query_raises_for_a_row_that_cannot_be_read() -> None:
    """With the path of what is wrong."""
    body = with_bad_rows(page(range(3), 1, 1), (1, None))
    async with talking(gets(Answer(body=body))) as (em, _):
        with pytest.raises(DecodeError, match=r"\$\.rows\[1\]\.uid"):
            await rows(em, strict=True)


async def test_a_page_without_a_row_that_can_be_read_ends_no_query() -> None:
    """Nor do three of them in a row, as long as the first promised them."""
    bad = [(index, None) for index in range(2)]
    bodies = [
        with_bad_rows(page(range(2 * n, 2 * n + 2), n + 1, 5), *(bad if n < 4 else ()))
        for n in range(5)
    ]
    async with talking(pages(*bodies)) as (em, _):
        query = em.backup_sessions.query(page_size=2)
        found = [one async for one in query]

    assert (len(found), len(query.unreadable)) == (2, 8)


async def test_references_that_cannot_be_read_cost_no_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """They are told by one warning."""
    refs = [{"UID": f"urn:veeam:BackupJobSession:{uuid_of(n)}"} for n in range(3)]
    body = json.dumps({"Refs": [None, *refs, {"UID": 7}]}).encode()
    async with talking(gets(Answer(body=body))) as (em, _):
        found = await em.backup_sessions.references()

    assert [one.id for one in found] == [uuid_of(number) for number in range(3)]
    assert "2 of 5 rows of /backupSessions cannot be read" in caplog.text


async def test_a_watch_misses_no_session_though_its_list_has_bad_rows() -> None:
    """One with a bad character is read, one that cannot be read is got by itself."""
    body = with_bad_rows(page(range(40), 1, 1), (7, None))
    body = body.replace(b"Mail servers@9", b"\\ud83d\x1b", 1)
    known = each_by_id({uuid_of(7): Answer(body=session(7))}, Answer(body=body))
    async with talking(behind_logon(known)) as (em, server):
        watch = em.backup_sessions.watch([uuid_of(number) for number in range(40)])
        kinds = [(event.id, event.kind) async for event in watch]

    assert sorted(kinds) == sorted(
        (uuid_of(number), kind) for number in range(40) for kind in ("FOUND", "STOPPED")
    )
    assert server.count("GET") == 2
