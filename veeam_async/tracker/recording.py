"""A watch as lines of plain JSON types, and the same events from them again.

A line for the start, then one for whatever the tracker was given or asked, in order:
since a tracker reads no clock and does no I/O, it tells the same again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any, Generic, Literal, TypeAlias, TypeVar
from uuid import UUID

import attrs

from veeam_async.errors import Json, VeeamError
from veeam_async.events import WatchEvent
from veeam_async.models import Session
from veeam_async.tracker.census import Swept
from veeam_async.tracker.delta import Shrunk, Whole
from veeam_async.tracker.health import Moment
from veeam_async.tracker.observation import Observation
from veeam_async.tracker.snapshot import DAMAGES, restore, save
from veeam_async.tracker.tracked import Rules
from veeam_async.tracker.tracker import Tracker

S = TypeVar("S", bound=Session)

Why: TypeAlias = Literal["over", "stopped", "late", "failed"]
"""Why a watch ended: all was told, `stop`, its time was up, an error."""

Load: TypeAlias = Callable[[str, Json], S]
"""Gives the session of a kind, named as its class, that plain JSON types hold."""

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


def replay(lines: Iterable[Json], load: Load[S]) -> Iterator[WatchEvent[S]]:
    """Give the events that a recorded watch told, from its *lines*.

    Raises ValueError, with the number of the line, where they are no recording, and
    where this release would not tell what was told then.
    """
    replayed: Replay[S] | None = None
    for number, line in enumerate(lines, start=1):
        try:
            if replayed is None:
                replayed = _begun(line, load)
                continue
            event = replayed.take(line)
        except (*DAMAGES, VeeamError) as error:
            raise ValueError(f"line {number} of the recording: {error}") from error
        if event is not None:
            yield event
    if replayed is None:
        raise ValueError("the recording is empty")


class Replay(Generic[S]):
    """Give a *tracker* again what it was given, line by line."""

    def __init__(self, tracker: Tracker[S], load: Callable[[Json], S]) -> None:
        self._tracker = tracker
        self._load = load
        self._sessions = Whole()

    def take(self, line: Any) -> WatchEvent[S] | None:
        """Take a line in; give the event that was told there."""
        name = line["line"]
        if name == "told":
            return self._tell(line["sequence"])
        if name == "seen":
            self._see(line)
        elif name == "swept":
            self._tracker.sweep(_swept(line))
        elif name == "add":
            self._tracker.add(UUID(line["id"]))
        elif name == "discard":
            self._tracker.discard(UUID(line["id"]))
        elif name != "end":
            raise ValueError(f"{name!r} is unknown: a newer release made it")
        return None

    def _see(self, line: dict[str, Any]) -> None:
        one = UUID(line["id"])
        session = self._sessions.read(one, line)
        seen: Observation[S] = Observation(
            id=one,
            asked_at=float(line["asked_at"]),
            at=_moment(line["at"]),
            session=None if session is None else self._load(session),
            error=_loaded_error(line["error"]),
            random=float(line["random"]),
            stray=bool(line["stray"]),
        )
        self._tracker.take_due(seen.at.monotonic)  # else the schedule only grows
        self._tracker.note(seen)

    def _tell(self, sequence: int | None) -> WatchEvent[S] | None:
        event = self._tracker.tell()
        now = None if event is None else event.sequence
        if now != sequence:
            raise ValueError(f"event {sequence} was told there, and now it is {now}")
        return event


def _begun(line: Any, load: Load[S]) -> Replay[S]:
    if line["line"] != "watch":
        raise ValueError("this is not the beginning of a recording")
    if line["version"] != VERSION:
        raise ValueError(f"version {line['version']} is unknown: update this release")
    kind = str(line["kind"])

    def load_one(data: Json) -> S:
        return load(kind, data)

    rules = Rules(**line["rules"])
    now = _moment(line["at"])
    tracker, _ = restore(line["start"], load_one, rules, now=now, kind=kind)
    return Replay(tracker, load_one)


def _swept(line: dict[str, Any]) -> Swept:
    listed = line["listed"]
    return Swept(
        asked_at=float(line["asked_at"]),
        at=_moment(line["at"]),
        error=_loaded_error(line["error"]),
        random=float(line["random"]),
        # In the order in which it was: events come in it.
        listed=None if listed is None else {UUID(one): None for one in listed}.keys(),
    )


def _dumped(at: Moment) -> dict[str, Json]:
    return {"monotonic": at.monotonic, "wall": at.wall.isoformat()}


def _moment(data: dict[str, Any]) -> Moment:
    return Moment(float(data["monotonic"]), datetime.fromisoformat(data["wall"]))


def _error(error: VeeamError | None) -> dict[str, Json] | None:
    return None if error is None else {"kind": type(error).__name__, "text": str(error)}


def _loaded_error(data: dict[str, Any] | None) -> VeeamError | None:
    return None if data is None else VeeamError(data["text"])
