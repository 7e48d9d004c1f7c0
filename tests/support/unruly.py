"""A server in memory that has bad minutes of every kind, and a log of what it showed.

What a watch tells is held against that log, and against the sessions' real lives.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from datetime import timedelta
from uuid import UUID

import attrs

from tests.support.bodies import uuid_of
from tests.support.watching import BUSY, START, not_found, refusal, restored, watches
from tests.support.world import CLOCK, World, is_active, now
from veeam_async import (
    BackupJobSession,
    BodyTooLarge,
    ConnectionFailed,
    DecodeError,
    RequestTimeout,
    VeeamError,
    Watch,
)
from veeam_async.errors import Json
from veeam_async.models import Page, PagingInfo, UnreadableRow
from veeam_async.watch.options import WatchOptions
from veeam_async.watch.polling.request import Listing, Strategy
from veeam_async.watch.tracker.discovery import Discovery
from veeam_async.watch.tracker.schedule import Rules
from veeam_async.watch.tracker.session import Observation
from veeam_async.watch.tracker.tracker import Tracker
from veeam_async.watch.tracker.watermark import BackupServer, Since, server_of

LISTS = frozenset({"page", "newest"})
LONG = frozenset({"long page"})
"""Lists that look back, while those that do not are served."""

_LONG_BACK = timedelta(minutes=5)
EVERYTHING = LISTS | {"get", "references", "control"}


def unreadable(why: str) -> DecodeError:
    """Make the error for a body that holds something else."""
    return DecodeError(media_type="t", kind="page", problems=(why,), excerpt="")


FAULTS: dict[str, VeeamError] = {
    **{
        str(status): refusal(status)
        for status in (400, 403, 405, 406, 414, 429, 500, 501, 502, 504)
    },
    "404": not_found(),
    "503": BUSY,
    "html": unreadable("an HTML page"),
    "empty": unreadable("an empty body"),
    "object": unreadable("no page"),
    "cut": unreadable("a body that ends in the middle"),
    "reset": ConnectionFailed("reset"),
    "mixed up": ConnectionFailed("the answer is about something else"),
    "time-out": RequestTimeout("no answer"),
    "hang": RequestTimeout("no answer"),
    "too large": BodyTooLarge(1),
}
"""What a request can meet instead of an answer."""

HANG = 60.0
"""Seconds after which a request that is not answered is given up."""


@attrs.frozen(kw_only=True)
class Trouble:
    """What happens to requests of some *kinds* from *since* to *until*.

    They meet the *fault*, a name in `FAULTS`; or "hang", which is a time-out after
    `HANG` seconds; or what only lists do: "unreadable" rows, rows that they "leave
    out", the rows of "another page". *numbers* are the sessions that it is about, None
    for all.
    """

    kinds: frozenset[str]
    since: float
    until: float
    fault: str
    numbers: frozenset[int] | None = None

    def meets(self, kind: str, number: int | None, at: float) -> bool:
        """Tell whether a request at that time, about that session, meets it."""
        return (
            self.since <= at < self.until
            and kind in self.kinds
            and (self.numbers is None or number in self.numbers)
        )

    def spoils(self, kind: str, number: int, since: float, until: float) -> bool:
        """Tell whether a session may be out of sight by that kind of request."""
        end = self.until + (HANG if self.fault == "hang" else 0)
        is_about = self.numbers is None or number in self.numbers
        return kind in self.kinds and is_about and self.since < until and end > since


@attrs.frozen
class Look:
    """A session that was shown: looked up, and shown at those times."""

    number: int
    taken: float
    at: float
    row: BackupJobSession


@attrs.frozen
class Heard:
    """What a watch was told of a session: that it is missing where *row* is None.

    It was asked for and answered at those times.
    """

    number: int
    asked: float
    at: float
    row: BackupJobSession | None


@attrs.define
class Unruly(World):
    """A world with *troubles*, whose answers take their time, before and after.

    *paces* are how many seconds an answer takes until it is looked up, and from then
    on until it arrives; of each request the next one, once *quick_until* is over.
    *looks* are what it has shown, *heard* is what came of it to a watch; *answers* are
    when other things were asked for and came, which prove that it knows something.
    """

    troubles: Sequence[Trouble] = ()
    paces: Sequence[tuple[float, float]] = ((0.0, 0.25),)
    quick_until: float = 6.0
    looks: list[Look] = attrs.field(factory=list)
    heard: list[Heard] = attrs.field(factory=list)
    answers: list[tuple[float, float]] = attrs.field(factory=list)
    _numbers: dict[UUID, int] = attrs.field(factory=dict)
    _requests: int = 0

    @property
    def slowest(self) -> float:
        """Seconds that an answer takes at most."""
        return max(before + after for before, after in self.paces)

    def number_of(self, session_id: UUID) -> int:
        """Give the number of a session."""
        if not self._numbers:
            self._numbers = {uuid_of(number): number for number in self.lives}
        return self._numbers[session_id]

    async def get(self, session_id: UUID) -> BackupJobSession:
        """Answer a GET."""
        number = self.number_of(session_id)
        late = await self._begin("get", number)
        life, taken = self.lives[number], now()
        fault = self._fault("get", number)
        is_there = life.is_shown(taken) and fault is None
        row = self.see(number, life, taken) if is_there else None
        await asyncio.sleep(late)
        if fault is not None and fault != "404":
            raise FAULTS[fault]
        if row is None:
            raise not_found()
        self.looks.append(Look(number, taken, now(), row))
        return row

    async def page(
        self, where: str | None, since: Since | None, number: int
    ) -> Listing[BackupJobSession]:
        """Answer a query."""
        asked = now()
        kind = "long page" if self._is_long(since) else "page"
        late = await self._begin(kind)
        taken, fault = now(), self._fault(kind)
        page = self._cut(where, since, number, swapped=fault == "another page")
        await asyncio.sleep(late)
        if fault in FAULTS:
            raise FAULTS[fault]
        self.answers.append((asked, now()))
        for row in page.rows:
            self.looks.append(Look(self.number_of(row.id), taken, now(), row))
        return Listing(page, self._date())

    def _is_long(self, since: Since | None) -> bool:
        at = START + timedelta(seconds=now())
        return since is not None and since.rest < at - _LONG_BACK

    def _cut(
        self, where: str | None, since: Since | None, number: int, *, swapped: bool
    ) -> Page[BackupJobSession]:
        left_out = self._hit("leave out")
        spoilt = self._hit("unreadable")
        rows = [
            row
            for row in self.shown(where)
            if is_active(row, since) and row.uid not in left_out
        ]
        count = max(1, -(-len(rows) // self.page_size))
        wanted = number % count + 1 if swapped else number
        first = (wanted - 1) * self.page_size
        page = list(enumerate(rows[first : first + self.page_size]))
        return Page(
            rows=tuple(row for _, row in page if row.uid not in spoilt),
            unreadable=tuple(
                UnreadableRow(index=index, uid=row.uid, reason="bad")
                for index, row in page
                if row.uid in spoilt
            ),
            paging=PagingInfo(
                page_num=wanted, page_size=self.page_size, pages_count=count
            ),
        )

    def _hit(self, fault: str) -> set[str]:
        """Give the UIDs of the rows that a trouble of lists is about."""
        at = now()
        return {
            f"urn:veeam:BackupJobSession:{uuid_of(number)}"
            for trouble in self.troubles
            if trouble.fault == fault
            for number in trouble.numbers or ()
            if trouble.meets("row", number, at)
        }

    async def newest(
        self, where: str | None, but: Sequence[BackupServer]
    ) -> Listing[BackupJobSession]:
        """Give the newest session, of none of those servers."""
        await self._answered("newest")
        rows = [row for row in self.shown(where) if server_of(row) not in but]
        return Listing(Page(rows=tuple(rows[-1:])), self._date())

    async def references(self) -> Collection[UUID]:
        """List all sessions."""
        await self._answered("references")
        return [row.id for row in self.shown()]

    async def control(self) -> None:
        """Answer what the server must know."""
        await self._answered("control")

    async def _answered(self, kind: str) -> None:
        asked = now()
        late = await self._begin(kind)
        fault = self._fault(kind)
        await asyncio.sleep(late)
        if fault is not None:
            raise FAULTS[fault]
        self.answers.append((asked, now()))

    async def _begin(self, kind: str, number: int | None = None) -> float:
        """Count a request and let it wait; give how late its answer is to arrive."""
        self.asked[kind] += 1
        before, after = self._pace()
        if self._fault(kind, number) == "hang":
            await asyncio.sleep(HANG)
            raise FAULTS["hang"]
        await asyncio.sleep(before)
        return after

    def listen(
        self,
        ids: Sequence[int] | None,
        rules: Rules,
        strategy: Strategy,
        resume: Json = None,
    ) -> Watch[BackupJobSession]:
        """Watch these sessions, or everything, and keep what is heard of them."""
        options = WatchOptions(rules=rules, strategy=strategy)
        if resume is not None:
            tracker, _ = restored(resume, rules, CLOCK.moment())
        elif ids is not None:
            tracker = Tracker(map(uuid_of, ids), rules)
        else:
            discovery = Discovery(where=None, lookback=timedelta(minutes=15))
            tracker = Tracker((), rules, discovery=discovery)
        note = tracker.note

        def hear(seen: Observation[BackupJobSession]) -> None:
            if seen.error is None:
                number, at = self.number_of(seen.id), seen.at.monotonic
                self.heard.append(Heard(number, seen.asked_at, at, seen.session))
            note(seen)

        vars(tracker)["note"] = hear
        return watches(self.poller().poll, CLOCK).of(tracker, options)

    def _pace(self) -> tuple[float, float]:
        self._requests += 1
        if now() < self.quick_until:
            return 0.0, 0.25
        return self.paces[self._requests % len(self.paces)]

    def _fault(self, kind: str, number: int | None = None) -> str | None:
        at = now()
        for trouble in self.troubles:
            if trouble.meets(kind, number, at):
                return trouble.fault
        return self._fault("page") if kind == "long page" else None
