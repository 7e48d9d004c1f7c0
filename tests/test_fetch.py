"""Fetching from the simulator, whatever goes wrong on the way."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any, Literal, TypeAlias
from uuid import UUID

import pytest

from tests.support.bodies import uuid_of
from tests.support.simulated import client
from veeam_async import (
    AuthenticationFailed,
    BackupJobSession,
    EnterpriseManager,
    Fetched,
    Fingerprint,
    InvalidId,
    NotFound,
    Retry,
)
from veeam_async.simulator import Faults, Simulator

Accept: TypeAlias = Literal["json", "xml"]

PATIENT = Retry(attempts=20, wait_initial=0.001, wait_max=0.002)


def open_em(simulator: Simulator, **settings: Any) -> EnterpriseManager:
    """Make a client of *simulator* that does not wait long between attempts."""
    pin = simulator.fingerprint
    defaults = {"retry": PATIENT, "tls": Fingerprint(pin) if pin else True}
    return client(simulator, **(defaults | settings))


async def fetched(
    em: EnterpriseManager, ids: Any, **settings: Any
) -> list[Fetched[BackupJobSession]]:
    """Fetch everything."""
    return [one async for one in em.backup_sessions.fetch(ids, **settings)]


def check(found: list[Fetched[BackupJobSession]], ids: list[UUID]) -> None:
    """See that each id has its own session, once."""
    assert [one.error for one in found if one.error] == []
    assert sorted(one.result().id for one in found) == sorted(ids)
    assert all(one.id == one.result().id for one in found)


@pytest.mark.slow
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("accept", ["json", "xml"])
@pytest.mark.parametrize("product", ["11", "12", "13"])
async def test_every_session_is_fetched(
    product: Literal["11", "12", "13"],
    accept: Accept,
    tls: bool,  # noqa: FBT001 - a parameter
) -> None:
    """Over plain HTTP and TLS, in both media types, from all versions."""
    async with Simulator(sessions=60, tls=tls, product=product) as simulator:
        async with open_em(simulator, accept=accept) as em:
            found = await fetched(em, simulator.session_ids)
            check(found, simulator.session_ids)

        assert simulator.stats.tokens_alive == 0
        assert simulator.stats.logons == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    "faults",
    [
        Faults(unavailable=0.05, unavailable_burst=8),
        Faults(reset=0.2),
        Faults(reset_body=0.2),
        Faults(truncated=0.2),
        Faults(close=0.5),
        Faults(
            unavailable=0.03,
            unavailable_burst=4,
            reset=0.05,
            reset_body=0.05,
            truncated=0.05,
            close=0.2,
            latency=0.1,
            latency_seconds=0.005,
        ),
    ],
    ids=["503", "reset", "reset body", "truncated", "close", "all"],
)
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
async def test_whatever_fails_nothing_is_lost_and_nothing_comes_twice(
    faults: Faults,
    tls: bool,  # noqa: FBT001 - a parameter
) -> None:
    """Each id gives its session once, after as many attempts as it needs."""
    async with Simulator(sessions=200, tls=tls, faults=faults) as simulator:
        async with open_em(simulator) as em:
            check(await fetched(em, simulator.session_ids), simulator.session_ids)

        assert sum(simulator.stats.faults.values()) > 0


async def test_an_overloaded_server_makes_it_slow_down_instead_of_failing() -> None:
    """Five attempts are enough, since ever fewer requests are in flight."""
    # Ten may wait there, 32 are sent at once: whatever the machine, some are shed.
    async with Simulator(sessions=150, capacity=100) as simulator:
        async with open_em(simulator, retry=Retry(), max_connections=64) as em:
            check(await fetched(em, simulator.session_ids), simulator.session_ids)
            assert em.concurrency < 32

        assert simulator.stats.shed > 0


async def test_one_bad_id_in_a_thousand_costs_no_other() -> None:
    """999 sessions and one error, for which nothing was sent."""
    async with Simulator(sessions=200) as simulator, open_em(simulator) as em:
        ids: list[UUID | str] = [*simulator.session_ids * 5]
        ids[417] = "not-an-id"
        before = simulator.stats.requests
        found = await fetched(em, ids, ordered=True)

        assert simulator.stats.requests == before + 999
    errors = [one for one in found if one.error]
    assert len(found) == 1000
    assert [(found.index(one), one.id) for one in errors] == [(417, "not-an-id")]
    assert isinstance(errors[0].error, InvalidId)


async def test_an_unknown_session_is_an_error_of_its_id() -> None:
    """404 for one, the others as ever; ids of all kinds."""
    async with Simulator(sessions=20) as simulator, open_em(simulator) as em:
        real = simulator.session_ids[0]
        ids = [real, str(real), f"urn:veeam:BackupJobSession:{real}", uuid_of(1)]
        found = await fetched(em, ids, ordered=True)

    assert [one.id for one in found] == ids
    assert [one.result().id for one in found[:3]] == [real] * 3
    assert isinstance(found[3].error, NotFound)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("tls", "connections"), [(False, 1000), (True, 100)], ids=["plain", "tls"]
)
async def test_a_token_that_expires_under_a_thousand_requests_is_renewed_once(
    tls: bool,  # noqa: FBT001 - a parameter
    connections: int,
) -> None:
    """All of them go on with the one new token."""
    async with Simulator(sessions=200, tls=tls) as simulator:
        faults = Faults(latency=1, latency_seconds=0.05)
        async with open_em(simulator, max_connections=connections, retry=Retry()) as em:
            simulator.faults = faults
            ids = simulator.session_ids * 5
            fetch = asyncio.ensure_future(fetched(em, ids, concurrency=1000))
            await asyncio.sleep(0.02)
            simulator.expire_tokens()
            found = await fetch

        assert {type(one.error) for one in found} == {type(None)}
        assert len(found) == 1000
        assert simulator.stats.logons == 2
        assert simulator.stats.tokens_alive == 0


async def test_a_password_that_is_wrong_now_ends_the_whole_fetch() -> None:
    """One POST tells, and no second one is sent."""
    async with Simulator(sessions=200) as simulator:
        passwords = iter([simulator.password, *["wrong"] * 1000])
        async with open_em(simulator, password=lambda: next(passwords)) as em:
            simulator.expire_tokens()
            with pytest.raises(AuthenticationFailed):
                await fetched(em, simulator.session_ids)
            posts = simulator.stats.by_route["POST /sessionMngr"]

    assert posts == 2


async def test_leaving_the_manager_ends_an_open_fetch() -> None:
    """Whoever waits in it gets its end; the ids are drawn no further."""
    drawn = 0

    def ids(simulator: Simulator) -> Iterator[UUID]:
        nonlocal drawn
        while True:
            drawn += 1
            yield simulator.session_ids[0]

    async with Simulator(sessions=1, running=0) as simulator:
        simulator.faults = Faults(latency=1, latency_seconds=5)
        async with open_em(simulator) as em:
            fetch = em.backup_sessions.fetch(ids(simulator), concurrency=3)
            waiting = asyncio.ensure_future(anext(fetch, None))
            await asyncio.sleep(0.02)

        assert await waiting is None
        assert await anext(fetch, None) is None
        assert drawn == 3


async def test_a_worker_hired_as_the_caller_is_cancelled_logs_on_no_more() -> None:
    """It asks for a token when the logout has begun, before it hears of its end."""

    def ids(simulator: Simulator) -> Iterator[UUID]:
        yield simulator.session_ids[0]
        running.cancel()  # who draws the second id hires the third worker next
        yield from simulator.session_ids

    async def fetch(simulator: Simulator) -> None:
        async with open_em(simulator) as em:
            async for _ in em.backup_sessions.fetch(ids(simulator)):
                pass

    async with Simulator(sessions=10, running=0) as simulator:
        simulator.faults = Faults(latency=1, latency_seconds=5)
        running = asyncio.create_task(fetch(simulator))
        with pytest.raises(asyncio.CancelledError):
            await running

        assert simulator.stats.by_route["POST /sessionMngr"] == 1
        assert simulator.stats.logouts == 1
        assert simulator.stats.tokens_alive == 0


async def test_a_break_leaves_the_client_usable() -> None:
    """The slots of what was cancelled are free again."""
    async with Simulator(sessions=100) as simulator:
        async with open_em(simulator, max_connections=4) as em:
            for _ in range(20):
                async for _one in em.backup_sessions.fetch(simulator.session_ids):
                    break
            check(await fetched(em, simulator.session_ids), simulator.session_ids)
            pool = em._pool
            assert pool.limiter.in_flight == 0


async def test_replica_and_restore_sessions_are_fetched_alike() -> None:
    """One class serves all three kinds."""
    async with Simulator(sessions=100) as simulator, open_em(simulator) as em:
        for sessions in (em.replica_sessions, em.restore_sessions):
            ids = [ref.id for ref in await sessions.references()]
            got = [one.result().id async for one in sessions.fetch(ids, ordered=True)]
            assert ids
            assert got == ids
