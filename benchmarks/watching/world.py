"""A server without a wire, on a fake clock: sessions that run as they are scripted."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TypeAlias
from uuid import UUID

from benchmarks.watching.question import Selection
from veeam_async.errors import ConnectionFailed, NotFound
from veeam_async.models import BackupJobSession

EPOCH = datetime(2026, 3, 2, tzinfo=UTC)
"""When the fake clock, which counts seconds, stood at 0."""

PAGE_SIZE = 100


Run: TypeAlias = tuple[float, float]
"""A session's creation and its end, in seconds of the fake clock."""


class Script:
    """Many runs, in the order of their creation, in sixteen bytes each."""

    def __init__(self, runs: Iterable[Run]) -> None:
        self.created, self.ended = array("d"), array("d")
        for created, ended in runs:
            self.created.append(round(created, 6))
            self.ended.append(round(ended, 6))
        lasted = (end - start for start, end in self.between(0, len(self)))
        self.longest = max(lasted)

    def __len__(self) -> int:
        return len(self.created)

    def between(self, first: int, last: int) -> Iterator[Run]:
        """Give the runs of some numbers in a row."""
        return zip(self.created[first:last], self.ended[first:last], strict=True)


class World:
    """A server whose sessions run as the *script* says.

    *clock* gives its seconds. Its answers are what a client would have decoded;
    *requests* counts what it was asked. Within *away*, from one second to another, it
    does not answer. The models given last are *kept*: as many as a list has rows.
    """

    def __init__(
        self,
        script: Script,
        clock: Callable[[], float],
        *,
        kept: int,
        away: tuple[float, float] = (0.0, 0.0),
    ) -> None:
        self.requests = 0
        self._script = script
        self._clock = clock
        self._away = away
        self._model = lru_cache(maxsize=kept)(self._made)
        # The pages of a list that come in one moment need no selection each.
        self._chosen = lru_cache(maxsize=1)(self._select)

    def now(self) -> datetime:
        """Give the fake wall time."""
        return moment(self._clock())

    def get(self, one: UUID) -> BackupJobSession:
        """Answer a GET; NotFound where there is no such session yet."""
        now = self._asked()
        number = number_of(one)
        if number >= bisect_right(self._script.created, now):
            url = f"https://em/api/backupSessions/{one}"
            raise NotFound(status=404, message="no", method="GET", url=url)
        return self._model(number, self._script.ended[number] <= now)

    def page(
        self, selection: Selection, number: int, size: int = PAGE_SIZE
    ) -> tuple[list[BackupJobSession], int]:
        """Answer a query: the rows of a page, from 1, and how many pages there are."""
        now = self._asked()
        chosen = self._chosen(selection, now)
        rows = chosen[(number - 1) * size : number * size]
        models = [self._model(one, self._script.ended[one] <= now) for one in rows]
        return models, max(1, -(-len(chosen) // size))

    def newest(self) -> list[BackupJobSession]:
        """Answer with the newest session, if there is one."""
        now = self._asked()
        newest = bisect_right(self._script.created, now) - 1
        if newest < 0:
            return []
        return [self._model(newest, self._script.ended[newest] <= now)]

    def references(self) -> list[UUID]:
        """Answer with the ids of all sessions."""
        now = self._asked()
        return [UUID(int=one) for one in range(bisect_right(self._script.created, now))]

    def _asked(self) -> float:
        """Count a request and give the time; ConnectionFailed while it is away."""
        self.requests += 1
        now = self._clock()
        if self._away[0] <= now < self._away[1]:
            raise ConnectionFailed("the server is away")
        return now

    def _select(self, selection: Selection, now: float) -> list[int]:
        """Give the numbers of the sessions selected, in the order of their creation."""
        ended, created = selection.ended_since, selection.created_since
        oldest = min(now, ended, created) - self._script.longest
        first = bisect_left(self._script.created, oldest)
        last = bisect_right(self._script.created, now)
        return [
            number
            for number, run in enumerate(self._script.between(first, last), first)
            if run[1] > now or run[1] >= ended or run[0] >= created
        ]

    def _made(self, number: int, is_stopped: bool) -> BackupJobSession:  # noqa: FBT001 - a cache's key
        created, ended = self._script.created[number], self._script.ended[number]
        return BackupJobSession(
            uid=f"urn:veeam:BackupJobSession:{UUID(int=number)}",
            name=f"Mail servers {number}",
            job_type="Backup",
            creation_time=moment(created),
            end_time=moment(ended) if is_stopped else None,
            state="Stopped" if is_stopped else "Working",
            result="Success" if is_stopped else None,
        )


def moment(seconds: float) -> datetime:
    """Give the wall time of a second of the fake clock."""
    return EPOCH + timedelta(seconds=seconds)


def second(time: datetime) -> float:
    """Give the second of the fake clock of a wall time."""
    return (time - EPOCH).total_seconds()


def number_of(one: UUID) -> int:
    """Give the number of the session that has this id."""
    return one.int
