"""A soak from its beginning to its end: managers that come and go, and what is left."""

from __future__ import annotations

import asyncio
import random
import tracemalloc
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from functools import partial
from pathlib import Path

import attrs

from tests.soak.actors import Actor, Play, cast
from tests.soak.journal import Journal
from tests.soak.judge import Violation, judge
from tests.soak.measure import MIB, Kept, Turns, kept
from tests.soak.stage import Figures, Lane, Local, Place, Remote, Setting, total
from tests.support.clients import pooled_em
from veeam_async import EnterpriseManager, Fingerprint, Retry, Timeout
from veeam_async.clock import Clock

MOST_GROWTH = 5 * MIB
MOST_BUSY = 0.1
_MOST_SECONDS_TO_LEAVE = 30.0
_HUSH = 3.0
"""Seconds of calm before managers are left: a logout that cannot be sent, or whose
answer is lost, leaves a logon session, which nobody can help."""
_FIRST_LOOKS = 5.0
"""Seconds of calm before the storm: only what begins after a first look is news."""
_LARGEST = 4 * MIB


@attrs.frozen(kw_only=True)
class Plan:
    """How long a soak takes, in seconds: a *storm*, then calm until all is told.

    Managers are left and made anew *shifts* times. *pause* is the seconds between
    fetches, which on virtual time take none; *gone_after* is of a watch whose sessions
    are removed.
    """

    setting: Setting
    calm: float
    shifts: int
    gone_after: float = 90.0
    pause: float = 0.0

    @property
    def seconds(self) -> float:
        """All of it."""
        return self.setting.storm + self.calm


@attrs.frozen(kw_only=True)
class Report:
    """What a soak came to."""

    violations: Sequence[Violation]
    requests: int
    faults: Counter[str]
    logons: int
    sessions: int
    counts: Counter[str]
    growth: int
    resident: int
    turns: Turns


Progress = Callable[[float, Sequence[Figures], Journal], None]


class Soak:
    """One run of *plan*, whose journal lies in *folder*.

    *remote*: the servers are in another process. With *turns*, which are those of this
    loop, memory, sockets and files are looked at too: all are the clients' alone.
    """

    def __init__(
        self,
        plan: Plan,
        folder: Path,
        *,
        remote: bool,
        turns: Turns | None = None,
        progress: Progress | None = None,
    ) -> None:
        self._plan = plan
        self._setting = plan.setting
        self._folder = folder
        self._stage = (Remote if remote else Local)(plan.setting)
        self._turns = turns
        self._progress = progress
        self._rng = random.Random(f"{plan.setting.seed} soak")
        self._violations: list[Violation] = []
        self._marks: list[Kept] = []

    async def run(self) -> Report:
        """Play it, and judge what came of it."""
        now = self._clock().wall
        path = self._folder / "journal"
        with Journal(path, lambda: now().timestamp()) as journal:
            async with self._stage:
                await self._play(journal)
                self._leftover()
                end = now().timestamp()
                figures = await self._figures()
                happened = await self._stage.ask_all("truth")
                names = [lane.name for lane in self._setting.lanes]
                truths = dict(zip(names, happened, strict=True))
            if self._turns is not None:
                self._turns.skip()
            self._violations += judge(journal.lines(), truths, end)
            return self._report(figures, journal)

    def _clock(self) -> Clock:
        """The clients' clock, which is the servers' too."""
        start = self._setting.start
        if start is None:
            return Clock()
        loop = asyncio.get_running_loop()
        began = loop.time()
        return Clock(
            wall=lambda: start + timedelta(seconds=loop.time() - began),
            random=self._rng.random,
        )

    # -------------------------------------------------------------- playing

    async def _play(self, journal: Journal) -> None:
        clock = self._clock()
        places = await self._stage.ask_all("place")
        plays = [
            self._lane(number, place, journal) for number, place in enumerate(places)
        ]
        casts = [cast(play) for play in plays]
        watching = asyncio.create_task(self._watch(plays, journal))
        await asyncio.sleep(0)
        self._mark()
        for shift in range(self._plan.shifts):
            await self._shift(shift, places, plays, casts, clock)
        watching.cancel()
        await asyncio.wait([watching])

    def _lane(self, number: int, place: Place, journal: Journal) -> Play:
        return Play(
            seed=self._setting.lanes[number].name,
            journal=journal,
            ask=partial(self._stage.ask, number),
            folder=self._folder,
            jobs=list(place.jobs),
            gone_after=self._plan.gone_after,
            pause=self._plan.pause,
        )

    async def _watch(self, plays: Sequence[Play], journal: Journal) -> None:
        """Say when the storm is over, and how it goes meanwhile."""
        time_of = asyncio.get_running_loop().time
        began = time_of()
        while True:
            await asyncio.sleep(5)
            elapsed = time_of() - began
            for play in plays:
                play.is_ending = elapsed > self._setting.storm
            if self._progress is not None:
                self._progress(elapsed, await self._figures(), journal)

    async def _shift(
        self,
        number: int,
        places: Sequence[Place],
        plays: Sequence[Play],
        casts: Sequence[Sequence[Actor]],
        clock: Clock,
    ) -> None:
        """Have managers made, used and left."""
        is_last = number == self._plan.shifts - 1
        seconds = self._setting.storm / self._plan.shifts
        tasks: list[tuple[Actor, asyncio.Task[None]]] = []
        async with AsyncExitStack() as stack:
            for lane, place, play, actors in zip(
                self._setting.lanes, places, plays, casts, strict=True
            ):
                em = self._manager(lane, place, clock)
                await stack.enter_async_context(em)
                play.is_leaving = False
                tasks += [
                    (actor, asyncio.create_task(actor.work(em), name=actor.name))
                    for actor in actors
                ]
            if number == 0:
                await asyncio.sleep(_FIRST_LOOKS)
                seconds -= _FIRST_LOOKS
            await self._stage.ask_all("hush", False)
            await asyncio.sleep(seconds + (self._plan.calm if is_last else 0) - _HUSH)
            await self._stage.ask_all("hush", True)
            await asyncio.sleep(_HUSH)
            self._leave(plays, tasks)
        await self._left(number, tasks)

    def _manager(self, lane: Lane, place: Place, clock: Clock) -> EnterpriseManager:
        em, _ = pooled_em(
            place.url,
            clock=clock,
            username=place.username,
            password=place.password,
            tls=True if place.fingerprint is None else Fingerprint(place.fingerprint),
            accept=lane.accept,
            max_connections=12,
            timeout=Timeout(connect=3, request=5),
            retry=Retry(attempts=4, wait_initial=0.05, wait_max=1),
            max_body_size=_LARGEST,
            transport="auto" if lane.transport == "direct" else "aiohttp",
        )
        return em

    def _leave(
        self, plays: Sequence[Play], tasks: list[tuple[Actor, asyncio.Task[None]]]
    ) -> None:
        for play in plays:
            play.is_leaving = True
        for actor, task in tasks:
            if actor.is_cancelled:
                task.cancel()

    # ------------------------------------------------------------ what is left

    async def _left(
        self, shift: int, tasks: list[tuple[Actor, asyncio.Task[None]]]
    ) -> None:
        """Look at what is there though all managers were left."""
        own = [task for _, task in tasks]
        _, late = await asyncio.wait(own, timeout=_MOST_SECONDS_TO_LEAVE)
        for task in late:
            self._note("leaked", f"{task.get_name()} went on after leaving")
        await asyncio.sleep(1)
        for lane, figures in zip(
            self._setting.lanes, await self._figures(), strict=True
        ):
            if figures.tokens_alive:
                says = f"{figures.tokens_alive} logon sessions were left at {lane.name}"
                self._note("leaked", f"shift {shift}: {says}")
        self._mark()
        if self._turns is not None:
            self._compare(shift)
            self._measure_next(shift + 1)

    def _measure_next(self, shift: int) -> None:
        """Measure turns first, all but the first shift's, and then memory."""
        assert self._turns is not None
        if shift == 1:
            self._turns.clear()
        if shift == self._first_traced:
            tracemalloc.start()
            self._turns.is_traced = True

    @property
    def _first_traced(self) -> int:
        return self._plan.shifts // 2

    def _leftover(self) -> None:
        for path in self._folder.glob(".*.tmp"):
            self._note("leaked", f"{path.name} was left beside the checkpoints")

    def _mark(self) -> None:
        if self._turns is not None:
            self._turns.skip()
            self._marks.append(kept())

    def _compare(self, shift: int) -> None:
        """Compare with what was there before there was a client."""
        first, last = self._marks[0], self._marks[-1]
        for what in ("tasks", "sockets", "files"):
            more = getattr(last, what) - getattr(first, what)
            if more > 0:
                self._note("leaked", f"shift {shift}: {more} {what} more than before")

    def _note(self, kind: str, says: str) -> None:
        self._violations.append(Violation(kind, says))

    async def _figures(self) -> list[Figures]:
        return await self._stage.ask_all("figures")

    def _report(self, figures: Sequence[Figures], journal: Journal) -> Report:
        turns = self._turns or Turns()
        growth, resident = self._growth()
        if growth > MOST_GROWTH:
            self._note(
                "grown", f"by {growth / MIB:.1f} MiB since the first shift traced"
            )
        if turns.longest >= MOST_BUSY:
            self._note("busy", f"for {turns.longest * 1000:.0f} ms in one turn")
        return Report(
            violations=self._violations,
            requests=sum(each.requests for each in figures),
            faults=total(figures),
            logons=sum(each.logons for each in figures),
            sessions=sum(each.sessions for each in figures),
            counts=journal.counts,
            growth=growth,
            resident=resident,
            turns=turns,
        )

    def _growth(self) -> tuple[int, int]:
        """Bytes more after the last shift than after the first traced; resident too."""
        if not self._marks:
            return 0, 0
        # The first mark was before any shift.
        first, last = self._marks[self._first_traced + 1], self._marks[-1]
        return last.traced - first.traced, last.resident - first.resident
