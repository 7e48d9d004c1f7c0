"""What is iterated once: a fetch, a query and a watch that have ended say so."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from tests.support.bodies import behind_logon, page
from tests.support.clients import talking
from tests.support.fault_server import Answer
from tests.support.simulated import SOON, simulated
from veeam_async import DeadlineExceeded, EnterpriseManager, SessionChanged, SessionGone

Make = Callable[[EnterpriseManager, list[UUID]], Any]

MADE: dict[str, tuple[Make, str]] = {
    "fetch": (lambda em, ids: em.backup_sessions.fetch(ids), r"with fetch\(ids\)"),
    "fetch, ordered": (
        lambda em, ids: em.backup_sessions.fetch(ids, ordered=True),
        "keep what it gives in a list",
    ),
    "query": (lambda em, _: em.backup_sessions.query(), r"await query\.all\(\)"),
    "query by number": (
        lambda em, _: em.backup_sessions.query(order_by="-end_time", page_size=2),
        r"make another one with query\(…\)",
    ),
    "watch": (
        lambda em, ids: em.backup_sessions.watch(ids, interval=SOON),
        r"watch\(resume=watch\.checkpoint\(\)\)",
    ),
}
CLOSED = [name for name in MADE if not name.startswith("query")]


async def some_ids(em: EnterpriseManager) -> list[UUID]:
    """The ids of all sessions."""
    return [each.id for each in await em.backup_sessions.references()]


def named(found: Any) -> object:
    """The key of one thing that an iterator gives."""
    is_event = isinstance(found, SessionChanged | SessionGone)
    return (found.id, found.kind) if is_event else found.id


@pytest.mark.parametrize("name", MADE)
async def test_a_second_loop_says_what_to_do(name: str) -> None:
    """Until now it was silently empty; `anext` still says that it has ended."""
    make, advice = MADE[name]
    async with simulated(sessions=5, running=0) as (em, _, _):
        made = make(em, await some_ids(em))
        assert len([each async for each in made]) >= 5

        for _ in range(2):
            with pytest.raises(RuntimeError, match=advice):
                [each async for each in made]
            assert await anext(made, "ended") == "ended"


@pytest.mark.parametrize("name", MADE)
async def test_a_loop_goes_on_where_another_was_left(name: str) -> None:
    """By break: nothing is lost, and nothing comes twice."""
    make, _ = MADE[name]
    async with simulated(sessions=5, running=0) as (em, _, _):
        ids = await some_ids(em)
        whole = {named(each) async for each in make(em, ids)}
        made, found = make(em, ids), list[object]()
        async for each in made:
            found.append(named(each))
            break
        found += [named(each) async for each in made]

    assert len(found) == len(whole)
    assert set(found) == whole


@pytest.mark.parametrize("name", MADE)
async def test_loops_that_began_before_the_end_share_it(name: str) -> None:
    """Tasks that take what they get, in turns, all end without an error."""
    make, _ = MADE[name]
    async with simulated(sessions=5, running=0) as (em, _, _):
        ids = await some_ids(em)
        whole = {named(each) async for each in make(em, ids)}
        made = make(em, ids)

        async def loop() -> list[object]:
            return [named(each) async for each in made]

        shares = await asyncio.gather(loop(), loop(), loop())

    found = [each for share in shares for each in share]
    assert len(found) == len(whole)
    assert set(found) == whole


@pytest.mark.parametrize("name", CLOSED)
async def test_a_loop_over_what_was_closed_says_so(name: str) -> None:
    """By itself, by its `async with` or by its manager; begun or not."""
    make, advice = MADE[name]
    async with simulated(sessions=5, running=0) as (em, _, _):
        ids = await some_ids(em)
        async with make(em, ids) as left:
            pass
        closed, begun, open_still = (make(em, ids) for _ in range(3))
        await closed.aclose()
        await anext(begun)
        await begun.aclose()
        await anext(open_still)

    for made in (left, closed, begun, open_still):
        with pytest.raises(RuntimeError, match=f"was closed.*{advice}"):
            [each async for each in made]
        assert await anext(made, "ended") == "ended"


async def test_a_loop_after_the_deadline_says_so() -> None:
    """The error was raised already, and nothing comes after it."""
    async with simulated(sessions=1, running=1, speed=0) as (em, _, _):
        watch = em.backup_sessions.watch(await some_ids(em), interval=9, timeout=0)
        with pytest.raises(DeadlineExceeded):
            [event async for event in watch]
        with pytest.raises(RuntimeError, match="has ended"):
            [event async for event in watch]


async def test_a_query_goes_on_after_a_failure() -> None:
    """It has not ended: the page is asked for again."""
    answers = [Answer(status=404, body=b"{}"), Answer(body=page(range(3), 1, 1))]
    async with talking(behind_logon(lambda _: answers.pop(0))) as (em, _):
        query = em.backup_sessions.query()
        with pytest.raises(Exception, match="404"):
            [each async for each in query]
        assert len([each async for each in query]) == 3


async def test_a_watch_that_is_stopped_before_its_loop_ends_cleanly() -> None:
    """A signal may come before the loop begins; only the next loop is too many."""
    async with simulated(sessions=2, running=0) as (em, _, _):
        watch = em.backup_sessions.watch(await some_ids(em), interval=SOON)
        watch.stop()
        assert [event async for event in watch] == []
        with pytest.raises(RuntimeError, match="has ended"):
            [event async for event in watch]


async def test_a_watch_is_resumed_by_another_one() -> None:
    """As the error says: it goes on after what was told, and is iterated itself."""
    async with simulated(sessions=3, running=0) as (em, _, _):
        ids = await some_ids(em)
        first = em.backup_sessions.watch(ids, interval=SOON)
        told = [named(await anext(first))]
        await first.aclose()
        resumed = em.backup_sessions.watch(resume=first.checkpoint(), interval=SOON)
        told += [named(event) async for event in resumed]
        whole = {named(e) async for e in em.backup_sessions.watch(ids, interval=SOON)}

    assert len(told) == len(whole)
    assert set(told) == whole
