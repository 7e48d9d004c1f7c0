"""A tracker as plain JSON types, and back: what a checkpoint consists of.

It keeps what was told apart from what was seen, so that a watch that resumes tells
again what came after it. Times are wall times: monotonic clocks differ between
processes.
"""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from veeam_async.clock import Moment
from veeam_async.errors import Json, VeeamError, one_line
from veeam_async.filters import filter_text
from veeam_async.models import Session
from veeam_async.saved_times import from_text, to_text
from veeam_async.watch.persist.server_mark import loaded_mark, saved_mark
from veeam_async.watch.tracker.discovery import Discovery, lookback_of
from veeam_async.watch.tracker.health import Health
from veeam_async.watch.tracker.schedule import Rules
from veeam_async.watch.tracker.session import Phase, TrackedSession
from veeam_async.watch.tracker.tombstones import Tombstones
from veeam_async.watch.tracker.tracker import Tracker
from veeam_async.watch.tracker.watermark import ServerMark, Watermarks, real_or_none

S = TypeVar("S", bound=Session)

VERSION = 2
_OLDEST = 1

DAMAGES = (
    AttributeError,
    KeyError,
    OverflowError,
    RecursionError,
    TypeError,
    ValueError,
)
"""The errors of reading a damaged checkpoint or recording."""


def save(
    tracker: Tracker[S],
    dump: Callable[[S], Json],
    deadline: datetime | None,
    *,
    kind: str,
) -> dict[str, Json]:
    """The checkpoint of a tracker, which watches sessions of *kind*.

    *dump* gives a session as plain JSON types.
    """
    discovery, ended = tracker.discovery, tracker.tombstones.marks
    return {
        "version": VERSION,
        "kind": kind,
        "sequence": tracker.sequence,
        "deadline": to_text(deadline),
        "health": _saved_health(tracker.server.health),
        "lists": _saved_health(tracker.lists),
        "proven_at": _wall(tracker.proof.asked),
        "gone_ids": [str(session_id) for session_id in tracker.tombstones.gone],
        "ended": {str(session_id): to_text(at) for session_id, at in ended.items()},
        "ended_on": _by_server(tracker.tombstones.servers),
        "everything": None if discovery is None else _saved_discovery(discovery),
        "sessions": {
            str(session_id): _saved(tracked, dump)
            for session_id, tracked in tracker.tracked.items()
        },
    }


def restore(
    data: Json,
    load: Callable[[Json], S],
    rules: Rules,
    *,
    now: Moment,
    kind: str,
) -> tuple[Tracker[S], datetime | None]:
    """The tracker and the deadline that *data* was saved from.

    Versions 1 and 2 are read. Raises ValueError where it is no checkpoint, one of a
    newer version, or of sessions of another kind.
    """
    if not isinstance(data, dict) or not isinstance(data.get("version"), int):
        raise ValueError("this is no checkpoint: take one from watch.checkpoint()")  # noqa: TRY004 - misuse is ValueError throughout
    if not _OLDEST <= data["version"] <= VERSION:
        raise ValueError(
            f"this checkpoint is of version {data['version']}, and this release reads "
            f"{_OLDEST} to {VERSION}: update the one that is older"
        )
    saved = data.get("kind")  # version 1 did not tell
    if saved and saved != kind:
        raise ValueError(
            f"this checkpoint is of a watch of {_named(saved)}s, not of {kind}s: "
            "resume it where it was taken"
        )
    try:
        return _restored(data, load, rules, now)
    except (*DAMAGES, VeeamError) as error:
        raise ValueError(f"the checkpoint is damaged: {error}") from error


def _named(kind: object) -> str:
    """Words for what a checkpoint says it is of."""
    # What is no text may nest without an end, at which str() fails on some Pythons.
    return one_line(kind if isinstance(kind, str) else reprlib.repr(kind))


def _restored(
    data: dict[str, Any],
    load: Callable[[Json], S],
    rules: Rules,
    now: Moment,
) -> tuple[Tracker[S], datetime | None]:
    everything = data.get("everything")  # version 1 could watch no more than ids
    discovery = None
    if everything is not None:
        discovery = _loaded_discovery(everything, now)
        discovery.marks.is_one = rules.edition == 1
        # Also where it was saved again before a look has shown the servers.
        discovery.is_of_one = rules.edition > 1 and _is_of_one(everything)
    tracker: Tracker[S] = Tracker(
        (), rules, discovery=discovery, sequence=int(data["sequence"])
    )
    tracker.server.health = _loaded_health(data["health"], now, "server")
    if lists := data.get("lists"):
        tracker.lists = _loaded_health(lists, now, "list")
    tracker.proof.asked = _moment(data.get("proven_at"), now)
    # Kept since 0.2.0 alone, which tells of one that comes back.
    gone = {UUID(session_id) for session_id in data.get("gone_ids", ())}
    tracker.tombstones = _loaded_tombstones(data["ended"], gone)
    tracker.tombstones.servers = {
        UUID(session_id): str(server)
        for server, ids in data.get("ended_on", {}).items()
        for session_id in ids
    }
    for session_id, saved in data["sessions"].items():
        tracked = _loaded(UUID(session_id), saved, load, now)
        if tracked.phase is Phase.CONFIRMING:
            # No sooner than without the restart, else it would be confirmed too early.
            missed = saved.get("missed_at") or saved["known_at"]
            since = tracked.confirming_since or _moment(missed, now)
            tracked.due = rules.confirm_at(since or now, tracked.denials)
        tracker.restore(tracked)
    return tracker, from_text(data["deadline"])


def _saved(tracked: TrackedSession[S], dump: Callable[[S], Json]) -> dict[str, Json]:
    told, known = tracked.told, tracked.newest
    stopped = tracked.confirming_since is not None or tracked.phase is Phase.STOPPED
    # The keys are those of version 2, whatever a thing is called in the code by now:
    # another release reads them.
    return {
        "told": None if told is None else dump(told),
        "told_seen": to_text(tracked.told_seen),
        "known": None if known is None or known is told else dump(known),
        "known_at": to_text(tracked.known_at),
        "known_asked": to_text(tracked.known_asked),
        "doubted": stopped,
        "doubted_at": _wall(tracked.confirming_since),
        "denials": tracked.denials,
        "missing": tracked.missing,
        "missing_since": _wall(tracked.missing_since),
        "missed_at": _wall(tracked.missed),
        "looked": tracked.health.looked,
        "quiet": tracked.suppressed,
        "health": _saved_health(tracked.health),
    }


def _loaded(
    session_id: UUID,
    saved: dict[str, Any],
    load: Callable[[Json], S],
    now: Moment,
) -> TrackedSession[S]:
    told = None if saved["told"] is None else load(saved["told"])
    known = told if saved["known"] is None else load(saved["known"])
    tracked = TrackedSession(
        session_id,
        told=told,
        told_seen=from_text(saved["told_seen"]),
        known=known,
        known_at=from_text(saved["known_at"]),
        known_asked=from_text(saved.get("known_asked") or saved["known_at"]),
        confirming_since=_confirming_since(saved, now),
        denials=int(saved.get("denials", 0)),
        missing=int(saved["missing"]),
        missing_since=_moment(saved["missing_since"], now),
        missed=_moment(saved.get("missed_at"), now) or now,
        suppressed=bool(saved.get("quiet")),
        health=_loaded_health(saved["health"], now),
    )
    tracked.health.looked = bool(saved["looked"])
    tracked.health.missing = bool(tracked.missing and tracked.known)
    tracked.phase = _phase(tracked)
    return tracked


def _phase(tracked: TrackedSession[S]) -> Phase:
    """Where a restored session stands: ends that were not told are confirmed anew."""
    if tracked.confirming_since is not None:
        return Phase.CONFIRMING
    if tracked.known is None:
        return Phase.AWAITED
    return Phase.CONFIRMING if tracked.missing else Phase.ACTIVE


def _confirming_since(saved: dict[str, Any], now: Moment) -> Moment | None:
    """Since when an end was being confirmed; version 1 told only that it was."""
    since = saved.get("doubted_at") or saved["known_at"]
    return _moment(since, now) if saved["doubted"] else None


def _by_server(servers: Mapping[UUID, str]) -> Mapping[str, list[Json]]:
    """The ids of tombstones by their server, of which there are few."""
    ids: dict[str, list[Json]] = {}
    for session_id, server in servers.items():
        ids.setdefault(server, []).append(str(session_id))
    return ids


def _saved_discovery(discovery: Discovery) -> dict[str, Json]:
    return {
        "where": discovery.where,
        "lookback": discovery.lookback.total_seconds(),
        "newest": to_text(discovery.marks.newest),
        "begun": discovery.begun,
        "began": to_text(discovery.began),
        "called": _wall(discovery.called),
        "em_time": to_text(discovery.marks.now),
        "servers": {
            key: saved_mark(each) for key, each in discovery.marks.marks.items()
        },
        "health": _saved_health(discovery.health),
    }


def _loaded_discovery(saved: dict[str, Any], now: Moment) -> Discovery:
    where = saved["where"]
    return Discovery(
        where=None if where is None else filter_text(where, Session),
        lookback=lookback_of(float(saved["lookback"])),
        marks=_loaded_marks(saved),
        begun=bool(saved["begun"]),
        began=from_text(saved["began"]),
        called=_moment(saved.get("called"), now),
        health=_loaded_health(saved["health"], now),
    )


def _is_of_one(saved: dict[str, Any]) -> bool:
    """Whether its mark is that of 0.1.0, which had one for all servers."""
    marks = saved.get("servers")
    is_alone = marks is None or [*marks] == [""]
    return is_alone and bool(saved["begun"]) and saved.get("em_time") is None


def _loaded_marks(saved: dict[str, Any]) -> Watermarks:
    marks = Watermarks(now=real_or_none(from_text(saved.get("em_time"))))
    servers = saved.get("servers")  # 0.1.0 had one mark for all
    if servers is not None:
        marks.marks = {str(key): loaded_mark(each) for key, each in servers.items()}
    elif newest := real_or_none(from_text(saved["newest"])):
        began = real_or_none(from_text(saved["began"]))
        marks.marks[""] = ServerMark(newest=newest, began=began)
    return marks


def _loaded_tombstones(
    saved: dict[str, Any] | list[Any], gone: set[UUID]
) -> Tombstones:
    if isinstance(saved, list):  # version 1
        saved = dict.fromkeys(saved)
    marks = {UUID(each): from_text(at) for each, at in saved.items()}
    return Tombstones(marks, gone & marks.keys())


def _saved_health(health: Health) -> dict[str, Json]:
    return {
        "failing_since": _wall(health.failing_since),
        "told": to_text(health.told),
        "scope": health.scope,
    }


def _loaded_health(
    saved: dict[str, Any], now: Moment, scope: str = "session"
) -> Health:
    told = from_text(saved["told"])
    return Health(
        failing_since=_moment(saved["failing_since"], now),
        degraded=told is not None,
        told=told,
        scope=str(saved.get("scope", scope)),
    )


def _moment(text: str | None, now: Moment) -> Moment | None:
    """A saved wall time on both clocks of this process."""
    wall = from_text(text)
    if wall is None:
        return None
    ago = max(0.0, (now.wall - wall).total_seconds())
    return Moment(now.monotonic - ago, wall)


def _wall(moment: Moment | None) -> str | None:
    return None if moment is None else to_text(moment.wall)
