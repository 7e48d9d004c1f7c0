"""TLS as the direct transport drives it: cut anywhere, ended anyhow, with new keys."""

from __future__ import annotations

import asyncio
import gc
import shutil
import socket
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from tests.support.fault_server import Answer, Asked, FaultServer, head
from tests.support.tls_peer import GOOD, TlsPeer, tls_server
from tests.support.transports import transport
from veeam_async import CertificateError, ConnectionFailed, Fingerprint
from veeam_async.transport.connection import Connection, HeadWriter
from veeam_async.transport.direct import DirectTransport
from veeam_async.transport.exchange import Request, Response
from veeam_async.transport.tls import Trust, fingerprint_of, trust_of
from veeam_async.transport.tls_stream import Records, TlsStream

pytestmark = [pytest.mark.loops, pytest.mark.posting]

GET = Request("GET", "/api/x")
POST = Request("POST", "/api/x", {"Content-Length": "0"})
TO_THE_END = head(200, {}) + b'{"a": 1'
NEXT = GOOD.replace(b"200", b"201")

Serving = tuple[ssl.SSLContext, Path]


@pytest.fixture
def trust(tls_everywhere: Serving) -> Trust:
    """Trust in the server of all these tests."""
    return trust_of(tls_everywhere[1])


@asynccontextmanager
async def direct(
    origin: str, trust: Trust, *, connect: float = 5.0, request: float = 5.0
) -> AsyncIterator[DirectTransport]:
    """The direct transport to *origin*."""
    settings = {"connect": connect, "request": request}
    async with transport(
        "direct", origin, trust=trust, limit=1_000_000, **settings
    ) as made:
        assert isinstance(made, DirectTransport)
        yield made


async def answered(peer: TlsPeer) -> None:
    """Serve *peer* with an answer that tells its number, again and again."""
    await peer.send(await peer.open())
    await answering(peer)


async def answering(peer: TlsPeer) -> None:
    """Serve *peer*, with which hands were shaken."""
    while True:
        await peer.request()
        body = b"%d" % peer.number
        await peer.send(peer.records(head(200, {"Content-Length": "1"}) + body))


async def turns(seconds: float = 0.02) -> None:
    """Let what is on its way arrive, be it by several turns of the loop."""
    await asyncio.sleep(seconds)
    for _ in range(30):
        await asyncio.sleep(0)


# ---------------------------------------------------------------- how it ends


async def test_a_body_to_the_end_is_cut_short_within_a_record(
    tls_everywhere: Serving, trust: Trust
) -> None:
    """No server ends there."""

    async def serve(peer: TlsPeer) -> None:
        await peer.send(await peer.open())
        await peer.request()
        await peer.send(peer.records(TO_THE_END))
        await peer.send(peer.records(b"}")[:10])

    async with (
        tls_server(tls_everywhere[0], serve) as url,
        direct(url, trust) as made,
    ):
        with pytest.raises(ConnectionFailed, match="in the middle of its body"):
            await made.send(POST)


async def test_a_body_to_the_end_is_whole_at_the_end_of_a_record(
    tls_everywhere: Serving, trust: Trust
) -> None:
    """Many servers close the socket without a goodbye in TLS."""

    async def serve(peer: TlsPeer) -> None:
        await peer.send(await peer.open())
        await peer.request()
        await peer.send(peer.records(TO_THE_END, b"}"))

    async with (
        tls_server(tls_everywhere[0], serve) as url,
        direct(url, trust) as made,
    ):
        assert (await made.send(POST)).body == b'{"a": 1}'


@pytest.mark.parametrize("is_half", [False, True], ids=["closed", "half-closed"])
async def test_a_body_to_the_end_is_whole_with_a_goodbye(
    tls_everywhere: Serving,
    trust: Trust,
    is_half: bool,  # noqa: FBT001 - a parameter
) -> None:
    """Also where the server goes on reading, which is answered by a goodbye."""
    told = []

    async def serve(peer: TlsPeer) -> None:
        await peer.send(await peer.open())
        await peer.request()
        await peer.send(peer.records(TO_THE_END + b"}") + peer.goodbye())
        if is_half:
            told.append(await peer.read())
            await peer.gone()

    async with (
        tls_server(tls_everywhere[0], serve) as url,
        direct(url, trust) as made,
    ):
        assert (await made.send(POST)).body == b'{"a": 1}'
        await turns()
        assert made.open_connections == 0

    assert told == [b""] * is_half


@pytest.mark.parametrize("is_told", [False, True], ids=["ragged", "goodbye"])
async def test_a_body_of_known_length_needs_no_goodbye(
    tls_everywhere: Serving,
    trust: Trust,
    is_told: bool,  # noqa: FBT001 - a parameter
) -> None:
    """It is whole; the next request goes over another connection."""

    async def serve(peer: TlsPeer) -> None:
        await peer.send(await peer.open())
        await peer.request()
        await peer.send(peer.records(GOOD) + (peer.goodbye() if is_told else b""))

    async with (
        tls_server(tls_everywhere[0], serve) as url,
        direct(url, trust) as made,
    ):
        for _ in range(2):
            assert (await made.send(GET)).body == b"{}"
            await turns()
            assert made.open_connections == 0


async def test_a_goodbye_instead_of_an_answer_is_a_closed_connection(
    tls_everywhere: Serving, trust: Trust
) -> None:
    """It fails at once, though the server does not close the socket."""

    async def serve(peer: TlsPeer) -> None:
        await peer.send(await peer.open())
        await peer.request()
        await peer.send(peer.goodbye())
        await peer.gone()

    async with (
        tls_server(tls_everywhere[0], serve) as url,
        direct(url, trust) as made,
    ):
        with pytest.raises(ConnectionFailed, match="it was closed") as caught:
            await made.send(POST)

    assert caught.value.sent


# ---------------------------------------------------------------- alerts


async def test_the_server_is_told_why_its_certificate_is_not_taken(
    tls_everywhere: Serving,
) -> None:
    """The alert goes out before the socket closes."""
    reasons = []

    async def serve(peer: TlsPeer) -> None:
        try:
            await peer.open()
            await peer.read()
        except ssl.SSLError as error:
            reasons.append(error.reason)

    async with (
        tls_server(tls_everywhere[0], serve) as url,
        direct(url, trust_of(ssl.create_default_context())) as made,
    ):
        with pytest.raises(CertificateError):
            await made.send(GET)
        await turns()

    assert reasons[0] == "TLSV1_ALERT_UNKNOWN_CA"


@pytest.mark.parametrize("is_stuck", [False, True], ids=["read", "not read"])
async def test_a_record_that_was_changed_on_its_way_ends_the_exchange_at_once(
    tls_everywhere: Serving,
    trust: Trust,
    is_stuck: bool,  # noqa: FBT001 - a parameter
) -> None:
    """The server is told, but not waited for where it does not read."""
    reasons = []
    done = asyncio.Event()

    async def serve(peer: TlsPeer) -> None:
        tickets = await peer.open()
        if not is_stuck:
            await peer.request()
        bad = bytearray(peer.records(GOOD))
        bad[-1] ^= 1
        await peer.send(tickets + bad)
        try:
            while not is_stuck:
                await peer.read()
        except ssl.SSLError as error:
            reasons.append(error.reason)
        await done.wait()

    request = Request("POST", "/", {"X": "x" * 8_000_000}) if is_stuck else POST
    async with (
        tls_server(tls_everywhere[0], serve) as url,
        direct(url, trust, request=20) as made,
    ):
        with pytest.raises(ConnectionFailed, match=r"(?i)bad record mac") as caught:
            async with asyncio.timeout(10):
                await made.send(request)
        await turns()
        assert made.open_connections == 0
        done.set()

    assert caught.value.sent
    assert reasons == ([] if is_stuck else ["SSLV3_ALERT_BAD_RECORD_MAC"])


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize(
    ("came", "said"),
    [
        (b"", "without an answer"),
        (TO_THE_END, "in the middle of its body"),
        (head(200, {"Content-Length": "9"}) + b"{", "in the middle of its body"),
    ],
    ids=["before", "to the end", "amid"],
)
async def test_an_alert_is_told_wherever_it_ends_an_answer(
    newest: ssl.TLSVersion, came: bytes, said: str, tmp_path: Path
) -> None:
    """With the reason that the server gives, and a hint at what can be done."""
    context, trust = server_up_to(newest, tmp_path)

    async def serve(peer: TlsPeer) -> None:
        await peer.send(await peer.open())
        await peer.request()
        await peer.send(peer.records(came) if came else b"")
        await peer.send(peer.alert())
        await peer.gone()

    async with tls_server(context, serve) as url, direct(url, trust) as made:
        with pytest.raises(ConnectionFailed) as caught:
            await made.send(POST)

    assert said in str(caught.value)
    assert 'the server sent the alert "bad record mac"; the log' in str(caught.value)


def server_up_to(newest: ssl.TLSVersion, path: Path) -> tuple[ssl.SSLContext, Trust]:
    """The context of a server that speaks nothing after *newest*, and trust in it."""
    authority, ca_file = trustme.CA(), path / "ca.pem"
    authority.cert_pem.write_to_path(ca_file)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = newest
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context, trust_of(ca_file)


async def test_what_is_changed_amid_a_body_is_told(
    tls_everywhere: Serving, trust: Trust
) -> None:
    """It was no end of the server's making."""

    async def serve(peer: TlsPeer) -> None:
        await peer.send(await peer.open())
        await peer.request()
        bad = bytearray(peer.records(TO_THE_END, b"}"))
        bad[-1] ^= 1
        await peer.send(bytes(bad))
        await peer.gone()

    async with (
        tls_server(tls_everywhere[0], serve) as url,
        direct(url, trust) as made,
    ):
        with pytest.raises(ConnectionFailed, match=r"its body: .*bad record mac; the"):
            await made.send(POST)


@pytest.mark.parametrize("code", [199, 250])
async def test_an_alert_without_a_name_is_no_closed_connection(
    tls_everywhere: Serving, trust: Trust, code: int
) -> None:
    """OpenSSL tells that there was one, and no more."""

    async def serve(peer: TlsPeer) -> None:
        await peer.reader.read(65536)
        await peer.send(bytes((21, 3, 1, 0, 2, 2, code)))
        await peer.gone()

    async with (
        tls_server(tls_everywhere[0], serve) as url,
        direct(url, trust) as made,
    ):
        with pytest.raises(ConnectionFailed, match="has no name for") as caught:
            await made.send(POST)

    assert "it was closed" not in str(caught.value)


async def test_a_context_that_serves_no_client_is_said_to_be_wrong(
    tls_everywhere: Serving,
) -> None:
    """And not the server, which was never spoken to."""
    wrong = trust_of(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
    async with direct("https://127.0.0.1:9", wrong) as made:
        with pytest.raises(ConnectionFailed, match="PROTOCOL_TLS_SERVER") as caught:
            await made.send(POST)

    assert "give another SSLContext" in str(caught.value)


async def test_a_context_that_can_say_nothing_leaves_no_socket(
    tls_everywhere: Serving,
) -> None:
    """Its handshake fails before the first byte."""
    context = ssl.create_default_context(cafile=tls_everywhere[1])
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    async with (
        tls_server(tls_everywhere[0], TlsPeer.gone) as url,
        direct(url, trust_of(context)) as made,
    ):
        with pytest.raises(ConnectionFailed, match="no protocols available"):
            await made.send(POST)
        await turns()
        gc.collect()  # whatever is left behind warns of itself
        await made.close()


@pytest.mark.parametrize(
    ("said", "is_reset"), [(b"", False), (b"", True), (b"SSH-2.0-x\r\n", False)]
)
async def test_a_socket_that_has_ended_before_the_handshake_fails_it(
    trust: Trust,
    said: bytes,
    is_reset: bool,  # noqa: FBT001 - a parameter
) -> None:
    """With an error of the system's or of TLS, whenever the loop learns of the end."""
    for _ in range(20):
        with socket.create_server(("127.0.0.1", 0)) as server:
            ours = socket.create_connection(server.getsockname())
            theirs, _address = server.accept()
        ours.setblocking(False)
        theirs.sendall(said)
        if is_reset:
            theirs.setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, bytes((1,) + (0,) * 7)
            )
        theirs.close()
        stream = TlsStream(unused_connection(), trust.context, "127.0.0.1")
        with pytest.raises(OSError, match=r"handshake|WRONG_VERSION|reset"):
            await stream.open(ours)
        await turns(0)
    gc.collect()


def unused_connection() -> Connection:
    """A connection that never sends anything."""
    return Connection(
        writer=HeadWriter("x"),
        seconds=1.0,
        max_body_size=1,
        on_lost=id,
        is_tls=True,
    )


@pytest.mark.parametrize("turn", [1, 2], ids=["first", "later"])
@pytest.mark.parametrize(
    ("error", "kind"),
    [(OSError(5, "its own"), ConnectionFailed), (LookupError("its own"), LookupError)],
)
async def test_what_a_check_of_a_context_raises_ends_the_handshake(
    tls_everywhere: Serving,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
    kind: type[Exception],
    turn: int,
) -> None:
    """At once, and for whoever asked: some bring checks of the system's own."""

    class Checked(ssl.SSLObject):
        """A side of TLS that checks by itself."""

        turns = 0

        def do_handshake(self) -> None:
            """Raise in the given turn."""
            self.turns += 1
            if self.turns == turn:
                raise error
            super().do_handshake()

    async def serve(peer: TlsPeer) -> None:
        await peer.open()

    context = ssl.create_default_context(cafile=tls_everywhere[1])
    context.sslobject_class = Checked
    async with (
        tls_server(tls_everywhere[0], serve) as url,
        direct(url, trust_of(context), connect=60, request=60) as made,
    ):
        with pytest.raises(kind, match="its own"):
            async with asyncio.timeout(20):
                await made.send(POST)
        await turns()
        assert made.open_connections == made.connecting == 0

    assert caplog.records == []


# ---------------------------------------------------------------- bytes unasked for


@pytest.mark.parametrize("request_", [GET, POST], ids=["get", "post"])
@pytest.mark.parametrize("is_late", [False, True], ids=["with the answer", "later"])
@pytest.mark.parametrize("size", [1, 4, 5, 6, 40, None])
async def test_an_answer_that_nobody_asked_for_is_never_taken_for_the_next(
    tls_everywhere: Serving,
    trust: Trust,
    request_: Request,
    is_late: bool,  # noqa: FBT001 - a parameter
    size: int | None,
) -> None:
    """Not even where only a part of its record has come, which none can decrypt yet."""
    idle, sent = asyncio.Event(), asyncio.Event()

    async def serve(peer: TlsPeer) -> None:
        await peer.send(await peer.open())
        await peer.request()
        if peer.number > 1:
            await peer.send(peer.records(NEXT))
            await peer.gone()
        right, stray = peer.records(GOOD), peer.records(GOOD.replace(b"{}", b"[]"))
        await peer.send(right if is_late else right + stray[:size])
        if is_late:
            await idle.wait()
            await peer.send(stray[:size])
        sent.set()
        await peer.request()
        await peer.send(stray[size:] if size else b"")
        await peer.gone()

    async with (
        tls_server(tls_everywhere[0], serve) as url,
        direct(url, trust) as made,
    ):
        assert (await made.send(request_)).status == 200
        idle.set()
        await sent.wait()
        await turns()
        assert (await made.send(request_)).status == 201


class Once:
    """A follow-up that asks once more."""

    def __init__(self) -> None:
        self.answers: list[Response] = []

    def __call__(self, answer: Response) -> bool:
        self.answers.append(answer)
        return len(self.answers) == 1


@pytest.mark.parametrize("size", [0, 1, 5, 40, None])
async def test_nothing_follows_an_answer_behind_which_tls_keeps_more(
    tls_everywhere: Serving, trust: Trust, size: int | None
) -> None:
    """It would be taken for the next one; an answer of several records is followed."""
    served = []

    async def serve(peer: TlsPeer) -> None:
        await peer.send(await peer.open())
        while True:
            await peer.request()
            served.append(peer.number)
            answer = peer.records(GOOD[:7], GOOD[7:-1], GOOD[-1:])
            stray = b"" if size == 0 else peer.records(NEXT)[:size]
            await peer.send(answer + stray)

    follow_up = Once()
    async with (
        tls_server(tls_everywhere[0], serve) as url,
        direct(url, trust) as made,
    ):
        assert (await made.send_on(POST, follow_up)).status == 200
        await turns()
        assert (await made.send(POST)).status == 200

    assert served == ([1, 1, 1] if size == 0 else [1, 2])
    assert len(follow_up.answers) == (2 if size == 0 else 0)


async def test_what_comes_behind_what_is_no_http_is_not_read(
    tls_everywhere: Serving, trust: Trust
) -> None:
    """Its connection closes in the middle of what has come."""

    async def serve(peer: TlsPeer) -> None:
        await peer.send(await peer.open())
        await peer.request()
        await peer.send(peer.records(b"SSH-2.0-OpenSSH\r\n\r\n", GOOD, GOOD))
        await peer.gone()

    async with (
        tls_server(tls_everywhere[0], serve) as url,
        direct(url, trust) as made,
    ):
        with pytest.raises(ConnectionFailed, match="no HTTP"):
            await made.send(POST)
        await turns()
        assert made.open_connections == 0


@pytest.mark.parametrize("size", [0, 1, 5, 100, 300])
async def test_tickets_that_come_in_pieces_do_not_end_a_connection(
    tls_everywhere: Serving, trust: Trust, size: int
) -> None:
    """They are TLS's own: what was cut is whole with the rest of it."""

    async def serve(peer: TlsPeer) -> None:
        tickets = await peer.open()
        assert len(tickets) > 300
        await peer.send(tickets[:size])
        await peer.request()
        answer = peer.records(head(200, {"Content-Length": "1"}))
        await turns()
        await peer.send(tickets[size:] + answer[:10])
        await turns()
        await peer.send(answer[10:] + peer.records(b"1"))
        await answering(peer)

    async with (
        tls_server(tls_everywhere[0], serve) as url,
        direct(url, trust) as made,
    ):
        found = [(await made.send(POST)).body for _ in range(3)]

    assert found == [b"1"] * 3


async def test_an_answer_in_single_bytes_of_several_records_is_read(
    tls_everywhere: Serving, trust: Trust
) -> None:
    """And the connection is kept, since its last record ended with it."""

    async def serve(peer: TlsPeer) -> None:
        await peer.send(await peer.open())
        await peer.request()
        for byte in peer.records(b"HTTP/1.1 2", b"01 X\r\nContent-Len", b"gth: 2\r\n"):
            await peer.send(bytes([byte]))
            await asyncio.sleep(0)
        for byte in peer.records(b"\r\n{", b"", b"}"):
            await peer.send(bytes([byte]))
            await asyncio.sleep(0)
        await answering(peer)

    async with (
        tls_server(tls_everywhere[0], serve) as url,
        direct(url, trust) as made,
    ):
        assert (await made.send(POST)).status == 201
        assert (await made.send(POST)).body == b"1"


async def test_what_comes_with_the_end_of_the_handshake_is_no_answer() -> None:
    """A server that answers before it was asked is never asked."""
    authority, asked = trustme.CA(), []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    # In which the server has the last word of a handshake.
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    client = ssl.create_default_context()
    authority.configure_trust(client)

    async def serve(peer: TlsPeer) -> None:
        await peer.send(await peer.open() + peer.records(GOOD))
        asked.append(await peer.request())

    async with (
        tls_server(context, serve) as url,
        direct(url, Trust(client)) as made,
    ):
        with pytest.raises(ConnectionFailed):
            await made.send(POST)

    assert asked == []


@given(
    lengths=st.lists(st.integers(0, 400), max_size=6),
    cuts=st.lists(st.integers(0, 2500)),
)
def test_the_borders_of_records_are_found_however_they_are_cut(
    lengths: list[int], cuts: list[int]
) -> None:
    """A record ends where its length says, and nowhere else."""
    stream, borders = b"", {0}
    for length in lengths:
        stream += b"\x17\x03\x03" + length.to_bytes(2) + b"\xff" * length
        borders.add(len(stream))
    places = sorted({0, *(cut for cut in cuts if cut < len(stream)), len(stream)})
    records = Records()

    for start, end in pairwise(places):
        part = memoryview(stream)[start:end]
        assert records.pass_over(part) is (end not in borders)


# ---------------------------------------------------------------- many at once


async def test_256_connections_that_share_a_buffer_mix_nothing_up(
    tls_everywhere: Serving, trust: Trust
) -> None:
    """Each answer of many records, interleaved with those of all the others."""

    async def echo(writer: asyncio.StreamWriter, asked: Asked) -> bool:
        body = asked.target.encode() * 8000
        writer.write(head(200, {"Content-Length": str(len(body))}))
        for at in range(0, len(body), 5000):
            writer.write(body[at : at + 5000])
            await asyncio.sleep(0)
        return True

    async with FaultServer(lambda _: echo, context=tls_everywhere[0]) as server:
        async with direct(server.url, trust, connect=25, request=25) as made:
            for _ in range(2):
                targets = [f"/{number:03}" for number in range(256)]
                found = await asyncio.gather(
                    *(made.send(Request("GET", target)) for target in targets)
                )
                for target, each in zip(targets, found, strict=True):
                    assert each.body == target.encode() * 8000

    assert server.connections == 256


# ---------------------------------------------------------------- what goes out


async def test_a_server_that_reads_slowly_is_asked_again_over_its_connection(
    tls_everywhere: Serving, trust: Trust
) -> None:
    """Once it has read the whole of a large request."""

    async def serve(peer: TlsPeer) -> None:
        await peer.send(await peer.open())
        await turns()
        await answering(peer)

    large = Request("POST", "/", {"X": "x" * 8_000_000})
    async with (
        tls_server(tls_everywhere[0], serve) as url,
        direct(url, trust, request=25) as made,
    ):
        found = [(await made.send(each)).body for each in (large, POST, large, POST)]

    assert found == [b"1"] * 4


async def test_what_tls_takes_in_parts_goes_out_whole(
    tls_everywhere: Serving, trust: Trust
) -> None:
    """A context may bring a class of its own."""

    class InParts(ssl.SSLObject):
        def write(self, data: Any) -> int:
            return super().write(data[:7])

    trust.context.sslobject_class = InParts
    async with (
        tls_server(tls_everywhere[0], answered) as url,
        direct(url, trust) as made,
    ):
        for _ in range(3):
            assert (await made.send(POST)).body == b"1"


async def test_to_write_behind_a_goodbye_raises_nothing(
    tls_everywhere: Serving, trust: Trust
) -> None:
    """An error from there would have the secrets of a request among its variables."""
    lost: list[Connection] = []
    connection = Connection(
        writer=HeadWriter("em"),
        seconds=1,
        max_body_size=1,
        on_lost=lost.append,
        is_tls=True,
    )
    stream = TlsStream(connection, trust.context, "127.0.0.1")
    async with tls_server(tls_everywhere[0], answered) as url:
        connected = socket.create_connection(("127.0.0.1", urlsplit(url).port))
        connected.setblocking(False)
        await stream.open(connected)
        stream.close()
        stream.write(b"secret")
        await connection.closed

    assert stream.is_closing()
    assert lost == [connection]


# ---------------------------------------------------------------- before a request


async def test_the_fingerprint_is_that_of_the_very_connection(
    tls_everywhere: Serving,
) -> None:
    """Where another server answers later, it is sent nothing."""
    other = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(other)
    shown = [tls_everywhere[0], other]
    seen = []

    async def serve(peer: TlsPeer) -> None:
        peer = TlsPeer(peer.reader, peer.writer, shown.pop(0), peer.number)
        await peer.send(await peer.open())
        seen.append(await peer.request())
        await peer.send(peer.records(GOOD))

    async with tls_server(other, serve) as url:
        pinned = trust_of(Fingerprint(await shown_by(tls_everywhere[0])))
        async with direct(url, pinned) as made:
            assert (await made.send(GET)).status == 200
            await turns()
            with pytest.raises(CertificateError, match="not the pinned"):
                await made.send(GET)

    assert len(seen) == 1


async def shown_by(context: ssl.SSLContext) -> str:
    """The fingerprint of what a server with *context* shows."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    async with FaultServer([Answer()], context=context) as server:
        _, writer = await asyncio.open_connection("127.0.0.1", server.port, ssl=client)
        shown: ssl.SSLObject = writer.get_extra_info("ssl_object")
        found = fingerprint_of(shown.getpeercert(binary_form=True) or b"")
        writer.transport.abort()
    return found


@pytest.mark.parametrize("turn", range(12))
async def test_a_handshake_that_is_left_in_any_turn_leaves_nothing(
    tls_everywhere: Serving,
    trust: Trust,
    turn: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Neither a socket nor a word in the log, and the next one is whole."""
    async with tls_server(tls_everywhere[0], answered) as url:
        async with direct(url, trust) as made:
            task = asyncio.create_task(made.send(POST))
            for _ in range(turn):
                await asyncio.sleep(0)
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            assert made.connecting == 0
            assert (await made.send(POST)).status == 200
        assert made.open_connections == 0

    assert caplog.records == []


# ---------------------------------------------------------------- new keys


class OpensslServer:
    """OpenSSL's own server, which can be told to change keys, behind a gate.

    While the `gate` is closed nothing of the client reaches it.
    """

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._said = b""
        self.gate = asyncio.Event()
        self.gate.set()
        self.connections = 0

    async def start(self) -> None:
        """Wait until it listens."""
        self.port = int((await self.says(b"ACCEPT")).rpartition(b":")[2])

    async def says(self, text: bytes) -> bytes:
        """Wait for a line that holds *text*, and give it."""
        assert self._process.stdout
        while text not in (line := await self._process.stdout.readline()):
            assert line, "it has ended"
        return line

    def tell(self, text: bytes) -> None:
        """Type *text*: one letter is a command, all else is sent to the client."""
        assert self._process.stdin
        self._process.stdin.write(text)

    async def relay(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Pass on what client and server send each other."""
        self.connections += 1
        back, forth = await asyncio.open_connection("127.0.0.1", self.port)
        tasks = [
            asyncio.create_task(passed_on(reader, forth, self.gate)),
            asyncio.create_task(passed_on(back, writer, None)),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            for each in (forth, writer):
                each.transport.abort()


async def passed_on(
    source: asyncio.StreamReader,
    target: asyncio.StreamWriter,
    gate: asyncio.Event | None,
) -> None:
    """Pass on what comes, while the gate is open."""
    with suppress(ConnectionError):
        while data := await source.read(65536):
            if gate is not None:
                await gate.wait()
            target.write(data)


@asynccontextmanager
async def openssl_server(
    version: str, tmp_path: Path
) -> AsyncIterator[tuple[OpensslServer, Trust, str]]:
    """OpenSSL's own server, whom to trust for it, and the URL of a gate before it."""
    program = shutil.which("openssl")
    if program is None or sys.platform == "win32":
        pytest.skip("no openssl here")
    authority, ca_file = trustme.CA(), tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(ca_file)
    pem = tmp_path / "server.pem"
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(pem)
    process = await asyncio.create_subprocess_exec(
        *(program, "s_server", "-accept", "127.0.0.1:0", version, "-cert", str(pem)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        server = OpensslServer(process)
        await server.start()
        async with await asyncio.start_server(server.relay, "127.0.0.1", 0) as relay:
            port = relay.sockets[0].getsockname()[1]
            yield server, trust_of(ca_file), f"https://127.0.0.1:{port}"
            await asyncio.sleep(0)
    finally:
        process.kill()
        await process.wait()


async def asked(server: OpensslServer, made: DirectTransport, path: str) -> bytes:
    """The body of what *server* is made to answer to a request for *path*."""
    task = asyncio.create_task(made.send(Request("POST", path)))
    await server.says(path.encode())
    server.tell(NEXT)
    return (await task).body


@pytest.mark.parametrize(
    ("version", "command"),
    [("-tls1_2", b"r\n"), ("-tls1_3", b"K\n"), ("-tls1_3", b"k\n")],
    ids=["renegotiation", "key update for both", "key update"],
)
async def test_new_keys_between_two_requests_change_nothing(
    version: str, command: bytes, tmp_path: Path
) -> None:
    """All goes over the one connection."""
    async with (
        openssl_server(version, tmp_path) as (server, trust, url),
        direct(url, trust) as made,
    ):
        for path in ("/first", "/second", "/third"):
            assert await asked(server, made, path) == b"{}"
            server.tell(command)
            await turns(0.1)

        assert server.connections == 1


async def test_a_request_within_a_renegotiation_goes_out_behind_it(
    tmp_path: Path,
) -> None:
    """It waits, and so does the next one for no longer than that."""
    async with (
        openssl_server("-tls1_2", tmp_path) as (server, trust, url),
        direct(url, trust) as made,
    ):
        assert await asked(server, made, "/first") == b"{}"
        server.gate.clear()
        server.tell(b"r\n")
        await turns(0.1)
        task = asyncio.create_task(made.send(Request("POST", "/second")))
        await turns(0.1)
        assert not task.done()
        server.gate.set()
        await server.says(b"/second")
        server.tell(NEXT)
        assert (await task).status == 201
        assert await asked(server, made, "/third") == b"{}"

        assert server.connections == 1
