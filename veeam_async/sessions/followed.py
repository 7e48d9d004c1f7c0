"""Sessions that can be followed: watched until they stop, and waited for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Generic, TypeVar
from uuid import UUID

from veeam_async.clock import Clock
from veeam_async.closable import Closable
from veeam_async.codec import from_dict, to_dict
from veeam_async.errors import Json, NotFound, VeeamError, is_fatal
from veeam_async.ids import Id, check_many
from veeam_async.models import Session
from veeam_async.observer.observer import Observer
from veeam_async.pool.pool import Pool
from veeam_async.sessions.entities import Entities, Where
from veeam_async.sessions.sight import looks_by
from veeam_async.tracker.recording import Recorder
from veeam_async.tracker.rules import Rules
from veeam_async.watch.ask import Strategy
from veeam_async.watch.clock import Limit
from veeam_async.watch.outset import Outset
from veeam_async.watch.waiting import (
    Goal,
    Until,
    all_ended,
    first_ended,
    passed,
    reached,
)
from veeam_async.watch.watch import Watch

S = TypeVar("S", bound=Session)


class Followed(Entities[S], Generic[S]):
    """Sessions of one kind. *keep* is told of every iterator that is opened.

    *phase*, a fraction, says at which part of an interval watches look.
    """

    def __init__(
        self,
        pool: Pool,
        path: str,
        kind: type[S],
        keep: Callable[[Closable], object],
        *,
        phase: float,
    ) -> None:
        super().__init__(pool, path, kind)
        self._keep = keep
        self._phase = phase
        self._clock = Clock()
        self._observer = Observer(
            looks_by(self._get_once, self._page, self.references, self._is_fatal),
            concurrency=pool.slots.most,
            moment=self._clock.moment,
        )

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
                of references), "query" at all by one list, "auto" as costs less.
            lookback: seconds by which the server may show a session late, where
                everything is watched; it looks back so far once a minute.
            progress: whether progress alone is an event too.
            appear_within: seconds that a session may be unknown before it is GONE.
            patience: seconds that looks may fail before that is told.
            timeout: seconds after which DeadlineExceeded is raised.
            deadline: the same as an aware time; either wins over a checkpoint's.
            resume: an earlier watch's checkpoint; it knows *ids*, *where*, *lookback*.
            record: is called with lines from which `veeam-async replay` tells it again.

        Each session gives one FOUND, then what happens to it, then one STOPPED or GONE.
        For example:

            async for event in em.backup_sessions.watch(ids, interval=5):
                print(event.kind, event.id)

        Raises InvalidId and ValueError here; while iterating DeadlineExceeded,
        AuthenticationFailed, and what a filter meets that the server does not take, as
        BadRequest or PermissionDenied. Ending the watch never stops a backup.
        """
        rules = Rules(
            interval=interval,
            progress=progress,
            appear_within=appear_within,
            patience=patience,
            phase=self._phase,
        )
        outset = Outset(
            ids=ids, where=where, lookback=lookback, resume=resume, strategy=strategy
        )
        tracker, saved = outset.tracker(
            self._kind, self._load, rules, self._clock.moment
        )
        own = Limit(seconds=timeout, time=deadline)
        watch: Watch[S] = Watch(
            self._observer.observe,
            tracker,
            dump=to_dict,
            strategy=strategy,
            limit=own if own != Limit() else Limit(time=saved),
            clock=self._clock,
            recorder=Recorder(record, to_dict, self._kind.__name__),
        )
        self._keep(watch)
        return watch

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
    ) -> S:
        """Wait until the session is Stopped and give it.

        Args:
            id: the session.
            until: another state to wait for, or what tells of a session whether it is
                what is waited for; SessionFailed where it stops first.
            timeout: seconds after which DeadlineExceeded is raised.
            deadline: the same as an aware time.
            interval: seconds between two looks.
            strategy: how to look, as in `watch`; waits that look alike share looks.
            check: whether to raise SessionFailed where its result is Failed.

        Raises InvalidId, and NotFound where the server does not know the session.
        """
        goal = Goal(until)
        progress = goal.wants_progress
        watch = self._waited(
            [id], timeout, deadline, interval, strategy, progress=progress
        )
        async with watch:
            session = await reached(watch, goal, self.gone)
        return passed(session) if check else session

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
            return await all_ended(watch, self.gone, check)

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
            session = await first_ended(watch, self.gone)
        return passed(session) if check else session

    def _waited(
        self,
        ids: Iterable[Id],
        seconds: float | None,
        deadline: datetime | None,
        interval: float,
        strategy: Strategy,
        *,
        progress: bool = False,
    ) -> Watch[S]:
        """Watch what is waited for: sessions that the server must know already."""
        check_many(ids)  # None would be everything
        return self.watch(
            ids,
            interval=interval,
            strategy=strategy,
            progress=progress,
            appear_within=0.0,
            timeout=seconds,
            deadline=deadline,
        )

    def gone(self, one: UUID) -> NotFound:
        """Make the error for a session that the server does not know."""
        return NotFound(
            status=404,
            message="the server does not know this session (any more)",
            method="GET",
            url=self._pool.endpoint.url(f"{self._path}/{one}"),
        )

    def _load(self, data: Json) -> S:
        return from_dict(self._kind, data)

    def _is_fatal(self, error: VeeamError) -> bool:
        return is_fatal(error, proven=self._pool.proven)
