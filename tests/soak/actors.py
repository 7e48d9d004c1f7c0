"""Who uses the clients of a soak: each does one thing again and again.

What an actor is told goes into the journal, where it is judged afterwards by what
really happened. An actor keeps what a user would: checkpoints, saved runs, and the ids
that are still owed to it.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

import attrs

from tests.soak.journal import Journal
from veeam_async import (
    AuthenticationFailed,
    BackupJobSession,
    CheckpointFile,
    DeadlineExceeded,
    EnterpriseManager,
    EventKind,
    HealthChanged,
    JobRun,
    NotFound,
    SessionChanged,
    SessionMissing,
    StartUnconfirmed,
    TaskFailed,
    VeeamError,
    Watch,
    WatchEvent,
)

Strategy = Literal["auto", "get", "query"]
STRATEGIES: tuple[Strategy, ...] = ("auto", "get", "query")

CLOCK = 0.5
"""Seconds by which two processes may take the same moment for another."""

_APPEAR_WITHIN = 90.0
"""Seconds that a start which nobody confirmed is looked for: longer than a restart."""
_RETRY_WITHIN = 15.0
_INTERVAL = 0.5
_STAYING = 300.0
_PATIENCE = (60.0, 4.0)


@attrs.define
class Play:
    """What all actors of a lane share.

    *ask* asks the lane's server, *pause* is the seconds between fetches. No actor
    begins anything new once *is_ending*, and each leaves off as soon as it can once
    *is_leaving*. A session that was really removed is to be told GONE after
    *gone_after* seconds, more than services are away.
    """

    seed: str
    journal: Journal
    ask: Callable[..., Awaitable[Any]]
    folder: Path
    jobs: list[UUID]
    gone_after: float
    pause: float = 0.0
    is_ending: bool = False
    is_leaving: bool = False


class Actor:
    """Somebody who does one thing with a manager, *cancelled* when that is left or not.

    Who is not cancelled is in the middle of it when the manager closes.
    """

    is_cancelled = True

    def __init__(self, name: str, play: Play) -> None:
        self.name = name
        self.play = play
        self.rng = random.Random(f"{play.seed} {name}")
        self.number = 0

    async def work(self, em: EnterpriseManager) -> None:
        """Do it with *em*, until that is left; never raises."""
        while not self.play.is_leaving and not (self.play.is_ending and self.is_free):
            try:
                await self.act(em)
            except Exception as error:  # noqa: BLE001 - whatever is raised is judged
                # Whoever asks a manager that was just left is told so.
                if not (self.play.is_leaving and isinstance(error, RuntimeError)):
                    self.note("raised", error=repr(error))
                await asyncio.sleep(1)

    @property
    def is_free(self) -> bool:
        """Whether nothing is owed to it."""
        raise NotImplementedError

    async def act(self, em: EnterpriseManager) -> None:
        """Do it once."""
        raise NotImplementedError

    def note(self, what: str, **details: Any) -> None:
        """Write down what it was told."""
        self.play.journal.note(self.name, what, **details)


# ---------------------------------------------------------------- fetching


class Fetcher(Actor):
    """Fetches ids, and again those that met an error, until each has come."""

    is_cancelled = False

    def __init__(self, name: str, play: Play) -> None:
        super().__init__(name, play)
        self._owed: list[str] = []

    @property
    def is_free(self) -> bool:
        """Whether each id has come."""
        return not self._owed

    async def act(self, em: EnterpriseManager) -> None:
        """Fetch what is owed, or new ids."""
        if not self._owed:
            self._owed = await self.play.ask("sample", 40)
            self.note("fetch", ids=self._owed)
        came: dict[str, bool] = {}
        fetch = em.backup_sessions.fetch(
            self._owed, concurrency=6, ordered=self.rng.random() < 1 / 2
        )
        try:
            async for fetched in fetch:
                asked = str(fetched.id)
                if asked in came:
                    self.note("fetched twice", id=asked)
                came[asked] = fetched.session is not None
                self._check(asked, fetched.session)
        except AuthenticationFailed as error:
            self.note("raised", error=repr(error))
        except VeeamError:
            self.play.journal.count("fetches ended by an error")
        else:
            self._check_whole(came)
        self._settle(came)
        await asyncio.sleep(self.play.pause)

    def _check(self, asked: str, session: BackupJobSession | None) -> None:
        if session is not None and str(session.id) != asked:
            self.note("mixed up", id=asked, came=str(session.id))

    def _check_whole(self, came: dict[str, bool]) -> None:
        # A fetch that its manager has closed ends early.
        if not self.play.is_leaving and len(came) != len(self._owed):
            missing = [each for each in self._owed if each not in came]
            self.note("fetch ended early", ids=missing)

    def _settle(self, came: dict[str, bool]) -> None:
        done = [each for each, is_there in came.items() if is_there]
        self.play.journal.count("ids that met an error", len(came) - len(done))
        if done:
            self.note("came", ids=done)
        self._owed = [each for each in self._owed if not came.get(each)]


# ---------------------------------------------------------------- watching


class Watcher(Actor):
    """Follows sessions, and goes on from its checkpoint whenever it was cut off."""

    is_cancelled = False
    cut = (5, 200)
    """After so many events, or less than so many, it is cut off and goes on."""

    def __init__(self, name: str, play: Play, strategy: Strategy) -> None:
        super().__init__(name, play)
        self.strategy: Strategy = strategy
        self._file = CheckpointFile(play.folder / f"{name.replace('/', '-')}.json")
        self._settings: dict[str, Any] = {}
        self._is_begun = False

    @property
    def is_free(self) -> bool:
        """Whether it was told of the end of each session."""
        return not self._is_begun

    async def act(self, em: EnterpriseManager) -> None:
        """Watch until the end, or until it is cut off."""
        watch = await self._begin(em)
        cut_at = self.rng.randrange(*self.cut)
        told = 0
        try:
            async for event in watch:
                self.tell(event)
                told += 1
                if told >= cut_at:
                    break
        finally:
            # After the last event told, so that none is told twice.
            checkpoint = watch.checkpoint()
            await watch.aclose()
            await asyncio.to_thread(self._file.save, checkpoint)
        if self.is_over(watch):
            self._is_begun = False
            self.note("accounted for", watch=self.number)

    def is_over(self, watch: Watch[BackupJobSession]) -> bool:
        """Whether a watch that has ended has nothing more to tell."""
        return not watch.active

    async def _begin(self, em: EnterpriseManager) -> Watch[BackupJobSession]:
        if self._is_begun:
            self.play.journal.count("watches resumed")
            saved = await asyncio.to_thread(self._file.load)
            return em.backup_sessions.watch(resume=saved, **self._settings)
        self.number += 1
        ids, self._settings = await self.begin()
        self.note("watch", watch=self.number, ids=ids, **self._settings)
        watch = em.backup_sessions.watch(ids, **self._settings)
        await asyncio.to_thread(self._file.save, watch.checkpoint())
        self._is_begun = True
        return watch

    async def begin(self) -> tuple[list[str] | None, dict[str, Any]]:
        """Ids of a new watch, and its other arguments."""
        raise NotImplementedError

    def tell(self, event: WatchEvent[BackupJobSession]) -> None:
        """Write down what was told."""
        if isinstance(event, HealthChanged):
            self.play.journal.count(f"{event.kind} ({event.scope})")
            return
        details: dict[str, Any] = {"id": str(event.id), "watch": self.number}
        if isinstance(event, SessionChanged) and event.kind is EventKind.STOPPED:
            details["state"] = str(event.session.state)
        self.note(str(event.kind), **details)


class IdWatcher(Watcher):
    """Watches sessions by their ids, some of which vanish."""

    async def begin(self) -> tuple[list[str] | None, dict[str, Any]]:
        """Sessions that begin now."""
        rng = self.rng
        vanishes = rng.random() < 1 / 2
        ids = await self.play.ask("add", rng.choice((3, 12, 40)), removed=vanishes)
        gone_after = self.play.gone_after if vanishes else _STAYING
        return ids, {
            "strategy": self.strategy,
            "interval": rng.choice((0.5, 1.0)),
            "patience": rng.choice(_PATIENCE),
            "gone_after": gone_after,
            "appear_within": gone_after,
        }


class EverythingWatcher(Watcher):
    """Watches everything, as long as the run takes."""

    # Seldom: each time it goes on it looks back, which would hide what it misses else.
    cut = (200, 2000)

    @property
    def is_free(self) -> bool:
        """Never before it is left: there can be more."""
        return False

    def is_over(self, watch: Watch[BackupJobSession]) -> bool:
        """It has no end of its own."""
        return False

    async def begin(self) -> tuple[list[str] | None, dict[str, Any]]:
        """No ids, which is everything."""
        return None, {
            "strategy": self.strategy,
            "interval": self.rng.choice((3.0, 5.0)),
            "patience": self.rng.choice(_PATIENCE),
        }


# ----------------------------------------------------------------- waiting


class Waiter(Actor):
    """Waits for sessions, three at a time, with a limit that is often too short."""

    def __init__(self, name: str, play: Play) -> None:
        super().__init__(name, play)
        self._owed: list[str] = []

    @property
    def is_free(self) -> bool:
        """Whether the end of each was seen."""
        return not self._owed

    async def act(self, em: EnterpriseManager) -> None:
        """Wait for new sessions, or for those whose wait was cut off."""
        if not self._owed:
            self.number += 1
            self._owed = await self.play.ask("add", 3)
            self.note("waits", ids=self._owed)
        async with asyncio.TaskGroup() as waits:
            for session_id in list(self._owed):
                waits.create_task(self._wait(em, session_id))

    async def _wait(self, em: EnterpriseManager, session_id: str) -> None:
        limit = self.rng.choice((None, 0.0, 3.0))
        try:
            session = await em.backup_sessions.wait(
                session_id,
                timeout=limit,
                interval=_INTERVAL,
                strategy=self.rng.choice(STRATEGIES),
                # Without it an id that is unknown is told at once, be it in a restart.
                appear_within=self.play.gone_after,
            )
        except DeadlineExceeded:
            self.play.journal.count("waits that were too short")
            return
        except NotFound:
            self.note("not found", id=session_id)
        else:
            self.note("waited", id=str(session.id), state=str(session.state))
        self._owed.remove(session_id)


# ------------------------------------------------------------ running jobs


class Runner(Actor):
    """Runs a job of its own, and takes up a run that was cut off from what it saved."""

    def __init__(self, name: str, play: Play, job: UUID) -> None:
        super().__init__(name, play)
        self._job = job
        self._saved: str | None = None
        self._with_retries = False

    @property
    def is_free(self) -> bool:
        """Whether no run is under way."""
        return self._saved is None

    async def act(self, em: EnterpriseManager) -> None:
        """Start the job, or go on with its run."""
        if self._saved is not None:
            await self._go_on(em, self._saved)
        elif await self.play.ask("is_idle", self._job):
            await self._start(em)
        else:
            await asyncio.sleep(1)

    async def _start(self, em: EnterpriseManager) -> None:
        # By its time nobody takes a start for the one before it.
        await asyncio.sleep(2 * CLOCK)
        await self.play.ask("plan", self._job)
        self.number += 1
        self._with_retries = self.rng.random() < 1 / 2
        self.note(
            "start", run=self.number, job=str(self._job), retries=self._with_retries
        )
        try:
            ways = (self._at_once, self._at_once, self._prepared, self._killed)
            await self.rng.choice(ways)(em)
        except asyncio.CancelledError:
            # What was saved is gone on with; else nobody knows, and it is only counted.
            self._note_unsaved("cut off")
            raise
        except StartUnconfirmed as lost:
            self._saved = json.dumps(lost.checkpoint)
        except VeeamError as error:
            self._saved = None
            self._note_unsaved("not started", error=str(error))

    def _note_unsaved(self, what: str, **details: Any) -> None:
        if self._saved is None:
            self.note(what, run=self.number, **details)

    async def _at_once(self, em: EnterpriseManager) -> None:
        run = await em.jobs.start(self._job)
        self._saved = json.dumps(run.to_dict())

    async def _prepared(self, em: EnterpriseManager) -> None:
        prepared = await em.jobs.prepare(self._job)
        self._saved = json.dumps(prepared.to_dict())
        run = await em.jobs.start(prepared)
        self._saved = json.dumps(run.to_dict())

    async def _killed(self, em: EnterpriseManager) -> None:
        """Cut the start of a prepared run off, at any moment of it."""
        prepared = await em.jobs.prepare(self._job)
        self._saved = json.dumps(prepared.to_dict())
        starting = asyncio.ensure_future(em.jobs.start(prepared))
        try:
            await asyncio.wait([starting], timeout=self.rng.uniform(0, 0.3))
        finally:
            starting.cancel()
            await asyncio.wait([starting])
        if not starting.cancelled() and isinstance(starting.exception(), VeeamError):
            # Nobody but `resume` says whether it was started.
            self.play.journal.count("prepared starts that failed")

    async def _go_on(self, em: EnterpriseManager, saved: str) -> None:
        run = em.jobs.resume(json.loads(saved))
        try:
            async with asyncio.timeout(self.rng.choice((None, 4.0))):
                ended = await run.wait(
                    retries=self._with_retries,
                    interval=_INTERVAL,
                    appear_within=_APPEAR_WITHIN,
                    retry_within=_RETRY_WITHIN,
                )
        except (TimeoutError, asyncio.CancelledError) as error:
            self._saved = json.dumps(run.to_dict())
            if isinstance(error, asyncio.CancelledError):
                raise
            self.play.journal.count("runs resumed")
        except (StartUnconfirmed, SessionMissing, TaskFailed, NotFound) as error:
            self._end(type(error).__name__, run)
        else:
            self._end("ran", run, last=str(ended.id), state=str(ended.state))

    def _end(self, what: str, run: JobRun, **details: Any) -> None:
        self._saved = None
        found = run.session_id and str(run.session_id)
        self.note(what, run=self.number, session=found, **details)


def cast(play: Play) -> list[Actor]:
    """All actors of a lane."""
    return [
        *(Fetcher(f"{play.seed}/fetch-{number}", play) for number in range(3)),
        *(IdWatcher(f"{play.seed}/ids-{each}", play, each) for each in STRATEGIES),
        *(
            EverythingWatcher(f"{play.seed}/all-{each}", play, each)
            for each in STRATEGIES
        ),
        *(Waiter(f"{play.seed}/wait-{number}", play) for number in range(2)),
        *(
            Runner(f"{play.seed}/run-{number}", play, job)
            for number, job in enumerate(play.jobs)
        ),
    ]
