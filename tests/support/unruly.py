"""A server in memory that has bad minutes of every kind, and a log of what it showed.

What a watch tells is held against that log, and against the sessions' real lives.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta

import attrs

from tests.support.bodies import uuid_of
from tests.support.watching import (
    BUSY,
    CLOCK,
    START,
    not_found,
    now,
    refusal,
    restored,
    watches,
)
from tests.support.world import R, World
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
from veeam_async.models import Page
from veeam_async.watch.options import WatchOptions
from veeam_async.watch.polling.request import Strategy
from veeam_async.watch.tracker.discovery import Discovery
from veeam_async.watch.tracker.schedule import Rules
from veeam_async.watch.tracker.session import Observation
from veeam_async.watch.tracker.tracker import Tracker
from veeam_async.watch.tracker.watermark import Since

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
    _requests: int = 0

    @property
    def slowest(self) -> float:
        """Seconds that an answer takes at most."""
        return max(before + after for before, after in self.paces)

    def _kind_of(self, since: Since | None) -> str:
        at = START + timedelta(seconds=now())
        is_long = since is not None and since.rest < at - _LONG_BACK
        return "long page" if is_long else "page"

    def _left_out(self) -> set[int]:
        return self._hit("leave out")

    def _unreadable(self) -> set[int]:
        return self._hit("unreadable")

    def _hit(self, fault: str) -> set[int]:
        """Give the numbers of the rows that a trouble of lists is about."""
        at = now()
        return {
            number
            for trouble in self.troubles
            if trouble.fault == fault
            for number in trouble.numbers or ()
            if trouble.meets("row", number, at)
        }

    def _turned_to(self, kind: str, number: int, count: int) -> int:
        is_another = self._fault(kind) == "another page"
        return number % count + 1 if is_another else number

    async def _answered(
        self, kind: str, look: Callable[[], R], number: int | None = None
    ) -> R:
        """Look between two waits, and note what comes of it."""
        self.asked[kind] += 1
        asked, (before, after) = now(), self._pace()
        if self._fault(kind, number) == "hang":
            await asyncio.sleep(HANG)
            raise FAULTS["hang"]
        await asyncio.sleep(before)
        taken, found = now(), self._met(kind, look, number)
        await asyncio.sleep(after)
        if isinstance(found, VeeamError):
            raise found
        if kind != "get":
            self.answers.append((asked, now()))
        for row in _rows_of(found):
            self.looks.append(Look(self.number_of(row.id), taken, now(), row))
        return found

    def _met(
        self, kind: str, look: Callable[[], R], number: int | None
    ) -> R | VeeamError:
        fault = FAULTS.get(self._fault(kind, number) or "")
        try:
            return fault or look()
        except VeeamError as error:
            return error

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


def _rows_of(found: object) -> Sequence[BackupJobSession]:
    """The sessions that an answer to a GET or a query has shown."""
    if isinstance(found, Page):
        return found.rows
    return [found] if isinstance(found, BackupJobSession) else []
