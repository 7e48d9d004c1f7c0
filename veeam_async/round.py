"""One look at a list and those it is for: each row to whoever asked for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar
from uuid import UUID

from veeam_async.census import Swept
from veeam_async.errors import VeeamError
from veeam_async.health import Moment
from veeam_async.models import Session
from veeam_async.pending import Pending
from veeam_async.sweep import Seen
from veeam_async.tracked import Observation

S = TypeVar("S", bound=Session)


class Round(Generic[S]):
    """A look for *pendings*; those with a scope are handed every row.

    *asked_at* is when it began, in monotonic seconds.
    """

    def __init__(self, pendings: Sequence[Pending[S]], asked_at: float) -> None:
        self.pendings = pendings
        self.asked_at = asked_at
        self.watchers = [each for each in pendings if each.ask.scope is not None]
        self._open: dict[UUID, list[Pending[S]]] = {}
        for pending in pendings:
            for one in pending.ask.ids:
                self._open.setdefault(one, []).append(pending)

    @property
    def open(self) -> dict[UUID, list[Pending[S]]]:
        """The ids that were in no row as yet, each with those who asked for it."""
        return self._open

    def is_worth(self, pages: int) -> bool:
        """Tell whether so many pages are no more than a GET for each id."""
        if self.watchers or any(each.ask.strategy == "query" for each in self.pendings):
            return True
        return pages <= max(1, len(self._open))

    def count(self) -> None:
        """Count a request for everybody."""
        for pending in self.pendings:
            pending.ask.tally.requests += 1

    def see(self, seen: Seen[S]) -> None:
        """Hand on the rows of a page."""
        batches: dict[Pending[S], list[Observation[S]]] = {}
        answered: dict[Pending[S], int] = {}
        everything: list[Observation[S]] = []
        for row in seen.rows:
            one = row.id
            observation = Observation(
                id=one, asked_at=seen.asked_at, at=seen.at, session=row
            )
            everything.append(observation)
            for pending in self._open.pop(one, ()):
                batches.setdefault(pending, []).append(observation)
                answered[pending] = answered.get(pending, 0) + 1
        for watcher in self.watchers:
            batches[watcher] = everything
        for pending, batch in batches.items():
            pending.give(batch, answered.get(pending, 0))

    def sweep(self, at: Moment) -> None:
        """Tell those who asked for everything that they have it."""
        for watcher in self.watchers:
            watcher.sweep(Swept(asked_at=self.asked_at, at=at))

    def fail(self, error: VeeamError, at: Moment, random: float) -> None:
        """Tell everybody whose question is open that *error* ended the look."""
        for watcher in self.watchers:
            watcher.sweep(
                Swept(asked_at=self.asked_at, at=at, error=error, random=random)
            )
        missed: dict[Pending[S], list[Observation[S]]] = {}
        for one, pendings in self._open.items():
            observation: Observation[S] = Observation(
                id=one, asked_at=self.asked_at, at=at, error=error, random=random
            )
            for pending in pendings:
                missed.setdefault(pending, []).append(observation)
        for pending, batch in missed.items():
            pending.give(batch, len(batch))
