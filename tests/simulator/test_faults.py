import asyncio
import math
import time
from typing import Any

import aiohttp
import pytest

from veeam_async.simulator import Faults, Simulator
from veeam_async.simulator.faults import FaultInjector

PATH = "/backupServers?format=Entity"


@pytest.fixture
async def struck(simulator: Simulator, caller: Any) -> Any:
    """A function that sends a GET while one fault is certain."""

    async def send(**probabilities: Any) -> Any:
        simulator.faults = Faults(**probabilities)
        return await caller.get(PATH)

    return send


async def test_unavailable_comes_in_bursts(simulator: Simulator, caller: Any) -> None:
    """Once it strikes so many requests get a 503, with Retry-After where wanted."""
    simulator.faults = Faults(unavailable=1, unavailable_burst=3, retry_after=2)
    first = await caller.get(PATH)
    simulator.faults = Faults()
    rest = [(await caller.get(PATH)).status for _ in range(3)]

    assert (first.status, first.headers["Retry-After"]) == (503, "2")
    assert first.json["statusCode"] == 503
    assert rest == [503, 503, 200]


async def test_no_retry_after_unless_asked(struck: Any) -> None:
    """Without retry_after a 503 has no such header."""
    assert "Retry-After" not in (await struck(unavailable=1)).headers


async def test_a_server_error_has_the_well_known_words(struck: Any) -> None:
    """The 500 says what the real one says."""
    reply = await struck(server_error=1)

    assert reply.status == 500
    assert reply.json["message"].startswith("Object reference not set")


async def test_an_html_page_is_a_200(struck: Any) -> None:
    """The wrong page comes with the right status."""
    reply = await struck(html=1)

    assert (
        reply.status,
        reply.headers["Content-Type"],
    ) == (200, "text/html; charset=utf-8")


async def test_an_expired_token_is_dead(simulator: Simulator, caller: Any) -> None:
    """The 401 kills the token: without the fault it is still refused."""
    simulator.faults = Faults(expired=1)
    assert (await caller.get(PATH)).status == 401
    simulator.faults = Faults()

    assert (await caller.get(PATH)).status == 401
    assert simulator.stats.tokens_alive == 0


async def test_a_malformed_body_has_the_right_length(struck: Any) -> None:
    """Half a document comes as if it were whole."""
    reply = await struck(malformed=1)

    assert str(len(reply.body)) == reply.headers["Content-Length"]
    with pytest.raises(ValueError, match=r"Unterminated|Expecting|Invalid"):
        _ = reply.json


@pytest.mark.parametrize("kind", ["reset", "reset_body", "truncated"])
async def test_a_broken_connection_gives_no_answer(struck: Any, kind: str) -> None:
    """Resets and bodies shorter than their length fail in the client."""
    with pytest.raises(aiohttp.ClientError):
        await struck(**{kind: 1})


async def test_a_slow_body_is_whole(struck: Any) -> None:
    """A body in drips takes its time and arrives complete."""
    whole = await struck()
    before = time.monotonic()
    reply = await struck(slow=1, slow_seconds=0.05)

    assert whole.body == reply.body
    assert time.monotonic() - before > 0.04


async def test_a_client_may_leave_before_the_end(
    simulator: Simulator, caller: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """A client that leaves in the middle of a body is no error of the server."""
    simulator.faults = Faults(slow=1, slow_seconds=0.1)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.03):
            await caller.get(PATH)
    await asyncio.sleep(0.1)

    assert not [record for record in caplog.records if record.levelname == "ERROR"]


@pytest.mark.parametrize("more", [{}, {"latency": 1}])
async def test_latency_delays_an_answer(struck: Any, more: dict[str, float]) -> None:
    """Every answer comes after the seconds that were asked for."""
    before = time.monotonic()
    reply = await struck(latency_seconds=0.05, **more)

    assert reply.status == 200
    assert time.monotonic() - before > 0.04


async def test_a_connection_may_be_closed_without_a_word(simulator: Simulator) -> None:
    """A whole answer that promises to keep alive, and then the end."""
    simulator.faults = Faults(close=1)
    host, port = simulator.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"GET /api/ HTTP/1.1\r\nHost: em\r\n\r\n")
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()

    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert b"connection: close" not in answer.lower()
    assert answer.endswith(b"</EnterpriseManager>")


async def test_the_logon_is_spared(simulator: Simulator, caller: Any) -> None:
    """Logging on and out work in every weather, unless asked otherwise."""
    simulator.faults = Faults(unavailable=1, unavailable_burst=5)
    assert (await caller.log_on()).status == 201
    simulator.faults = Faults(unavailable=1, logon=True)

    assert (await caller.log_on()).status == 503


async def test_an_order_is_carried_out_though_its_answer_is_lost(
    simulator: Simulator, caller: Any
) -> None:
    """A reset after an action has lost the answer, not the action."""
    simulator.faults = Faults(reset=1)
    session = simulator.running_ids[-1]
    with pytest.raises(aiohttp.ClientError):
        await caller.post(f"/backupSessions/{session}?action=stop")
    simulator.faults = Faults()
    reply = await caller.get(f"/backupSessions/{session}?format=Entity")

    assert reply.json["state"] in {"Stopping", "Stopped"}


async def test_faults_are_drawn_from_the_seed(connect: Any) -> None:
    """The same seed strikes the same requests, about as often as asked."""

    async def statuses(seed: int) -> list[int]:
        faults = Faults(unavailable=0.2, server_error=0.2)
        async with Simulator(seed=seed, faults=faults) as simulator:
            caller = await connect(simulator)
            found = [(await caller.get(PATH)).status for _ in range(100)]
            assert found.count(503) == simulator.stats.faults["unavailable"]
            return found

    one = await statuses(1)

    assert one == await statuses(1)
    assert one != await statuses(2)
    assert 5 < one.count(503) < 40
    assert 5 < one.count(500) < 40


def test_a_part_of_the_requests_may_wait() -> None:
    """Beside the seconds a probability says how often."""
    faults = Faults(latency=0.3, latency_seconds=2)
    drawn = FaultInjector(7, faults)
    waits = [drawn.draw("GET /jobs", is_logon=False)[1] for _ in range(200)]

    assert {0.0, 2} == set(waits)
    assert 30 < waits.count(2) < 90


@pytest.mark.parametrize(
    "options",
    [
        {"reset": 1.1},
        {"slow": -1},
        {"unavailable_burst": 0},
        {"latency_seconds": -0.1},
        {"slow_seconds": math.nan},
        {"retry_after": -5},
        {"logon": 0.5},
    ],
)
def test_a_field_takes_what_its_name_says(options: dict[str, Any]) -> None:
    """A probability lies between 0 and 1, seconds are not below 0, a switch is one."""
    [name] = options
    with pytest.raises(ValueError, match="must be") as refused:
        Faults(**options)

    assert name in str(refused.value)


def test_a_probability_that_may_be_meant_as_seconds() -> None:
    """It is refused in words that say how to write the one and the other."""
    with pytest.raises(ValueError, match=r"latency_seconds=0\.003;") as refused:
        Faults(latency=0.003)
    with pytest.raises(ValueError, match="how long requests wait is latency_seconds"):
        Faults(latency=2)
    with pytest.raises(ValueError, match="how long a slow body takes is slow_seconds"):
        Faults(slow=2)

    assert "latency=0.003, latency_seconds=…" in str(refused.value)
    assert Faults(latency=0) != Faults(latency=0, latency_seconds=1)
