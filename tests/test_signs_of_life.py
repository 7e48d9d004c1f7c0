"""Watch, run and manager tell a screen when the last answer came."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from tests.support.bodies import JOB, PAGE, behind_logon, row, session, task, uuid_of
from tests.support.fault_server import Act, Answer, Asked, FaultServer, Stall
from tests.support.scripted import ScriptedServer
from veeam_async import EnterpriseManager


def client(server: FaultServer) -> EnterpriseManager:
    """A manager of *server*."""
    return EnterpriseManager(server.url, username="u", password="p")


async def test_a_watch_tells_what_its_last_look_met() -> None:
    """As long as looks fail; the time of the last one that worked stays."""
    acts: list[Act] = [Answer(body=session(1, state="Working")), PAGE]
    running = Answer(body=session(1, state="Working"))

    def act(_asked: Asked) -> Act:
        return acts.pop(0) if acts else running

    async with (
        FaultServer(behind_logon(act)) as server,
        client(server) as em,
        em.backup_sessions.watch([uuid_of(1)], interval=0.02) as watch,
    ):
        before = watch.stats
        await anext(watch)
        looking = asyncio.create_task(anext(watch))
        while (failed := watch.stats).last_error is None:
            await asyncio.sleep(0.005)
        while (again := watch.stats).last_error is not None:
            await asyncio.sleep(0.005)
        looking.cancel()

    assert (before.last_look, before.last_error) == (None, None)
    assert failed.last_look is not None
    assert again.last_look is not None
    assert again.last_look > failed.last_look
    assert "text/html" in str(failed.last_error)


async def test_a_run_tells_of_the_looks_at_its_session() -> None:
    """Of those of the watch as of those before, be they answered or not."""
    script = ScriptedServer(fresh=[row(1, at=1)], tasks=[task(session=1)])
    away: list[Act] = []

    def act(asked: Asked) -> Act:
        return away[0] if away else script(asked)

    async with FaultServer(act) as server, client(server) as em:
        run = await em.jobs.start(JOB)
        begun, events = run.last_look, run.watch(interval=0.02)
        await anext(events)
        following = asyncio.create_task(anext(events))
        while run.last_look <= begun:
            await asyncio.sleep(0.005)
        away.append(PAGE)
        while run.last_error is None:
            await asyncio.sleep(0.005)
        met = run.last_error
        following.cancel()
        await asyncio.wait([following])
        await events.aclose()

    assert "text/html" in str(met)


@pytest.mark.slow
async def test_a_run_tells_that_a_look_hangs() -> None:
    """Be it one for its session, or one at it."""
    script = ScriptedServer(fresh=[row(1, at=1)], tasks=[Stall()])
    async with FaultServer(script) as server, client(server) as em:
        run = await em.jobs.start(JOB)
        looking = asyncio.create_task(run.session(interval=0.02))
        while not run.behind:
            await asyncio.sleep(0.005)
        looking.cancel()
        await asyncio.wait([looking])
        run = await em.jobs.start(JOB)
        script.tasks = [task(session=1)]
        events = run.watch(interval=0.02)
        await anext(events)
        script.faults = [Stall()]
        following = asyncio.create_task(anext(events))
        while not run.behind:
            await asyncio.sleep(0.005)
        following.cancel()
        await asyncio.wait([following])
        await events.aclose()

    assert run.last_error is None


async def test_the_time_of_the_server() -> None:
    """Is that of its last answer, and goes on; before one it is this machine's."""
    noon = datetime(2020, 3, 1, 12, tzinfo=UTC)
    told = Answer(body=session(1), headers={"Date": "Sun, 01 Mar 2020 12:00:00 GMT"})
    async with (
        FaultServer(behind_logon(lambda _: told)) as server,
        client(server) as em,
    ):
        before = em.server_time
        await em.backup_sessions.get(uuid_of(1))
        after = em.server_time

    assert before.year > noon.year
    assert noon <= after < noon + timedelta(hours=1)
