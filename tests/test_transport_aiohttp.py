"""One exchange: what goes out, what comes back, and what is said when nothing does."""

from __future__ import annotations

import asyncio
import gzip
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from aioresponses import aioresponses, core

from tests.support.fault_server import (
    Act,
    Answer,
    Asked,
    CutShort,
    FaultServer,
    Raw,
    Reset,
    Script,
    Stall,
)
from veeam_async import (
    BodyTooLarge,
    ConnectionFailed,
    RequestTimeout,
    Timeout,
)
from veeam_async.transport.aiohttp import AiohttpTransport
from veeam_async.transport.exchange import Request, Response

SECRET = "dG9rZW4"
CHUNKED = b"HTTP/1.1 200 OK\r\nCONTENT-TYPE: a/b\r\nTransfer-Encoding: chunked\r\n\r\n"
GET = Request("GET", "/api/x?a=%2B%20b", {"X-RestSvcSessionId": SECRET})
POST = Request("POST", "/api/x", {"Content-Length": "0"})


@asynccontextmanager
async def transport(
    origin: str, *, connect: float = 1.0, request: float = 5.0, limit: int = 100_000
) -> AsyncIterator[AiohttpTransport]:
    """Open a transport to *origin*, over plain HTTP."""
    made = AiohttpTransport(
        origin,
        trust=None,
        timeout=Timeout(connect=connect, request=request),
        max_body_size=limit,
    )
    try:
        yield made
    finally:
        await made.close()


async def answer(script: Script, request: Request = GET) -> Response:
    """Give what a server that plays *script* answers."""
    async with FaultServer(script) as server, transport(server.url) as made:
        return await made.send(request)


async def failure(
    script: Script, asking: Request = GET, **settings: Any
) -> ConnectionFailed:
    """Give the error of an exchange, which shows no secret, nor do its causes."""
    async with FaultServer(script) as server, transport(server.url, **settings) as made:
        with pytest.raises(ConnectionFailed) as caught:
            await made.send(asking)
    met: BaseException | None = caught.value
    while met is not None:
        assert SECRET not in repr(met) + str(met)
        met = met.__cause__ or met.__context__
    return caught.value


# ---------------------------------------------------------------- by aioresponses


class _Response(aiohttp.ClientResponse):
    """What aiohttp 3.14 wants and aioresponses 0.7.9 does not give it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs, stream_writer=SimpleNamespace(output_size=0))  # type: ignore[arg-type]  # all that is asked of it


@pytest.fixture
def mocked(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Replace aiohttp's requests by scripted ones."""
    monkeypatch.setattr(core, "ClientResponse", _Response)
    with aioresponses() as mock:
        yield mock


@pytest.mark.parametrize("status", [200, 201, 204, 302, 401, 404, 500, 503])
async def test_every_status_is_a_response(mocked: Any, status: int) -> None:
    """What a status means is decided above."""
    mocked.get("http://em/api/x", status=status, body=b"{}")
    async with transport("http://em") as made:
        response = await made.send(Request("GET", "/api/x"))

    assert (response.status, response.body) == (status, b"{}")


async def test_headers_of_an_answer_are_in_lower_case(mocked: Any) -> None:
    """However a proxy or HTTP/2 spelt them."""
    headers = {"X-RESTSVCSessionID": "T", "Retry-After": "5"}
    mocked.post("http://em/api/x", status=201, headers=headers)
    async with transport("http://em") as made:
        response = await made.send(POST)

    assert response.headers["x-restsvcsessionid"] == "T"
    assert response.headers["retry-after"] == "5"


async def test_what_is_asked_of_aiohttp(mocked: Any) -> None:
    """The request's own headers, and no redirect."""
    mocked.get("http://em/api/x", body=b"")
    async with transport("http://em") as made:
        await made.send(Request("GET", "/api/x", GET.headers))

    ((method, asked), (call,)) = next(iter(mocked.requests.items()))
    assert (method, str(asked)) == ("GET", "http://em/api/x")
    assert call.kwargs["headers"] == {"X-RestSvcSessionId": SECRET}
    assert call.kwargs["allow_redirects"] is False


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (aiohttp.ServerDisconnectedError(), ConnectionFailed),
        (aiohttp.ClientPayloadError("cut"), ConnectionFailed),
        (aiohttp.ConnectionTimeoutError("late"), RequestTimeout),
        (aiohttp.SocketTimeoutError("late"), RequestTimeout),
        (aiohttp.ClientOSError(104, "Connection reset by peer"), ConnectionFailed),
        (aiohttp.ClientConnectionResetError("gone"), ConnectionFailed),
        (ConnectionAbortedError(), ConnectionFailed),
        (TimeoutError(), RequestTimeout),
        (OSError(24, "Too many open files"), ConnectionFailed),
    ],
    ids=lambda value: getattr(value, "__name__", type(value).__name__),
)
async def test_no_error_of_aiohttp_gets_out(
    mocked: Any, error: Exception, kind: type[ConnectionFailed]
) -> None:
    """Each is one of the library's own."""
    mocked.get("http://em/api/x", exception=error)
    async with transport("http://em") as made:
        with pytest.raises(ConnectionFailed) as caught:
            await made.send(Request("GET", "/api/x"))

    assert type(caught.value) is kind
    assert caught.value.sent is not isinstance(error, aiohttp.ConnectionTimeoutError)


# ---------------------------------------------------------------- over sockets


async def test_the_target_and_the_headers_go_out_as_they_are() -> None:
    """No header of aiohttp's own but the host's name."""
    async with FaultServer([Answer()]) as server, transport(server.url) as made:
        await made.send(GET)

    asked = server.asked[0]
    assert asked.target == GET.target
    assert set(asked.headers) == {"host", "x-restsvcsessionid"}


async def test_ipv6() -> None:
    """The host stands in brackets in the Host header."""
    async with FaultServer([Answer()]) as server:
        try:
            relay = await asyncio.start_server(server._connected, "::1", 0)
        except OSError:
            pytest.skip("no IPv6 on this machine")
        port = relay.sockets[0].getsockname()[1]
        async with relay, transport(f"http://[::1]:{port}") as made:
            response = await made.send(GET)

    assert response.status == 200
    assert server.asked[0].headers["host"] == f"[::1]:{port}"


async def test_a_compressed_answer_is_not_inflated() -> None:
    """It was not asked for, and a bomb would be much memory."""
    body = gzip.compress(b" " * 100_000)
    response = await answer([Answer(body=body, headers={"Content-Encoding": "gzip"})])

    assert response.body == body


@pytest.mark.parametrize(
    "text",
    [
        b"HTTP/1.0 200 OK\r\nContent-Type: a/b\r\n\r\n{}",
        b"HTTP/1.0 200 OK\r\nContent-Type: a/b\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200\r\ncontent-type: a/b\r\nConnection: close\r\n\r\n{}",
        CHUNKED + b"1\r\n{\r\n1;x=y\r\n}\r\n0\r\nX-Sum: 5\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-type: a/b\r\n\r\n{}",
    ],
    ids=["1.0", "1.0 with length", "no reason", "trailers", "100"],
)
async def test_answers_of_all_forms_are_read(text: bytes) -> None:
    """Old versions, chunks with trailers, names in any case."""
    response = await answer([Raw(text)])

    assert (response.status, response.body) == (200, b"{}")
    assert response.headers["content-type"] == "a/b"


@pytest.mark.parametrize(
    ("script", "text"),
    [
        ([Raw(b"")], "the connection broke without an answer: it was closed"),
        ([Reset()], "the connection broke without an answer: .*reset"),
        ([CutShort(body=SECRET.encode())], "broke off in the middle of its body"),
        ([Raw(b"SSH-2.0-OpenSSH dG9rZW4\r\n\r\n")], "no HTTP to be understood: Bad st"),
        ([Raw(b"HTTP/1.1 201 C\r\nX-RestSvcSessionId: dG9rZW4\r\nCon")], "broke"),
        ([Raw(b"HTTP/1.1 201 C\r\nX-R: dG9rZW4\x00\r\n\r\n")], "no HTTP"),
        ([Raw(b"HTTP/1.1 201 C\r\nX-R: " + b"dG9rZW4" * 3000)], "no HTTP"),
        ([Raw(b"HTTP/1.1 201 C\r\nTransfer-Encoding: chunked\r\n\r\ndG9rZW4")], "no H"),
    ],
    ids=["closed", "reset", "cut", "ssh", "in the head", "NUL", "long", "chunk"],
)
@pytest.mark.parametrize("request_", [GET, POST], ids=["get", "post"])
async def test_a_broken_answer_is_told_without_what_stands_in_it(
    script: Script, text: str, request_: Request
) -> None:
    """The head of a logon's answer holds the token."""
    error = await failure(script, request_)

    assert error.sent
    with pytest.raises(ConnectionFailed, match=f"(?i){text}"):
        raise error


async def test_a_chunk_that_breaks_later_is_told_without_what_stands_in_it() -> None:
    """The body of a logon's answer holds its session's id."""

    async def act(writer: asyncio.StreamWriter, asked: Asked) -> bool:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n")
        await asyncio.sleep(0.02)
        writer.write(b"dG9rZW4\r\n")
        await asyncio.sleep(0.02)
        return False

    # aiohttp hears of it and says nothing, so the time-out must end it.
    error = await failure([act], request=0.1)
    assert isinstance(error, ConnectionFailed)


async def test_a_reused_connection_that_broke_is_told_alike() -> None:
    """A POST on it is not repeated; half a head with a token is not shown."""
    half = Raw(b"HTTP/1.1 201 C\r\nX-RestSvcSessionId: dG9rZW4\r\nCon")
    acts: list[Act] = [Answer(), half]
    async with FaultServer(acts) as server, transport(server.url) as made:
        await made.send(POST)
        with pytest.raises(ConnectionFailed, match="broke") as caught:
            await made.send(POST)

    assert len(server.asked) == 2
    assert SECRET not in repr(caught.value) + repr(caught.value.__cause__)


async def test_a_get_is_repeated_once_on_a_kept_connection_that_was_closed() -> None:
    """And never on a fresh one."""
    acts: list[Act] = [Answer(), Raw(b""), Answer(status=201)]
    async with FaultServer(acts) as server, transport(server.url) as made:
        await made.send(GET)
        assert (await made.send(GET)).status == 201
    assert len(server.asked) == 3

    async with FaultServer([Raw(b"")]) as server, transport(server.url) as made:
        with pytest.raises(ConnectionFailed):
            await made.send(GET)
    assert len(server.asked) == 1


async def test_a_refused_connection_says_where_and_what_to_look_at() -> None:
    """Nothing was sent, so even a POST may be repeated."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        async with transport(f"http://127.0.0.1:{port}") as made:
            with pytest.raises(ConnectionFailed, match="are host and port") as caught:
                await made.send(GET)

    assert f"127.0.0.1:{port} (refused)" in str(caught.value)
    assert not caught.value.sent
    assert isinstance(caught.value.__cause__, ConnectionRefusedError)


async def test_no_answer_in_time() -> None:
    """The request may have been seen."""
    error = await failure([Stall()], request=0.05)

    assert isinstance(error, RequestTimeout)
    assert str(error) == "no answer within 0.05 s"
    assert error.sent


async def test_a_body_that_stalls_is_out_of_time_too() -> None:
    """The limit is on the whole exchange."""

    async def act(writer: asyncio.StreamWriter, asked: Asked) -> bool:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{")
        await asyncio.Event().wait()
        return False

    assert isinstance(await failure([act], request=0.05), RequestTimeout)


@pytest.mark.parametrize("size", [999, 1000, 1001])
@pytest.mark.parametrize("is_long_known", [True, False], ids=["length", "to the end"])
async def test_the_largest_body_is_exactly_that(
    size: int,
    is_long_known: bool,  # noqa: FBT001 - a parameter
) -> None:
    """One byte more is refused."""
    length = b"Content-Length: %d\r\n" % size if is_long_known else b""
    text = b"HTTP/1.1 200 OK\r\n%b\r\n%b" % (length, b"x" * size)
    async with FaultServer([Raw(text)]) as server:
        async with transport(server.url, limit=1000) as made:
            if size <= 1000:
                assert len((await made.send(GET)).body) == size
            else:
                with pytest.raises(BodyTooLarge, match="larger than 1000 bytes"):
                    await made.send(GET)
