"""Watching and waiting over sockets: every strategy, against the simulator."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import UUID

import pytest

from tests.support.bodies import uuid_of
from tests.support.simulated import client, time_passing
from veeam_async import (
    BackupJobSession,
    DeadlineExceeded,
    EnterpriseManager,
    F,
    HealthChanged,
    NotFound,
    SessionFailed,
    SessionState,
    Watch,
)
from veeam_async.simulator import Faults, Simulator
from veeam_async.watch.polling.request import Strategy

STRATEGIES: tuple[Strategy, ...] = ("auto", "get", "query")
RUNNING = 40
WORKING = (("Working", 1e9),)


@asynccontextmanager
async def site(
    running: int = RUNNING, speed: float = 60.0
) -> AsyncIterator[tuple[Simulator, EnterpriseManager]]:
    """Open a simulator with so many running sessions, and a client of it."""
    async with (
        Simulator(sessions=running + 20, running=running, speed=speed) as server,
        client(server) as em,
    ):
        yield server, em


async def told(watch: Watch[BackupJobSession]) -> dict[UUID, list[str]]:
    """Give the first and the last kind of event for each session."""
    kinds: dict[UUID, list[str]] = {}
    async for event in watch:
        if not isinstance(event, HealthChanged):
            kinds.setdefault(event.id, []).append(str(event.kind))
    return {one: [each[0], each[-1]] for one, each in kinds.items()}


@pytest.mark.parametrize("strategy", STRATEGIES)
async def test_every_watched_session_is_found_and_stops(strategy: Strategy) -> None:
    """Whatever the strategy, with as many requests as it says."""
    async with site(speed=0) as (server, em):
        ids = server.running_ids
        watch = em.backup_sessions.watch(ids, interval=0.1, strategy=strategy)

        async with time_passing(server):
            assert await told(watch) == {one: ["FOUND", "STOPPED"] for one in ids}
        asked = server.stats.by_route
        assert ("GET /query" in asked) == (strategy != "get")
        sent = asked.get("GET /query", 0) + asked.get("GET /backupSessions/{id}", 0)
        assert watch.stats.requests == sent
        assert watch.stats.events >= 2 * len(ids)
        assert watch.stats.latest_delay is not None


async def test_a_list_serves_all_waits_of_a_moment() -> None:
    """A hundred lone loops would ask a hundred times a round."""
    async with site(100, speed=0) as (server, em), time_passing(server):
        ended = await asyncio.gather(
            *(em.backup_sessions.wait(one, interval=0.2) for one in server.running_ids)
        )
        asked = server.stats.by_route

    assert {session.state for session in ended} == {"Stopped"}
    assert asked["GET /query"] + asked.get("GET /backupSessions/{id}", 0) < 500


@pytest.mark.parametrize("strategy", STRATEGIES)
async def test_everything_is_watched(strategy: Strategy) -> None:
    """What runs, what starts later, and what ran between two looks; nothing old."""
    async with site(5, speed=60) as (server, em):
        running = set(server.running_ids)
        watch = em.backup_sessions.watch(interval=0.1, strategy=strategy)
        first = [await anext(watch) for _ in running]
        for _ in range(10):  # until a look after the first has been made
            await asyncio.sleep(0.05)
        brief = server.add_session(script=[("Working", 0.01)])
        later = server.add_session(script=[("Starting", 3), ("Working", 3)])
        kinds: dict[object, list[str]] = {}
        async for event in watch:
            kinds.setdefault(event.id, []).append(str(event.kind))
            if {brief, later} <= {
                one for one, each in kinds.items() if each[-1] == "STOPPED"
            }:
                watch.stop()

    assert {event.id for event in first} == running
    assert kinds[brief] == ["FOUND", "STOPPED"]
    assert (kinds[later][0], kinds[later][-1]) == ("FOUND", "STOPPED")
    assert set(kinds) <= running | {brief, later}


@pytest.mark.parametrize("year", [2019, 2099])
async def test_the_servers_clock_may_be_years_off(year: int) -> None:
    """From when on to ask is told by the sessions, never by the clock here."""
    start = datetime(year, 7, 4, 12, tzinfo=UTC)
    async with (
        Simulator(sessions=20, running=3, speed=0, start=start) as server,
        client(server) as em,
    ):
        watch = em.backup_sessions.watch(interval=0.05, strategy="query")
        found = {(await anext(watch)).id for _ in range(3)}
        while watch.stats.polls < 3:
            await asyncio.sleep(0.01)
        brief = server.add_session(script=[("Working", 5)])
        server.advance(5)
        async with watch:
            events = [await anext(watch) for _ in range(2)]

    assert len(found) == 3
    assert watch.stats.rows < 10 * watch.stats.polls  # not all twenty in each look
    assert [(event.id, str(event.kind)) for event in events] == [
        (brief, "FOUND"),
        (brief, "STOPPED"),
    ]


async def test_a_watch_of_everything_goes_on_from_its_checkpoint() -> None:
    """What started and ended meanwhile is told, what was told is not told again."""
    async with site(3, speed=0) as (server, em):
        first = em.backup_sessions.watch(interval=0.05)
        before = {(await anext(first)).id for _ in range(3)}
        while first.stats.polls < 3:
            await asyncio.sleep(0.01)
        data = json.loads(json.dumps(first.checkpoint()))
        await first.aclose()
        brief = server.add_session(script=[("Working", 5)])
        server.advance(10)
        second = em.backup_sessions.watch(interval=0.05, resume=data)
        async with second:
            events = [await anext(second) for _ in range(2)]

    assert [(event.id, str(event.kind)) for event in events] == [
        (brief, "FOUND"),
        (brief, "STOPPED"),
    ]
    assert [event.sequence for event in events] == [4, 5]
    assert brief not in before


async def test_a_checkpoint_of_another_kind_is_refused() -> None:
    """Replica sessions would be asked for as backup sessions, and be gone."""
    async with site() as (_, em):
        saved = em.replica_sessions.watch().checkpoint()
        with pytest.raises(ValueError, match="of ReplicaJobSessions, not of Backup"):
            em.backup_sessions.watch(resume=saved)
        em.replica_sessions.watch(resume=saved)


async def test_where_narrows_what_is_watched() -> None:
    """By what a session is; what it does changes while it is watched."""
    async with site(5, speed=0) as (server, em):
        mine = server.add_session(script=WORKING, job_name="Mine & only")
        watch = em.backup_sessions.watch(
            where=F.job_name == "Mine & only", interval=0.05
        )
        async with watch:
            assert (await anext(watch)).id == mine
            while watch.stats.polls < 3:
                await asyncio.sleep(0.01)
        assert watch.active == (mine,)
        for where in (F.state == "Working", 'Name=="x";endtime>"2026-01-01"'):
            with pytest.raises(ValueError, match="not by State, Result or EndTime"):
                em.backup_sessions.watch(where=where)
        em.backup_sessions.watch(where='Name=="State==1"')
        with pytest.raises(ValueError, match="narrows a watch of everything"):
            em.backup_sessions.watch([mine], where="Name==x")
        with pytest.raises(ValueError, match="only a query can select"):
            em.backup_sessions.watch(where="Name==x", strategy="get")
        with pytest.raises(ValueError, match="strategy is"):
            em.backup_sessions.watch(strategy="list")  # type: ignore[arg-type]  # that is the point
        with pytest.raises(ValueError, match="lookback"):
            em.backup_sessions.watch(lookback=-1)
        for interval in (0, float("nan"), float("inf")):
            with pytest.raises(ValueError, match="interval"):
                em.backup_sessions.watch(interval=interval)


async def test_a_wait_can_be_for_another_state() -> None:
    """Or for whatever a callable tells; a session that stops first has failed to."""
    async with site(0, speed=60) as (server, em):
        sessions = em.backup_sessions
        one = server.add_session(script=[("Starting", 10), ("Working", 60)])
        working = await sessions.wait(
            one, until=SessionState.WORKING, interval=0.05, timeout=20
        )
        half = await sessions.wait(
            one, until=lambda session: session.progress >= 50, interval=0.05
        )
        with pytest.raises(SessionFailed, match="before it was Pausing") as failed:
            await sessions.wait(one, until="Pausing", interval=0.05)

    assert (working.state, half.state) == ("Working", "Working")
    assert half.progress >= 50
    assert failed.value.session.is_stopped
    assert failed.value.wanted == "Pausing"


async def test_many_can_be_waited_for() -> None:
    """For all, by their ids, or for the first."""
    async with site(0, speed=60) as (server, em):
        sessions = em.backup_sessions
        quick, slow = (
            server.add_session(script=[("Working", seconds)]) for seconds in (5, 40)
        )
        bad = server.add_session(script=[("Working", 20)], result="Failed")
        first = await sessions.wait_any([slow, quick], interval=0.05)
        ended = await sessions.wait_all([quick, slow, bad], interval=0.05)
        with pytest.raises(SessionFailed) as failed:
            await sessions.wait_all([quick, bad], interval=0.05, check=True)
        with pytest.raises(NotFound):
            await sessions.wait_all([quick, uuid_of(99)], interval=0.05)
        with pytest.raises(ValueError, match="no session to wait for"):
            await sessions.wait_any([])
        with pytest.raises(DeadlineExceeded):
            await sessions.wait_any(
                [server.add_session(script=WORKING)], interval=0.05, timeout=0.2
            )

        assert await sessions.wait_all([]) == {}
    assert first.id == quick
    assert set(ended) == {quick, slow, bad}
    assert {one: session.id for one, session in ended.items()} == {
        one: one for one in ended
    }
    assert failed.value.session.id == bad


async def test_an_outage_is_told_once_and_survived() -> None:
    """The list fails as a whole, and so do its sessions."""
    async with site(RUNNING, speed=60) as (server, em):
        ids = server.running_ids
        watch = em.backup_sessions.watch(ids, interval=0.05, patience=0.5)
        heard = [await anext(watch) for _ in ids]
        server.faults = Faults(unavailable=1.0)
        kinds: Counter[str] = Counter()
        async for event in watch:
            # That GETs stand in for lists for a while is no outage.
            kinds[str(event.kind)] += getattr(event, "scope", "server") == "server"
            if kinds["DEGRADED"] and server.faults.unavailable:
                server.faults = Faults()

    assert Counter(str(event.kind) for event in heard) == {"FOUND": len(ids)}
    assert kinds["DEGRADED"] == kinds["RECOVERED"] == 1
    assert kinds["STOPPED"] == len(ids)
