"""Every public coroutine and iterator, as an operation that a fault can strike.

An operation says what it does, in which family its expectations are, which of its
requests a fault is meant for, and which of those is the first to be struck.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Any
from uuid import UUID

import attrs

from tests.faults.line import Asked
from veeam_async import EnterpriseManager, EventKind, F, Link, to_dict
from veeam_async.simulator import Simulator

RUN_SECONDS, RUNNING_SECONDS = 10.0, 12.0
"""How long a started session, and the one that runs at the start, take to end."""

PATIENCE = 40.0
"""Seconds after which whatever waits is ended by its own time-out."""

TIED = 4
"""Sessions of one time of creation, more than a page of the queries holds."""

INTERVAL = 4.0
"""Seconds between two looks of what waits."""


class GoneError(Exception):
    """A watch has told that its session is gone."""


FINISHED = 'CreationTime<"2026-03-01T11:00:00Z"'
"""What had ended before the simulated time begins, and so never changes."""


class Family(StrEnum):
    """Operations from which the same is expected."""

    LOGON = "logon"
    READ = "read"
    LIST = "list"
    FETCH = "fetch"
    WATCH = "watch"
    POLL = "poll"
    ACTION = "action"
    START = "start"
    LEAVE = "leave"


@attrs.frozen
class World:
    """A simulated server, and what there is to ask it for."""

    server: Simulator
    job_id: UUID
    ids: tuple[UUID, ...]
    running_id: UUID

    @classmethod
    def made(cls, server: Simulator) -> World:
        """Fill *server*: finished sessions, one that runs, a job that can be started.

        Nothing is awaited here, so that every world of a seed has the same times.
        """
        job_id, other = server.job_ids[:2]
        for _ in range(TIED):
            server.add_session(script=(), created_in=-7200)
        ids = tuple(server.session_ids)
        running = server.add_session(
            script=[("Working", RUNNING_SECONDS)], job_id=other
        )
        server.next_run(job_id, script=[("Working", RUN_SECONDS)])
        return cls(server, job_id, ids, running)


Body = Callable[[EnterpriseManager, World, Any], Awaitable[object]]
Prepare = Callable[[EnterpriseManager, World], Awaitable[Any]]


async def _nothing(_em: EnterpriseManager, _world: World) -> None:
    """Prepare nothing."""


@attrs.frozen(kw_only=True, eq=False)
class Operation:
    """*run* is struck, after *prepare*, in its requests of *method* for a *path*.

    The requests before the *first* of these are let through.
    """

    name: str
    call: str
    family: Family
    run: Body
    method: str = "GET"
    path: str
    prepare: Prepare = _nothing
    first: int = 1
    is_open: bool = True
    renews: bool = False

    def wants(self, asked: Asked) -> bool:
        """Whether a fault is meant for *asked*."""
        path = asked.target.partition("?")[0].removeprefix("/api")
        return asked.method == self.method and bool(re.fullmatch(self.path, path))


def shown(model: Any) -> object:
    """A model as it is compared: without addresses, in which a server names itself."""
    if isinstance(model, list | tuple):
        return [shown(each) for each in model]
    told = to_dict(model)
    assert isinstance(told, dict)
    return {key: told[key] for key in told if key not in ("href", "links")}


async def _opened(em: EnterpriseManager, _world: World, _: Any) -> object:
    async with em:
        return repr(em).rpartition(" ")[2]


async def _get(em: EnterpriseManager, world: World, _: Any) -> object:
    return shown(await em.backup_sessions.get(world.ids[0]))


async def _fetch_each(em: EnterpriseManager, world: World, _: Any) -> object:
    """As a caller fetches who looks at each error: the good ones, and the first bad."""
    found, failed = {}, None
    async for each in em.backup_sessions.fetch(world.ids[:4], concurrency=2):
        if each.session is not None:
            found[str(each.id)] = shown(each.session)
        failed = failed or each.error
    if failed is not None:
        raise failed
    return found


async def _query(em: EnterpriseManager, _world: World, _: Any) -> object:
    found = em.backup_sessions.query(FINISHED, page_size=3)
    return sorted([str(shown(each)) async for each in found])


async def _query_by_name(em: EnterpriseManager, _world: World, _: Any) -> object:
    found = em.backup_sessions.query(FINISHED, order_by="-end_time", page_size=3)
    return sorted([str(each.id) async for each in found])


async def _machines(em: EnterpriseManager, _world: World, _: Any) -> object:
    found = em.task_sessions.query(page_size=5, limit=30)
    return sorted([str(each.id) async for each in found])


async def _jobs(em: EnterpriseManager, _world: World, _: Any) -> object:
    found = em.jobs.query(F.job_type == "Backup", page_size=2)
    return sorted([each.name async for each in found])


async def _references(em: EnterpriseManager, _world: World, _: Any) -> object:
    return sorted(each.uid for each in await em.backup_sessions.references())


async def _task_sessions(em: EnterpriseManager, world: World, _: Any) -> object:
    return shown(await em.backup_sessions.task_sessions(world.ids[0]))


async def _job(em: EnterpriseManager, world: World, _: Any) -> object:
    return (await em.jobs.get(world.job_id)).name


async def _link(em: EnterpriseManager, world: World) -> Link:
    session = await em.backup_sessions.get(world.ids[0])
    return next(each for each in session.links if each.type == "JobReference")


async def _follow(em: EnterpriseManager, _world: World, link: Link) -> object:
    found: Any = await em.follow(link)
    return found.uid


async def _watch(em: EnterpriseManager, world: World, _: Any) -> object:
    return await _ends(
        em.backup_sessions.watch(
            [world.running_id, world.ids[0]],
            interval=INTERVAL,
            patience=20,
            timeout=PATIENCE,
        )
    )


async def _watch_by_list(em: EnterpriseManager, world: World, _: Any) -> object:
    return await _ends(
        em.backup_sessions.watch(
            [world.running_id, world.ids[0]],
            interval=INTERVAL,
            strategy="query",
            patience=20,
            timeout=PATIENCE,
        )
    )


async def _watch_all(em: EnterpriseManager, world: World, _: Any) -> object:
    watch = em.backup_sessions.watch(interval=INTERVAL, patience=20, timeout=PATIENCE)
    async with watch:
        async for event in watch:
            if event.kind is EventKind.STOPPED and event.id == world.running_id:
                return str(event.id)
    return None


async def _ends(watch: Any) -> object:
    ended = {}
    async with watch:
        async for event in watch:
            if event.kind in (EventKind.STOPPED, EventKind.GONE):
                ended[str(event.id)] = str(event.kind)
    return ended


async def _wait(em: EnterpriseManager, world: World, _: Any) -> object:
    return shown(
        await em.backup_sessions.wait(
            world.running_id, interval=INTERVAL, timeout=PATIENCE
        )
    )


async def _wait_all(em: EnterpriseManager, world: World, _: Any) -> object:
    found = await em.backup_sessions.wait_all(
        [world.running_id, *world.ids[:2]], interval=INTERVAL, timeout=PATIENCE
    )
    return {str(each): shown(found[each]) for each in found}


async def _start(em: EnterpriseManager, world: World, _: Any) -> object:
    run = await em.jobs.start(world.job_id)
    return run.task.operation if run.task else None


async def _stop_job(em: EnterpriseManager, world: World, _: Any) -> object:
    return (await em.jobs.stop(world.job_id)).operation


async def _retry_job(em: EnterpriseManager, world: World, _: Any) -> object:
    return (await em.jobs.retry(world.job_id)).operation


def _job_of(type_: str) -> Prepare:
    """Prepare the id of the first job whose reference has this Type."""

    async def first(em: EnterpriseManager, _world: World) -> UUID:
        found = await em.jobs.references()
        return next(each.id for each in found if each.type == f"{type_}Reference")

    return first


async def _copy_job(em: EnterpriseManager, _world: World) -> UUID:
    copies = em.jobs.query(F.job_type == "ImmediateBackupCopy", limit=1)
    return (await anext(copies)).id


async def _job_shown(em: EnterpriseManager, _world: World, job_id: UUID) -> object:
    return (await em.jobs.get(job_id)).name


async def _start_job(em: EnterpriseManager, _world: World, job_id: UUID) -> object:
    run = await em.jobs.start(job_id)
    return run.task.operation if run.task else None


async def _stop_shares(em: EnterpriseManager, _world: World, job_id: UUID) -> object:
    return (await em.jobs.stop(f"urn:veeam:NasJob:{job_id}")).operation


async def _sync(em: EnterpriseManager, _world: World, job_id: UUID) -> object:
    return (await em.jobs.sync(job_id)).operation


async def _toggle(em: EnterpriseManager, world: World, _: Any) -> object:
    return (await em.jobs.toggle_schedule(world.job_id)).operation


async def _stop(em: EnterpriseManager, world: World, _: Any) -> object:
    return (await em.backup_sessions.stop(world.running_id)).operation


async def _started(em: EnterpriseManager, world: World) -> Any:
    return await em.jobs.start(world.job_id)


async def _run_session(_em: EnterpriseManager, _world: World, run: Any) -> object:
    found = await run.session(appear_within=PATIENCE, interval=INTERVAL)
    return str(found.id)


async def _run_wait(_em: EnterpriseManager, _world: World, run: Any) -> object:
    return shown(
        await run.wait(interval=INTERVAL, timeout=PATIENCE, appear_within=PATIENCE)
    )["uid"]  # type: ignore[index]  # of a session it is a mapping


async def _run_watch(_em: EnterpriseManager, _world: World, run: Any) -> object:
    events = run.watch(interval=INTERVAL, timeout=PATIENCE, appear_within=PATIENCE)
    told = [event async for event in events]
    if told[-1].kind is EventKind.GONE:
        raise GoneError
    return [str(event.id) for event in told if event.kind is EventKind.STOPPED]


async def _known(em: EnterpriseManager, world: World) -> Any:
    """Start, and wait until the session is known, so that only its end is awaited."""
    run = await em.jobs.start(world.job_id)
    await run.session()
    return run


async def _task(em: EnterpriseManager, _world: World, run: Any) -> object:
    return (await em.tasks.get(run.task.task_id)).operation


async def _task_end(em: EnterpriseManager, _world: World, run: Any) -> object:
    found = await em.tasks.wait(run.task.task_id, interval=INTERVAL, timeout=PATIENCE)
    return str(found.state)


async def _left(em: EnterpriseManager, _world: World, _: Any) -> object:
    await em.__aexit__(None, None, None)
    return repr(em).rpartition(" ")[2]


_UUID = "[0-9a-f-]{36}"
_SESSION = f"/backupSessions/{_UUID}"

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        name="open",
        call="async with EnterpriseManager(…)",
        family=Family.LOGON,
        run=_opened,
        method="POST",
        path="/sessionMngr/",
        is_open=False,
    ),
    Operation(
        name="renew",
        call="get(id) once the token has died",
        family=Family.LOGON,
        run=_get,
        method="POST",
        path="/sessionMngr/",
        renews=True,
    ),
    Operation(
        name="get",
        call="backup_sessions.get(id)",
        family=Family.READ,
        run=_get,
        path=_SESSION,
    ),
    Operation(
        name="fetch",
        call="backup_sessions.fetch(ids)",
        family=Family.FETCH,
        run=_fetch_each,
        path=_SESSION,
    ),
    Operation(
        name="query",
        call="backup_sessions.query(where)",
        family=Family.LIST,
        run=_query,
        path="/query",
        first=2,
    ),
    Operation(
        name="query-by",
        call='backup_sessions.query(where, order_by="-end_time")',
        family=Family.LIST,
        run=_query_by_name,
        path="/query",
        first=2,
    ),
    Operation(
        name="machines",
        call="task_sessions.query()",
        family=Family.LIST,
        run=_machines,
        path="/query",
        first=2,
    ),
    Operation(
        name="jobs",
        call="jobs.query()",
        family=Family.LIST,
        run=_jobs,
        path="/query",
        first=2,
    ),
    Operation(
        name="references",
        call="backup_sessions.references()",
        family=Family.READ,
        run=_references,
        path="/backupSessions",
    ),
    Operation(
        name="task-sessions",
        call="backup_sessions.task_sessions(id)",
        family=Family.READ,
        run=_task_sessions,
        path=f"{_SESSION}/taskSessions",
    ),
    Operation(
        name="job",
        call="jobs.get(id)",
        family=Family.READ,
        run=_job,
        path=f"/jobs/{_UUID}",
    ),
    Operation(
        name="job-nas",
        call="jobs.get(id) of file shares",
        family=Family.READ,
        run=_job_shown,
        path=f"/nas/jobs/{_UUID}",
        prepare=_job_of("NasJob"),
    ),
    Operation(
        name="follow",
        call="follow(link)",
        family=Family.READ,
        run=_follow,
        path=f"/jobs/{_UUID}",
        prepare=_link,
    ),
    Operation(
        name="task",
        call="tasks.get(id)",
        family=Family.READ,
        run=_task,
        path="/tasks/task-[0-9]+",
        prepare=_started,
    ),
    Operation(
        name="watch",
        call="backup_sessions.watch(ids)",
        family=Family.WATCH,
        run=_watch,
        path=_SESSION,
    ),
    Operation(
        name="watch-list",
        call='backup_sessions.watch(ids, strategy="query")',
        family=Family.WATCH,
        run=_watch_by_list,
        path="/query",
    ),
    Operation(
        name="watch-all",
        call="backup_sessions.watch()",
        family=Family.WATCH,
        run=_watch_all,
        path="/query",
    ),
    Operation(
        name="wait",
        call="backup_sessions.wait(id)",
        family=Family.WATCH,
        run=_wait,
        path=_SESSION,
    ),
    Operation(
        name="wait-all",
        call="backup_sessions.wait_all(ids)",
        family=Family.WATCH,
        run=_wait_all,
        path=_SESSION,
    ),
    Operation(
        name="start",
        call="jobs.start(id)",
        family=Family.START,
        run=_start,
        method="POST",
        path=f"/jobs/{_UUID}",
    ),
    Operation(
        name="stop-job",
        call="jobs.stop(id)",
        family=Family.ACTION,
        run=_stop_job,
        method="POST",
        path=f"/jobs/{_UUID}",
    ),
    Operation(
        name="retry-job",
        call="jobs.retry(id)",
        family=Family.ACTION,
        run=_retry_job,
        method="POST",
        path=f"/jobs/{_UUID}",
    ),
    Operation(
        name="start-agents",
        call="jobs.start(id) of agents",
        family=Family.START,
        run=_start_job,
        method="POST",
        path=f"/agents/jobs/{_UUID}",
        prepare=_job_of("AgentBackupJob"),
    ),
    Operation(
        name="stop-nas",
        call="jobs.stop(id) of file shares",
        family=Family.ACTION,
        run=_stop_shares,
        method="POST",
        path=f"/nas/jobs/{_UUID}/stop",
        prepare=_job_of("NasJob"),
    ),
    Operation(
        name="sync",
        call="jobs.sync(id)",
        family=Family.ACTION,
        run=_sync,
        method="POST",
        path=f"/jobs/{_UUID}",
        prepare=_copy_job,
    ),
    Operation(
        name="toggle",
        call="jobs.toggle_schedule(id)",
        family=Family.ACTION,
        run=_toggle,
        method="POST",
        path=f"/jobs/{_UUID}",
    ),
    Operation(
        name="stop",
        call="backup_sessions.stop(id)",
        family=Family.ACTION,
        run=_stop,
        method="POST",
        path=_SESSION,
    ),
    Operation(
        name="run-session",
        call="run.session()",
        family=Family.POLL,
        run=_run_session,
        path="/tasks/task-[0-9]+",
        prepare=_started,
    ),
    Operation(
        name="run-wait",
        call="run.wait()",
        family=Family.WATCH,
        run=_run_wait,
        path=_SESSION,
        prepare=_known,
    ),
    Operation(
        name="run-watch",
        call="run.watch()",
        family=Family.WATCH,
        run=_run_watch,
        path=_SESSION,
        prepare=_known,
    ),
    Operation(
        name="task-wait",
        call="tasks.wait(id)",
        family=Family.POLL,
        run=_task_end,
        path="/tasks/task-[0-9]+",
        prepare=_started,
    ),
    Operation(
        name="leave",
        call="leaving async with",
        family=Family.LEAVE,
        run=_left,
        method="DELETE",
        path=f"/logonSessions/{_UUID}",
    ),
)
