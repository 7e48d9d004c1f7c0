"""The sessions that have ended, for as long as a server may show them once more."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

import attrs


@attrs.define
class Ended:
    """The sessions of which nothing is told any more, each with the time of its end.

    The time is the server's newest when they ended; without one they are kept.
    """

    marks: dict[UUID, datetime | None] = attrs.field(factory=dict)

    def __contains__(self, one: UUID) -> bool:
        return one in self.marks

    def add(self, one: UUID, mark: datetime | None = None) -> None:
        """Remember *one*, again as the latest where it was known already."""
        self.marks.pop(one, None)
        self.marks[one] = mark

    def forget(self, before: datetime, but: Collection[UUID] = ()) -> None:
        """Forget those that ended *before* that time, but those that are listed."""
        old = []
        for one, mark in self.marks.items():
            if mark is not None and mark >= before:
                break
            if mark is not None and one not in but:
                old.append(one)
        for one in old:
            del self.marks[one]
