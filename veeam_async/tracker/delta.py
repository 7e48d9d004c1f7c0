"""Sessions as plain JSON types, over and over: whole at first, then what changed.

A session that is looked at for an hour is as it was in nearly all of its looks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar
from uuid import UUID

import attrs

from veeam_async.errors import Json
from veeam_async.models import Session, SessionState

S = TypeVar("S", bound=Session)


class Shrunk(Generic[S]):
    """Write sessions; *dump* gives one as plain JSON types, by its fields' names."""

    def __init__(self, dump: Callable[[S], Json]) -> None:
        self._dump = dump
        self._last: dict[UUID, S] = {}

    def write(self, one: UUID, session: S | None) -> dict[str, Json]:
        """Give what a line says of the session *one*, None where there is none."""
        if session is None:
            return {"session": None}
        before = self._last.pop(one, None)
        if not session.is_stopped:  # those that have ended would gather over weeks
            self._last[one] = session
        if before is None:
            return {"session": self._dump(session)}
        return {"changed": self._changes(before, session)}

    def _changes(self, before: S, session: S) -> dict[str, Json]:
        if session == before:
            return {}
        names = [field.name for field in attrs.fields(type(session))]
        dumped: Any = self._dump(session)
        return {
            name: dumped[name]
            for name in names
            if getattr(session, name) != getattr(before, name)
        }


class Whole:
    """Read what `Shrunk` has written."""

    def __init__(self) -> None:
        self._last: dict[UUID, dict[str, Json]] = {}

    def read(self, one: UUID, line: Mapping[str, Any]) -> dict[str, Json] | None:
        """Give the session *one* of a line, whole, None where it has none."""
        if "changed" in line:
            session = {**self._last[one], **line["changed"]}
        elif (session := line["session"]) is None:
            return None
        self._last.pop(one, None)
        if session["state"] != SessionState.STOPPED:
            self._last[one] = session
        return session
