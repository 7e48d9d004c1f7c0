"""A watch recorded as lines of plain JSON types, and the sessions of such lines.

The first line is the start; then there is one for whatever the tracker was handed or
asked for, in order. Since it reads no clock and does no I/O, it gives the same events
again. A session is written whole once, and after that only what changed in it: in most
looks that is nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Generic, Literal, TypeAlias, TypeVar
from uuid import UUID

import attrs

from veeam_async.clock import Moment
from veeam_async.errors import Json, VeeamError
from veeam_async.events import SessionGone, WatchEvent
from veeam_async.models import Session, SessionState
from veeam_async.saved_times import to_text
from veeam_async.watch.persist.checkpoint import save
from veeam_async.watch.tracker.discovery import DiscoveryResult
from veeam_async.watch.tracker.health import ListResult
from veeam_async.watch.tracker.proof import ControlResult
from veeam_async.watch.tracker.session import Observation
from veeam_async.watch.tracker.tracker import Tracker

S = TypeVar("S", bound=Session)

Why: TypeAlias = Literal["over", "stopped", "late", "failed"]
"""Why a watch ended: all was told, `stop`, its time was up, an error."""

VERSION = 2


class Recorder(Generic[S]):
    """Hand lines about a watch of sessions of *kind* to *put*.

    *dump* gives a session as plain JSON types. *failure* is what *put* raised; after
    that it is not called again.
    """

    def __init__(
        self, put: Callable[[Json], object], dump: Callable[[S], Json], kind: str
    ) -> None:
        self._put: Callable[[Json], object] | None = put
        self._dump = dump
        self._kind = kind
        self._begun = False
        self._sessions = DeltaEncoder(dump)
        self.failure: Exception | None = None

    def begin(self, tracker: Tracker[S], at: Moment) -> None:
        """Record, once, the state and the rules with which the watch begins."""
        if self._begun or self._put is None:
            return
        self._begun = True
        self._write(
            "watch",
            version=VERSION,
            kind=self._kind,
            rules=attrs.asdict(tracker.rules),
            at=_dumped(at),
            start=save(tracker, self._dump, None, kind=self._kind),
        )

    def add(self, session_id: UUID) -> None:
        """Record that a session is watched too."""
        self._write("add", id=str(session_id))

    def discard(self, session_id: UUID) -> None:
        """Record that a session is watched no longer."""
        self._write("discard", id=str(session_id))

    def seen(self, seen: Observation[S]) -> None:
        """Record what a look saw."""
        # Asked here too, since dumping a session for nobody takes time.
        if self._put is None:
            return
        self._write(
            "seen",
            id=str(seen.id),
            asked_at=seen.asked_at,
            at=_dumped(seen.at),
            **self._sessions.encode(seen.id, seen.session),
            error=_error(seen.error),
            random=seen.random,
            stray=seen.unlisted,
        )

    def discovered(self, result: DiscoveryResult) -> None:
        """Record how a look at everything ended."""
        if self._put is None:
            return
        listed = result.listed
        self._write(
            "swept",
            asked_at=result.asked_at,
            at=_dumped(result.at),
            error=_error(result.error),
            random=result.random,
            listed=None if listed is None else [str(each) for each in listed],
            date=to_text(result.date),
            old=result.is_old,
        )

    def controlled(self, result: ControlResult) -> None:
        """Record how a control went."""
        self._write(
            "control",
            asked_at=result.asked_at,
            at=_dumped(result.at),
            error=_error(result.error),
        )

    def listed(self, result: ListResult) -> None:
        """Record whether lists work, where that has changed."""
        self._write("lists", at=_dumped(result.at), error=_error(result.error))

    def told(self, event: WatchEvent[S] | None) -> None:
        """Record that the tracker was asked for an event, and which it gave."""
        if isinstance(event, SessionGone):
            self._sessions.forget(event.id)  # those that vanished would pile up too
        self._write("told", sequence=None if event is None else event.sequence)

    def end(self, why: Why) -> None:
        """Record the end of the watch, and nothing after it."""
        self._write("end", why=why)
        self._put = None

    def _write(self, name: str, **values: Json) -> None:
        # A session that is added before the first look is part of the start.
        if self._put is None or not self._begun:
            return
        try:
            self._put({"line": name, **values})
        except Exception as error:  # noqa: BLE001 - raised by the watch: a look may serve others too
            self._put, self.failure = None, error


class DeltaEncoder(Generic[S]):
    """Write sessions whole at first, then what changed.

    *dump* gives one as plain JSON types, by its fields' names.
    """

    def __init__(self, dump: Callable[[S], Json]) -> None:
        self._dump = dump
        self._last: dict[UUID, S] = {}

    def encode(self, session_id: UUID, session: S | None) -> dict[str, Json]:
        """What a line says of a session, None where there is none."""
        if session is None:
            return {"session": None}
        before = self._last.pop(session_id, None)
        if not session.is_stopped:  # ended ones would pile up over weeks
            self._last[session_id] = session
        if before is None:
            return {"session": self._dump(session)}
        return {"changed": self._changes(before, session)}

    def forget(self, session_id: UUID) -> None:
        """Write a session whole the next time, if it is ever seen again."""
        self._last.pop(session_id, None)

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


class DeltaDecoder:
    """Read what a `DeltaEncoder` has written."""

    def __init__(self) -> None:
        self._last: dict[UUID, dict[str, Json]] = {}

    def decode(
        self, session_id: UUID, line: Mapping[str, Any]
    ) -> dict[str, Json] | None:
        """The session of a line, whole, None where it has none."""
        if "changed" in line:
            session = {**self._last[session_id], **line["changed"]}
        elif (session := line["session"]) is None:
            return None
        self._last.pop(session_id, None)
        if session["state"] != SessionState.STOPPED:
            self._last[session_id] = session
        return session


def _dumped(at: Moment) -> dict[str, Json]:
    return {"monotonic": at.monotonic, "wall": at.wall.isoformat()}


def _error(error: VeeamError | None) -> dict[str, Json] | None:
    return None if error is None else {"kind": type(error).__name__, "text": str(error)}
