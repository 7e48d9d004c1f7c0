"""The resources of sessions, against a simulated server and scripted ones."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from tests.support.bodies import behind_logon, error, session, uuid_of
from tests.support.clients import gets, talking
from tests.support.fault_server import Act, Answer, Asked, CutShort, Reset, Stall
from tests.support.simulated import client, time_passing
from veeam_async import (
    BackupTaskSession,
    DeadlineExceeded,
    NotFound,
    ReplicaJobSession,
    RestoreSession,
    SessionChanged,
    SessionFailed,
    SessionState,
)
from veeam_async.simulator import Faults, Simulator

ONE = uuid_of(1)
WORKING = Answer(body=session(1, state="Working", result="None", progress=10))
STOPPED = Answer(body=session(1))
FAILED = Answer(body=session(1, result="Failed"))


# ---------------------------------------------------------------- get


@pytest.mark.parametrize("product", ["11", "12", "13"])
@pytest.mark.parametrize("accept", ["json", "xml"])
async def test_each_kind_of_session_is_read_alike_from_every_version(
    product: str, accept: str
) -> None:
    """One model for each, whatever spelling and media type they come in."""
    async with (
        Simulator(sessions=40, product=product) as server,  # type: ignore[arg-type]  # a parameter
        client(server, accept=accept) as em,
    ):
        backup = (await em.backup_sessions.references())[0]
        one = await em.backup_sessions.get(backup.id)
        replicas = [one async for one in em.replica_sessions.query()]
        restores = [one async for one in em.restore_sessions.query()]
        tasks = await em.backup_sessions.task_sessions(one.id)
        machine = await em.task_sessions.get(tasks[0].uid)

    assert (one.uid, one.name) == (backup.uid, backup.name)
    assert one.href.endswith(f"/api/backupSessions/{one.id}?format=Entity")
    assert one.link("Up", "JobReference") is not None
    assert {type(one) for one in replicas} == {ReplicaJobSession}
    assert {type(one) for one in restores} == {RestoreSession}
    assert machine.uid in {task.uid for task in tasks}  # its state may have changed
    assert isinstance(machine, BackupTaskSession)


async def test_an_id_may_come_in_any_form() -> None:
    """UUID, its text, UID and Href lead to the same session."""
    async with Simulator(sessions=5) as server, client(server) as em:
        reference = (await em.backup_sessions.references())[0]
        forms: list[str | UUID] = [
            reference.id,
            str(reference.id),
            str(reference.id).upper(),
            reference.uid,
            reference.href,
            f"{reference.href}?format=Entity",
        ]
        found = [await em.backup_sessions.get(form) for form in forms]

    assert {one.id for one in found} == {reference.id}


# ---------------------------------------------------------------- wait


async def test_wait_gives_the_session_once_it_is_stopped() -> None:
    """However many looks that takes, and whatever breaks meanwhile."""
    faults: list[Act] = [Reset(), error(503, "busy"), CutShort()]
    async with talking(gets(WORKING, *faults, WORKING, STOPPED)) as (em, _):
        found = await em.backup_sessions.wait(ONE, interval=0.01)

    assert found.state is SessionState.STOPPED


async def test_a_failed_session_is_raised_only_where_that_was_asked_for() -> None:
    """With the session in the error."""
    async with talking(gets(FAILED)) as (em, _):
        found = await em.backup_sessions.wait(ONE)
        with pytest.raises(SessionFailed) as caught:
            await em.backup_sessions.wait(ONE, check=True)

    assert caught.value.session == found


async def test_waiting_for_an_unknown_session_fails_at_once() -> None:
    """A mistyped id would keep the caller for five minutes else."""
    async with talking(gets(error(404, "Cannot find"))) as (em, server):
        with pytest.raises(NotFound):
            await em.backup_sessions.wait(ONE)

    assert server.count("GET") == 1


async def test_waiting_ends_with_its_time() -> None:
    """As a timeout or as a deadline."""
    async with talking(gets(WORKING)) as (em, _):
        with pytest.raises(DeadlineExceeded) as caught:
            await em.backup_sessions.wait(ONE, timeout=0.05, interval=0.01)
        with pytest.raises(DeadlineExceeded):
            soon = datetime.now(UTC) + timedelta(seconds=0.05)
            await em.backup_sessions.wait(ONE, deadline=soon, interval=0.01)

    assert caught.value.active == (ONE,)


# ---------------------------------------------------------------- watch


async def test_watching_follows_real_sessions_to_their_ends() -> None:
    """Every one FOUND once, STOPPED once, in order, over a sped-up hour."""
    async with (
        Simulator(sessions=40, running=15, speed=0) as server,
        client(server) as em,
    ):
        ids = [one.id async for one in em.backup_sessions.query('State!="Stopped"')]
        async with time_passing(server):
            events = [e async for e in em.backup_sessions.watch(ids, interval=0.05)]

    assert len(ids) == 15
    for one in ids:
        mine = [str(event.kind) for event in events if event.id == one]
        assert (mine[0], mine[-1]) == ("FOUND", "STOPPED")
        assert (mine.count("FOUND"), mine.count("STOPPED")) == (1, 1)


async def test_watching_through_faults_loses_and_doubles_nothing() -> None:
    """Bursts of 503, resets, bodies cut short, tokens that die."""
    faults = Faults(
        unavailable=0.1, reset=0.05, truncated=0.05, close=0.05, malformed=0.05
    )
    async with (
        Simulator(sessions=40, running=10, speed=0, faults=faults) as server,
        client(server) as em,
    ):
        ids = list(server.running_ids)
        watch = em.backup_sessions.watch(ids, interval=0.05)
        async with time_passing(server):
            events = [event async for event in watch]

    assert ids
    for one in ids:
        mine = [str(event.kind) for event in events if event.id == one]
        assert (mine.count("FOUND"), mine.count("STOPPED")) == (1, 1)


async def test_a_watch_goes_on_from_its_checkpoint() -> None:
    """Ids, states and numbers are in it; ids beside it are a contradiction."""
    async with talking(gets(WORKING, WORKING, STOPPED)) as (em, _):
        first = em.backup_sessions.watch([ONE], interval=0.01)
        async with first:
            await anext(first)
            data = first.checkpoint()
        with pytest.raises(ValueError, match="give nothing else"):
            em.backup_sessions.watch([ONE], resume=data)
        second = em.backup_sessions.watch(resume=data, interval=0.01)
        events = [event async for event in second]

    (event,) = events
    assert isinstance(event, SessionChanged)
    assert (str(event.kind), event.sequence) == ("STOPPED", 2)


async def test_a_single_id_in_place_of_many_is_misuse() -> None:
    """A text is an iterable too, of letters."""
    async with talking(gets(WORKING)) as (em, _):
        with pytest.raises(ValueError, match="put a single one in a list"):
            em.backup_sessions.watch(str(ONE))
        with pytest.raises(ValueError, match="put a single one in a list"):
            em.backup_sessions.fetch(str(ONE))


async def test_leaving_the_manager_ends_what_is_still_open() -> None:
    """Whoever listens in another task comes to an end."""
    async with talking(gets(WORKING)) as (em, _):
        watch = em.backup_sessions.watch([ONE], interval=60)

        async def listen() -> int:
            return len([event async for event in watch])

        listening = asyncio.create_task(listen())
        await asyncio.sleep(0.02)

    assert await listening == 1


# ---------------------------------------------------------------- stop


async def test_stopping_a_session_is_a_task_and_then_its_end() -> None:
    """The task says that it was triggered; waiting for the end is another thing."""
    async with (
        Simulator(sessions=20, running=3, speed=0) as server,
        client(server) as em,
    ):
        one = server.running_ids[0]
        task = await em.backup_sessions.stop(one)
        again = await em.tasks.get(task.task_id)
        async with time_passing(server):
            final = await em.backup_sessions.wait(one, interval=0.02)

    assert task.operation == "StopJobSession"
    assert again.task_id == task.task_id
    assert final.is_stopped


async def test_an_unknown_session_is_not_found_in_every_call() -> None:
    """By the server's own words."""
    async with Simulator(sessions=5) as server, client(server) as em:
        for call in (
            em.backup_sessions.get,
            em.backup_sessions.stop,
            em.backup_sessions.task_sessions,
        ):
            with pytest.raises(NotFound, match="404"):
                await call(uuid4())


# ---------------------------------------------------------------- ends of waits


async def test_the_checkpoint_of_a_deadline_can_be_resumed() -> None:
    """The deadline that has passed is not in it."""
    async with talking(gets(WORKING, WORKING, WORKING, STOPPED)) as (em, _):
        watch = em.backup_sessions.watch([ONE], timeout=0.03, interval=0.02)
        with pytest.raises(DeadlineExceeded) as caught:
            async for _event in watch:
                pass
        again = em.backup_sessions.watch(resume=caught.value.checkpoint, interval=0.01)
        events = [str(event.kind) async for event in again]

    assert events == ["STOPPED"]


async def test_a_wait_that_the_manager_left_behind_is_no_lost_session() -> None:
    """Nobody said that the session is gone."""
    async with talking(gets(WORKING)) as (em, _):
        waiting = asyncio.create_task(em.backup_sessions.wait(ONE, interval=60))
        await asyncio.sleep(0.02)
    with pytest.raises(RuntimeError, match="closed while this waited"):
        await waiting


@pytest.mark.parametrize("seconds", [-1.0, float("nan")])
async def test_a_timeout_is_a_number_of_seconds(seconds: float) -> None:
    """What is none is refused before anything is sent."""
    async with talking(gets(WORKING)) as (em, _):
        with pytest.raises(ValueError, match="at least 0"):
            em.backup_sessions.watch([ONE], timeout=seconds)


@pytest.mark.parametrize("seconds", [float("inf"), 1e300])
async def test_a_timeout_beyond_the_calendar_is_none(seconds: float) -> None:
    """It neither overflows nor ends anything."""
    async with talking(gets(STOPPED)) as (em, _):
        found = await em.backup_sessions.wait(ONE, timeout=seconds)

    assert found.is_stopped


async def test_an_ended_session_is_not_told_again_after_a_resumption() -> None:
    """Adding it has no more effect than before."""
    second_runs = Answer(body=session(2, state="Working", result="None"))

    def act(asked: Asked) -> Act:
        return STOPPED if str(ONE) in asked.target else second_runs

    async with talking(behind_logon(act)) as (em, _):
        first = em.backup_sessions.watch([ONE, uuid_of(2)], interval=60)
        async with first:
            heard = [await anext(first) for _ in range(3)]
            data = first.checkpoint()
        second = em.backup_sessions.watch(resume=data, interval=60)
        async with second:
            second.add(ONE)
            ended = [event.id for event in heard if str(event.kind) == "STOPPED"]

            assert ended == [ONE]
            assert ONE not in second.active


async def test_two_cancellations_while_leaving_leave_no_worker() -> None:
    """All are told to end before the first is waited for."""

    async def hold() -> None:
        async with talking(gets(Stall())) as (em, _):
            fetches = [em.backup_sessions.fetch([ONE] * 50) for _ in range(4)]
            waiting = [asyncio.create_task(anext(one)) for one in fetches]
            await asyncio.sleep(0.05)
            held.extend([*fetches, *waiting])
            await asyncio.sleep(60)

    held: list[object] = []
    task = asyncio.create_task(hold())
    await asyncio.sleep(0.15)
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(0.05)
    for one in held:
        if isinstance(one, asyncio.Task):
            one.cancel()
