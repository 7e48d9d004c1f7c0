"""A query in one call: all its rows, the first, how many."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, assert_type

import pytest

from tests.support.bodies import behind_logon, page, paged, row, said, uuid_of
from tests.support.clients import talking
from tests.support.fault_server import Act, Answer, Asked
from tests.support.simulated import simulated
from veeam_async import BackupJobSession, DecodeError, F, IncompleteAnswer, NotFound


def rows_of(rows: int, *, bad: int = 0, **lies: Any) -> Callable[[Asked], Act]:
    """A server of so many *rows*, the first of them *bad*, that *lies* about pages.

    As read by number: it sorts and filters nothing.
    """

    def answer(asked: Asked) -> Act:
        size, number = int(asked.terms["pageSize"]), int(asked.terms["page"])
        size = lies.get("width", size)
        body = paged([row(each, at=each) for each in range(rows)], asked, size=size)
        found = body["Entities"]["BackupJobSessions"]["BackupJobSessions"]
        for each in found[: max(0, bad - (number - 1) * size)]:
            each["State"] = None
        info = body["PagingInfo"]
        if lies.get("next") and number < info["PagesCount"]:
            info["Links"] = [{"Rel": "Next", "Href": "/api/query?page=2"}]
        info["PageSize"] = lies.get("told", size)
        info["PagesCount"] = lies.get("count", info["PagesCount"])
        if lies.get("unpaged"):
            del body["PagingInfo"]
        return said(body)

    return behind_logon(answer)


async def test_all_is_a_list_of_every_row() -> None:
    """Over all pages, each time anew, and from the first row on."""
    async with simulated(sessions=25, running=0) as (em, _, _):
        query = em.backup_sessions.query(page_size=10)
        first = await anext(query)
        found = await query.all()

        assert_type(found, list[BackupJobSession])
        assert len(found) == 25
        assert found[0] == first
        assert [each.uid for each in await query.all()] == [e.uid for e in found]
        assert len([each async for each in query]) == 24
        assert len(await em.backup_sessions.query(limit=7).all()) == 7
        assert await em.backup_sessions.query(F.name == "nobody's").all() == []
        assert len(await em.jobs.query().all()) == await em.jobs.query().count() > 1


async def test_first_is_one_row_in_one_request() -> None:
    """The newest where it is ordered so; None where there is none."""
    async with simulated(sessions=25, running=0) as (em, server, _):
        sessions = em.backup_sessions
        every = await sessions.query().all()
        before = server.stats.requests
        newest = await sessions.query(order_by="-creation_time").first()
        assert_type(newest, BackupJobSession | None)
        assert server.stats.requests == before + 1
        query = sessions.query()

        assert newest == max(every, key=lambda each: each.creation_time)
        assert await query.first() == await query.first() == every[0]
        assert await query.all() == every
        assert await sessions.query(F.name == "nobody's").first() is None
        assert await sessions.query(limit=0).first() is None


async def test_first_passes_over_rows_that_cannot_be_read() -> None:
    """It notes them, or raises where the query is strict."""
    async with talking(rows_of(30, bad=20)) as (em, server):
        query = em.backup_sessions.query(order_by="-end_time", page_size=10)
        found = await query.first()
        assert found is not None
        assert found.id == uuid_of(20)
        assert len(query.unreadable) == 20
        assert len(server.asked) < 10
        with pytest.raises(DecodeError):
            await em.backup_sessions.query(strict=True).first()


@pytest.mark.parametrize("rows", [0, 1, 2, 250])
async def test_count_asks_once(rows: int) -> None:
    """For one row a page; PagesCount is 1 for none and for one, and rows decide."""
    async with talking(rows_of(rows)) as (em, server):
        query = em.backup_sessions.query(F.state == "Stopped")
        assert await query.count() == rows
        (terms,) = [asked.terms for asked in server.asked[1:]]
        assert (terms["pageSize"], terms["page"]) == ("1", "1")
        assert "State%3D%3D%22Stopped%22" in server.asked[1].target
        assert await em.backup_sessions.query(limit=2).count() == min(2, rows)
        assert await em.backup_sessions.query(limit=0).count() == 0


async def test_count_disturbs_no_iteration() -> None:
    """It may be asked before, amid and after."""
    async with simulated(sessions=12, running=0) as (em, _, _):
        query = em.backup_sessions.query(page_size=5)
        counts = [await query.count()]
        taken = 0
        async for _ in query:
            taken += 1
            counts.append(await query.count())
        counts.append(await query.count())

    assert taken == 12
    assert set(counts) == {12}


LIES: dict[str, dict[str, Any]] = {
    "pages as wide as the server likes": {"width": 10},
    "a width that no page has": {"told": 100},
    "a next page, of one": {"count": 1, "next": True},
    "no PagingInfo, and all rows": {"unpaged": True, "width": 1000},
    "no page count but a width": {"count": 1, "width": 1000},
}


@pytest.mark.parametrize("lie", LIES)
async def test_count_reads_where_a_page_contradicts_itself(lie: str) -> None:
    """What is told of widths and pages does not fit: rows are counted instead."""
    async with talking(rows_of(37, **LIES[lie])) as (em, _):
        query = em.backup_sessions.query(order_by="-end_time", page_size=10)
        assert await query.count() == 37


async def test_count_does_not_take_a_lost_list_for_none() -> None:
    """A first page without a row of many pages is asked for again, then an error."""
    empty = Answer(body=page(range(0), 1, 7))
    async with talking(behind_logon(lambda _: empty)) as (em, _):
        with pytest.raises(IncompleteAnswer, match="page 1 of 7 came without a row"):
            await em.backup_sessions.query().count()
        with pytest.raises(IncompleteAnswer):
            await em.backup_sessions.query().first()


async def test_count_counts_rows_that_cannot_be_read() -> None:
    """They are there; a strict query raises instead."""
    async with talking(rows_of(5, bad=5)) as (em, _):
        assert await em.backup_sessions.query().count() == 5
        with pytest.raises(DecodeError):
            await em.backup_sessions.query(strict=True).count()
    async with talking(rows_of(1, bad=1)) as (em, _):
        query = em.backup_sessions.query()
        assert (await query.count(), await query.all()) == (1, [])
        assert len(query.unreadable) == 1


async def test_each_raises_what_a_request_raises() -> None:
    """As iterating does."""
    async with talking(behind_logon(lambda _: Answer(status=404))) as (em, _):
        query = em.backup_sessions.query()
        for call in (query.all, query.first, query.count):
            with pytest.raises(NotFound):
                await call()
