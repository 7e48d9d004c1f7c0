"""What changed a moment ago, and which of it has a place on the screen."""

from __future__ import annotations

from collections import OrderedDict
from itertools import islice
from uuid import UUID


class Fresh:
    """The sessions that changed in the last *seconds*."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._at: OrderedDict[UUID, float] = OrderedDict()
        self._chosen: list[UUID] = []

    def note(self, id: UUID, now: float) -> None:  # noqa: A002 - the field's term
        """Take a session for fresh from *now* on."""
        self._at[id] = now
        self._at.move_to_end(id)
        self._fade(now)

    def forget(self, id: UUID) -> None:  # noqa: A002 - the field's term
        """Take a session for fresh no longer."""
        self._at.pop(id, None)

    def choose(self, most: int, now: float) -> list[UUID]:
        """Choose what to show: what was chosen before and is fresh, then the latest."""
        self._fade(now)
        chosen = [one for one in self._chosen if one in self._at][:most]
        latest = islice(reversed(self._at), most)
        new = (one for one in latest if one not in chosen)
        self._chosen = [*chosen, *islice(new, most - len(chosen))]
        return self._chosen

    def _fade(self, now: float) -> None:
        while self._at and now - next(iter(self._at.values())) >= self._seconds:
            self._at.popitem(last=False)
