"""A run of a job: the session that a start began, its end, and the server's retries."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing, contextmanager
from datetime import datetime
from functools import partial
from typing import Any, TypeAlias
from uuid import UUID

from veeam_async.clock import Clock
from veeam_async.deadlines import (
    NothingFoundError,
    check_interval,
    check_limit,
    check_seconds,
    in_spite_of_cancelling,
    limited,
    poll,
    time_left,
)
from veeam_async.errors import (
    DeadlineExceeded,
    Json,
    NotFound,
    SessionMissing,
    StartUnconfirmed,
    VeeamError,
)
from veeam_async.events import (
    EventKind,
    HealthChanged,
    SessionChanged,
    SessionGone,
    WatchEvent,
)
from veeam_async.jobs.find_session import (
    Ending,
    JobHistory,
    RunDeps,
    RunResource,
    RunSession,
    SessionFinder,
)
from veeam_async.jobs.run_record import RunRecord, save
from veeam_async.jobs.tasks import Missing
from veeam_async.models import (
    BackupJobSession,
    ReplicaJobSession,
    Session,
    SessionResult,
    Task,
)
from veeam_async.secret import Secret, hidden
from veeam_async.watch.waits import closed, failed
from veeam_async.watch.watch import Watch

_LOG = logging.getLogger(__name__)

RunEvent: TypeAlias = WatchEvent[BackupJobSession] | WatchEvent[ReplicaJobSession]
"""What happens to a session of a run."""

APPEAR_SECONDS = 300.0
"""Seconds that the server may take to show a session."""

RETRY_SECONDS = 900.0
"""Seconds until a retry begins at the latest: the server's own default is 600."""

_LOOK_SECONDS = 2.0
"""Seconds between two looks for a session that has not been shown yet."""

_STOP_SECONDS = 10.0
"""Seconds that a cancelled wait goes on at most, to have its session stopped."""


class JobRun:
    """A run of a job, from `em.jobs.start(id)` or `em.jobs.resume(data)`."""

    def __init__(
        self, record: RunRecord, deps: RunDeps, finder: SessionFinder | None = None
    ) -> None:
        self._record = record
        self._deps = deps
        self._finder = finder or SessionFinder(record, deps)
        self._chain = _RetryChain(record, deps)

    @property
    def job_id(self) -> UUID:
        """The job."""
        return self._record.job_id

    @property
    def task(self) -> Task | None:
        """The server's task as last seen.

        None in a run that was resumed: only the logon session that began a task knows
        it.
        """
        return self._finder.task

    @property
    def session_id(self) -> UUID | None:
        """The session that the start began, None until it was seen."""
        return self._record.session_id

    @property
    def last_look(self) -> datetime:
        """When a look for or at a session of the run was last answered.

        Before the first it is when the run was made.
        """
        return self._chain.last_look

    @property
    def last_error(self) -> VeeamError | None:
        """What the last look met, None where it was answered."""
        return self._chain.last_error

    @property
    def behind(self) -> float:
        """Seconds by which the look under way exceeds the interval, 0 else."""
        return self._chain.behind

    def to_dict(self) -> dict[str, Json]:
        """Give what `em.jobs.resume` needs to go on, in another process for example.

        Plain JSON types, without secrets.
        """
        return save(self._record)

    def __repr__(self) -> str:
        return f"<JobRun of job {self.job_id}, session {self.session_id or 'not seen'}>"

    async def session(
        self, *, appear_within: float = APPEAR_SECONDS, interval: float = _LOOK_SECONDS
    ) -> RunSession:
        """Give the session that the start began, as soon as the server shows it.

        Args:
            appear_within: seconds since the start, even where another process sent it;
                there is one look at least.
            interval: seconds between two looks.

        A link of the start's task names the session. Where the task has no such link,
        is lost because its logon session has ended, or cannot be read for half a
        minute, it is the job's first session that was not there before the start, is no
        retry, and belongs to no other run of this manager. A backup server's clock may
        be hours off; a session that by its time is older than the start is taken where
        none with a fitting time comes.
        Looks that fail are repeated. Raises StartRefused where the task says that the
        job was not started, SessionMissing where no session is shown in time (of a run
        that was prepared and whose start nobody confirmed: StartUnconfirmed), and
        NotFound where the server does not know for five minutes a session that was
        found.
        """
        check_seconds(appear_within=appear_within)
        check_interval(interval)
        record = self._record
        if record.session_id is not None:
            return await self._shown_again(record.session_id, interval)
        left = _left_of(appear_within, record.started_at, self._deps.clock)
        try:
            found = await self._poll(self._finder.look, interval, left)
        except NothingFoundError:
            found = await self._found_late(appear_within)
        except VeeamError as error:
            if not self._deps.outlives(error):
                self._deps.claims.closed(record)
                raise
            found = await self._found_late(appear_within)
        record.session_id, record.sent = found.id, None
        self._chain.saw(found)
        return found

    async def _shown_again(self, session_id: UUID, interval: float) -> RunSession:
        """The session that was found before, in spite of 404 for five minutes."""
        resource: RunResource = self._deps.sessions(self._record.kind)
        missing = Missing(self._deps.clock)

        async def look() -> RunSession:
            return await resource.get(session_id)

        found = await self._poll(look, interval, math.inf, missing)
        self._chain.saw(found)
        return found

    async def _poll(
        self,
        look: Callable[[], Awaitable[RunSession | None]],
        interval: float,
        seconds: float,
        missing: Missing | None = None,
    ) -> RunSession:
        """What *look* finds, whatever it meets that does not end a wait."""

        async def looked() -> RunSession | None:
            self._chain.asking(interval)
            found = await look()
            self._chain.answered()
            if missing is not None:
                missing.shown()
            return found

        def outlives(error: VeeamError) -> bool:
            self._chain.failed(error)
            is_gone = missing is not None and missing.is_gone(error)
            return self._deps.outlives(error) and not is_gone

        clock = self._deps.clock
        return await poll(
            looked, interval=interval, seconds=seconds, clock=clock, outlives=outlives
        )

    async def _found_late(self, seconds: float) -> RunSession:
        found = await self._finder.look(is_last=True)
        if found is not None:
            return found
        self._deps.claims.closed(self._record)
        if self._record.sent is not None:
            raise StartUnconfirmed(self.job_id, checkpoint=self.to_dict())
        raise SessionMissing(
            self.job_id,
            seconds=seconds,
            reason=self._finder.known(),
            checkpoint=self.to_dict(),
        )

    # ------------------------------------------------------------ its end

    async def wait(
        self,
        *,
        retries: bool = False,
        timeout: float | None = None,  # noqa: ASYNC109 - DeadlineExceeded tells more than TimeoutError
        deadline: datetime | None = None,
        interval: float = 5.0,
        check: bool = False,
        stop_on_cancel: bool = False,
        appear_within: float = APPEAR_SECONDS,
        retry_within: float = RETRY_SECONDS,
        gone_after: float = 300.0,
    ) -> RunSession:
        """Wait until the run has ended and give its session.

        Args:
            retries: whether to follow the server's own retries, which are sessions of
                their own, and return the last. The last is the first that did not fail,
                or a failed one after which the job's next session is no retry, or none
                comes within *retry_within*.
            timeout: seconds after which DeadlineExceeded is raised.
            deadline: the same as an aware time.
            interval: seconds between two looks at a session.
            check: whether to raise SessionFailed where the result is Failed.
            stop_on_cancel: whether to have the session stopped where this wait is
                cancelled. It asks once, for ten seconds at most, and is cancelled
                then. Without it nothing ever stops a backup.
            appear_within: seconds that the session may take to be shown.
            retry_within: seconds that a retry may take to be shown, counted from when
                the failure was seen, even by another process.
            gone_after: seconds that a session which was shown may be unknown to the
                server: one that restarts knows none for a while.

        No answer that is unreadable, late or refused ends it, and no time to appear
        that is over meanwhile. Raises what `session` raises, and NotFound where the
        server does not know the session for that long. After DeadlineExceeded
        `em.jobs.resume(error.checkpoint)` goes on.
        """
        events = self.watch(
            retries=retries,
            timeout=timeout,
            deadline=deadline,
            interval=interval,
            appear_within=appear_within,
            retry_within=retry_within,
            gone_after=gone_after,
        )
        try:
            async with aclosing(events):
                return self._given(await self._chain.last_end(events), check=check)
        except asyncio.CancelledError:
            # A second cancellation must not leave the session running.
            if stop_on_cancel:
                await in_spite_of_cancelling(self._stop())
            raise

    def _given(self, found: RunSession | VeeamError, *, check: bool) -> RunSession:
        """The session that ended; raises the error that came of it, without secrets."""
        if check and isinstance(found, Session):
            found = failed(found) or found
        if isinstance(found, VeeamError):
            self._deps.clean(found)
            raise found
        return found

    def watch(
        self,
        *,
        retries: bool = False,
        progress: bool = False,
        timeout: float | None = None,
        deadline: datetime | None = None,
        interval: float = 5.0,
        appear_within: float = APPEAR_SECONDS,
        retry_within: float = RETRY_SECONDS,
        gone_after: float = 300.0,
    ) -> AsyncGenerator[RunEvent, None]:
        """Follow the run to its end: an async iterator of events.

        They are those of a watch: first FOUND, then what happens, then STOPPED or GONE;
        with *retries* the same for each retry. With *progress*, progress alone is an
        event too. The other arguments are those of `wait`. For example:

            async for event in run.watch(progress=True):
                print(event.kind, event.session)

        Raises ValueError here; while iterating what `session` raises, and
        DeadlineExceeded. Leaving it early never stops a backup.
        """
        check_limit(timeout, deadline)
        check_seconds(
            appear_within=appear_within,
            retry_within=retry_within,
            gone_after=gone_after,
        )
        check_interval(interval)
        return self._chain.events(
            partial(self._first, appear_within, interval),
            retry_within=retry_within if retries else None,
            gone_after=gone_after,
            interval=interval,
            progress=progress,
            timeout=timeout,
            deadline=deadline,
        )

    async def _first(self, appear_within: float, interval: float) -> UUID:
        """Its session, which is missing only where the server's answer says so."""
        often = min(interval, _LOOK_SECONDS)
        while self.session_id is None:
            try:
                await self.session(appear_within=appear_within, interval=often)
            except (SessionMissing, StartUnconfirmed):
                raise
            except VeeamError as error:
                # The last look in time met a bad minute: nobody knows yet.
                if not self._deps.outlives(error):
                    raise
                await self._deps.clock.sleep(often)
        return self.session_id

    # ------------------------------------------------------------ to stop it

    async def stop(self) -> Task:
        """Ask the server, once, to stop the session that runs.

        It stops whatever the job is running instead where the session is not known
        yet, where its end was seen (as between the server's retries), and for a
        replication. Raises PermissionDenied for a user who is no Portal Administrator.
        """
        running = self._chain.running_id
        is_backup = self._record.kind == BackupJobSession.__name__
        if running is not None and is_backup:
            return await self._deps.backups.stop(running)
        return await self._deps.stop_job(self.job_id)

    async def _stop(self) -> None:
        """Ask for the stop, for ten seconds at most; a failure is only logged."""
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                await self.stop()
        except Exception as error:  # noqa: BLE001 - the cancellation goes on, whatever fails
            # What a password callable raises may hold a secret.
            said = error if isinstance(error, VeeamError) else type(error).__name__
            _LOG.warning("the run of job %s was not stopped: %s", self.job_id, said)


class _RetryChain:
    """The first session of a run and the server's retries of it, one after another.

    The newest retry and failure are noted in *record*, so that another process can go
    on. Limits are in seconds; *deadline* is an aware time, or None.
    """

    def __init__(self, record: RunRecord, deps: RunDeps) -> None:
        self._record = record
        self._deps = deps
        self._clock = deps.clock
        self._ended: UUID | None = None
        self._seen: RunSession | None = None
        self._watch: Watch[Any] | None = None
        self._asked: tuple[float, float] | None = None
        self.error: VeeamError | None = None
        self.answered_at = deps.clock.wall()

    def saw(self, session: RunSession) -> None:
        """Note how a session of the run was seen last."""
        self._seen = session

    @property
    def last_look(self) -> datetime:
        """When a look was last answered, be it a watch's or one for a session."""
        seen = None if self._watch is None else self._watch.stats.last_look
        return self.answered_at if seen is None else max(seen, self.answered_at)

    @property
    def last_error(self) -> VeeamError | None:
        """What the last look met, None where it was answered."""
        if self._asked is None and self._watch is not None:
            return self._watch.stats.last_error or self.error
        return self.error

    @property
    def behind(self) -> float:
        """Seconds by which the look under way exceeds its interval, 0 else."""
        if self._asked is not None:
            at, interval = self._asked
            return max(0.0, self._clock.monotonic() - at - interval)
        return 0.0 if self._watch is None else self._watch.stats.behind

    def asking(self, interval: float) -> None:
        """Note that a look for a session begins; seconds lie between two of them."""
        self._asked = (self._clock.monotonic(), interval)

    def answered(self) -> None:
        """Note a look that was answered."""
        self._asked = None
        self.error = None
        self.answered_at = self._clock.wall()

    def failed(self, error: VeeamError) -> None:
        """Note what a look met."""
        self._asked = None
        self.error = error

    @property
    def running_id(self) -> UUID | None:
        """The newest session, None where none is known or its end was seen."""
        last = self._record.last_id
        return None if last == self._ended else last

    async def events(
        self,
        first: Callable[[], Awaitable[UUID]],
        *,
        retry_within: float | None,
        gone_after: float,
        interval: float,
        progress: bool,
        timeout: float | None,  # noqa: ASYNC109 - the consumer's time is no part of it
        deadline: datetime | None,
    ) -> AsyncGenerator[RunEvent, None]:
        """The events of the session that *first* finds, and then of each retry.

        They end with a session that did not fail, or a failed one after which the job's
        next session is no retry, or none is shown within *retry_within* seconds (None:
        retries are not followed). Raises DeadlineExceeded with the run's checkpoint.
        """
        left = time_left(timeout, deadline, self._clock)
        with self._own_deadline():
            async with limited(left(), self.late):
                session_id = await first()
            # A resumed run goes on with its newest retry.
            watch = self._sessions.watch(
                [
                    session_id
                    if retry_within is None
                    else self._record.retry_id or session_id
                ],
                interval=interval,
                progress=progress,
                # It was shown already, by the task or a list: that counts as seen.
                appear_within=gone_after,
                gone_after=gone_after,
                timeout=left() if deadline is None else None,
                deadline=deadline,
            )
            self._watch = watch
            async with watch:
                async for event in watch:
                    ended = hidden(self._note(event))
                    yield event
                    del event  # as the waits of a watch do
                    async with limited(left(), self.late):
                        retry = await self._retry(ended, retry_within, interval)
                    if retry is not None:
                        watch.add(retry)
            if watch.active:
                raise closed()

    async def last_end(self, events: AsyncIterator[RunEvent]) -> RunSession | NotFound:
        """The session that *events* end with, or the error where it is gone."""
        last: Secret[RunSession | NotFound] | None = None
        async for event in events:
            if isinstance(event, SessionGone):
                last = Secret(self._sessions._gone(event.id))  # noqa: SLF001 - no business of users
            elif isinstance(event, SessionChanged):
                last = Secret(event.session)
            del event  # as the waits of a watch do
        if last is None:
            raise closed()
        return last.reveal()

    @contextmanager
    def _own_deadline(self) -> Iterator[None]:
        """Replace the watch's DeadlineExceeded by the run's, which can be resumed."""
        try:
            yield
        except DeadlineExceeded:
            raise self.late() from None

    @property
    def _sessions(self) -> RunResource:
        return self._deps.sessions(self._record.kind)

    def _note(self, event: RunEvent) -> RunSession | None:
        """The session that *event* shows to have ended, or None; its end is noted."""
        self._note_health(event)
        if not isinstance(event, SessionChanged):
            return None
        self.saw(event.session)
        if event.kind is not EventKind.STOPPED:
            return None
        if event.id == self._record.last_id:
            self._ended = event.id
            self._note_failure(event.session)
        return event.session

    def _note_health(self, event: RunEvent) -> None:
        if isinstance(event, HealthChanged) and event.kind is EventKind.DEGRADED:
            self.error = event.error
        else:
            self.answered()

    def _note_failure(self, ended: RunSession) -> None:
        if ended.result == SessionResult.FAILED:
            # Kept where an earlier process saw it: `retry_within` counts from then.
            self._record.failed_at = self._record.failed_at or self._clock.wall()

    async def _retry(
        self, ended: Secret[RunSession | None], within: float | None, interval: float
    ) -> UUID | None:
        """Wait for the retry of *ended* and note it; None where none comes."""
        ending = _ending(ended.reveal())
        if ending is None or within is None:
            return None
        history = JobHistory(self._sessions, self._record.job_id)
        look = partial(history.next_after, ending)
        since = self._record.failed_at or self._clock.wall()
        left = _left_of(within, since, self._clock)
        found = await self._shown_retry(look, interval, left)
        if found is None or not found.is_retry:
            return None
        self._record.retry_id, self._record.failed_at = found.id, None
        return found.id

    async def _shown_retry(
        self,
        look: Callable[[], Awaitable[RunSession | None]],
        interval: float,
        seconds: float,
    ) -> RunSession | None:
        """What *look* finds, None where it finds nothing.

        It goes on after *seconds* until one look is answered: nobody knows before.
        """

        async def looked() -> RunSession | None:
            self.asking(interval)
            found = await look()
            self.answered()
            return found

        def outlives(error: VeeamError) -> bool:
            self.failed(error)
            return self._deps.outlives(error)

        self.answered()  # by the watch, which saw the failure
        while True:
            try:
                return await poll(
                    looked,
                    interval=interval,
                    seconds=seconds,
                    clock=self._clock,
                    outlives=outlives,
                )
            except NothingFoundError:
                return None
            except VeeamError as error:
                if not outlives(error):
                    raise
            seconds = 0.0
            await self._clock.sleep(interval)

    def late(self) -> DeadlineExceeded:
        """The error of a run that has not ended in time."""
        last = self._record.last_id
        seen = self._seen if self._seen is None or self._seen.id == last else None
        error = DeadlineExceeded(
            active=() if self.running_id is None else (self.running_id,),
            checkpoint=save(self._record),
            last_seen={} if last is None else {last: seen},
            errors={}
            if self.error is None
            else {last or self._record.job_id: self.error},
            message=f"the run of job {self._record.job_id} had not ended in time; "
            "em.jobs.resume(error.checkpoint) goes on with it",
        )
        self._deps.clean(error)
        return error


def _ending(session: RunSession | None) -> Ending | None:
    """The end of a *session* that has failed, None for any other."""
    is_failed = session is not None and session.result == SessionResult.FAILED
    return Ending.of(session) if session is not None and is_failed else None


def _left_of(seconds: float, since: datetime, clock: Clock) -> float:
    """Seconds left of *seconds*, counted from *since*, a wall time of any process."""
    return seconds - max(0.0, (clock.wall() - since).total_seconds())
