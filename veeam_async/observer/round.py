"""One look at a list and those it is for: each row to whoever asked for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar
from uuid import UUID

from veeam_async.clock import Moment
from veeam_async.errors import VeeamError
from veeam_async.models import Session
from veeam_async.observer.pending import Pending
from veeam_async.observer.sweep import Seen
from veeam_async.tracker.observation import Observation
from veeam_async.tracker.scope import Swept

S = TypeVar("S", bound=Session)


class Round(Generic[S]):
    """A look for *pendings*; those with a scope are handed every row.

    *asked_at* is when it began, in monotonic seconds. *open* are the ids that were in
    no row as yet, each with those who asked for it.
    """

    def __init__(self, pendings: Sequence[Pending[S]], asked_at: float) -> None:
        self.pendings = pendings
        self.asked_at = asked_at
        self.watchers = [each for each in pendings if each.ask.scope is not None]
        self.open = _by_id(pendings)

    def is_worth(self, pages: int) -> bool:
        """Tell whether so many pages are no more than a GET for each id."""
        if self.watchers or any(each.ask.strategy == "query" for each in self.pendings):
            return True
        return pages <= max(1, len(self.open))

    def count(self) -> None:
        """Count a request for everybody."""
        for pending in self.pendings:
            pending.count()

    def see(self, seen: Seen[S]) -> None:
        """Hand on the rows of a page."""
        batches: dict[Pending[S], list[Observation[S]]] = {}
        everything: list[Observation[S]] = []
        for one, row in seen.rows:
            by = self.open.pop(one, None)
            if by is None and not self.watchers:
                continue
            observation = Observation(
                id=one, asked_at=seen.asked_at, at=seen.at, session=row
            )
            everything.append(observation)
            for pending in by or ():
                batches.setdefault(pending, []).append(observation)
        for watcher in self.watchers:
            watcher.give(everything, len(batches.pop(watcher, ())))
        for pending, batch in batches.items():
            pending.give(batch, len(batch))

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
        for one, pendings in self.open.items():
            observation: Observation[S] = Observation(
                id=one, asked_at=self.asked_at, at=at, error=error, random=random
            )
            for pending in pendings:
                missed.setdefault(pending, []).append(observation)
        for pending, batch in missed.items():
            pending.give(batch, len(batch))


def _by_id(pendings: Sequence[Pending[S]]) -> dict[UUID, list[Pending[S]]]:
    """Give who asked for which id."""
    if len(pendings) == 1:
        alone = list(pendings)  # once: ten thousand lists would take their time
        return dict.fromkeys(pendings[0].ask.ids, alone)
    asked: dict[UUID, list[Pending[S]]] = {}
    for pending in pendings:
        for one in pending.ask.ids:
            asked.setdefault(one, []).append(pending)
    return asked
