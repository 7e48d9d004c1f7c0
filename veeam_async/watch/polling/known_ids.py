"""The ids of the rows of a list, which is read again and again, in one table.

To parse a UUID from each of ten thousand UIDs anew would take longer than all else, and
a table for each look would hold all UIDs once more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar
from uuid import UUID

import attrs

from veeam_async.ids import ends_in_uuid
from veeam_async.models import Session

S = TypeVar("S", bound=Session)


@attrs.define(eq=False, weakref_slot=False)
class _Known:
    """An id, and the numbers of the looks that showed it first and last."""

    id: UUID
    first: int
    last: int


class KnownIds:
    """The ids of the rows of a list, by UID, from look to look.

    Those of *others*, of another list, need not be parsed either.
    """

    def __init__(self, others: KnownIds | None = None) -> None:
        self._known: dict[str, _Known] = {}
        self._others = others
        self._look = self._complete = 0
        self.is_empty: bool = True

    def begin(self) -> None:
        """Begin a look: whatever was read before has to come again."""
        self._look += 1

    def complete(self) -> None:
        """End a look that has read the whole list: what did not come is forgotten."""
        gone = [uid for uid, each in self._known.items() if each.last != self._look]
        for uid in gone:
            del self._known[uid]
        self._complete = self._look
        self.is_empty = not self._known

    def id_of(self, uid: str) -> UUID | None:
        """The id in a UID, None where that is not known."""
        known = self._known.get(uid)
        return None if known is None else known.id

    def new(self, rows: Sequence[S]) -> list[tuple[UUID, S]]:
        """The rows that came on no earlier page of this look, by their ids.

        A UID without a UUID is left out, since no event could name it.
        """
        look, found = self._look, []
        for row in rows:
            known = self._known.get(row.uid) or self._add(row)
            if known is not None and known.last != look:
                known.last = look
                found.append((known.id, row))
        return found

    def changed(self, rows: Sequence[tuple[UUID, S]]) -> list[tuple[S, bool]]:
        """Of the rows that `new` gave, those that have ended or are unknown.

        Each with whether the last complete look showed it.
        """
        complete, found = self._complete, []
        for _, row in rows:
            is_known = self._known[row.uid].first <= complete
            if not is_known or row.end_time is not None:
                found.append((row, is_known))
        return found

    def _add(self, row: Session) -> _Known | None:
        uid = row.uid
        session_id = None if self._others is None else self._others.id_of(uid)
        if session_id is None:
            if not ends_in_uuid(uid):
                return None
            session_id = row.id
        known = self._known[uid] = _Known(session_id, self._look, self._look - 1)
        return known
