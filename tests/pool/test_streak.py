"""Requests that follow one another at once: what is sent, and what ends a streak."""

from __future__ import annotations

import asyncio
import string
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any, Literal
from uuid import UUID

import pytest

from tests.support.bodies import (
    behind_logon,
    each_by_id,
    error,
    logon,
    session,
    uuid_of,
)
from tests.support.clients import talking
from tests.support.fault_server import Act, Answer, Asked, FaultServer, Raw, Stall
from tests.support.transports import transport
from veeam_async import ConnectionFailed, Fetched, InvalidId, NotFound, RequestTimeout
from veeam_async.ids import parse_id
from veeam_async.transport.direct import DirectTransport
from veeam_async.transport.exchange import Request, Response

pytestmark = pytest.mark.loops

GOOD = b"HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Length: 2\r\n\r\n{}"
MANY = 200
USER: ContextVar[str] = ContextVar("USER", default="nobody")


class Targets:
    """Follow-ups that ask for `/1`, `/2` and so on, *most* of them; see `answers`."""

    def __init__(self, most: int) -> None:
        self.request = Request("GET", "/0")
        self.most = most
        self.answers: list[Response] = []

    def follow_up(self, answer: Response) -> bool:
        """Keep *answer*, and ask for the next target."""
        if len(self.answers) == self.most:
            return False
        self.answers.append(answer)
        self.request.target = f"/{len(self.answers)}"
        return True


@asynccontextmanager
async def following(
    url: str, *, request: float = 5.0
) -> AsyncIterator[DirectTransport]:
    """Open the transport that sends on from its own callbacks."""
    async with transport("direct", url, request=request) as made:
        assert isinstance(made, DirectTransport)
        yield made


# ---------------------------------------------------------------- the transport


async def test_the_response_is_that_to_the_last_request() -> None:
    """Each goes out once, in turn, on the one connection."""
    script = [Answer(status=200 + number) for number in range(4)]
    asking = Targets(3)
    async with FaultServer(script) as server, following(server.url) as made:
        last = await made.send_on(asking.request, asking.follow_up)

    asked = [(one.target, one.connection) for one in server.asked]
    assert asked == [("/0", 1), ("/1", 1), ("/2", 1), ("/3", 1)]
    assert [one.status for one in asking.answers] == [200, 201, 202]
    assert last.status == 203


@pytest.mark.parametrize(
    "closing",
    [
        Answer(close=True, headers={"Connection": "close"}),
        Raw(GOOD + GOOD),
        Raw(GOOD + b"?"),
        Answer(status=101, body=b""),
    ],
    ids=["close", "a second answer", "a byte", "another protocol"],
)
async def test_nothing_follows_on_a_connection_that_ends(closing: Act) -> None:
    """Its answer is that to the one request."""
    asking = Targets(3)
    async with FaultServer([closing, Answer(status=201)]) as server:
        async with following(server.url) as made:
            await made.send_on(asking.request, asking.follow_up)
            again = await made.send(Request("GET", "/again"))

    assert asking.answers == []
    assert again.status == 201
    assert server.connections == 2


async def test_a_follow_up_to_a_closed_connection_is_sent_on_another() -> None:
    """As any request that finds a kept connection closed; the others are not."""
    script: list[Act] = [Answer(), Raw(b""), Answer(status=201), Answer(status=202)]
    asking = Targets(2)
    async with FaultServer(script) as server:
        async with following(server.url) as made:
            last = await made.send_on(asking.request, asking.follow_up)

    asked = [(one.target, one.connection) for one in server.asked]
    assert asked == [("/0", 1), ("/1", 1), ("/1", 2), ("/2", 2)]
    assert last.status == 202


async def test_a_follow_up_has_the_whole_time_of_a_request() -> None:
    """A streak has no end of its own, but each of its requests has."""

    def play(asked: Asked) -> Act:
        return Stall() if asked.target == "/40" else Slow()

    asking = Targets(MANY)
    async with FaultServer(play) as server:
        async with following(server.url, request=0.5) as made:
            with pytest.raises(RequestTimeout):
                await made.send_on(asking.request, asking.follow_up)

    assert len(asking.answers) == 40


class Slow(Answer):
    """Answer after a part of the time that a request has."""

    async def __call__(self, writer: asyncio.StreamWriter, asked: Asked) -> bool:
        await asyncio.sleep(0.01)
        return await super().__call__(writer, asked)


async def test_what_a_follow_up_raises_is_raised_by_send() -> None:
    """Nothing waits for an answer that nobody has asked for."""

    def follow_up(_answer: Response) -> bool:
        raise LookupError("mine")

    async with FaultServer([Answer(), Answer(status=201)]) as server:
        async with following(server.url) as made:
            with pytest.raises(LookupError, match="mine"):
                await made.send_on(Request("GET", "/0"), follow_up)
            assert (await made.send(Request("GET", "/1"))).status == 201


async def test_leaving_a_streak_closes_its_connection() -> None:
    """The answer to a follow-up is nobody else's."""
    asking = Targets(MANY)
    async with FaultServer([Answer(), Answer(), Stall(), Answer(status=201)]) as server:
        async with following(server.url) as made:
            task = asyncio.create_task(made.send_on(asking.request, asking.follow_up))
            while len(server.asked) < 3:
                await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert (await made.send(Request("GET", "/"))).status == 201

    assert server.connections == 2


# ---------------------------------------------------------------- a fetch


def serving(number: int) -> Callable[[Asked], Act]:
    """Answer with the sessions below *number*, and 404 for others."""
    known = {uuid_of(each): Answer(body=session(each)) for each in range(number)}
    return behind_logon(each_by_id(known))


async def collected(fetch: Any) -> dict[Any, Fetched[Any]]:
    """What came of each id."""
    return {one.id: one async for one in fetch}


@pytest.mark.parametrize("kind", ["auto", "aiohttp"])
@pytest.mark.parametrize("ordered", [False, True])
async def test_each_id_is_asked_for_once(
    kind: Literal["auto", "aiohttp"],
    ordered: bool,  # noqa: FBT001 - a parameter
) -> None:
    """On one connection or many, each answer is its own id's."""
    ids = [uuid_of(number) for number in range(MANY)]
    settings = {"max_connections": 3, "transport": kind}
    async with talking(serving(MANY), **settings) as (em, server):
        found = await collected(em.backup_sessions.fetch(ids, ordered=ordered))
        assert server.count("GET") == MANY

    assert [one.result().id for one in found.values()] == list(found)
    assert set(found) == set(ids)
    assert not ordered or list(found) == ids


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The targets of the requests that others may follow."""
    targets: list[str] = []
    send_on = DirectTransport.send_on

    def noting(
        self: DirectTransport, request: Request, follow_up: Callable[[Response], bool]
    ) -> Any:
        targets.append(request.target)
        return send_on(self, request, follow_up)

    monkeypatch.setattr(DirectTransport, "send_on", noting)
    return targets


@pytest.mark.parametrize("pad", ["", string.ascii_letters + string.digits + "+/="])
async def test_answers_of_any_size_are_followed_at_once(
    begun: list[str], pad: str
) -> None:
    """Be there every character of the token in a body that is large, or none."""
    ids = [uuid_of(number) for number in range(MANY)]

    def padded(asked: Asked) -> Act:
        answer = serving(MANY)(asked)
        assert isinstance(answer, Answer)
        return Answer(body=answer.body.replace(b"Mail servers", pad.encode() * 100))

    async with talking(behind_logon(padded), max_connections=4) as (em, _):
        async for fetched in em.backup_sessions.fetch(ids):
            fetched.result()

    # A worker begins anew where the caller takes the results slower than they come.
    assert len(begun) < MANY // 2


@pytest.mark.parametrize("concurrency", [1, 200])
async def test_where_nothing_can_follow_no_request_is_made_for_it(
    begun: list[str], concurrency: int
) -> None:
    """With room for one result alone, or while others wait for the same slots."""
    ids = [uuid_of(number) for number in range(MANY)]
    settings = {"max_connections": max(4, concurrency)}
    async with talking(serving(MANY), **settings) as (em, _):
        await collected(em.backup_sessions.fetch(ids, concurrency=concurrency))

    assert begun == []


async def test_a_fetch_lets_others_in() -> None:
    """Who waits for the only connection has it after the answer under way."""
    ids = [uuid_of(number) for number in range(MANY)]
    async with talking(serving(MANY), max_connections=1) as (em, server):
        fetch = em.backup_sessions.fetch(ids)
        await anext(fetch)
        before = len(server.asked)
        await em.backup_sessions.get(uuid_of(MANY - 1))
        mine = [str(uuid_of(MANY - 1)) in asked.target for asked in server.asked]
        await fetch.aclose()

    assert mine.index(True) <= before + 2


async def test_what_the_ids_raise_ends_the_fetch() -> None:
    """What was asked for before that comes first."""

    def ids() -> Iterator[Any]:
        yield from (uuid_of(number) for number in range(30))
        raise LookupError("mine")

    found = []
    async with talking(serving(MANY), max_connections=1) as (em, _):
        fetch = em.backup_sessions.fetch(ids())
        with pytest.raises(LookupError, match="mine"):
            while True:
                found.append((await anext(fetch)).result().id)

    assert found == [uuid_of(number) for number in range(30)]


async def test_the_ids_are_drawn_in_the_caller_s_context() -> None:
    """Wherever the next one is drawn, its iterable sees the caller's variables."""
    seen = set()

    def ids() -> Iterator[Any]:
        for number in range(MANY):
            seen.add(USER.get())
            yield uuid_of(number)

    async with talking(serving(MANY), max_connections=2) as (em, _):
        await em.backup_sessions.get(uuid_of(0))
        USER.set("caller")
        await collected(em.backup_sessions.fetch(ids()))

    assert seen == {"caller"}


async def test_a_bad_id_in_a_streak_is_that_id_s_error() -> None:
    """Nothing is sent for it, and the others come."""
    ids: list[Any] = [uuid_of(number) for number in range(40)]
    ids.insert(20, "no id")
    async with talking(serving(MANY), max_connections=1) as (em, server):
        found = await collected(em.backup_sessions.fetch(ids))
        assert server.count("GET") == 40

    assert isinstance(found.pop("no id").error, InvalidId)
    assert all(one.result().id == given for given, one in found.items())


async def test_an_error_in_a_streak_names_its_own_request() -> None:
    """One that fails costs no other, and has its own address."""
    ids = [uuid_of(number) for number in range(30)]
    ids.insert(15, uuid_of(MANY + 1))
    async with talking(serving(MANY), max_connections=1) as (em, _):
        found = await collected(em.backup_sessions.fetch(ids))

    missing = found.pop(uuid_of(MANY + 1)).error
    assert isinstance(missing, NotFound)
    assert str(uuid_of(MANY + 1)) in missing.url
    assert all(one.result().id == given for given, one in found.items())


@pytest.mark.parametrize(
    "odd",
    [session(7), error(503, "Busy"), error(401, "Who?"), Raw(b""), Raw(b"HTTP/1.1 2")],
    ids=["another's", "503", "401", "closed", "cut short"],
)
async def test_an_odd_answer_in_a_streak_is_asked_for_again(odd: bytes | Act) -> None:
    """That one alone; everything comes, and each once."""
    ids = [uuid_of(number) for number in range(30)]
    plain, spoilt = serving(MANY), {str(uuid_of(15))}

    def play(asked: Asked) -> Act:
        wanted = asked.path.rpartition("/")[2]
        if wanted in spoilt:
            spoilt.clear()
            return Answer(body=odd) if isinstance(odd, bytes) else odd
        return plain(asked)

    tokens = [logon("dG9rZW4tMQ=="), logon("dG9rZW4tMg==")]
    script = behind_logon(play, logons=tokens)
    async with talking(script, max_connections=1) as (em, server):
        found = await collected(em.backup_sessions.fetch(ids))
        asked = [one.target for one in server.asked if one.method == "GET"]

    assert [one.result().id for one in found.values()] == ids
    assert len(asked) == 31
    assert len(set(asked)) == 30


async def test_a_streak_that_fails_for_good_tells_of_the_last_alone() -> None:
    """What was answered before it is handed out."""
    ids = [uuid_of(number) for number in range(10)]
    plain = serving(MANY)

    def play(asked: Asked) -> Act:
        return Raw(b"HTTP/1.1 2") if str(uuid_of(5)) in asked.target else plain(asked)

    async with talking(behind_logon(play), max_connections=1) as (em, _):
        found = await collected(em.backup_sessions.fetch(ids))

    assert isinstance(found.pop(uuid_of(5)).error, ConnectionFailed)
    assert all(one.result().id == given for given, one in found.items())


async def test_what_an_id_itself_raises_costs_no_answer_before_it() -> None:
    """It ends the fetch, and with it what others have under way, but no more."""

    class Odd(UUID):
        """An id that cannot be written."""

        def __str__(self) -> str:
            raise LookupError("mine")

    ids = [uuid_of(number) for number in range(60)]
    ids[40] = Odd(int=ids[40].int)
    for settings in ({}, {"on_request": str}):
        found = []
        given = {"max_connections": 2} | settings
        async with talking(serving(MANY), **given) as (em, _):
            fetch = em.backup_sessions.fetch(ids)
            with pytest.raises(LookupError, match="mine"):
                while True:
                    found.append((await anext(fetch)).result().id)

        assert len(found) >= 39


async def test_an_error_of_the_library_raised_by_the_ids_ends_the_fetch() -> None:
    """It is no id's: whoever parses them in a generator must hear of the bad one."""
    texts = [str(uuid_of(number)) for number in range(60)]
    texts.insert(40, "no id")
    for at_once in (1, 2, 8):
        found = []
        async with talking(serving(MANY), max_connections=at_once) as (
            em,
            _,
        ):
            fetch = em.backup_sessions.fetch(parse_id(text) for text in texts)
            with pytest.raises(InvalidId):
                while True:
                    found.append((await anext(fetch)).id)

        assert len(found) > 40 - at_once
