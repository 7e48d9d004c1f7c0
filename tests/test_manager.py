"""The front door: how it is opened, what it hands out, what it follows."""

from __future__ import annotations

import asyncio
import pydoc
import re
import ssl
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from tests.support.bodies import behind_logon, uuid_of
from tests.support.clients import gets, talking
from tests.support.fault_server import Act, Answer, Asked
from tests.support.simulated import client
from veeam_async import (
    AuthenticationFailed,
    BackupJobSession,
    BackupTaskSession,
    EnterpriseManager,
    EntityRef,
    Job,
    JobSessions,
    Link,
    SessionState,
    Task,
)
from veeam_async.simulator import Simulator
from veeam_async.simulator.threaded import ThreadedSimulator
from veeam_async.transport.aiohttp import AiohttpTransport
from veeam_async.transport.direct import DirectTransport

# ---------------------------------------------------------------- follow


async def test_links_lead_to_what_they_are_typed_as() -> None:
    """A list of references, a reference, or the entity."""
    async with Simulator(sessions=20) as server, client(server) as em:
        session = await anext(em.backup_sessions.query())
        job_link = session.link("Up", "JobReference")
        tasks_link = session.link("Down", "BackupTaskSessionReferenceList")
        assert job_link is not None
        assert tasks_link is not None
        reference = await em.follow(job_link)
        assert isinstance(reference, EntityRef)
        alternate = reference.link("Alternate", "Job")
        assert alternate is not None
        job = await em.follow(alternate)
        machines = await em.follow(tasks_link)
        task = (await em.backup_sessions.stop(session.id)).links[0]
        link = Link(rel="Related", href=task.href, type="Task")

        assert isinstance(job, Job)
        assert job.uid == session.job_uid
        assert isinstance(machines, list)
        assert {type(one) for one in machines} == {EntityRef}
        assert isinstance(await em.follow(link), Task)


def answering(body: bytes) -> Callable[[Asked], Act]:
    """Answer everything with *body*."""
    return behind_logon(lambda _asked: Answer(body=body))


@pytest.mark.parametrize(
    ("href", "asked"),
    [
        ("https://unreachable.internal:9398/api/tasks/task-1", "/api/tasks/task-1"),
        ("http://other.example/api/tasks/task-1?a=b c", "/api/tasks/task-1?a=b%20c"),
        ("/api/tasks/t%20ask-1", "/api/tasks/t%20ask-1"),
        ("https://em/x/api/tasks/ta\r\nsk", "/api/tasks/task"),
    ],
)
async def test_a_link_is_followed_at_the_callers_own_host(
    href: str, asked: str
) -> None:
    """Servers write names that nobody else can reach; a token stays where it is."""
    body = b'{"TaskId": "task-1", "State": "Running", "Type": "Task"}'
    async with talking(answering(body)) as (em, server):
        await em.follow(Link(rel="Related", href=href, type="Task"))

        assert server.asked[-1].target == asked


async def test_an_entity_is_asked_for_where_the_type_is_one() -> None:
    """The reference would come else, without a state."""
    async with Simulator(sessions=5) as server, client(server) as em:
        one = (await em.backup_sessions.references())[0]
        for href in (one.href, f"{one.href}?format=Entity"):
            link = Link(rel="Related", href=href, type="BackupJobSession")
            found = await em.follow(link)
            assert isinstance(found, BackupJobSession)
            assert found.state in set(SessionState)


@pytest.mark.parametrize(
    "link",
    [
        Link(rel="Stop", href="https://em/api/backupSessions/x?action=stop"),
        Link(rel="Stop", href="https://em/api/jobs/x?ACTION=start", type="Job"),
        Link(rel="Delete", href="https://em/api/logonSessions/x", type="LogonSession"),
        Link(rel="Down", href="https://em/api/x"),
        Link(rel="Down", href="https://em/api/x", type="Repository"),
        Link(rel="Down", href="https://em/elsewhere", type="Job"),
    ],
)
async def test_other_links_are_not_followed(link: Link) -> None:
    """Nothing is asked, nothing is posted."""
    async with talking(gets(Answer())) as (em, server):
        with pytest.raises(ValueError, match=r"link|lead"):
            await em.follow(link)

        assert len(server.asked) == 1


# ---------------------------------------------------------------- the door


@pytest.mark.parametrize(
    "settings",
    [
        {"accept": "yaml"},
        {"transport": "carrier pigeon"},
        {"max_connections": 0},
        {"max_connections": 10**400},
        {"tls": "/nowhere/ca.pem"},
        {"proxy": "proxy.example.com"},
        {"username": "a:b"},
        {"username": ""},
        {"username": None},
        {"password": None},
        {"password": b"bytes"},
        {"timeout": 5},
        {"retry": 3},
        {"max_body_size": 0},
        {"max_body_size": "x"},
        {"max_connections": 1.5},
        {"max_connections": "16"},
        {"on_request": 5},
        {"api_version": None},
        {"url": None},
        {"tls": None},
        {"tls": 5},
        {"tls": b"ca.pem"},
        {"username": "\udc80"},
        {"password": "s\udc80cret"},
        {"api_version": "\udc80"},
    ],
)
def test_settings_that_make_no_sense_are_refused_at_once(
    settings: dict[str, Any],
) -> None:
    """Before anything is connected."""
    arguments = {"url": "https://em", "username": "u", "password": "p"} | settings
    with pytest.raises(ValueError, match=r".") as caught:
        EnterpriseManager(**arguments)

    assert "b'bytes'" not in str(caught.value)
    assert "cret" not in repr(caught.value) + repr(caught.value.__context__)


async def test_over_tls_the_same_works(tmp_path: Path) -> None:
    """With the certificate as CA file, in a context, or as a fingerprint."""
    async with Simulator(sessions=5, tls=True) as server:
        assert server.certificate is not None
        ca_file = tmp_path / "ca.pem"
        ca_file.write_text(server.certificate)
        context = ssl.create_default_context(cafile=ca_file)
        for tls in (ca_file, str(ca_file), context):
            async with client(server, tls=tls) as em:
                assert len(await em.backup_sessions.references()) == 5


async def test_leaving_in_another_loop_is_misuse_and_no_hang() -> None:
    """Only the loop that opened the connections can close them, and still does."""
    other = asyncio.new_event_loop()
    thread = threading.Thread(target=other.run_forever)
    thread.start()

    def there(work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, other).result(timeout=20)

    try:
        with ThreadedSimulator(sessions=5) as server:
            em = client(server)
            await asyncio.to_thread(there, em.__aenter__())
            watch = em.backup_sessions.watch(server.session_ids)
            await asyncio.to_thread(there, anext(watch))
            with pytest.raises(RuntimeError, match="another event loop"):
                await em.__aexit__(None, None, None)
            await asyncio.to_thread(there, em.__aexit__(None, None, None))
            assert server.stats.logouts == 1
    finally:
        other.call_soon_threadsafe(other.stop)
        thread.join()
        other.close()


async def test_it_opens_and_closes_without_a_block_too() -> None:
    """Logged on by the one, logged out by the other, and a watch ended; again, too."""
    async with Simulator(sessions=3) as server:
        em = client(server)
        for times in (1, 2):
            assert await em.open() is em
            watch = em.backup_sessions.watch()
            await anext(watch)
            await em.aclose()
            await em.aclose()  # of no effect
            assert await anext(watch, None) is None
            assert (server.stats.logons, server.stats.logouts) == (times, times)


async def test_an_open_that_fails_leaves_nothing_to_close() -> None:
    """It is closed as before, and may be opened again."""
    async with Simulator(sessions=1) as server:
        em = client(server, password="wrong")
        for _ in range(2):
            with pytest.raises(AuthenticationFailed):
                await em.open()
            assert "closed" in repr(em)


def test_help_shows_every_resource() -> None:
    """With a line on what it is for, and where it comes from; so do editors."""
    shown = pydoc.plain(pydoc.render_doc(EnterpriseManager))

    for name in (
        *("backup_sessions", "replica_sessions", "restore_sessions"),
        *("task_sessions", "jobs", "tasks", "concurrency"),
    ):
        doc = getattr(EnterpriseManager, name).__doc__
        assert re.search(rf"\n \|  {name}\n \|      {re.escape(doc)}", shown), name


async def test_opening_twice_at_once_is_misuse() -> None:
    """Each has its own logon session, and the second would lose the first's."""
    async with talking(gets(Answer())) as (em, _):
        with pytest.raises(RuntimeError, match="open already"):
            async with em:
                pass


async def test_each_manager_looks_at_a_time_of_its_own() -> None:
    """Many processes do not ask all at once; one asks for all its kinds together."""
    managers = [
        EnterpriseManager("http://em", username="u", password="p") for _ in range(5)
    ]
    phases = [await phase_of(em.backup_sessions) for em in managers]

    assert len(set(phases)) == 5
    assert all(0 <= phase < 1 for phase in phases)
    assert phases == [await phase_of(em.replica_sessions) for em in managers]
    assert phases == [await phase_of(em.restore_sessions) for em in managers]


async def phase_of(sessions: JobSessions[Any]) -> float:
    """At which part of an interval its watches look, as a recording tells."""
    lines: list[Any] = []
    watch = sessions.watch([uuid_of(1)], record=lines.append)
    # It is not connected, so that its first look ends the watch.
    with pytest.raises(RuntimeError, match="not connected"):
        await anext(watch)
    return float(lines[0]["rules"]["phase"])


@pytest.mark.parametrize(
    ("settings", "taken"),
    [
        ({}, "DirectTransport"),
        ({"transport": "aiohttp"}, "AiohttpTransport"),
        ({"proxy": "http://127.0.0.1:1"}, "AiohttpTransport"),
    ],
    ids=["auto", "aiohttp", "proxy"],
)
async def test_connections_are_our_own_unless_there_is_a_proxy(
    settings: dict[str, Any], taken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or aiohttp was asked for."""
    made: list[str] = []
    for kind in (DirectTransport, AiohttpTransport):

        def make(*given: Any, kind: Any = kind, **more: Any) -> Any:
            made.append(kind.__name__)
            return kind(*given, **more)

        # aiohttp's is taken from its own module, when it is needed.
        taken_from = "pool.settings" if kind is DirectTransport else "transport.aiohttp"
        monkeypatch.setattr(f"veeam_async.{taken_from}.{kind.__name__}", make)
    async with EnterpriseManager(
        "http://127.0.0.1:1", username="u", password="p", lazy=True, **settings
    ):
        pass

    assert made == [taken]


def test_a_manager_can_be_entered_in_another_loop_once_it_was_left() -> None:
    """Nothing of a watch that was given up at once keeps the next one from looking."""
    with ThreadedSimulator(sessions=3, running=0) as server:
        em = client(server, lazy=True)
        session_id = server.session_ids[0]

        async def give_up() -> None:
            async with em:
                waiting = asyncio.create_task(em.backup_sessions.wait(session_id))
                for _ in range(3):
                    await asyncio.sleep(0)
                waiting.cancel()
                await asyncio.wait([waiting])

        async def wait() -> UUID:
            async with em:
                return (await em.backup_sessions.wait(session_id)).id

        asyncio.run(give_up())
        assert asyncio.run(wait()) == session_id


async def test_what_is_handed_out_covers_every_resource() -> None:
    """The jobs and the machines' sessions can be got and listed as well."""
    async with Simulator(sessions=20) as server, client(server) as em:
        jobs = [job async for job in em.jobs.query()]
        job = await em.jobs.get(jobs[0].id)
        machines = [one async for one in em.task_sessions.query(limit=3)]
        listed = await em.task_sessions.references()

    assert job == jobs[0]
    assert {type(one) for one in machines} == {BackupTaskSession}
    assert {one.type for one in listed} == {"BackupTaskSessionReference"}
