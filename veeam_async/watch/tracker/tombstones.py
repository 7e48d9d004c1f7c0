"""The ids whose end was told, for as long as a server may show them once more."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from uuid import UUID

import attrs


@attrs.define
class Tombstones:
    """The sessions of which nothing is told any more, each with the time of its end.

    *marks* maps an id to its server's newest time when it ended. Without such a time,
    as in a watch of given ids, it is kept for good. *servers* has the key of that
    server, where it is known. *gone* are those that were told GONE: one that comes back
    has not ended.
    """

    marks: dict[UUID, datetime | None] = attrs.field(factory=dict)
    gone: set[UUID] = attrs.field(factory=set)
    servers: dict[UUID, str] = attrs.field(factory=dict)

    def __contains__(self, session_id: UUID) -> bool:
        return session_id in self.marks

    def add(
        self,
        session_id: UUID,
        mark: datetime | None = None,
        *,
        is_gone: bool = False,
        server: str = "",
    ) -> None:
        """Remember an id; a known one moves to the end."""
        self.remove(session_id)
        self.marks[session_id] = mark
        if is_gone:
            self.gone.add(session_id)
        if server:
            self.servers[session_id] = server

    def remove(self, session_id: UUID) -> None:
        """Forget an id, if it is known."""
        self.marks.pop(session_id, None)
        self.gone.discard(session_id)
        self.servers.pop(session_id, None)

    def expire(
        self, before: Mapping[str, datetime], but: Collection[UUID] = ()
    ) -> None:
        """Forget those that ended *before* their server's time, except those in *but*.

        Those of other servers go by that of "".
        """
        others, old = before.get(""), []
        for session_id, mark in self.marks.items():
            if mark is None or session_id in but:
                continue
            limit = before.get(self.servers.get(session_id, ""), others)
            if limit is not None and mark < limit:
                old.append(session_id)
        for session_id in old:
            self.remove(session_id)
