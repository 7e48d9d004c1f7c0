"""A watch as lines of plain JSON types, and the same events from them again.

A line for the start, then one for whatever the tracker was given or asked, in order:
since a tracker reads no clock and does no I/O, it tells the same again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, Literal, TypeAlias, TypeVar
from uuid import UUID

import attrs

from veeam_async.clock import Moment
from veeam_async.errors import Json, VeeamError
from veeam_async.events import WatchEvent
from veeam_async.models import Session
from veeam_async.tracker.delta import Shrunk
from veeam_async.tracker.observation import Observation
from veeam_async.tracker.scope import Swept
from veeam_async.tracker.snapshot import save
from veeam_async.tracker.tracker import Tracker

S = TypeVar("S", bound=Session)

Why: TypeAlias = Literal["over", "stopped", "late", "failed"]
"""Why a watch ended: all was told, `stop`, its time was up, an error."""

VERSION = 1


class Recorder(Generic[S]):
    """Hand lines about a watch of sessions of *kind* to *put*, None: to nobody.

    *dump* gives a session as plain JSON types. *failure* is what *put* raised; it is
    called no more then.
    """

    def __init__(
        self,
        put: Callable[[Json], object] | None,
        dump: Callable[[S], Json],
        kind: str,
    ) -> None:
        self._put = put
        self._dump = dump
        self.kind = kind
        self._begun = False
        self._sessions = Shrunk(dump)
        self.failure: Exception | None = None

    @property
    def is_on(self) -> bool:
        """Whether anybody wants lines."""
        return self._put is not None

    def begin(self, tracker: Tracker[S], at: Moment) -> None:
        """Tell, once, from where and by which rules the watch sets out."""
        if self._begun or self._put is None:
            return
        self._begun = True
        self._write(
            "watch",
            version=VERSION,
            kind=self.kind,
            rules=attrs.asdict(tracker.rules),
            at=_dumped(at),
            start=save(tracker, self._dump, None, kind=self.kind),
        )

    def add(self, one: UUID) -> None:
        """Tell that *one* is watched too."""
        self._write("add", id=str(one))

    def discard(self, one: UUID) -> None:
        """Tell that *one* is watched no longer."""
        self._write("discard", id=str(one))

    def seen(self, seen: Observation[S]) -> None:
        """Tell what a look saw."""
        if self._put is None:
            return
        self._write(
            "seen",
            id=str(seen.id),
            asked_at=seen.asked_at,
            at=_dumped(seen.at),
            **self._sessions.write(seen.id, seen.session),
            error=_error(seen.error),
            random=seen.random,
            stray=seen.stray,
        )

    def swept(self, swept: Swept) -> None:
        """Tell what came of a look at everything."""
        if self._put is None:
            return
        listed = swept.listed
        self._write(
            "swept",
            asked_at=swept.asked_at,
            at=_dumped(swept.at),
            error=_error(swept.error),
            random=swept.random,
            listed=None if listed is None else [str(one) for one in listed],
        )

    def told(self, event: WatchEvent[S] | None) -> None:
        """Tell that the tracker was asked what there is to tell, and what it gave."""
        self._write("told", sequence=None if event is None else event.sequence)

    def end(self, why: Why) -> None:
        """Tell that the watch has ended, and hand on no more."""
        self._write("end", why=why)
        self._put = None

    def _write(self, name: str, **values: Json) -> None:
        if self._put is None or not self._begun:
            return
        try:
            self._put({"line": name, **values})
        except Exception as error:  # noqa: BLE001 - raised by the watch: a look may serve others too
            self._put, self.failure = None, error


def _dumped(at: Moment) -> dict[str, Json]:
    return {"monotonic": at.monotonic, "wall": at.wall.isoformat()}


def _error(error: VeeamError | None) -> dict[str, Json] | None:
    return None if error is None else {"kind": type(error).__name__, "text": str(error)}
