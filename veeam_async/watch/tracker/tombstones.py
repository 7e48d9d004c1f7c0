"""The ids whose end was told, for as long as a server may show them once more."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

import attrs


@attrs.define
class Tombstones:
    """The sessions of which nothing is told any more, each with the time of its end.

    *marks* maps an id to the server's newest time when it ended. Without such a time,
    as in a watch of given ids, it is kept for good. *gone* are those that were told
    GONE: one that comes back has not ended.
    """

    marks: dict[UUID, datetime | None] = attrs.field(factory=dict)
    gone: set[UUID] = attrs.field(factory=set)

    def __contains__(self, session_id: UUID) -> bool:
        return session_id in self.marks

    def add(
        self, session_id: UUID, mark: datetime | None = None, *, is_gone: bool = False
    ) -> None:
        """Remember an id; a known one moves to the end."""
        # `expire` stops at the first that is young enough, so the order must hold.
        self.remove(session_id)
        self.marks[session_id] = mark
        if is_gone:
            self.gone.add(session_id)

    def remove(self, session_id: UUID) -> None:
        """Forget an id, if it is known."""
        self.marks.pop(session_id, None)
        self.gone.discard(session_id)

    def expire(self, before: datetime, but: Collection[UUID] = ()) -> None:
        """Forget those that ended before that time, except those in *but*."""
        old = []
        for session_id, mark in self.marks.items():
            if mark is not None and mark >= before:
                break
            if mark is not None and session_id not in but:
                old.append(session_id)
        for session_id in old:
            self.remove(session_id)
