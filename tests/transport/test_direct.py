"""The states of own connections: leaving in each of them, closing, many addresses."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from tests.support.fault_server import Act, Answer, FaultServer, Stall
from tests.support.transports import transport
from veeam_async import CertificateError, ConnectionFailed, RequestTimeout
from veeam_async.transport.direct import DirectTransport
from veeam_async.transport.exchange import Request
from veeam_async.transport.tls import Trust

pytestmark = pytest.mark.loops

GET = Request("GET", "/api/x")
POST = Request("POST", "/api/x", {"Content-Length": "0"})
HALF = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"


def client_context() -> ssl.SSLContext:
    """A context that trusts everybody."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def always() -> bool:
    """Whether anything at all is so."""
    return True


async def left(
    made: DirectTransport,
    request: Request = GET,
    once: Callable[[], bool] = always,
) -> None:
    """Send *request*, and cancel it *once* something is so, before it is answered."""
    task = asyncio.create_task(made.send(request))
    await asyncio.sleep(0.03)
    while not once():
        await asyncio.sleep(0.01)
    await cancelled(task)


async def cancelled(task: asyncio.Task[Any]) -> None:
    """Cancel *task*, and wait for its end."""
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


# ---------------------------------------------------------------- cancellation


@pytest.mark.parametrize("text", [b"", HALF[:12], HALF], ids=["wait", "head", "body"])
@pytest.mark.parametrize("is_kept", [False, True], ids=["fresh", "kept"])
async def test_a_connection_that_was_left_is_never_used_again(
    text: bytes,
    is_kept: bool,  # noqa: FBT001 - a parameter
) -> None:
    """However much of the answer had come, the server sees the connection closed."""
    before: list[Act] = [Answer()] if is_kept else []
    async with FaultServer([*before, Stall(text), Answer(status=201)]) as server:
        async with transport("direct", server.url) as made:
            assert isinstance(made, DirectTransport)
            if is_kept:
                await made.send(GET)
            await left(made, once=lambda: len(server.asked) > len(before))
            await asyncio.sleep(0)
            assert made.open_connections == 0
            assert (await made.send(GET)).status == 201

    assert server.connections == 2


async def test_leaving_in_the_middle_of_writing() -> None:
    """The server reads nothing, and what was not written never is."""
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        origin = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        async with transport("direct", origin) as made:
            assert isinstance(made, DirectTransport)
            await left(made, Request("GET", "/", {"X": "x" * 8_000_000}))
            await asyncio.sleep(0)
            assert made.open_connections == 0


async def test_a_server_that_does_not_read_is_not_asked_again_there() -> None:
    """It answered before it had read: the next request takes another connection."""
    asked: list[asyncio.StreamWriter] = []

    async def answer(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        asked.append(writer)
        await reader.readline()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    origin = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, transport("direct", origin) as made:
        for _ in range(2):
            await made.send(Request("GET", "/", {"X": "x" * 8_000_000}))
        for writer in asked:
            writer.transport.abort()
        await asyncio.sleep(0.01)

    assert len(asked) == 2


async def test_leaving_in_the_handshake() -> None:
    """The server sees the socket closed after the ClientHello."""
    loop = asyncio.get_running_loop()
    trust = Trust(client_context())
    with socket.create_server(("127.0.0.1", 0)) as mute:
        origin = f"https://127.0.0.1:{mute.getsockname()[1]}"
        mute.setblocking(False)
        async with transport("direct", origin, trust=trust) as made:
            task = asyncio.create_task(made.send(GET))
            peer, _ = await loop.sock_accept(mute)
            with peer:
                assert await loop.sock_recv(peer, 1)  # the ClientHello
                await cancelled(task)
                while await loop.sock_recv(peer, 4096):
                    pass


@pytest.fixture
def resolved(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """A function to say where every name leads."""

    def resolve(*addresses: tuple[str, int]) -> None:
        found = [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", address)
            for address in addresses
        ]

        def getaddrinfo(*_args: object, **_kwargs: object) -> Any:
            return found

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        loop = asyncio.get_running_loop()
        if type(loop).__module__ == "uvloop":
            pytest.skip("uvloop resolves names without Python's socket")

    return resolve


async def test_leaving_while_connecting(resolved: Callable[..., None]) -> None:
    """An address where nobody answers: no attempt is left over."""
    with full_listener() as address:
        resolved(address)
        async with transport("direct", "http://em.example") as made:
            assert isinstance(made, DirectTransport)
            task = asyncio.create_task(made.send(GET))
            await asyncio.sleep(0.03)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert made.connecting == 0


@contextmanager
def full_listener() -> Iterator[tuple[str, int]]:
    """Give an address on loopback that takes no more connections, nor refuses any."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address: tuple[str, int] = listener.getsockname()
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(address)
        yield address


# ---------------------------------------------------------------- idle for long


async def test_an_action_takes_no_connection_that_was_idle_for_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is sent once only, so that it must not meet one that is dead; a GET may."""
    async with FaultServer([Answer()]) as server:
        async with transport("direct", server.url) as made:
            await made.send(GET)
            await made.send(POST)
            monkeypatch.setattr("veeam_async.transport.direct._FRESH_SECONDS", -1.0)
            await made.send(GET)
            await made.send(POST)

    assert [asked.connection for asked in server.asked] == [1, 1, 1, 2]


# ---------------------------------------------------------------- addresses


async def test_a_dead_address_costs_no_more_than_a_moment(
    resolved: Callable[..., None],
) -> None:
    """The next address is tried after a quarter of a second."""
    async with FaultServer([Answer()]) as server:
        resolved(("127.0.0.2", 9), ("127.0.0.1", server.port))
        async with transport("direct", "http://em.example") as made:
            assert (await made.send(GET)).status == 200


async def test_all_who_connect_at_once_ask_for_the_address_once(
    resolved: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A few threads resolve names: behind each other many would be late."""
    async with FaultServer([Answer()]) as server:
        resolved(("127.0.0.1", server.port))
        resolve = Mock(side_effect=socket.getaddrinfo)
        monkeypatch.setattr(socket, "getaddrinfo", resolve)
        async with transport("direct", "http://em.example") as made:
            first, *others = [asyncio.create_task(made.send(GET)) for _ in range(20)]
            await asyncio.sleep(0)
            first.cancel()
            answers = await asyncio.gather(*others)

    assert first.cancelled()
    assert {answer.status for answer in answers} == {200}
    assert resolve.call_count == 1


async def test_an_address_is_asked_for_anew_after_a_failure(
    resolved: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """All who waited get the failure; the next one asks again."""
    async with FaultServer([Answer()]) as server:
        resolved(("127.0.0.1", server.port))
        found = socket.getaddrinfo("em.example", 80)
        failure = socket.gaierror(socket.EAI_AGAIN, "try again")
        resolve = Mock(side_effect=[failure, found])
        monkeypatch.setattr(socket, "getaddrinfo", resolve)
        async with transport("direct", "http://em.example") as made:
            asked = [made.send(GET) for _ in range(3)]
            failed = await asyncio.gather(*asked, return_exceptions=True)
            assert (await made.send(GET)).status == 200

    assert {str(error).partition(";")[0] for error in failed} == {
        "no connection to em.example:80 (try again)"
    }
    assert resolve.call_count == 2


async def test_closing_waits_for_no_address(
    resolved: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread that asks for it may take as long as it likes."""
    asked, answer = threading.Event(), threading.Event()

    def resolve(*_args: object, **_kwargs: object) -> Any:
        asked.set()
        answer.wait()
        return []

    resolved()
    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    try:
        async with transport("direct", "http://em.example") as made:
            task = asyncio.create_task(made.send(GET))
            await asyncio.to_thread(asked.wait)
        with pytest.raises(ConnectionFailed, match="closed meanwhile"):
            await task
    finally:
        answer.set()


# ---------------------------------------------------------------- closing


@pytest.mark.parametrize("is_kept", [False, True], ids=["fresh", "kept"])
async def test_closing_ends_what_is_under_way(
    is_kept: bool,  # noqa: FBT001 - a parameter
) -> None:
    """With an error, and without another connection."""
    before: list[Act] = [Answer()] if is_kept else []
    async with FaultServer([*before, Stall()]) as server:
        async with transport("direct", server.url) as made:
            if is_kept:
                await made.send(GET)
            task = asyncio.create_task(made.send(GET))
            await asyncio.sleep(0.03)
        with pytest.raises(ConnectionFailed, match="broke"):
            await task
        with pytest.raises(RuntimeError, match="closed"):
            await made.send(GET)

    assert server.connections == 1


async def test_closing_ends_a_connection_that_is_not_open_yet() -> None:
    """In the middle of its handshake; nothing was sent."""
    trust = Trust(client_context())
    with socket.create_server(("127.0.0.1", 0)) as mute:
        origin = f"https://127.0.0.1:{mute.getsockname()[1]}"
        async with transport("direct", origin, trust=trust) as made:
            task = asyncio.create_task(made.send(GET))
            await asyncio.sleep(0.03)
        with pytest.raises(ConnectionFailed, match="closed meanwhile") as caught:
            await task

    assert not caught.value.sent


# ---------------------------------------------------------------- before a request


async def test_nothing_is_sent_to_a_server_with_another_fingerprint(
    tls_everywhere: tuple[ssl.SSLContext, Path],
) -> None:
    """The certificate is looked at between the handshake and the first byte."""
    trust = Trust(client_context(), fingerprint="ab" * 32)
    async with FaultServer([Answer()], context=tls_everywhere[0]) as server:
        async with transport("direct", server.url, trust=trust) as made:
            assert isinstance(made, DirectTransport)
            with pytest.raises(CertificateError):
                await made.send(GET)
            await asyncio.sleep(0.01)
            assert made.open_connections == 0

    assert server.asked == []


async def test_a_late_connection_names_the_time_it_had() -> None:
    """The shorter of both limits is named."""
    trust = Trust(client_context())
    with socket.create_server(("127.0.0.1", 0)) as mute:
        origin = f"https://127.0.0.1:{mute.getsockname()[1]}"
        for kind in ("direct", "aiohttp"):
            async with transport(kind, origin, trust=trust, request=0.05) as made:
                with pytest.raises(RequestTimeout, match=r"connection within 0\.05"):
                    await made.send(GET)


async def test_a_hundred_exchanges_share_one_timer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The watchdog sets it once, and lets it go when nothing is under way."""
    async with FaultServer([Answer()]) as server:
        async with transport("direct", server.url, request=60) as made:
            assert isinstance(made, DirectTransport)
            await made.send(GET)
            timer = made.watchdog.timer
            for _ in range(100):
                await made.send(GET)
            assert made.watchdog.timer is timer
            while made.watchdog.timer is not None:
                await asyncio.sleep(0.05)
