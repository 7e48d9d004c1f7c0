"""What a user may do on a server: to log on, to read sessions and jobs."""

from __future__ import annotations

import time
from contextlib import AsyncExitStack

from veeam_async import (
    AgentBackupJob,
    ApiError,
    AuthenticationFailed,
    BackupJobSession,
    EnterpriseManager,
    Job,
    NasJob,
    PermissionDenied,
    Retry,
    VeeamError,
)
from veeam_async.cli.diagnosis.steps import Fault, Found
from veeam_async.cli.exits import Refusal, explain
from veeam_async.cli.options import Server
from veeam_async.cli.render.words import count, one_line, seconds, zoned
from veeam_async.errors import is_unsupported
from veeam_async.jobs.kinds import JobCollection

_PAGE = 100
_SLOW_SECONDS = 5.0
_ROLES = (
    "give the user a role in Enterprise Manager (Configuration, Roles): Portal User "
    "reads sessions, Portal Administrator starts and stops jobs too"
)


class Access:
    """Looks at what the user of a *server* may do; the end of *stack* logs out.

    *server* is a Refusal where a setting is missing.
    """

    def __init__(self, server: Server | Refusal, stack: AsyncExitStack) -> None:
        self._server = server
        self._stack = stack
        self._em: EnterpriseManager | None = None
        self._sees_jobs = False

    async def user(self) -> Found:
        """See whether user and password are given."""
        if isinstance(self._server, Refusal):
            what, _, do = str(self._server).partition(": ")
            raise Fault(what, do or "see veeam-async doctor --help")
        return Found(
            f"{one_line(self._server.connection.username or '')}, and a password"
        )

    async def logon(self) -> Found:
        """Log on, by one request."""
        assert not isinstance(self._server, Refusal)  # noqa: S101 - this step needs user
        em = self._server.connect(retry=Retry(attempts=1))
        try:
            self._em = await self._stack.enter_async_context(em)
        except AuthenticationFailed as error:
            raise Fault(
                "user or password are refused (401)",
                r"check both (DOMAIN\user or user@domain) and whether the account is "
                "locked; this was not tried again, since accounts lock",
            ) from error
        except PermissionDenied as error:
            raise Fault("this user may not log on (403)", _ROLES) from error
        except VeeamError as error:
            raise Fault(explain(error), "try again; then see its service") from error
        return Found("logged on")

    async def sessions(self) -> Found:
        """Ask for a page of the newest sessions, and measure the time."""
        began = time.monotonic()
        query = self._manager.backup_sessions.query(
            order_by="-creation_time", page_size=_PAGE, limit=_PAGE
        )
        try:
            rows = [session async for session in query]
        except PermissionDenied as error:
            raise Fault("this user's role reads no sessions (403)", _ROLES) from error
        except VeeamError as error:
            raise Fault(
                f"queries do not work: {explain(error)}",
                "give --request-timeout more time where that is it; `get` and `fetch` "
                "need no queries, and a watch can do without",
            ) from error
        return _page(rows, time.monotonic() - began)

    async def jobs(self) -> Found:
        """Count the jobs of virtual machines."""
        try:
            found = await self._count(Job)
        except PermissionDenied:
            return Found(
                "jobs are not shown to this user (403)",
                "only a Portal Administrator sees, starts and stops jobs; to read "
                "sessions a Portal User will do",
            )
        self._sees_jobs = True
        return Found(f"{count(found, 'job')} of virtual machines")

    async def role(self) -> Found:
        """Conclude what the user is."""
        if self._sees_jobs:
            return Found("Portal Administrator, since jobs are shown")
        return Found("Portal User, since sessions are shown, and jobs are not")

    async def agents(self) -> Found:
        """Count the jobs of agents."""
        return await self._other_jobs(AgentBackupJob, "of agents")

    async def shares(self) -> Found:
        """Count the jobs of file shares."""
        return await self._other_jobs(NasJob, "of file shares")

    async def _other_jobs(self, kind: type[Job], whose: str) -> Found:
        try:
            return Found(f"{count(await self._count(kind), 'job')} {whose}")
        except ApiError as error:
            if not is_unsupported(error):
                raise
            return Found(
                f"jobs {whose} are not shown ({error.status})",
                "their sessions are shown all the same, and can be watched"
                if self._sees_jobs
                else "only a Portal Administrator sees jobs",
            )

    async def _count(self, kind: type[Job]) -> int:
        """How many jobs of a *kind* alone there are; `em.jobs` counts all of them."""
        pool = self._manager._pool  # noqa: SLF001 - one kind is no business of users
        return await JobCollection(pool, kind).query().count()

    @property
    def _manager(self) -> EnterpriseManager:
        assert self._em is not None  # noqa: S101 - these steps need the logon
        return self._em


def _page(rows: list[BackupJobSession], took: float) -> Found:
    if not rows:
        return Found(
            "no session of the last 30 days",
            "see whether a backup server was added to Enterprise Manager",
        )
    newest = rows[0].creation_time
    text = (
        f"a page of {count(len(rows), 'session')} in {seconds(took)}, the newest of "
        f"{zoned(newest)}"
    )
    if took <= _SLOW_SECONDS:
        return Found(text)
    return Found(text, "that is slow: give watch an --interval of a minute or more")
