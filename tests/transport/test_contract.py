"""One exchange over each transport: what goes out, what comes back, what is said."""

from __future__ import annotations

import asyncio
import gzip
import math
import socket
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import transports
from tests.support.fault_server import (
    Act,
    Answer,
    Asked,
    CutShort,
    Endless,
    FaultServer,
    Pieces,
    Raw,
    Reset,
    Script,
    Stall,
)
from tests.support.transports import (
    CHUNKED,
    GET,
    GOOD,
    POST,
    SECRET,
    TRANSPORTS,
    answer,
    failure,
    transport,
)
from veeam_async import BodyTooLarge, ConnectionFailed, RequestTimeout, VeeamError
from veeam_async.transport.exchange import Request
from veeam_async.transport.tls import trust_of

pytestmark = pytest.mark.loops


@pytest.fixture(
    params=[(kind, scheme) for kind in TRANSPORTS for scheme in ("http", "https")],
    ids="-".join,
)
def kind(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    tls_everywhere: tuple[ssl.SSLContext, Path],
) -> str:
    """Each transport in turn, by its name; over TLS all servers speak that."""
    name, scheme = request.param
    if scheme == "https":
        context, ca_file = tls_everywhere
        monkeypatch.setattr(FaultServer, "default_context", context)
        monkeypatch.setattr(transports, "DEFAULT_TRUST", [trust_of(ca_file)])
    return str(name)


async def answers(kind: str, script: Script, times: int = 2) -> list[tuple[int, int]]:
    """The status of so many responses, and the number of each one's connection."""
    async with FaultServer(script) as server, transport(kind, server.url) as made:
        found = []
        for _ in range(times):
            found.append((await made.send(GET)).status)
            await asyncio.sleep(0.02)
    return list(zip(found, [asked.connection for asked in server.asked], strict=False))


# ---------------------------------------------------------------- in all forms


async def test_the_target_and_the_headers_go_out_as_they_are(kind: str) -> None:
    """No header of aiohttp's own but the host's name."""
    async with FaultServer([Answer()]) as server, transport(kind, server.url) as made:
        await made.send(GET)

    asked = server.asked[0]
    assert asked.target == GET.target
    assert set(asked.headers) == {"host", "x-restsvcsessionid"}


async def test_ipv6(kind: str) -> None:
    """The host stands in brackets in the Host header."""
    async with FaultServer([Answer()]) as server:
        try:
            relay = await asyncio.start_server(server.connected, "::1", 0)
        except OSError:
            pytest.skip("no IPv6 on this machine")
        port = relay.sockets[0].getsockname()[1]
        async with relay, transport(kind, f"http://[::1]:{port}") as made:
            response = await made.send(GET)

    assert response.status == 200
    assert server.asked[0].headers["host"] == f"[::1]:{port}"


async def test_a_compressed_answer_is_not_inflated(kind: str) -> None:
    """No compression was asked for, and a small body could fill the memory."""
    body = gzip.compress(b" " * 100_000)
    response = await answer(
        kind, [Answer(body=body, headers={"Content-Encoding": "gzip"})]
    )

    assert response.body == body


FORMS = {
    "1.0": b"HTTP/1.0 200 OK\r\nContent-Type: a/b\r\n\r\n{}",
    "1.0 with length": b"HTTP/1.0 200 OK\r\nContent-Type: a/b\r\n"
    b"Content-Length: 2\r\n\r\n{}",
    "no reason": b"HTTP/1.1 200\r\ncontent-type: a/b\r\nConnection: close\r\n\r\n{}",
    "length": GOOD,
    "other case": GOOD.replace(b"Content-", b"cONTENT-"),
    "spaces": GOOD.replace(b"a/b", b" \t a/b \t ").replace(b": 2", b":2 "),
    "to the end": b"HTTP/1.1 200 OK\r\nContent-Type: a/b\r\n\r\n{}",
    "other encoding": b"HTTP/1.1 200 OK\r\nContent-Type: a/b\r\n"
    b"Transfer-Encoding: identity\r\n\r\n{}",
    "trailers": CHUNKED + b"1\r\n{\r\n1;x=y\r\n}\r\n0\r\nX-Sum: 5\r\nY: 6\r\n\r\n",
    "100": b"HTTP/1.1 100 Continue\r\n\r\n" + GOOD,
    "several 1xx": b"HTTP/1.1 102 P\r\nX: y\r\n\r\nHTTP/1.1 103 Early Hints\r\n"
    b"Link: z\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + GOOD,
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("is_cut", [False, True], ids=["whole", "bytes"])
async def test_answers_of_all_forms_are_read(
    kind: str,
    form: str,
    is_cut: bool,  # noqa: FBT001 - a parameter
) -> None:
    """In one piece, or one byte at a time."""
    text = FORMS[form]
    parts = [bytes([byte]) for byte in text] if is_cut else [text]
    response = await answer(kind, [Pieces(parts=parts)])

    assert (response.status, response.body) == (200, b"{}")
    assert response.headers["content-type"] == "a/b"
    assert "x-sum" not in response.headers
    assert "link" not in response.headers


@pytest.mark.parametrize("status", [204, 304])
async def test_an_answer_without_a_body_ends_with_its_head(
    kind: str, status: int
) -> None:
    """The connection is kept, and the next request goes over it."""
    text = b"HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n" % status
    act = Pieces(parts=[text], keep=True)

    assert await answers(kind, [act]) == [(status, 1), (status, 1)]


async def test_a_101_is_an_answer_and_ends_the_connection(kind: str) -> None:
    """Nobody asked for another protocol; with Upgrade or without."""
    for upgrade in (b"", b"Connection: upgrade\r\nUpgrade: websocket\r\n"):
        text = b"HTTP/1.1 101 Switching Protocols\r\n%b\r\n" % upgrade
        acts: list[Act] = [Pieces(parts=[text], keep=True), Answer()]
        async with FaultServer(acts) as server, transport(kind, server.url) as made:
            assert (await made.send(GET)).status == 101
            assert (await made.send(GET)).status == 200

        # aiohttp keeps one that names no other protocol.
        assert server.connections == 2 or (kind, upgrade) == ("aiohttp", b"")


# ---------------------------------------------------------------- kept or not


@pytest.mark.parametrize(
    ("text", "is_kept"),
    [
        (GOOD, True),
        (GOOD.replace(b"\r\n\r", b"\r\nConnection: close\r\n\r"), False),
        (GOOD.replace(b"1.1", b"1.0"), False),
        (
            GOOD.replace(b"1.1", b"1.0").replace(
                b"\r\n\r", b"\r\nConnection: Keep-Alive\r\n\r"
            ),
            True,
        ),
        (CHUNKED + b"0\r\nX-Sum: 5\r\n\r\n", True),
        (GOOD + b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", False),
        (GOOD + b"<html>", False),
        (GOOD.replace(b"200", b"204"), False),
        (GOOD.replace(b"200", b"304"), False),
        (CHUNKED + b"2\r\n{}\r\n0\r\n\r\n<html>", False),
        (CHUNKED + b"2;x\r\n{}\r\n0\r\nX: 5\r\n\r\nHTTP/1.1 500 No\r\n", False),
    ],
    ids=[
        "1.1",
        "close",
        "1.0",
        "keep-alive",
        "trailers",
        "second answer",
        "junk",
        "204 with body",
        "304 with body",
        "junk behind chunks",
        "an answer behind trailers",
    ],
)
@pytest.mark.parametrize("size", [1, 1000], ids=["in pieces", "at once"])
async def test_a_connection_is_kept_where_nothing_speaks_against_it(
    kind: str,
    text: bytes,
    is_kept: bool,  # noqa: FBT001 - a parameter
    size: int,
) -> None:
    """Nothing that was left of one answer is taken for the next one."""
    parts = [text[at : at + size] for at in range(0, len(text), size)]
    found = await answers(kind, [Pieces(parts=parts, keep=True), Answer(status=201)])

    assert found[0][1] == 1
    assert found[1] == (201, 1 if is_kept else 2)


@pytest.mark.parametrize(
    "late",
    [GOOD.replace(b"200", b"500"), GOOD[:20], b"\r\n", b"<html>"],
    ids=["answer", "half an answer", "line", "junk"],
)
async def test_bytes_that_come_between_two_requests_end_the_connection(
    kind: str, late: bytes
) -> None:
    """They would be taken for the next answer else."""
    answered, sent = asyncio.Event(), asyncio.Event()

    async def answer_and_more(
        writer: asyncio.StreamWriter,
        asked: Asked,
    ) -> bool:
        writer.write(GOOD)
        await answered.wait()
        writer.write(late)
        await writer.drain()
        sent.set()
        return True

    script: list[Act] = [answer_and_more, Answer(status=201)]
    async with FaultServer(script) as server, transport(kind, server.url) as made:
        assert (await made.send(GET)).status == 200
        answered.set()
        await sent.wait()
        await asyncio.sleep(0.02)  # they are on their way, through TLS too
        assert (await made.send(GET)).status == 201

    assert server.asked[1].connection == 2


@pytest.mark.parametrize("cut", [10, len(GOOD) - 2, len(GOOD) - 1])
async def test_an_answer_behind_the_end_of_another_is_nobody_s(
    kind: str, cut: int
) -> None:
    """Also where a part of the first was read before they came in one piece."""
    parts = [GOOD[:cut], GOOD[cut:] + GOOD.replace(b"200", b"500")]
    found = await answers(
        kind, [Pieces(parts=parts, keep=True, pause=0.01), Answer(status=201)]
    )

    assert found == [(200, 1), (201, 2)]


async def test_many_exchanges_at_once(kind: str) -> None:
    """Each has its own answer, and the connections are used again."""

    async def echo(writer: asyncio.StreamWriter, asked: Asked) -> bool:
        return await Answer(body=asked.target.encode())(writer, asked)

    async with FaultServer(lambda _: echo) as server:
        async with transport(kind, server.url) as made:
            for _ in range(3):
                targets = [f"/{number}" for number in range(50)]
                found = await asyncio.gather(
                    *(made.send(Request("GET", target)) for target in targets)
                )
                assert [each.body.decode() for each in found] == targets

    assert server.connections == 50


# ---------------------------------------------------------------- broken


@pytest.mark.parametrize(
    ("script", "text"),
    [
        ([Raw(b"")], "the connection broke without an answer: it was closed"),
        ([Reset()], "the connection broke without an answer: .*reset"),
        ([CutShort(body=SECRET.encode())], "broke off in the middle of its body"),
        ([Raw(b"SSH-2.0-OpenSSH dG9rZW4\r\n\r\n")], "no HTTP to be understood: "),
        ([Raw(b"HTTP/1.1 201 C\r\nX-RestSvcSessionId: dG9rZW4\r\nCon")], "broke"),
        ([Raw(b"HTTP/1.1 201 C\r\nX-R: dG9rZW4\x00\r\n\r\n")], "no HTTP"),
        ([Raw(b"HTTP/1.1 201 C\r\nX-R: " + b"dG9rZW4" * 11_000)], "no HTTP"),
        ([Raw(b"HTTP/1.1 201 C\r\nTransfer-Encoding: chunked\r\n\r\ndG9rZW4")], "no H"),
    ],
    ids=["closed", "reset", "cut", "ssh", "in the head", "NUL", "long", "chunk"],
)
@pytest.mark.parametrize("request_", [GET, POST], ids=["get", "post"])
async def test_the_error_of_a_broken_answer_shows_nothing_of_it(
    kind: str, script: Script, text: str, request_: Request
) -> None:
    """The head of a logon's answer holds the token."""
    error = await failure(kind, script, request_)

    assert error.sent
    with pytest.raises(ConnectionFailed, match=f"(?i){text}"):
        raise error


async def test_the_error_of_a_chunk_that_breaks_later_shows_nothing_of_it(
    kind: str,
) -> None:
    """The body of a logon's answer holds its session's id."""

    async def act(writer: asyncio.StreamWriter, asked: Asked) -> bool:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n")
        await asyncio.sleep(0.02)
        writer.write(b"dG9rZW4\r\n")
        await asyncio.sleep(0.02)
        return False

    # aiohttp hears of it and says nothing, so the time-out must end it.
    error = await failure(kind, [act], request=0.1)
    assert isinstance(error, ConnectionFailed)


async def test_a_reused_connection_that_broke_is_the_same_error(kind: str) -> None:
    """A POST on it is not repeated; half a head with a token is not shown."""
    half = Raw(b"HTTP/1.1 201 C\r\nX-RestSvcSessionId: dG9rZW4\r\nCon")
    acts: list[Act] = [Answer(), half]
    async with FaultServer(acts) as server, transport(kind, server.url) as made:
        await made.send(POST)
        with pytest.raises(ConnectionFailed, match="broke") as caught:
            await made.send(POST)

    assert len(server.asked) == 2
    assert SECRET not in repr(caught.value) + repr(caught.value.__cause__)


async def test_a_get_is_repeated_once_on_a_kept_connection_that_was_closed(
    kind: str,
) -> None:
    """A fresh connection that is closed is the caller's error at once."""
    acts: list[Act] = [Answer(), Raw(b""), Answer(status=201)]
    async with FaultServer(acts) as server, transport(kind, server.url) as made:
        await made.send(GET)
        assert (await made.send(GET)).status == 201
    assert len(server.asked) == 3

    async with FaultServer([Raw(b"")]) as server, transport(kind, server.url) as made:
        with pytest.raises(ConnectionFailed):
            await made.send(GET)
    assert len(server.asked) == 1


def forgetful(then: Act) -> Callable[[Asked], Act]:
    """Answer the first request on each connection, and do *then* about any other."""
    used = set()

    def script(asked: Asked) -> Act:
        is_new = asked.connection not in used
        used.add(asked.connection)
        return Answer() if is_new else then

    return script


async def test_of_dead_connections_only_the_first_costs_a_time_out(kind: str) -> None:
    """A firewall forgot them all at once, and tells neither side."""
    async with FaultServer(forgetful(Stall())) as server:
        async with transport(kind, server.url, request=1.5) as made:
            await asyncio.gather(*(made.send(GET) for _ in range(5)))
            with pytest.raises(RequestTimeout):
                await made.send(GET)
            assert (await made.send(GET)).status == 200

    assert server.connections == 6


async def test_of_dead_connections_a_get_meets_one(kind: str) -> None:
    """A load balancer forgot them all at once, and tells whoever uses one."""
    async with FaultServer(forgetful(Reset())) as server:
        async with transport(kind, server.url) as made:
            await asyncio.gather(*(made.send(GET) for _ in range(5)))
            assert (await made.send(GET)).status == 200

    assert (server.connections, len(server.asked)) == (6, 7)


async def test_a_refused_connection_says_where_and_what_to_look_at(kind: str) -> None:
    """Nothing was sent, so even a POST may be repeated."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        async with transport(kind, f"http://127.0.0.1:{port}") as made:
            with pytest.raises(ConnectionFailed, match="are host and port") as caught:
                await made.send(GET)

    assert f"127.0.0.1:{port} (refused)" in str(caught.value)
    assert not caught.value.sent
    assert isinstance(caught.value.__cause__, ConnectionRefusedError)


async def test_no_answer_in_time(kind: str) -> None:
    """The request may have been seen."""
    error = await failure(kind, [Stall()], request=0.5)

    assert isinstance(error, RequestTimeout)
    assert str(error) == "no answer within 0.5 s"
    assert error.sent


@pytest.mark.parametrize("seconds", [math.inf, 1e308])
async def test_a_time_out_may_be_none_at_all(kind: str, seconds: float) -> None:
    """An infinite one is a number above 0, and a limit that is never reached."""
    async with (
        FaultServer([Answer()]) as server,
        transport(kind, server.url, connect=seconds, request=seconds) as made,
    ):
        assert (await made.send(GET)).status == 200


async def test_a_body_that_stalls_is_out_of_time_too(kind: str) -> None:
    """The limit is on the whole exchange."""

    async def act(writer: asyncio.StreamWriter, asked: Asked) -> bool:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{")
        await asyncio.Event().wait()
        return False

    assert isinstance(await failure(kind, [act], request=0.05), RequestTimeout)


@pytest.mark.parametrize("size", [999, 1000, 1001])
@pytest.mark.parametrize("is_long_known", [True, False], ids=["length", "to the end"])
async def test_the_largest_body_is_exactly_that(
    kind: str,
    size: int,
    is_long_known: bool,  # noqa: FBT001 - a parameter
) -> None:
    """One byte more is refused."""
    length = b"Content-Length: %d\r\n" % size if is_long_known else b""
    text = b"HTTP/1.1 200 OK\r\n%b\r\n%b" % (length, b"x" * size)
    async with FaultServer([Raw(text)]) as server:
        async with transport(kind, server.url, limit=1000) as made:
            if size <= 1000:
                assert len((await made.send(GET)).body) == size
            else:
                with pytest.raises(BodyTooLarge, match="larger than 1000 bytes"):
                    await made.send(GET)


@pytest.mark.parametrize(
    "text",
    [
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 80_000,
        b"HTTP/1.1 200 OK\r\n" + b"X: yyyyyyyyyyyyyyyy\r\n" * 8_000,
        b"HTTP/1.1 200 " + b"x" * 80_000,
        b"HTTP/1.1 200 OK\r\n" + b"X" * 80_000,
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 80_000 + b"\r\nContent-Length: 0\r\n\r\n",
        CHUNKED + b"0\r\nX: " + b"x" * 200_000,
        CHUNKED + b"0\r\n" + b"X: yyyyyyyyyyyyyyyy\r\n" * 20_000,
    ],
    ids=["header", "headers", "reason", "name", "whole", "trailer", "trailers"],
)
async def test_a_head_without_end_is_refused(kind: str, text: bytes) -> None:
    """At some 64 KiB, trailers included."""
    error = await failure(kind, [Stall(text)], request=2)

    assert not isinstance(error, RequestTimeout)
    assert "no HTTP" in str(error)


async def test_a_coding_of_another_name_ends_with_the_connection(kind: str) -> None:
    """Only what is called chunked is in chunks."""
    text = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\n{}"

    assert (await answer(kind, [Raw(text)])).body == b"{}"


async def test_a_large_head_is_read(kind: str) -> None:
    """Up to 64 KiB it is none of the transport's business."""
    text = GOOD.replace(b"Content-L", b"X: %b\r\nContent-L" % (b"x" * 60_000))
    response = await answer(kind, [Raw(text)])

    assert len(response.headers["x"]) == 60_000


async def test_a_chunked_body_is_cut_off_before_it_is_in_memory(kind: str) -> None:
    """Of a hundred megabytes the server gets rid of a few."""
    act = Endless(size=100_000_000)
    async with FaultServer([act]) as server, transport(kind, server.url) as made:
        with pytest.raises(BodyTooLarge):
            await made.send(GET)

    assert sum(act.sent[-1:]) < 20_000_000


@pytest.mark.parametrize(
    "text",
    [b"", b"HTTP/1.1 20", GOOD[:-2], CHUNKED + b"2\r\n{", GOOD[:20]],
    ids=["nothing", "status", "body", "chunk", "head"],
)
@pytest.mark.parametrize("how", ["closed", "reset", "stalled"])
async def test_an_answer_that_ends_early_fails_at_any_point(
    kind: str, text: bytes, how: str
) -> None:
    """By close, by RST, or by saying nothing more."""
    acts: dict[str, Act] = {
        "closed": Raw(text),
        "reset": Reset(text),
        "stalled": Stall(text),
    }
    act = acts[how]
    error = await failure(kind, [act], request=0.6 if how == "stalled" else 5)

    assert isinstance(error, RequestTimeout) is (how == "stalled")
    assert error.sent
    if how != "stalled":
        is_begun = b"\r\n\r\n" in text
        assert ("middle of its body" in str(error)) is is_begun


@pytest.mark.parametrize("how", ["closed", "reset"])
async def test_a_body_to_the_end_ends_with_a_close_and_not_with_a_reset(
    kind: str, how: str
) -> None:
    """After a RST nobody knows how much was lost."""
    text = b"HTTP/1.1 200 OK\r\n\r\n{"
    if how == "closed":
        assert (await answer(kind, [Raw(text)])).body == b"{"
    else:
        assert "middle of its body" in str(await failure(kind, [Reset(text)]))


@pytest.mark.parametrize("fault", [Raw(b""), Reset()], ids=["closed", "reset"])
@pytest.mark.parametrize("method", ["GET", "DELETE", "POST"])
async def test_a_kept_connection_that_was_closed_is_worth_one_repetition(
    kind: str, fault: Act, method: str
) -> None:
    """On a fresh connection, and never of a POST."""
    request = Request(method, "/api/x", {"Content-Length": "0"})
    async with FaultServer([Answer(), fault]) as server:
        async with transport(kind, server.url) as made:
            await made.send(request)
            with pytest.raises(ConnectionFailed):
                await made.send(request)

    assert len(server.asked) == (2 if method == "POST" else 3)
    assert server.connections == (1 if method == "POST" else 2)


async def test_a_request_that_the_server_does_not_read(kind: str) -> None:
    """The time-out ends it in the middle of its writing."""
    request = Request("GET", "/", {"X": "x" * 8_000_000})
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        origin = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        async with transport(kind, origin, request=0.1) as made:
            with pytest.raises(RequestTimeout):
                await made.send(request)


# ---------------------------------------------------------------- time


@pytest.mark.parametrize("seconds", [0.03, 0.2])
async def test_a_time_out_is_never_early(kind: str, seconds: float) -> None:
    """How late it can be, the tests of the watchdog say, on a clock of their own."""
    async with FaultServer([Stall()]) as server:
        async with transport(kind, server.url, request=seconds) as made:
            began = asyncio.get_running_loop().time()
            with pytest.raises(RequestTimeout):
                await made.send(GET)
            took = asyncio.get_running_loop().time() - began

    assert took >= seconds * 0.95


@pytest.mark.parametrize(
    "act",
    [
        Raw(b"HTTP/1.1 401 X\r\nContent-Length: 50\r\n\r\nshort"),
        Raw(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 401 X\r\nX Odd\r\n\r\n"),
        Reset(b"HTTP/1.1 401 X\r\nContent-Length: 50\r\n\r\nshort"),
        Stall(b"HTTP/1.1 401 X\r\nContent-Length: 50\r\n\r\nshort"),
        Raw(b"HTTP/1.1 401 X\r\nContent-Length: 999999999999\r\n\r\n"),
    ],
)
async def test_a_status_that_came_is_told_with_the_failure(kind: str, act: Act) -> None:
    """Whatever follows the status line, the error knows the status."""
    async with (
        FaultServer(lambda _asked: act) as server,
        transport(kind, server.url, request=1 if isinstance(act, Stall) else 5) as made,
    ):
        with pytest.raises(VeeamError) as met:
            await made.send(POST)
    assert met.value.answered == 401
