"""The entry point: a connection to one Enterprise Manager, and its resources."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import cached_property, partial
from os import PathLike
from types import TracebackType
from typing import (
    TYPE_CHECKING,
    Any,
    Literal,
    Self,
    TypeAlias,
    TypedDict,
    TypeVar,
    Unpack,
)
from weakref import WeakSet

from veeam_async.clock import Clock
from veeam_async.closable import Closable, close_all
from veeam_async.errors import NotFound, VeeamError
from veeam_async.jobs.kinds import as_its_kind, kind_named, paths_of
from veeam_async.models import (
    AgentBackupJob,
    BackupJobSession,
    BackupTaskSession,
    EntityRef,
    Job,
    Link,
    NasJob,
    Page,
    ReplicaJobSession,
    RestoreSession,
    Task,
)
from veeam_async.pool.client import Pool
from veeam_async.pool.endpoint import Endpoint
from veeam_async.pool.instrumentation import RequestDone
from veeam_async.pool.logon import Password
from veeam_async.pool.responses import read
from veeam_async.pool.settings import Settings
from veeam_async.pool.streak import Belongs
from veeam_async.resources.base import Entities
from veeam_async.resources.belonging import is_entity, is_task, task_in, uuid_in
from veeam_async.resources.sessions import BackupSessions, JobSessions
from veeam_async.resources.unreadable import warn
from veeam_async.retry import Retry
from veeam_async.secret import hidden
from veeam_async.transport.exchange import Timeout
from veeam_async.transport.tls import Tls, trust_of

if TYPE_CHECKING:
    from veeam_async.jobs.jobs import Jobs
    from veeam_async.jobs.tasks import Tasks

_ENTITIES: dict[str, type[Any]] = {
    kind.__name__: kind
    for kind in (
        BackupJobSession,
        ReplicaJobSession,
        RestoreSession,
        BackupTaskSession,
        Job,
        AgentBackupJob,
        NasJob,
    )
}

_ID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|task-[0-9]+")

E = TypeVar("E", bound=VeeamError)
K = TypeVar("K")
LinkTarget: TypeAlias = (
    BackupJobSession
    | ReplicaJobSession
    | RestoreSession
    | BackupTaskSession
    | Job
    | AgentBackupJob
    | NasJob
    | Task
    | EntityRef
    | list[EntityRef]
)
"""What a link can lead to."""

MAX_BODY_SIZE = 64 * 1024 * 1024
"""Bytes, the default of `max_body_size`."""


class ManagerOptions(TypedDict, total=False):
    """The constructor's arguments, as `from_env` and `from_profile` take them too."""

    url: str
    username: str
    password: Password
    tls: Tls
    accept: Literal["json", "xml"]
    api_version: str
    max_connections: int
    timeout: Timeout | None
    retry: Retry | None
    max_body_size: int
    transport: Literal["auto", "aiohttp"]
    proxy: str | None
    on_request: Callable[[RequestDone], object] | None
    lazy: bool


class EnterpriseManager:
    r"""A connection to one Enterprise Manager, used as `async with`.

    Entering logs on, which proves URL, certificate and password; leaving logs out, ends
    every fetch and watch still open and closes every socket. Where leaving is cancelled
    meanwhile it does so all the same, and takes a second more at most. Where no block
    fits, `open` and `aclose` do the same.

    It is at home in the event loop that opened it: from another one, under trio or
    after a fork each call is a RuntimeError that says what to do.

    Args:
        url: scheme, host and port, as in `https://em.example.com:9398`.
        username: `DOMAIN\\user` or `user@domain`.
        password: a text, or a callable without arguments, plain or async, that returns
            one; it is called at each logon.
        tls: True (the system's CAs), the path of a CA file, an `ssl.SSLContext`, a
            `Fingerprint`, or False (no check at all, with a warning).
        accept: the format to ask for, "json" or "xml"; either is read in an answer.
        api_version: the version of the API to log on to, "v1_7" for example.
        max_connections: the most connections, and so requests, at once.
        timeout: seconds for connecting and for a request; `Timeout()` by default.
        retry: how failed requests are repeated; `Retry()` by default.
        max_body_size: bytes, 64 MiB by default; a larger answer raises BodyTooLarge.
        transport: "auto" (connections of our own, the fastest; aiohttp where a proxy
            is set) or "aiohttp".
        proxy: the URL of an HTTP proxy.
        on_request: called with a `RequestDone` after each exchange; a plain function,
            since nothing awaits what it gives.
        lazy: log on with the first request instead of on entering.

    Entering raises ConnectionFailed, CertificateError, NotEnterpriseManager,
    AuthenticationFailed, PermissionDenied, BadRequest (for an `api_version` that the
    server does not have), or another error of a request, such as ServiceUnavailable.
    The constructor raises ValueError for wrong arguments.

    The logger `veeam_async.requests` has a line for each exchange at DEBUG, and for
    each that is tried again at INFO; `veeam_async` is above that and all others.
    """

    def __init__(
        self,
        url: str,
        *,
        username: str,
        password: Password,
        tls: Tls = True,
        accept: Literal["json", "xml"] = "json",
        api_version: str = "latest",
        max_connections: int = 16,
        timeout: Timeout | None = None,
        retry: Retry | None = None,
        max_body_size: int = MAX_BODY_SIZE,
        transport: Literal["auto", "aiohttp"] = "auto",
        proxy: str | None = None,
        on_request: Callable[[RequestDone], object] | None = None,
        lazy: bool = False,
    ) -> None:
        # Out of sight before anything is raised: some tools show arguments too.
        place, hidden_password = hidden(url), hidden(password)
        hidden_proxy = hidden(proxy)
        del url, password, proxy
        settings = Settings.checked(
            username=username,
            password=hidden_password,
            accept=accept,
            api_version=api_version,
            max_connections=max_connections,
            timeout=timeout,
            retry=retry,
            max_body_size=max_body_size,
            transport=transport,
            proxy=hidden_proxy,
            on_request=on_request,
        )
        endpoint = Endpoint.parse(place)
        trust = trust_of(tls) if endpoint.is_tls else None
        self._begin(settings.pool(endpoint, trust), Clock(), lazy=lazy)

    @classmethod
    def from_env(cls, **overrides: Unpack[ManagerOptions]) -> Self:
        """Make a manager of what the environment says, as the command line reads it.

        VEEAM_URL, VEEAM_USERNAME, VEEAM_PASSWORD or VEEAM_PASSWORD_FILE (a file that
        holds it in its first line, read at each logon); one of VEEAM_CA_FILE,
        VEEAM_FINGERPRINT, VEEAM_INSECURE=1; VEEAM_PROXY. What VEEAM_PROFILE names, a
        profile, gives what is missing. *overrides*, the constructor's arguments, go
        before all of them:

            async with EnterpriseManager.from_env(max_connections=4) as em:
                print(await em.backup_sessions.references())

        Raises ValueError that names the variables which are missing or make no sense.
        """
        # Here, since most managers are made of arguments.
        from veeam_async.profiles import from_environment  # noqa: PLC0415 - see above

        return cls(**from_environment(_hidden(overrides)))

    @classmethod
    def from_profile(
        cls,
        name: str,
        *,
        file: str | PathLike[str] | None = None,
        **overrides: Unpack[ManagerOptions],
    ) -> Self:
        """Make a manager of a profile, as `veeam-async profile` keeps them.

        *file* is another one than `profiles.toml` in the folder of the platform that
        `veeam-async profile list` tells. *overrides*, the constructor's arguments, go
        before what the profile says; the environment counts only where the profile
        names a variable. The password is asked for at each logon. Raises ValueError
        for a profile that is missing, incomplete, or makes no sense.
        """
        from veeam_async.profiles import from_file  # noqa: PLC0415 - as above

        return cls(**from_file(name, file, _hidden(overrides)))

    @classmethod
    def _over(cls, pool: Pool, clock: Clock, *, lazy: bool = False) -> Self:
        """A manager over an existing pool and clock, for tests."""
        manager = cls.__new__(cls)
        manager._begin(pool, clock, lazy=lazy)  # noqa: SLF001 - instead of __init__
        return manager

    def _begin(self, pool: Pool, clock: Clock, *, lazy: bool) -> None:
        self._lazy = lazy
        self._pool = pool
        # Weak: a fetch or watch that nobody refers to any more has ended by itself.
        self._open: WeakSet[Closable] = WeakSet()
        keep = self._open.add
        # One phase for all resources, so that their looks come together. It is random,
        # so that processes started together do not all look at once.
        phase = clock.random()
        self._backup_sessions = BackupSessions(
            pool, "/backupSessions", BackupJobSession, keep, phase=phase, clock=clock
        )
        self._replica_sessions = JobSessions(
            pool, "/replicaSessions", ReplicaJobSession, keep, phase=phase, clock=clock
        )
        self._restore_sessions = JobSessions(
            pool, "/restoreSessions", RestoreSession, keep, phase=phase, clock=clock
        )
        self._task_sessions = Entities(pool, "/backupTaskSessions", BackupTaskSession)
        self._clock = clock

    # Loaded when they are asked for: who reads sessions starts no jobs, mostly, and all
    # that follows a run is a third of what there is to load.

    @cached_property
    def _tasks(self) -> Tasks:
        from veeam_async.jobs.tasks import Tasks  # noqa: PLC0415 - see above

        return Tasks(self._pool, self._clock)

    @cached_property
    def _jobs(self) -> Jobs:
        from veeam_async.jobs.jobs import Jobs  # noqa: PLC0415 - see above

        return Jobs(
            self._pool,
            tasks=self._tasks,
            backups=self._backup_sessions,
            replicas=self._replica_sessions,
            clock=self._clock,
        )

    @property
    def backup_sessions(self) -> BackupSessions:
        """Runs of backup jobs: get, fetch, query, watch, wait; stop, task_sessions."""
        return self._backup_sessions

    @property
    def replica_sessions(self) -> JobSessions[ReplicaJobSession]:
        """Runs of replication jobs: get, fetch, query, watch, wait."""
        return self._replica_sessions

    @property
    def restore_sessions(self) -> JobSessions[RestoreSession]:
        """Restores: get, fetch, query, watch, wait."""
        return self._restore_sessions

    @property
    def task_sessions(self) -> Entities[BackupTaskSession]:
        """The machines in backup sessions, each a task session: get, query."""
        return self._task_sessions

    @property
    def jobs(self) -> Jobs:
        """The jobs: get, query; start one and follow its run, stop, retry."""
        return self._jobs

    @property
    def tasks(self) -> Tasks:
        """The server's tasks for this logon session, a start for example: get, wait."""
        return self._tasks

    async def open(self) -> Self:
        """Connect and log on, as entering does, and give this manager.

        For whoever cannot hold a block open; `aclose` is owed afterwards:

            em = await EnterpriseManager.from_env().open()
            try:
                print(await em.backup_sessions.references())
            finally:
                await em.aclose()

        Where it raises, nothing is left to close. RuntimeError where it is open.
        """
        await self._pool.open(log_on=not self._lazy)
        return self

    async def aclose(self) -> None:
        """Log out, end every fetch and watch, close every socket, as leaving does.

        Of no effect where it is not open; it may be opened again. RuntimeError in
        another event loop than its own.
        """
        self._pool.check_loop()
        try:
            await close_all(self._open)
        finally:
            await self._pool.close()

    async def __aenter__(self) -> Self:
        return await self.open()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def follow(self, link: Link) -> LinkTarget:
        """Give what a link leads to; nothing is ever posted or deleted by following.

        A list of references for a `…ReferenceList`, a reference for a `…Reference`, the
        entity for one of the types that this library knows. A session's link to a job
        of agents or of file shares may lead to `/jobs`, where it is not: it is looked
        for at its own address then. The link's host is not
        used: servers write names that are not reachable from everywhere, and a token
        must go to no other host. Raises ValueError for any other link, and the errors
        of a request.
        """
        path = self._pool.endpoint.rebase(link.href)
        if "action=" in path.partition("?")[2].lower():
            raise ValueError(f"a link that acts is not followed: {link.rel}")
        route = _template(path)
        name = link.type or ""
        if name.endswith("ReferenceList"):
            found = await self._read(path, route, Page[EntityRef])
            warn(found, path)
            return list(found.rows)
        if name.endswith("Reference"):
            return await self._first(path, EntityRef, link)
        if name == Task.__name__:
            return await self._read(path, route, Task, _task_at(link))
        if name in _ENTITIES:
            kind = _ENTITIES[name]
            entity: LinkTarget = await self._first(_as_entity(path), kind, link)
            return as_its_kind(entity) if isinstance(entity, Job) else entity
        raise ValueError(f"a link of type {link.type!r} cannot be followed")

    async def _first(self, path: str, kind: type[K], link: Link) -> K:
        """The *kind* at *path*, or where else a job may lie that a session links to."""
        own, *others = paths_of(path)
        belongs = _entity_at(link, kind)
        try:
            return await self._read(own, _template(own), _kind_at(own, kind), belongs)
        except NotFound:
            for other in others:
                with suppress(NotFound):
                    at = _kind_at(other, kind)
                    return await self._read(other, _template(other), at, belongs)
            raise

    async def _read(
        self, path: str, route: str, kind: type[K], belongs: Belongs | None = None
    ) -> K:
        answer = await self._pool.request(
            *("GET", path),
            route=route,
            belongs=belongs,
            resource=self._pool.shown(path),
        )
        return await read(answer, kind)

    def _clean(self, error: E) -> E:
        """Take the secrets of this manager out of an *error* that its caller made."""
        return self._pool.clean(error)

    @property
    def concurrency(self) -> int:
        """How many requests may be in flight now: fewer while the server sheds."""
        return int(self._pool.limiter.limit)

    @property
    def server_time(self) -> datetime:
        """The server's clock now, by its last answer; this machine's before that.

        A session that runs has been running since its `creation_time` by that clock.
        """
        return self._pool.server_time() or datetime.now(UTC)

    def __repr__(self) -> str:
        if not hasattr(self, "_pool"):
            return "<EnterpriseManager refused>"  # a tool that shows variables asks
        state = "open" if self._pool.is_open else "closed"
        return f"<EnterpriseManager {self._pool.endpoint.origin} {state}>"


def _hidden(overrides: Any) -> dict[str, Any]:
    """The same, with out of sight what holds, or may hold, a secret."""
    secret = ("url", "password", "proxy")
    given: dict[str, Any] = {**overrides}
    overrides.clear()
    return given | {name: hidden(given[name]) for name in secret if name in given}


def _template(path: str) -> str:
    """The route of *path*, for metrics: no query, and `{id}` for each id."""
    return _ID.sub("{id}", path.partition("?")[0])


def _kind_at(path: str, kind: type[K]) -> type[K]:
    """The kind of job at *path*, where *kind* is one: links call all of them `Job`."""
    named = kind_named(path) if issubclass(kind, Job) else None
    return kind if named is None else named  # type: ignore[return-value]  # a Job too


def _entity_at(link: Link, kind: type[Any]) -> Belongs | None:
    """What tells that an answer is about the UUID of *link*, None where it has none."""
    found = uuid_in(link.href)
    return None if found is None else partial(is_entity, str(found), kind)


def _task_at(link: Link) -> Belongs | None:
    """The same for a link to a task."""
    found = task_in(link)
    return None if found is None else partial(is_task, found)


def _as_entity(path: str) -> str:
    """The path of the entity; without `format` the server sends a reference."""
    if "format=entity" in path.lower():
        return path
    return f"{path}{'&' if '?' in path else '?'}format=Entity"
