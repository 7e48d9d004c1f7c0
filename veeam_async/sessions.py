"""Job sessions of one kind: get, fetch, query, watch, wait."""

from __future__ import annotations

import random
from collections.abc import AsyncIterable, Callable, Iterable
from datetime import datetime
from typing import Generic, Protocol, TypeVar
from uuid import UUID

from veeam_async.answers import is_large, read, read_now
from veeam_async.bulk import Fetch
from veeam_async.codec import from_dict, to_dict
from veeam_async.entities import Entities
from veeam_async.errors import (
    AuthenticationFailed,
    CertificateError,
    Json,
    NotEnterpriseManager,
    NotFound,
    PermissionDenied,
    SessionFailed,
    VeeamError,
)
from veeam_async.events import EventKind, SessionChanged
from veeam_async.ids import Id, check_many, parse_id
from veeam_async.lookout import Clock, Limit
from veeam_async.models import (
    Session,
    SessionResult,
)
from veeam_async.pool import Pool
from veeam_async.snapshot import restore
from veeam_async.tracked import Rules
from veeam_async.tracker import Tracker
from veeam_async.transport.exchange import Response
from veeam_async.watch import Watch

S = TypeVar("S", bound=Session)


class Closable(Protocol):
    """What is to be closed when its manager is."""

    def abandon(self) -> None:
        """End what it has under way, without waiting for that."""
        ...

    async def aclose(self) -> None:
        """Close it."""
        ...


class JobSessions(Entities[S], Generic[S]):
    """The sessions of one kind. *keep* is told of every iterator that is opened."""

    def __init__(
        self, pool: Pool, path: str, kind: type[S], keep: Callable[[Closable], object]
    ) -> None:
        super().__init__(pool, path, kind)
        self._keep = keep

    def fetch(
        self,
        ids: Iterable[Id] | AsyncIterable[Id],
        *,
        concurrency: int | None = None,
        ordered: bool = False,
    ) -> Fetch[S]:
        """Get many sessions at once: an async iterator of `Fetched`, one for each id.

        Args:
            ids: ids of any kind, from an iterable of either kind; drawn as needed.
            concurrency: how many at once; the manager's `max_connections` else.
            ordered: results in the order of the ids, instead of as they arrive.

        An id that fails has its error in its `Fetched`; only a failed authentication
        ends the whole fetch. For example:

            async for fetched in em.backup_sessions.fetch(ids):
                print(fetched.id, fetched.session or fetched.error)
        """
        fetch = Fetch(
            self._fetch,
            ids,
            concurrency=self._pool.slots.most if concurrency is None else concurrency,
            ordered=ordered,
            is_fatal=self._is_fatal,
            finish=self._finish,
        )
        self._keep(fetch)
        return fetch

    async def _fetch(self, id: Id) -> Response | S:  # noqa: A002 - the field's term
        """Ask for a session, and read its answer already where that takes a thread."""
        answer = await self._ask(id)
        return await read(answer, self._kind) if is_large(answer) else answer

    def _finish(self, answer: Response | S) -> S:
        if isinstance(answer, Response):
            return read_now(answer, self._kind)
        return answer

    def watch(
        self,
        ids: Iterable[Id] | None = None,
        *,
        interval: float = 5.0,
        progress: bool = False,
        appear_within: float = 300.0,
        patience: float = 60.0,
        timeout: float | None = None,
        deadline: datetime | None = None,
        resume: Json = None,
    ) -> Watch[S]:
        """Follow sessions until each is Stopped: an async iterator of events.

        Args:
            ids: the sessions; more can be added while it runs.
            interval: seconds between two looks at a session.
            progress: whether progress alone is an event too.
            appear_within: seconds that a session may be unknown before it is GONE.
            patience: seconds that looks may fail before that is told.
            timeout: seconds after which DeadlineExceeded is raised.
            deadline: the same as an aware time; it wins over a checkpoint's.
            resume: a checkpoint of an earlier watch, instead of *ids*.

        Each session gives one FOUND, then what happens to it, then one STOPPED or GONE.
        For example:

            async for event in em.backup_sessions.watch(ids, interval=5):
                print(event.kind, event.id)

        Raises InvalidId and ValueError here; while iterating DeadlineExceeded and
        AuthenticationFailed. Ending the watch never stops a backup.
        """
        rules = Rules(
            interval=interval,
            progress=progress,
            appear_within=appear_within,
            patience=patience,
        )
        clock = Clock()
        tracker, saved = self._tracker(ids, resume, rules, clock)
        own = Limit(seconds=timeout, time=deadline)
        watch = Watch(
            self._look,
            tracker,
            dump=to_dict,
            concurrency=self._pool.slots.most,
            is_fatal=self._is_fatal,
            limit=own if own != Limit() else Limit(time=saved),
            clock=clock,
        )
        self._keep(watch)
        return watch

    async def wait(
        self,
        id: Id,  # noqa: A002 - the field's term
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - DeadlineExceeded tells more than TimeoutError
        deadline: datetime | None = None,
        interval: float = 5.0,
        check: bool = False,
    ) -> S:
        """Wait until the session is Stopped and give it.

        Args:
            id: the session.
            timeout: seconds after which DeadlineExceeded is raised.
            deadline: the same as an aware time.
            interval: seconds between two looks.
            check: whether to raise SessionFailed where its result is Failed.

        Raises InvalidId, and NotFound where the server does not know the session.
        """
        one = parse_id(id)
        watch = self.watch(
            [one],
            interval=interval,
            appear_within=0.0,
            timeout=timeout,
            deadline=deadline,
        )
        async with watch:
            session = await self._end(watch, one)
        if check and session.result == SessionResult.FAILED:
            raise SessionFailed(session)
        return session

    async def _end(self, watch: Watch[S], one: UUID) -> S:
        async for event in watch:
            if event.kind is EventKind.STOPPED and isinstance(event, SessionChanged):
                return event.session
            if event.kind is EventKind.GONE:
                raise self._gone(one)
        raise RuntimeError("the EnterpriseManager was closed while this waited")

    def _gone(self, one: UUID) -> NotFound:
        return NotFound(
            status=404,
            message="the server does not know this session (any more)",
            method="GET",
            url=self._pool.endpoint.url(f"{self._path}/{one}"),
        )

    def _tracker(
        self, ids: Iterable[Id] | None, resume: Json, rules: Rules, clock: Clock
    ) -> tuple[Tracker[S], datetime | None]:
        if (ids is None) == (resume is None):
            raise ValueError("give ids to watch, or a checkpoint to resume from")
        if ids is None:
            return restore(
                resume, self._load, rules, now=clock.moment(), uniform=random.random
            )
        check_many(ids)
        known = [parse_id(one) for one in ids]
        return Tracker(known, rules, uniform=random.random), None

    def _load(self, data: Json) -> S:
        return from_dict(self._kind, data)

    async def _look(self, one: UUID) -> S:
        """Look once: the tracker decides when to look again."""
        return await self._get(one, once=True)

    def _is_fatal(self, error: VeeamError) -> bool:
        """Tell whether *error* would meet every other session as well."""
        if isinstance(error, AuthenticationFailed):
            return True
        if isinstance(error, PermissionDenied):
            return error.method == "POST"  # the logon's
        never_worked = not self._pool.proven
        return never_worked and isinstance(
            error, NotEnterpriseManager | CertificateError
        )
