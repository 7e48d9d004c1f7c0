import asyncio
import contextlib
import hashlib
import socket
import ssl
import sys
import time
from typing import Any

import aiohttp
import pytest

from veeam_async.simulator import Faults, Simulator, certificate

PATH = "/backupServers"


async def test_an_overloaded_server_sheds(connect: Any) -> None:
    """Beyond its capacity it turns away with 503 and no Retry-After."""
    async with Simulator(sessions=0, running=0, capacity=10) as simulator:
        caller = await connect(simulator)
        replies = await asyncio.gather(*(caller.get(PATH) for _ in range(30)))
        shed = [reply for reply in replies if reply.status == 503]

        assert 10 < len(shed) == simulator.stats.shed < 30
        assert all("Retry-After" not in reply.headers for reply in shed)


async def test_an_overloaded_server_stalls(connect: Any) -> None:
    """With `stall` everything is served, each request in its turn."""
    async with Simulator(
        sessions=0, running=0, capacity=200, overload="stall"
    ) as simulator:
        caller = await connect(simulator)
        before = time.monotonic()
        replies = await asyncio.gather(*(caller.get(PATH) for _ in range(20)))

        assert {200} == {reply.status for reply in replies}
        assert time.monotonic() - before > 0.08


async def test_requests_are_counted(simulator: Simulator, caller: Any) -> None:
    """Requests are counted by method and route, whatever became of them."""
    session = simulator.session_ids[0]
    await caller.get(f"/backupSessions/{session}")
    await caller.get("/backupSessions/none")
    await caller.get("/nowhere")
    stats = simulator.stats

    assert stats.by_route == {
        "POST /sessionMngr": 1,
        "GET /backupSessions/{id}": 2,
        "GET /?": 1,
    }
    assert (stats.requests, stats.logons) == (4, 1)


async def test_tls_has_a_certificate_of_its_own(connect: Any) -> None:
    """The fingerprint is that of the certificate, which its PEM lets one trust."""
    async with Simulator(sessions=0, running=0, tls=True) as simulator:
        assert simulator.certificate
        assert simulator.fingerprint
        der = ssl.PEM_cert_to_DER_cert(simulator.certificate)
        trusting = ssl.create_default_context(cadata=simulator.certificate)
        port = simulator.url.rpartition(":")[2]
        async with aiohttp.ClientSession() as http:
            for host in ("127.0.0.1", "localhost"):
                url = f"https://{host}:{port}/api/"
                async with http.get(url, ssl=trusting) as reply:
                    assert reply.status == 200
            with pytest.raises(aiohttp.ClientConnectorCertificateError):
                await http.get(simulator.url)

        assert hashlib.sha256(der).hexdigest() == simulator.fingerprint


async def test_tls_takes_a_context(connect: Any) -> None:
    """A context of one's own is used, and then no certificate is told."""
    context = certificate.make_certificate().context()
    async with Simulator(sessions=0, running=0, tls=context) as simulator:
        caller = await connect(simulator)

        assert simulator.url.startswith("https://")
        assert simulator.fingerprint is None
        assert (await caller.get(PATH)).status == 200


async def test_tls_without_cryptography_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The missing package is named together with the extra that brings it."""
    monkeypatch.setitem(sys.modules, "veeam_async.simulator.certificate", None)
    monkeypatch.delattr("veeam_async.simulator.certificate", raising=False)

    with pytest.raises(RuntimeError, match=r"veeam-async\[simulator\]"):
        async with Simulator(tls=True):
            pass


async def test_it_serves_on_localhost_and_a_given_port(connect: Any) -> None:
    """Host and port can be given; a host name works as well."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    async with Simulator(host="localhost", port=port) as simulator:
        caller = await connect(simulator)

        assert f"http://localhost:{port}" == simulator.url
        assert (await caller.get(PATH)).status == 200


@pytest.mark.parametrize("overload", ["503", "stall"])
async def test_it_closes_quickly_and_leaves_nothing(overload: Any) -> None:
    """Open connections and stalled requests neither hold it up nor survive it."""
    before = asyncio.all_tasks()
    faults = Faults(latency=1, latency_seconds=60)
    async with Simulator(faults=faults, capacity=1, overload=overload) as simulator:
        host, port = simulator.url.removeprefix("http://").split(":")
        pairs = [await asyncio.open_connection(host, int(port)) for _ in range(5)]
        for _, writer in pairs[1:]:
            writer.write(b"GET /api/ HTTP/1.1\r\nHost: em\r\n\r\n")
        await asyncio.sleep(0.02)
        start = time.monotonic()
    seconds = time.monotonic() - start
    for _, writer in pairs:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    assert seconds < 30  # the answers that are due would take a minute
    assert before == asyncio.all_tasks()


async def test_it_can_be_entered_again(simulator: Simulator) -> None:
    """Two simulators run beside each other, and one closed makes room for the next."""
    async with Simulator() as other:
        assert simulator.url != other.url
        port = int(other.url.rpartition(":")[2])
    async with Simulator(port=port) as again:
        assert other.url == again.url


async def test_a_long_query_is_read(simulator: Simulator, caller: Any) -> None:
    """A query of 16 KB is served: the longest that http.sys takes."""
    words = ",".join(f'UID=="{id_}"' for id_ in (simulator.session_ids * 2)[:300])

    assert len(await caller.query(words)) == 200


async def test_a_body_is_read_and_ignored(caller: Any) -> None:
    """A POST may bring a JSON body."""
    url = f"{caller.simulator.url}/api/sessionMngr/?v=latest"
    async with caller.http.post(url, json={"any": ["thing"]}) as reply:
        assert reply.status == 401


async def test_a_client_that_does_not_read_does_not_hold_it_up(connect: Any) -> None:
    """Closing is quick though a large answer waits to be taken."""
    async with Simulator(sessions=5000, running=0) as simulator:
        token = (await connect(simulator)).token
        host, port = simulator.url.removeprefix("http://").split(":")
        _, writer = await asyncio.open_connection(host, int(port))
        ask = "GET /api/backupSessions?format=Entity HTTP/1.1\r\nHost: em\r\n"
        writer.write(f"{ask}X-RestSvcSessionId: {token}\r\n\r\n".encode())
        while not simulator.stats.by_route.get("GET /backupSessions"):
            await asyncio.sleep(0.01)
        start = time.monotonic()
    seconds = time.monotonic() - start
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()

    assert seconds < 30  # the answers that are due would take a minute


async def test_ten_thousand_sessions_are_queried(connect: Any) -> None:
    """A page out of 10,000 sessions is a page of a hundred."""
    async with Simulator(sessions=10_000, running=100) as simulator:
        caller = await connect(simulator)
        words = 'State!="Stopped",EndTime>="2000-01-01"'

        assert len(await caller.query(words, pageSize="100")) == 100
