"""A query gives every row that was there all the time, once, or says that it cannot."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from itertools import count, product
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.bodies import listing, row, said, uuid_of
from tests.support.clients import gets, talking
from tests.support.fault_server import Act, Answer, Stall
from tests.support.lies import LIES, lying, told
from tests.support.query_server import QueryServer, seeded
from veeam_async import (
    BackupJobSession,
    DecodeError,
    F,
    IncompleteAnswer,
    PermissionDenied,
    VeeamError,
)
from veeam_async.resources.query import Query

EMPTY = {
    "an object": Answer(body=b"{}"),
    "an element": Answer(body=b"<QueryResult />", media_type="application/xml"),
    "no PagingInfo": said(listing([row(0, at=0)])),
    "no rows": said(listing([], num=2, count=3)),
    "page 9": said(listing([], num=9, count=9)),
}


@asynccontextmanager
async def asking(
    server: QueryServer, **options: object
) -> AsyncIterator[Query[BackupJobSession]]:
    """Give a query of *server*."""
    async with talking(server) as (em, _):
        yield em.backup_sessions.query(**options)  # type: ignore[arg-type]  # options vary


async def ids(query: Query[BackupJobSession]) -> list[UUID]:
    """Read a query to its end."""
    return [one.id async for one in query]


def all_of(numbers: Iterable[int]) -> list[UUID]:
    """The ids of the sessions of these numbers, in order."""
    return sorted(uuid_of(number) for number in numbers)


def apart(rows: int) -> dict[int, float]:
    """As many sessions, one in each second."""
    return {number: float(number) for number in range(rows)}


def tied(rows: int) -> dict[int, float]:
    """As many sessions, all of one second."""
    return dict.fromkeys(range(rows), 7.25)


async def test_it_goes_on_from_the_last_second() -> None:
    """The first page is asked for as the caller says, then what was created since."""
    server = QueryServer(apart(250))
    async with asking(server, where=F.state == "Stopped") as query:
        assert await ids(query) == [uuid_of(number) for number in range(250)]

    filters = [asked["filter"] for asked in server.queries]
    assert filters == [
        'State=="Stopped"',
        '(State=="Stopped");CreationTime>="2026-03-02T12:01:39Z"',
        '(State=="Stopped");CreationTime>="2026-03-02T12:03:18Z"',
    ]
    assert {(asked["page"], asked["pageSize"]) for asked in server.queries} == {
        ("1", "100")
    }


@pytest.mark.parametrize("order", [None, "name"])
async def test_a_cancelled_query_goes_on_where_it_was(order: str | None) -> None:
    """The page that was not read yet is asked for again."""
    server = QueryServer(
        apart(250), spoil=lambda query, _: Stall() if query == 2 else None
    )
    async with asking(server, order_by=order) as query:
        found = [(await anext(query)).id for _ in range(100)]
        waiting = asyncio.ensure_future(anext(query))
        while len(server.queries) < 2:
            await asyncio.sleep(0.001)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        found += await ids(query)

    assert sorted(found) == all_of(range(250))


@pytest.mark.parametrize("order", [None, "name"])
async def test_tasks_can_share_a_query(order: str | None) -> None:
    """Each row goes to one of them, and no page is asked for twice."""
    server = QueryServer(apart(250))
    async with asking(server, order_by=order) as query:
        shares = await asyncio.gather(*(ids(query) for _ in range(4)))

    assert sorted(each for share in shares for each in share) == all_of(range(250))
    assert len(server.queries) == 3


async def test_no_more_is_asked_for_than_a_limit_needs() -> None:
    """Neither by key nor by number."""
    for order in (None, "-creation_time"):
        for limit, requests in ((0, 0), (100, 1), (101, 2)):
            server = QueryServer(apart(300))
            async with asking(server, limit=limit, order_by=order) as query:
                assert len(await ids(query)) == limit
            assert len(server.queries) == requests


async def test_rows_that_vanish_cost_no_others() -> None:
    """Not where the last one of a page does, nor all of its last second."""

    def vanish(at: dict[int, float]) -> None:
        for number in (5, 99, 98, 97, 150):
            at.pop(number, None)

    server = QueryServer(apart(300), meanwhile=vanish)
    async with asking(server) as query:
        found = await ids(query)

    assert len(set(found)) == len(found)
    assert set(all_of(server.at)) <= set(found)


async def test_rows_created_meanwhile_cost_no_others() -> None:
    """Be it that they are shown late, with a time long before."""
    late = count(1000)
    server = QueryServer(apart(300), meanwhile=lambda at: at.update({next(late): 3.0}))
    async with asking(server) as query:
        found = await ids(query)

    assert len(set(found)) == len(found)
    assert set(all_of(range(300))) <= set(found)


@pytest.mark.parametrize("page_size", [1, 3, 100, 1000])
async def test_rows_of_one_second_come_in_any_order(page_size: int) -> None:
    """A page grows until the second fits: 350 rows, sorted otherwise on each page."""
    server = QueryServer(tied(350), shuffle=seeded(7))
    async with asking(server, page_size=page_size) as query:
        assert sorted(await ids(query)) == all_of(range(350))


@pytest.mark.parametrize("is_mute", [True, False])
@pytest.mark.parametrize("rows", [350, 1000])
async def test_a_second_is_larger_than_any_page(rows: int, *, is_mute: bool) -> None:
    """Where a page does not grow, its pages are read until nothing is missing."""
    at = tied(rows) | {2000 + number: 8.0 + number for number in range(150)}
    server = QueryServer(at, cap=100, is_mute=is_mute, shuffle=seeded(7))
    async with asking(server) as query:
        try:
            found = await ids(query)
        except IncompleteAnswer as error:  # allowed, but not with this seed
            pytest.fail(str(error))

    assert sorted(found) == all_of(at)


@pytest.mark.parametrize(("status", "times"), [(400, 1), (414, 1), (500, 3)])
async def test_a_server_that_takes_no_key_is_read_by_page_number(
    status: int, times: int
) -> None:
    """It refuses the condition: the first page is not asked for again."""
    server = QueryServer(apart(250), takes_key=False, refusal=status)
    async with asking(server) as query:
        assert await ids(query) == [uuid_of(number) for number in range(250)]

    asked = [each["page"] for each in server.queries]
    assert asked == ["1", *["1"] * times, "2", "3"]


async def test_a_refusal_of_anything_else_is_raised() -> None:
    """A user may lose a right between two pages."""
    server = QueryServer(apart(250), takes_key=False, refusal=403)
    async with asking(server) as query:
        with pytest.raises(PermissionDenied):
            await ids(query)


async def test_a_server_that_takes_no_larger_page_is_read_by_page_number() -> None:
    """Within the second alone; from then on it goes on by key."""
    at = tied(130) | {1000 + number: 8.0 + number for number in range(130)}
    server = QueryServer(at, most=100)
    async with asking(server) as query:
        assert sorted(await ids(query)) == all_of(at)

    assert server.queries[-1]["page"] == "1"
    assert server.queries[-1]["filter"] > 'CreationTime>="2026-03-02T12:00:08Z"'


async def test_a_larger_page_may_be_too_large() -> None:
    """More bytes than an answer may have: the second is read by page numbers."""
    server = QueryServer(tied(130))
    async with talking(server, max_body_size=90_000) as (em, _):
        assert sorted(await ids(em.backup_sessions.query())) == all_of(range(130))


@pytest.mark.parametrize("rows", [apart(30), tied(30)])
@pytest.mark.parametrize("order", [None, "name"])
async def test_rows_that_cannot_be_read_are_told_once(
    rows: dict[int, float], order: str | None
) -> None:
    """Wherever they stand on a page, and however often that comes."""
    nulls = frozenset((0, 9, 10, 13, 29))
    server = QueryServer(rows, nulls=nulls, cap=10)
    async with asking(server, order_by=order) as query:
        found = await ids(query)

    assert sorted(found) == all_of(set(range(30)) - nulls)
    assert len(query.unreadable) == len(nulls)


async def test_a_server_that_does_not_sort_is_read_by_page_number() -> None:
    """Its first page is in no order."""
    numbers = list(range(250))
    seeded(3).shuffle(numbers)
    server = QueryServer({n: float(n) for n in numbers}, is_sorted=False)
    async with asking(server) as query:
        assert await ids(query) == [uuid_of(number) for number in numbers]

    assert [asked["page"] for asked in server.queries] == ["1", "2", "3"]


async def test_a_server_that_passes_over_the_key_is_read_by_page_number() -> None:
    """It answers the first page again, which begins before that second."""
    server = QueryServer(apart(250))

    def strip(query: int, _page: int) -> Act | None:
        server.queries[query - 1].pop("filter", None)
        return None

    server.spoil = strip
    async with asking(server) as query:
        assert await ids(query) == [uuid_of(number) for number in range(250)]

    assert [asked["page"] for asked in server.queries] == ["1", "1", "2", "3"]


async def test_a_key_that_selects_too_little_loses_nothing() -> None:
    """As where the server takes the time for one of another zone."""
    server = QueryServer(apart(300))

    def shift(query: int, _page: int) -> Act | None:
        terms = server.queries[query - 1]
        if "filter" in terms:
            terms["filter"] = 'CreationTime>="2026-03-02T12:04:00Z"'
        return None

    server.spoil = shift
    async with asking(server) as query:
        assert sorted(await ids(query)) == all_of(range(300))


@pytest.mark.parametrize("what", EMPTY)
@pytest.mark.parametrize("order", [None, "name", "-creation_time", "end_time"])
async def test_a_page_that_breaks_a_promise_is_asked_for_again(
    what: str, order: str | None
) -> None:
    """Nothing is missing where it comes then."""
    server = QueryServer(
        apart(300), spoil=lambda query, _: EMPTY[what] if query in (2, 3) else None
    )
    async with asking(server, order_by=order) as query:
        assert sorted(await ids(query)) == all_of(range(300))


@pytest.mark.parametrize("what", EMPTY)
@pytest.mark.parametrize("order", [None, "name", "-creation_time", "end_time"])
async def test_pages_that_do_not_come_are_told(what: str, order: str | None) -> None:
    """How many rows came, of how many: after some attempts, not for ever."""
    server = QueryServer(
        apart(300), spoil=lambda query, _: EMPTY[what] if query > 1 else None
    )
    found = []
    async with asking(server, order_by=order) as query:
        with pytest.raises(IncompleteAnswer, match="100 of up to 300 rows") as caught:
            found += [one async for one in query]
        with pytest.raises(IncompleteAnswer):
            await anext(query)

    assert (len(found), caught.value.came, caught.value.promised) == (0, 100, 300)
    assert len(server.queries) <= 11


@pytest.mark.parametrize("order", [None, "name", "-creation_time", "end_time"])
@pytest.mark.parametrize("rows", [tied(300), apart(300)])
async def test_a_server_that_repeats_a_page_for_ever_is_left(
    rows: dict[int, float], order: str | None
) -> None:
    """Be it under the number that was asked for."""
    server = QueryServer(rows)

    def again(_query: int, page: int) -> Act:
        shown = [row(number, at=rows[number]) for number in range(100)]
        return said(listing(shown, num=page, count=3))

    server.spoil = again
    async with asking(server, order_by=order) as query:
        with pytest.raises(IncompleteAnswer, match="100 of up to 300 rows"):
            await ids(query)

    assert len(server.queries) <= 40


@pytest.mark.parametrize("order", ["name", "-creation_time"])
async def test_ties_in_another_order_are_found_by_further_readings(order: str) -> None:
    """What a place was counted for is looked for until it comes."""
    server = QueryServer(tied(350), shuffle=seeded(11))
    async with asking(server, order_by=order) as query:
        assert sorted(await ids(query)) == all_of(range(350))


async def test_rows_created_in_front_cost_one_request() -> None:
    """Those that were pushed to the next page come once, the new ones at the end."""
    new = iter([(1000, 900.0), (1001, 901.0)])
    server = QueryServer(
        apart(250), meanwhile=lambda at: at.update(filter(None, [next(new, None)]))
    )
    async with asking(server, order_by="-creation_time") as query:
        found = await ids(query)

    assert sorted(found) == all_of(server.at)
    assert [asked["page"] for asked in server.queries] == ["1", "2", "3", "1"]


async def test_rows_that_are_deleted_break_no_promise() -> None:
    """Two of three pages are left, which a further reading confirms."""

    def vanish(at: dict[int, float]) -> None:
        for number in range(120, 250):
            at.pop(number, None)

    for order in (None, "name"):
        server = QueryServer(apart(250), meanwhile=vanish)
        async with asking(server, order_by=order) as query:
            found = await ids(query)
        assert set(all_of(range(120))) <= set(found)


@pytest.mark.parametrize("order", [None, "name"])
async def test_a_strict_query_raises_for_a_row_of_a_later_page(
    order: str | None,
) -> None:
    """At once: to ask again for it would be in vain."""
    server = QueryServer(apart(30), nulls=frozenset([15]), cap=10)
    async with asking(server, strict=True, order_by=order) as query:
        with pytest.raises(DecodeError, match=r"\$\.rows\[") as caught:
            await ids(query)

    assert not isinstance(caught.value, IncompleteAnswer)
    assert len(server.queries) == 2


@pytest.mark.parametrize("order", [None, "-end_time"])
async def test_a_row_that_a_page_has_twice_comes_once(order: str | None) -> None:
    """And is not counted for another one, which would be looked for in vain."""
    rows = [row(number, at=number) for number in (0, 0, 1)]
    page = said(listing(rows, num=1, size=3))
    async with talking(gets(page)) as (em, server):
        query = em.backup_sessions.query(order_by=order, page_size=3)
        got = [each.id async for each in query]

    assert sorted(got) == all_of(range(2))
    assert server.count("GET") == 1


async def test_a_first_page_without_paging_is_the_whole_answer() -> None:
    """There are servers without pages."""
    page = said(listing([row(number, at=number) for number in range(5)]))
    async with talking(gets(page)) as (em, server):
        assert len([one async for one in em.backup_sessions.query()]) == 5
        assert server.count("GET") == 1


@pytest.mark.parametrize("what", ["an object", "an element"])
async def test_an_answer_without_a_list_is_no_empty_list(what: str) -> None:
    """Not of a query, of references, nor of task sessions."""
    async with talking(gets(EMPTY[what])) as (em, _):
        sessions = em.backup_sessions
        with pytest.raises(DecodeError, match="the answer is empty"):
            [one async for one in sessions.query()]
        for asking_for in (sessions.references(), sessions.task_sessions(uuid_of(1))):
            with pytest.raises(DecodeError, match=r"the answer is empty|QueryResult"):
                await asking_for


POPULATIONS = st.lists(st.integers(0, 6).map(lambda n: n / 2), min_size=1, max_size=40)


@settings(max_examples=80, deadline=None)
@given(
    times=POPULATIONS,
    page_size=st.integers(1, 12),
    cap=st.integers(1, 12),
    is_mute=st.booleans(),
    takes_key=st.sampled_from([True, True, True, False]),
    seed=st.integers(0, 2**32),
    order=st.sampled_from([None, None, None, "name", "-creation_time"]),
)
async def test_every_row_comes_once(
    times: list[float],
    page_size: int,
    cap: int,
    seed: int,
    order: str | None,
    *,
    is_mute: bool,
    takes_key: bool,
) -> None:
    """Whatever ties, or the query says that it is incomplete."""
    server = QueryServer(
        dict(enumerate(times)),
        cap=cap,
        is_mute=is_mute,
        takes_key=takes_key,
        shuffle=seeded(seed),
    )
    async with asking(server, page_size=page_size, order_by=order) as query:
        try:
            found = await ids(query)
        except IncompleteAnswer:
            return

    assert sorted(found) == all_of(range(len(times)))


@settings(max_examples=150, deadline=None)
@given(
    times=POPULATIONS,
    page_size=st.integers(1, 12),
    cap=st.integers(1, 12),
    seed=st.integers(0, 2**32),
    is_stable=st.booleans(),
)
async def test_what_was_there_all_the_time_comes_once(
    times: list[float], page_size: int, cap: int, seed: int, *, is_stable: bool
) -> None:
    """Rows vanish and appear between any two pages, wherever they stand."""
    draw = seeded(seed)
    fresh = count(1000)
    gone: set[int] = set()

    def meanwhile(at: dict[int, float]) -> None:
        chance = draw.random()
        if chance < 0.1 and at:
            gone.add(number := draw.choice(list(at)))
            del at[number]
        elif chance < 0.2 and next(fresh) < 1100:
            at[next(fresh)] = draw.randrange(8) / 2

    # Where all of that comes together, and a second is larger than a page besides, what
    # appeared can stand in the count for what was missed.
    server = QueryServer(
        dict(enumerate(times)),
        cap=cap if is_stable else 10_000,
        shuffle=None if is_stable else seeded(seed),
        meanwhile=meanwhile,
    )
    async with asking(server, page_size=page_size) as query:
        try:
            found = await ids(query)
        except IncompleteAnswer:
            return

    assert len(set(found)) == len(found)
    assert {uuid_of(n) for n in range(len(times)) if n not in gone} <= set(found)


async def comes_whole_or_fails(server: QueryServer, **options: object) -> None:
    """Assert that a query gives all rows, each once, or says that it cannot."""
    async with asking(server, **options) as query:
        await is_whole_or_fails(query, server)


async def is_whole_or_fails(
    query: Query[BackupJobSession], server: QueryServer
) -> None:
    """The same of a query that was asked for already."""
    try:
        found = await ids(query)
    except VeeamError:
        return

    assert sorted(found) == all_of(server.at)


ORDERS = [None, "name", "-creation_time", "end_time"]


@pytest.mark.parametrize("lie", LIES)
async def test_no_lie_ends_a_query(lie: str) -> None:
    """Told from the second page of three on, or later, in whatever order."""
    server = QueryServer({})
    async with talking(lambda asked: server(asked)) as (em, _):  # noqa: PLW0108 - each in turn
        for order, since in product(ORDERS, (2, 3, 4)):
            server = lying(QueryServer(apart(30)), since, lambda: lie)
            query = em.backup_sessions.query(order_by=order, page_size=10)
            await is_whole_or_fails(query, server)
            assert len(server.queries) <= 60, (order, since)


@pytest.mark.parametrize("lie", LIES)
@pytest.mark.parametrize("since", range(5, 10))
async def test_no_lie_ends_a_second_of_full_pages(lie: str, since: int) -> None:
    """Its last page is as full as the others, but rows that were promised lack."""
    server = QueryServer(dict(enumerate([0.0] * 3 + [1.0] * 3)), cap=2)
    await comes_whole_or_fails(lying(server, since, lambda: lie), page_size=2)


@pytest.mark.parametrize("lie", LIES)
@pytest.mark.parametrize("since", range(2, 7))
async def test_no_lie_ends_a_second_of_pages_that_are_short(
    lie: str, since: int
) -> None:
    """They hold fewer rows than they say, so that a short one looks like the last."""
    for times in ([0.0] * 4, [0.0] + [1.0] * 3):
        server = QueryServer(dict(enumerate(times)), cap=3, is_mute=True)
        await comes_whole_or_fails(lying(server, since, lambda: lie), page_size=2)


async def test_a_last_second_behind_rows_that_vanished() -> None:
    """It is read to its end, though fewer rows are before it than were counted."""
    server = QueryServer({0: 0.0, 1: 1.0, 2: 1.0, 3: 0.0, 4: 0.0}, cap=4)

    def vanish(rows: dict[int, float]) -> None:
        if len(server.queries) == 2:
            del rows[3], rows[4]

    server.meanwhile = vanish
    async with asking(server, page_size=2) as query:
        assert sorted(await ids(query)) == sorted(all_of(range(5)))


@pytest.mark.parametrize("is_mute", [True, False])
@pytest.mark.parametrize("in_a_second", [1, 2, 3, 7])
async def test_pages_that_are_counted_by_the_rows_asked_for(
    in_a_second: int, *, is_mute: bool
) -> None:
    """A server that gives fewer than that says too early which page is the last."""
    server = QueryServer(
        {number: number // in_a_second for number in range(40)}, cap=3, is_mute=is_mute
    )

    def count(_query: int, page: dict[str, Any]) -> dict[str, Any]:
        paging, size = page["PagingInfo"], int(server.queries[-1]["pageSize"])
        rows = paging["PagesCount"] * min(size, server.cap)
        paging["PagesCount"] = max(1, -(-rows // size))
        paging["PageSize"] = size if is_mute else 0
        if paging["PageNum"] >= paging["PagesCount"]:
            paging["Links"] = []
        return page

    server.twist = count
    await comes_whole_or_fails(server, page_size=20)


async def test_a_last_second_that_may_lack_rows_costs_one_request() -> None:
    """What stands behind its last row is asked once, where more were promised."""
    server = QueryServer(dict(enumerate([0.0] * 5)), cap=2)
    async with asking(server, page_size=2) as query:
        assert len(await ids(query)) == 5
    assert [terms["pageSize"] for terms in server.queries].count("1") == 1


async def test_a_doubt_that_cannot_be_settled_fails_no_query() -> None:
    """Each page calls itself the first one: nothing else needed another."""
    server = QueryServer(dict(enumerate([0.0, 1.0, 1.0])), cap=2)
    server.twist = lambda _, page: told(page, PageNum=1)
    async with asking(server, page_size=2) as query:
        assert sorted(await ids(query)) == all_of(server.at)


@pytest.mark.parametrize("seed", range(6))
async def test_many_rows_that_tie_come_in_spite_of_pages_without_a_new_one(
    seed: int,
) -> None:
    """Sorted otherwise on each page, the later ones hold mostly known rows."""
    rows = dict.fromkeys(range(80), 0.0)
    server = QueryServer(rows, cap=3, shuffle=seeded(seed))
    async with asking(server, page_size=3) as query:
        assert sorted(await ids(query)) == all_of(rows)


@st.composite
def queries(draw: st.DrawFn, *, size: int = 1) -> tuple[QueryServer, dict[str, Any]]:
    """Draw an honest server, and the options of a query; pages have *size* at least."""
    times = st.lists(st.integers(0, 30).map(lambda n: n / 2), min_size=2, max_size=40)
    server = QueryServer(
        dict(enumerate(draw(times))),
        cap=draw(st.integers(size, 12)),
        is_mute=draw(st.booleans()),
        takes_key=draw(st.sampled_from([True, True, True, False])),
    )
    order = draw(st.sampled_from([None, None, None, *ORDERS]))
    return server, {"page_size": draw(st.integers(size, 12)), "order_by": order}


@settings(max_examples=300, deadline=None)
@given(asked=queries(), lie=st.sampled_from(sorted(LIES)), since=st.integers(2, 6))
async def test_no_lie_ends_a_query_whatever_ties(
    asked: tuple[QueryServer, dict[str, Any]], lie: str, since: int
) -> None:
    """Nor however many rows a page has: one lie from a query on."""
    server, options = asked
    await comes_whole_or_fails(lying(server, since, lambda: lie), **options)


@settings(max_examples=300, deadline=None)
@given(
    asked=queries(size=2),
    since=st.integers(2, 6),
    part=st.sampled_from([0.2, 0.5, 1.0]),
    seed=st.integers(0, 2**32),
)
async def test_no_lies_end_a_query(
    asked: tuple[QueryServer, dict[str, Any]], since: int, part: float, seed: int
) -> None:
    """Another one with each page, or none."""
    # Not of pages of one row: two lies in a row can show that it is the only one left.
    server, options = asked
    draw = seeded(seed)

    def choose() -> str | None:
        return draw.choice(sorted(LIES)) if draw.random() < part else None

    await comes_whole_or_fails(lying(server, since, choose), **options)


@settings(max_examples=300, deadline=None)
@given(
    asked=queries(),
    at=st.integers(2, 8),
    kept=st.floats(0, 0.99),
    is_newest=st.booleans(),
    seed=st.integers(0, 2**32),
)
async def test_rows_that_vanish_fail_no_query(
    asked: tuple[QueryServer, dict[str, Any]],
    at: int,
    kept: float,
    seed: int,
    *,
    is_newest: bool,
) -> None:
    """However many at once, unless nothing is left of what was promised."""
    server, options = asked
    draw = seeded(seed)

    def vanish(rows: dict[int, float]) -> None:
        if len(server.queries) + 1 != at:
            return
        numbers = sorted(rows, key=rows.__getitem__) if is_newest else list(rows)
        if not is_newest:
            draw.shuffle(numbers)
        for number in numbers[1 + int(kept * len(numbers)) :]:
            del rows[number]

    server.meanwhile = vanish
    async with asking(server, **options) as query:
        found = await ids(query)

    assert len(set(found)) == len(found)
    if server.takes_key and options["order_by"] is None:
        assert set(all_of(server.at)) <= set(found)
