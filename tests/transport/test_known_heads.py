"""Heads that came before: a connection that knows them is like one that knows none."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

import attrs
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from veeam_async import VeeamError
from veeam_async.transport.connection import Connection, HeadWriter
from veeam_async.transport.exchange import Request, Response
from veeam_async.transport.known_heads import KnownHeads

PLAIN = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"
Reads: TypeAlias = Sequence[bytes]
"""What a server sends in answer to one request, in the pieces that it comes in."""


class Wire(asyncio.Transport):
    """A transport without a socket: what is written goes nowhere."""

    def __init__(self) -> None:
        super().__init__()
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Take a request."""

    def is_closing(self) -> bool:
        return self.closed

    def abort(self) -> None:
        self.closed = True


class Nothing(KnownHeads):
    """Heads of which none is ever known."""

    def headers(self, head: bytes, body: bytes) -> Mapping[str, str] | None:
        del head, body
        return None


class Counting(KnownHeads):
    """Heads that count how many answers they made."""

    found = 0

    def headers(self, head: bytes, body: bytes) -> Mapping[str, str] | None:
        known = super().headers(head, body)
        self.found += known is not None
        return known


@attrs.frozen
class Met:
    """What one exchange came to, and what became of its connection."""

    answer: tuple[int, Mapping[str, str], bytes] | None
    error: str
    is_kept: bool


def connected(known: KnownHeads, wire: Wire) -> Connection:
    """A connection over *wire* that goes by the heads that are *known*."""
    connection = Connection(
        writer=HeadWriter("em"),
        seconds=math.inf,
        max_body_size=1000,
        on_lost=id,
        is_tls=False,
        known=known,
    )
    connection.connection_made(wire)
    return connection


async def exchanged(known: KnownHeads, answers: Sequence[Reads]) -> list[Met]:
    """Ask for *answers* one after another on one connection, as long as it is kept."""
    wire = Wire()
    connection = connected(known, wire)
    met = []
    for reads in answers:
        promise = connection.begin(Request("GET", "/"), 0.0)
        for read in reads:
            _arrive(connection, wire, read)
        if not (promise.done() or wire.closed):
            connection.eof_received()
        if not promise.done():
            connection.connection_lost(None)
        met.append(_met(connection, wire, promise))
        if not met[-1].is_kept:
            break
    return met


def _arrive(connection: Connection, wire: Wire, data: bytes) -> None:
    if data and not wire.closed:
        connection.get_buffer(-1)[: len(data)] = data
        connection.buffer_updated(len(data))


def _met(connection: Connection, wire: Wire, promise: asyncio.Future[Response]) -> Met:
    error = promise.exception()
    if error is not None:
        assert isinstance(error, VeeamError)
        return Met(None, f"{type(error).__name__} {error}", is_kept=False)
    answer = promise.result()
    said = answer.status, dict(answer.headers), answer.body
    is_kept = connection.finish() and not wire.closed
    return Met(said, "", is_kept)


def whole(head: bytes, body: bytes = b"{}") -> Reads:
    """An answer that comes in one piece."""
    return [head + b"\r\n" + body]


# ---------------------------------------------------------------- the law

LINES = st.sampled_from(
    [
        b"Content-Length: 2\r\n",
        b"Content-Length: 02\r\n",
        b"content-length: 2\r\n",
        b"Content-Length: 0\r\n",
        b"Content-Length: 5\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Connection: close\r\n",
        b"Connection: keep-alive\r\n",
        b"Date: Mon, 02 Mar 2026 21:00:00 GMT\r\n",
        b"X: \xff\r\n",
        b"X: a\n",
        b"X : a\r\n",
    ]
)
STARTS = st.sampled_from(
    [
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.0 200 OK\r\n",
        b"HTTP/1.1 201 Created\r\n",
        b"HTTP/1.1 204 No Content\r\n",
        b"HTTP/1.1 304 Not Modified\r\n",
        b"HTTP/1.1 404 Not Found\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n",
        b"\r\nHTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\n",
    ]
)
BODIES = st.sampled_from(
    [b"{}", b"", b"[]", b"{}{}", b"{}HTTP/1.1 200 OK\r\n\r\n", b"2\r\n{}\r\n0\r\n\r\n"]
)


@st.composite
def answers(draw: st.DrawFn) -> list[Reads]:
    """Answers of few kinds, so that many heads come again, each cut anywhere."""
    texts = draw(
        st.lists(
            st.builds(
                lambda start, lines, body: start + b"".join(lines) + b"\r\n" + body,
                STARTS,
                st.lists(LINES, max_size=3),
                BODIES,
            ),
            min_size=1,
            max_size=3,
        )
    )
    order = draw(st.lists(st.sampled_from(texts), min_size=1, max_size=6))
    return [list(_cut(draw, text)) for text in order]


def _cut(draw: st.DrawFn, text: bytes) -> Iterator[bytes]:
    at = draw(st.one_of(st.just(len(text)), st.integers(0, len(text))))
    yield text[:at]
    yield text[at:]


@given(answers())
@example([whole(PLAIN), whole(PLAIN), whole(PLAIN, b"{}{}")])
@example([whole(PLAIN), [PLAIN + b"\r\n{", b"}"], whole(PLAIN, b"[]")])
def test_what_is_known_changes_nothing(sent: list[Reads]) -> None:
    """Each answer, each error and each connection's end is as without any memory."""

    async def both() -> None:
        known = KnownHeads()
        without = await exchanged(Nothing(), sent)
        assert await exchanged(known, sent) == without
        assert await exchanged(known, sent) == without

    asyncio.run(both())


# ---------------------------------------------------------------- what is known


@pytest.mark.parametrize("head", [PLAIN, PLAIN + b"Server: em\r\nDate: now\r\n"])
async def test_a_plain_head_is_worked_out_once(head: bytes) -> None:
    """From the second on the parser is not asked, on other connections either."""
    known = Counting()
    first = await exchanged(known, [whole(head), whole(head, b"[]")])
    assert known.found == 1
    again = await exchanged(known, [whole(head)])
    assert known.found == 2
    assert again == first[:1]


@pytest.mark.parametrize(
    "reads",
    [
        whole(b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n"),
        whole(b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n"),
        whole(PLAIN + b"Connection: close\r\n"),
        whole(b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n"),
        whole(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n"),
        whole(PLAIN, b"{}{}"),
        [PLAIN + b"\r\n", b"{}"],
        whole(PLAIN + b"X: %b\r\n" % (b"x" * 4000)),
    ],
    ids=["created", "error", "close", "1.0", "chunks", "more", "pieces", "long"],
)
async def test_what_is_not_plain_is_never_known(reads: Reads) -> None:
    """An answer that ends otherwise, or says otherwise, is parsed each time."""
    known = Counting()
    for _ in range(3):
        await exchanged(known, [reads])
    assert known.found == 0


async def test_bytes_behind_a_known_answer_close_the_connection() -> None:
    """They are nobody's answer, be it that the caller has not woken up yet."""
    wire, known = Wire(), KnownHeads()
    await exchanged(known, [whole(PLAIN)])
    connection = connected(known, wire)
    promise = connection.begin(Request("GET", "/"), 0.0)
    _arrive(connection, wire, b"".join(whole(PLAIN)))
    assert promise.result().body == b"{}"
    assert not wire.closed
    _arrive(connection, wire, b"".join(whole(PLAIN, b"[]")))
    assert promise.result().body == b"{}"
    assert wire.closed


async def test_what_answers_an_action_is_not_kept() -> None:
    """The head that answers a logon holds the token."""
    known, wire = Counting(), Wire()
    for method in ("POST", "GET", "GET"):
        connection = connected(known, wire)
        connection.begin(Request(method, "/"), 0.0)
        _arrive(connection, wire, b"".join(whole(PLAIN)))
    assert known.found == 1


def numbered(numbers: Iterable[int]) -> list[Reads]:
    """Answers whose heads are told apart by a number."""
    return [whole(PLAIN + b"X-Request: %d\r\n" % number) for number in numbers]


async def test_heads_that_never_come_again_are_left_in_peace() -> None:
    """For a while: they would cost more than is saved, and fill memory."""
    known = Counting()
    await exchanged(known, numbered(range(513)))
    rest = known.rest
    assert rest > 5000

    await exchanged(known, numbered([600] * rest))
    assert (known.found, known.rest) == (0, 0)
    await exchanged(known, numbered([600] * 3))
    assert known.found == 2


async def test_heads_that_come_again_are_always_looked_up() -> None:
    """However many there are, as each second brings new ones."""
    known = Counting()
    await exchanged(known, numbered(number // 3 for number in range(4500)))
    assert (known.found, known.rest) == (3000, 0)
