"""The sessions of the server, and a log of what changed when."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from random import Random
from typing import Literal
from uuid import UUID

import attrs

from benchmarks.watching.bodies import entity
from benchmarks.watching.question import Selection

_JOBS = 200

Kind = Literal["started", "ended"]


@attrs.define(eq=False)
class Row:
    """A session as the server keeps it; *around* is its entity but for its progress."""

    id: UUID
    job: int
    created: float
    ended: float | None = None
    around: tuple[bytes, bytes] = (b"", b"")

    def write(self) -> None:
        """Write its entity anew: it has changed."""
        self.around = entity(self.id, self.job, self.created, self.ended)

    def body(self, now: float, life: float) -> bytes:
        """Give its entity as it is *now*, where a session takes *life* seconds."""
        done = min(99, int((now - self.created) / life * 100))
        percent = done if self.ended is None else 100
        return b"%b%d%b" % (self.around[0], percent, self.around[1])


@attrs.frozen
class Change:
    """A session has started or ended at this time of the wall clock."""

    id: str
    kind: Kind
    at: float


class Population:
    """*count* sessions that run; *random* decides about their ids and who ends next.

    A session takes *life* seconds, so old are the oldest of them.
    """

    def __init__(self, count: int, random: Random, now: float, life: float) -> None:
        self._random = random
        self.life = life
        self.version = 0
        self.rows: list[Row] = []
        self.active: list[Row] = []
        self.changes: list[Change] = []
        self._by_id: dict[str, Row] = {}
        for ago in range(count, 0, -1):
            self._add(now - ago * life / count)

    def get(self, id: str) -> Row | None:  # noqa: A002 - the field's term
        """Give the session of *id*, None where there is none."""
        return self._by_id.get(id)

    def start(self, now: float) -> None:
        """Let one more session run."""
        row = self._add(now)
        self.changes.append(Change(str(row.id), "started", row.created))

    def end(self, now: float) -> None:
        """Let one of the sessions that run end, any of them."""
        place = self._random.randrange(len(self.active))
        self.active[place], self.active[-1] = self.active[-1], self.active[place]
        row = self.active.pop()
        row.ended = _to_the_microsecond(now)
        row.write()
        self.version += 1
        self.changes.append(Change(str(row.id), "ended", row.ended))

    def select(self, selection: Selection) -> list[Row]:
        """Give the rows of a selection, in the order of their creation."""
        ended, created = selection.ended_since, selection.created_since
        return [
            row
            for row in self.rows
            if row.ended is None or row.ended >= ended or row.created >= created
        ]

    def _add(self, now: float) -> Row:
        id_ = UUID(int=self._random.getrandbits(128), version=4)
        row = Row(id_, len(self.rows) % _JOBS, _to_the_microsecond(now))
        row.write()
        self.rows.append(row)
        self.active.append(row)
        self._by_id[str(id_)] = row
        self.version += 1
        return row


class Turnover:
    """End one session and start one, in turns, evenly, within each *interval*."""

    def __init__(self, population: Population, interval: float) -> None:
        self._population = population
        self._step = interval / 2
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._beats = 0
        self._wait()

    def _wait(self) -> None:
        self._beats += 1
        self._loop.call_at(self._began + self._beats * self._step, self._beat)

    def _beat(self) -> None:
        if self._beats % 2:
            self._population.end(time.time())
        else:
            self._population.start(time.time())
        self._wait()


def _to_the_microsecond(seconds: float) -> float:
    """Give the time that the wire can tell, so that a filter finds what it names."""
    return datetime.fromtimestamp(seconds, UTC).timestamp()
