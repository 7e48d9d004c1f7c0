"""Replay a recorded watch: the same events from its lines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, TypeAlias, TypeVar
from uuid import UUID

from veeam_async.clock import Moment
from veeam_async.errors import Json, VeeamError
from veeam_async.events import WatchEvent
from veeam_async.models import Session
from veeam_async.saved_times import from_text
from veeam_async.watch.persist.checkpoint import DAMAGES, restore
from veeam_async.watch.persist.recording import VERSION, DeltaDecoder
from veeam_async.watch.tracker.discovery import DiscoveryResult
from veeam_async.watch.tracker.health import ListResult
from veeam_async.watch.tracker.proof import ControlResult
from veeam_async.watch.tracker.schedule import Rules
from veeam_async.watch.tracker.session import Observation
from veeam_async.watch.tracker.tracker import Tracker

S = TypeVar("S", bound=Session)

_OLDEST = 1

Load: TypeAlias = Callable[[str, Json], S]
"""Reads the session of a kind, named as its class, from plain JSON types."""


def replay(lines: Iterable[Json], load: Load[S]) -> Iterator[WatchEvent[S]]:
    """The events that a recorded watch told, from its lines.

    Raises ValueError, with the number of the line, where they are no recording, and
    where this release gives another event than was recorded.
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
    """Feed a tracker the recorded calls, line by line."""

    def __init__(self, tracker: Tracker[S], load: Callable[[Json], S]) -> None:
        self._tracker = tracker
        self._load = load
        self._sessions = DeltaDecoder()
        self._takes: dict[str, Callable[[Any], object]] = {
            "seen": self._see,
            "swept": lambda line: tracker.discovered(_result(line)),
            "control": lambda line: tracker.controlled(_control(line)),
            "lists": lambda line: tracker.listed(_lists(line)),
            "add": lambda line: tracker.add(UUID(line["id"])),
            "discard": lambda line: tracker.discard(UUID(line["id"])),
            "end": lambda _: None,
        }

    def take(self, line: Any) -> WatchEvent[S] | None:
        """Feed a line to the tracker; the event that was told there, or None."""
        name = line["line"]
        if name == "told":
            return self._tell(line["sequence"])
        if name not in self._takes:
            raise ValueError(f"{name!r} is unknown: a newer release made it")
        self._takes[name](line)
        return None

    def _see(self, line: dict[str, Any]) -> None:
        session_id = UUID(line["id"])
        session = self._sessions.decode(session_id, line)
        seen: Observation[S] = Observation(
            id=session_id,
            asked_at=float(line["asked_at"]),
            at=_moment(line["at"]),
            session=None if session is None else self._load(session),
            error=_loaded_error(line["error"]),
            random=float(line["random"]),
            unlisted=bool(line["stray"]),
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
    if line["version"] not in (_OLDEST, VERSION):
        raise ValueError(f"version {line['version']} is unknown: update this release")
    kind = str(line["kind"])

    def load_one(data: Json) -> S:
        return load(kind, data)

    # What a recording does not name is as it was in its version.
    rules = Rules(**{"edition": line["version"], **line["rules"]})
    now = _moment(line["at"])
    tracker, _ = restore(line["start"], load_one, rules, now=now, kind=kind)
    return Replay(tracker, load_one)


def _result(line: dict[str, Any]) -> DiscoveryResult:
    listed = line["listed"]
    return DiscoveryResult(
        asked_at=float(line["asked_at"]),
        at=_moment(line["at"]),
        error=_loaded_error(line["error"]),
        random=float(line["random"]),
        # A set would lose the order, and events come in it.
        listed=None if listed is None else {UUID(each): None for each in listed}.keys(),
        date=from_text(line.get("date")),
        is_old=line.get("old") is True,
    )


def _lists(line: dict[str, Any]) -> ListResult:
    return ListResult(at=_moment(line["at"]), error=_loaded_error(line["error"]))


def _control(line: dict[str, Any]) -> ControlResult:
    return ControlResult(
        asked_at=float(line["asked_at"]),
        at=_moment(line["at"]),
        error=_loaded_error(line["error"]),
    )


def _moment(data: dict[str, Any]) -> Moment:
    return Moment(float(data["monotonic"]), from_text(data["wall"]))


def _loaded_error(data: dict[str, Any] | None) -> VeeamError | None:
    return None if data is None else VeeamError(data["text"])
