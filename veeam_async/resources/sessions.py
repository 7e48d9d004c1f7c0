"""Job sessions of one kind: get, fetch, query, watch and wait for them."""

from __future__ import annotations

from collections.abc import (
    AsyncIterable,
    Awaitable,
    Callable,
    Collection,
    Iterable,
    Iterator,
    Sequence,
)
from datetime import UTC, datetime
from functools import cached_property, partial
from typing import TYPE_CHECKING, Generic, TypeVar
from uuid import UUID

from veeam_async import watch as watching
from veeam_async.clock import Clock
from veeam_async.closable import Closable
from veeam_async.codec import from_dict, to_saved
from veeam_async.errors import (
    Json,
    NotFound,
    VeeamError,
    ends_fetch,
    is_fatal,
    is_unsupported,
)
from veeam_async.fetch import Fetch, Line
from veeam_async.filters import Condition, F
from veeam_async.ids import (
    Id,
    check_many,
    ends_in_uuid,
    id_text,
    parse_job,
    parse_own,
)
from veeam_async.models import (
    BackupJobSession,
    BackupTaskSession,
    Job,
    JobType,
    Page,
    Session,
    SessionResult,
    Task,
)
from veeam_async.pool.client import Pool
from veeam_async.pool.responses import is_large, read, read_now
from veeam_async.resources.base import Entities, Where
from veeam_async.resources.belonging import Reading, are_tasks_of
from veeam_async.resources.questions import EntityQuestions
from veeam_async.resources.unreadable import warn
from veeam_async.transport.exchange import Response

if TYPE_CHECKING:
    # Loaded when a session is watched, and not before.
    from veeam_async.watch.polling.request import Poll, PollRequest, Strategy
    from veeam_async.watch.tracker.watermark import BackupServer, Since
    from veeam_async.watch.waits import Until
    from veeam_async.watch.watch import Watch

S = TypeVar("S", bound=Session)
T = TypeVar("T")

PAGE_SIZE = 100
"""Rows of a page: the server's own default, so that every server can send it."""


class JobSessions(Entities[S], Generic[S]):
    """The sessions of one kind: get one, fetch many, query, watch, wait.

    *keep* is called with every fetch and watch that is made, so that the manager can
    close it. *phase*, in [0, 1), is the part of an interval at which watches look.
    """

    def __init__(
        self,
        pool: Pool,
        path: str,
        kind: type[S],
        keep: Callable[[Closable], object],
        *,
        phase: float,
        clock: Clock,
    ) -> None:
        super().__init__(pool, path, kind)
        self._keep = keep
        self._has_warned = False
        self._phase = phase
        self._clock = clock

    def fetch(
        self,
        ids: Iterable[Id] | AsyncIterable[Id],
        *,
        concurrency: int | None = None,
        ordered: bool = False,
    ) -> Fetch[S]:
        """Get many sessions at once: an async iterator of `Fetched`, one for each id.

        Args:
            ids: UUIDs, UIDs or Hrefs from a plain or async iterable; drawn as needed.
            concurrency: how many at once; by default the manager's `max_connections`.
            ordered: results in the order of the ids, instead of as they arrive.

        An id that fails has its error in its `Fetched`. Only an error that all others
        would meet too, such as a failed authentication, ends the fetch and is raised.
        Raises ValueError where *ids* is a single id, or *concurrency* below 1. Example:

            async for fetched in em.backup_sessions.fetch(ids):
                print(fetched.id, fetched.session or fetched.error)
        """
        maximum = self._pool.limiter.maximum
        fetch = Fetch(
            self._fetch,
            ids,
            concurrency=maximum if concurrency is None else concurrency,
            ordered=ordered,
            is_fatal=self._ends_fetch,
            finish=self._finish,
            get_on=self._fetch_along,
        )
        self._keep(fetch)  # so that closing the manager ends it
        return fetch

    async def _fetch(self, session_id: Id) -> tuple[str, Response] | S:
        """Ask for a session, and read its answer already where that takes a thread."""
        wanted = id_text(session_id, self._kind.__name__)
        answer = await self._request_entity(wanted)
        if is_large(answer):
            return self._own(await read(answer, self._kind), wanted, answer)
        return wanted, answer

    def _fetch_along(
        self, line: Line[tuple[str, Response] | S]
    ) -> Awaitable[tuple[str, Response] | S]:
        """As `_fetch`, for the id at which *line* stands, or stands at last."""
        if line.may_begin and self._pool.follows_up:
            return self._fetch_on(line)
        return self._fetch(line.id)

    async def _fetch_on(
        self, line: Line[tuple[str, Response] | S]
    ) -> tuple[str, Response] | S:
        """As `_fetch`, but on through the ids of *line* while every answer is plain."""
        asked = EntityQuestions(line, self._path, self._kind)
        first = asked.wanted
        answer = await self._pool.requests(asked, route=self._route)
        if asked.wanted is first:
            line.stays()
        if is_large(answer):
            return self._own(await read(answer, self._kind), asked.wanted, answer)
        return asked.wanted, answer

    def _finish(self, got: tuple[str, Response] | S) -> S:
        # Only once the caller takes it: the workers send their next requests first.
        if isinstance(got, tuple):
            wanted, answer = got
            found = read_now(answer, self._kind)
            # As `names` tells, which would cost each of a million sessions a call.
            if found.uid.endswith(wanted):
                return found
            return self._own(found, wanted, answer)
        return got

    def watch(
        self,
        ids: Iterable[Id] | None = None,
        *,
        where: Where | None = None,
        interval: float = 5.0,
        strategy: Strategy = "auto",
        lookback: float = 900.0,
        progress: bool = False,
        appear_within: float = 300.0,
        gone_after: float = 300.0,
        patience: float = 60.0,
        timeout: float | None = None,
        deadline: datetime | None = None,
        resume: Json = None,
        record: Callable[[Json], object] | None = None,
    ) -> Watch[S]:
        """Follow sessions until each is Stopped: an async iterator of events.

        Args:
            ids: the sessions; more can be added while it runs. None: everything that
                runs now or starts later; such a watch ends by `stop` or time alone.
            where: what to watch of everything, a condition made with `F` or a filter's
                text; it may not name State, Result or EndTime.
            interval: seconds between two looks at a session.
            strategy: "get" looks at each session by itself (at everything by the list
                of references), "query" at all by one query, "auto" by what costs less.
            lookback: seconds by which the server may show a session late. A watch of
                everything looks back so far once a minute.
            progress: whether progress alone is an event too.
            appear_within: seconds that a session may be unknown before it is GONE.
            gone_after: the same for a session that was seen; a server that restarts
                answers 404 for a while. Both only where it knows anything else.
            patience: seconds that looks may fail before a DEGRADED event.
            timeout: seconds after which DeadlineExceeded is raised.
            deadline: the same as an aware time; either wins over a checkpoint's.
            resume: an earlier watch's checkpoint, which holds *ids*, *where* and
                *lookback*.
            record: called with lines of plain JSON types, from which
                `veeam-async replay` shows the same events.

        Each session gives one FOUND, then what happens to it, then one STOPPED or GONE.
        For example:

            async for event in em.backup_sessions.watch(ids, interval=5):
                print(event.kind, event.id)

        Raises InvalidId and ValueError here; while iterating DeadlineExceeded,
        AuthenticationFailed, and where the server rejects *where*, BadRequest or
        PermissionDenied for example. Ending the watch never stops a backup.
        """
        options = watching.WatchOptions(
            rules=watching.Rules(
                interval=interval,
                progress=progress,
                appear_within=appear_within,
                gone_after=gone_after,
                patience=patience,
                phase=self._phase,
            ),
            ids=ids,
            where=where,
            strategy=strategy,
            lookback=lookback,
            timeout=timeout,
            deadline=deadline,
            resume=resume,
            record=record,
        )
        return self._kept(options)

    async def wait(
        self,
        id: Id,  # noqa: A002 - the field's term
        *,
        until: Until[S] = None,
        timeout: float | None = None,  # noqa: ASYNC109 - DeadlineExceeded tells more than TimeoutError
        deadline: datetime | None = None,
        interval: float = 5.0,
        strategy: Strategy = "auto",
        check: bool = False,
        appear_within: float = 0.0,
    ) -> S:
        """Wait until the session is Stopped and give it.

        Args:
            id: the session.
            until: another state to wait for, or a callable, asked at each look, that
                returns True for a session that will do; SessionFailed is raised where
                it stops first. ValueError for a text that is no known state.
            timeout: seconds after which DeadlineExceeded is raised.
            deadline: the same as an aware time.
            interval: seconds between two looks.
            strategy: how to look, as in `watch`; waits that look alike share looks.
            check: whether to raise SessionFailed where its result is Failed.
            appear_within: seconds that the server may not know it yet.

        Looks that fail are repeated until the time is up. Raises InvalidId,
        AuthenticationFailed, and NotFound where the server does not know the session.
        """
        goal = watching.Goal(until)
        watch = self._waited(
            [id],
            timeout,
            deadline,
            interval,
            strategy,
            each_look=goal.is_callable,
            appear_within=appear_within,
        )
        async with watch:
            return self._given(
                await watching.reached(watch, goal, self._gone), check=check
            )

    async def wait_all(
        self,
        ids: Iterable[Id],
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - as in `wait`
        deadline: datetime | None = None,
        interval: float = 5.0,
        strategy: Strategy = "auto",
        check: bool = False,
    ) -> dict[UUID, S]:
        """Wait until all sessions are Stopped and give them by their ids.

        The arguments are those of `wait`. With *check* the first that failed raises
        SessionFailed; the first that the server does not know raises NotFound.
        """
        watch = self._waited(ids, timeout, deadline, interval, strategy)
        async with watch:
            return self._given(await watching.all_ended(watch, self._gone, check))

    async def wait_any(
        self,
        ids: Iterable[Id],
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - as in `wait`
        deadline: datetime | None = None,
        interval: float = 5.0,
        strategy: Strategy = "auto",
        check: bool = False,
    ) -> S:
        """Wait until the first of the sessions is Stopped and give it.

        The arguments are those of `wait`. Raises NotFound where the server does not
        know one of them, ValueError where there is none to wait for.
        """
        watch = self._waited(ids, timeout, deadline, interval, strategy)
        if not watch.active:
            raise ValueError("there is no session to wait for")
        async with watch:
            return self._given(
                await watching.first_ended(watch, self._gone), check=check
            )

    async def last(
        self, job: Id | Job, result: SessionResult | str | None = None
    ) -> S | None:
        """Give the newest session of a job, or None where it has none.

        Args:
            job: the job, or its id.
            result: only a session that ended so, "Success" for example; None: any, and
                one that runs too.

        A session that is a part of another one, as each machine's of an agents' job and
        a worker's of a copy job, is passed over. The server may know no sessions older
        than 30 days.

        Raises ValueError for a result that is not known, and for restores, which belong
        to no job.
        """
        job_id = job.id if isinstance(job, Job) else parse_job(job)
        where = F.job_uid == f"urn:veeam:Job:{job_id}"
        if result is not None:
            where &= F.result == known_result(result)
        rows = self.query(where, order_by="-creation_time", page_size=_PAGE_OF_LAST)
        workers: list[S] = []
        async for row in rows:
            if row.job_type == JobType.IMMEDIATE_BACKUP_COPY_WORKER:
                workers.append(row)
            elif row.link("Up", f"{self._kind.__name__}Reference") is None:
                return row
            # A worker that names itself as its job has no others.
            if len(workers) == _PAGE_OF_LAST:
                break
        return workers[0] if workers else None

    def _given(self, found: T | VeeamError, *, check: bool = False) -> T:
        """What was waited for; raises the error that came of it, without secrets.

        With *check* a session that has failed is one.
        """
        if check and isinstance(found, Session):
            found = watching.failed(found) or found
        if isinstance(found, VeeamError):
            raise self._pool.clean(found)
        return found

    def _waited(
        self,
        ids: Iterable[Id],
        timeout: float | None,
        deadline: datetime | None,
        interval: float,
        strategy: Strategy,
        *,
        each_look: bool = False,
        appear_within: float = 0.0,
    ) -> Watch[S]:
        """Watch sessions that the server must know: an unknown one is GONE at once."""
        check_many(ids)  # None would be everything
        options = watching.WatchOptions(
            rules=watching.Rules(
                interval=interval,
                progress=each_look,
                each_look=each_look,
                appear_within=appear_within,
                phase=self._phase,
            ),
            ids=ids,
            strategy=strategy,
            timeout=timeout,
            deadline=deadline,
        )
        return self._kept(options)

    @cached_property
    def _watches(self) -> watching.WatchFactory[S]:
        """What makes watches, and has them share their looks."""
        at_once = self._pool.limiter.maximum
        poller = watching.SharedPoller(
            self._source(), concurrency=at_once, clock=self._clock
        )
        return watching.WatchFactory(
            kind=self._kind,
            poll=self._connected(poller.poll),
            load=self._load,
            dump=to_saved,
            clean=self._pool.clean,
            clock=self._clock,
        )

    def _connected(self, poll: Poll[S]) -> Poll[S]:
        """The same, but refused where no request can be made, or not in this loop."""
        check = self._pool.check_open

        # What watches share belongs to the manager's loop, in which alone it answers.
        def checked(request: PollRequest[S]) -> Awaitable[None]:
            check()
            return poll(request)

        return checked

    def _kept(self, options: watching.WatchOptions) -> Watch[S]:
        watch = self._watches.watch(options)
        self._keep(watch)
        return watch

    def _gone(self, session_id: UUID) -> NotFound:
        """The error for a session that the server does not know."""
        return NotFound(
            status=404,
            message="the server does not know this session (any more)",
            method="GET",
            url=self._pool.endpoint.url(f"{self._path}/{session_id}"),
        )

    def _load(self, data: Json) -> S:
        return from_dict(self._kind, data)

    def _ends_fetch(self, error: VeeamError) -> bool:
        return ends_fetch(error, proven=self._pool.proven)

    def _is_fatal(self, error: VeeamError) -> bool:
        return is_fatal(error, proven=self._pool.proven)

    # ------------------------------------------------------------ how a watch looks

    def _source(self) -> watching.PollSource[S]:
        return watching.PollSource(
            get=self._get_once,
            page=self._active_page,
            newest=self._newest,
            references=self._listed,
            control=self._control,
            is_fatal=self._is_fatal,
        )

    async def _active_page(
        self, where: str | None, since: Since | None, number: int
    ) -> watching.Listing[S]:
        active = active_since(where, since, self._kind)
        page, date = await self._page(active, "creation_time", PAGE_SIZE, number)
        return watching.Listing(page, date)

    async def _newest(
        self, where: str | None, but: Sequence[BackupServer]
    ) -> watching.Listing[S]:
        others = and_all(where, [_other(server, self._kind) for server in but])
        page, date = await self._page(others, "-creation_time", 1, 1)
        return watching.Listing(page, date)

    async def _control(self) -> None:
        """Ask for something that the server must know, whatever it has forgotten."""
        try:
            await self._newest(None, ())
        except VeeamError as error:
            if not is_unsupported(error):
                raise
            await self._reference_page()

    async def _listed(self) -> Collection[UUID]:
        # By `references`, so with retries, unlike the other ways: it is rarely needed.
        found = await self._reference_page()
        # A name is enough here: what else is wrong with a row does not matter.
        self._has_warned = self._has_warned or warn(found, self._path)
        named = [each.id for each in found.unreadable if each.id is not None]
        return [each.id for each in found.rows if ends_in_uuid(each.uid)] + named


_PAGE_OF_LAST = 10
"""Rows to look for a job's last session among: mostly it is the first of them."""


def known_result(result: str) -> SessionResult:
    """The result that *result* names, in whatever case; ValueError where it is none."""
    folded = str(result).casefold()
    found = next((each for each in SessionResult if each.casefold() == folded), None)
    if found is None:
        known = ", ".join(SessionResult)
        raise ValueError(f"{result!r} is no result of a session; there are {known}")
    return found


class BackupSessions(JobSessions[BackupJobSession]):
    """The backup job sessions, which can be stopped and have task sessions."""

    async def stop(self, id: Id) -> Task:  # noqa: A002 - the field's term
        """Ask the server to stop a session; its task tells whether that was triggered.

        Sent at most once. The session is Stopping for a while: `wait` for its end.
        Raises PermissionDenied for a user who is no Portal Administrator.
        """
        return await self._act(id, "stop")

    async def task_sessions(self, id: Id) -> list[BackupTaskSession]:  # noqa: A002 - the field's term
        """Give the task sessions of a session, one for each machine in it."""
        wanted = parse_own(id, self._kind.__name__)
        reading = Reading(Page[BackupTaskSession], partial(are_tasks_of, wanted))
        await self._pool.request(
            "GET",
            f"{self._path}/{wanted}/taskSessions?format=Entity",
            route=f"{self._path}/{{id}}/taskSessions",
            belongs=reading,
        )
        found = reading.result()
        warn(found, f"{self._path}/{wanted}/taskSessions")
        return list(found.rows)


def active_since(where: str | None, since: Since | None, kind: type[Session]) -> str:
    """The filter for what runs, or was created or has ended *since* a time."""
    active = 'State!="Stopped"'
    if since is not None:
        active = f"({','.join((active, *_parts(since, kind)))})"
    return active if where is None else f"({where});{active}"


def and_all(where: str | None, conditions: Sequence[str]) -> str | None:
    """A filter for what meets *where* and all *conditions*; None for everything."""
    if where is None or not conditions:
        return ";".join(conditions) or where
    return ";".join((f"({where})", *conditions))


def _parts(since: Since, kind: type[Session]) -> Iterator[str]:
    """The alternatives for what is new: one for each server that has its own time."""
    if not since.parts:
        yield _later(since.rest)
        return
    for server, time in since.parts.items():
        yield f"({_is(server).render(kind)};({_later(time)}))"
    others = ";".join(_other(server, kind) for server in since.parts)
    yield f"({others};({_later(since.rest)}))"


def _later(time: datetime) -> str:
    # Whole seconds, as old servers write them: a little earlier does no harm.
    text = time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return f'EndTime>="{text}",CreationTime>="{text}"'


def _is(server: BackupServer) -> Condition:
    if _is_plain(server.name):
        return F.backup_server_name == server.name
    return F.backup_server_uid == f"urn:veeam:BackupServer:{server.id}"


def _other(server: BackupServer, kind: type[Session]) -> str:
    return _is(server).render(kind).replace("==", "!=", 1)


def _is_plain(name: str) -> bool:
    """Tell a name that a filter can hold: how quotes are written is not certain."""
    return name.isprintable() and not {*name} & {'"', "\ufffd"} and bool(name)
