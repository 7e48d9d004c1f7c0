"""A tracker as plain JSON types, and back: what a checkpoint consists of.

It holds what was told apart from what was seen, so that whatever was handed out after
it is told again. Times are wall times: monotonic clocks differ between processes.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

from veeam_async.errors import Json, VeeamError
from veeam_async.events import EventKind
from veeam_async.health import Health, Moment
from veeam_async.models import Session
from veeam_async.tracked import Rules, Tracked
from veeam_async.tracker import Tracker

S = TypeVar("S", bound=Session)

VERSION = 1


def save(
    tracker: Tracker[S], dump: Callable[[S], Json], deadline: datetime | None
) -> dict[str, Json]:
    """Give the checkpoint of *tracker*; *dump* gives a session as plain JSON types."""
    return {
        "version": VERSION,
        "sequence": tracker.sequence,
        "deadline": _text(deadline),
        "health": _saved_health(tracker.health),
        "ended": [str(one) for one in tracker.ended],
        "sessions": {
            str(one): _saved(tracked, dump) for one, tracked in tracker.tracked.items()
        },
    }


def restore(
    data: Json,
    load: Callable[[Json], S],
    rules: Rules,
    *,
    now: Moment,
    uniform: Callable[[], float],
) -> tuple[Tracker[S], datetime | None]:
    """Give the tracker and the deadline that *data* was saved from.

    Raises ValueError where *data* is no checkpoint, or one of a newer version.
    """
    if not isinstance(data, dict) or data.get("version") != VERSION:
        raise ValueError(
            f"this is no checkpoint of version {VERSION}; take one from "
            "watch.checkpoint() of this release"
        )
    try:
        return _restored(data, load, rules, now, uniform)
    except (AttributeError, KeyError, TypeError, ValueError, VeeamError) as error:
        raise ValueError(f"the checkpoint is damaged: {error}") from error


def _restored(
    data: dict[str, Any],
    load: Callable[[Json], S],
    rules: Rules,
    now: Moment,
    uniform: Callable[[], float],
) -> tuple[Tracker[S], datetime | None]:
    tracker: Tracker[S] = Tracker(
        (), rules, uniform=uniform, sequence=int(data["sequence"])
    )
    tracker.health = _loaded_health(data["health"], now)
    tracker.ended = {UUID(one) for one in data["ended"]}
    for one, saved in data["sessions"].items():
        tracker.restore(UUID(one), _loaded(saved, load, now))
    return tracker, _time(data["deadline"])


def _saved(tracked: Tracked[S], dump: Callable[[S], Json]) -> dict[str, Json]:
    told, known, missing = tracked.told, tracked.known, tracked.missing_since
    return {
        "told": None if told is None else dump(told),
        "told_seen": _text(tracked.told_seen),
        "known": None if known is None or known is told else dump(known),
        "known_at": _text(tracked.known_at),
        "doubted": tracked.doubted or tracked.end is EventKind.STOPPED,
        "missing": tracked.missing,
        "missing_since": None if missing is None else _text(missing.wall),
        "looked": tracked.looked,
        "health": _saved_health(tracked.health),
    }


def _loaded(
    saved: dict[str, Any], load: Callable[[Json], S], now: Moment
) -> Tracked[S]:
    told = None if saved["told"] is None else load(saved["told"])
    known = told if saved["known"] is None else load(saved["known"])
    return Tracked(
        told=told,
        told_seen=_time(saved["told_seen"]),
        known=known,
        known_at=_time(saved["known_at"]),
        doubted=bool(saved["doubted"]),
        missing=int(saved["missing"]),
        missing_since=_moment(saved["missing_since"], now),
        looked=bool(saved["looked"]),
        health=_loaded_health(saved["health"], now),
    )


def _saved_health(health: Health) -> dict[str, Json]:
    since = health.failing_since
    return {
        "failing_since": None if since is None else _text(since.wall),
        "told": _text(health.told),
    }


def _loaded_health(saved: dict[str, Any], now: Moment) -> Health:
    told = _time(saved["told"])
    return Health(
        failing_since=_moment(saved["failing_since"], now),
        degraded=told is not None,
        told=told,
    )


def _moment(text: str | None, now: Moment) -> Moment | None:
    """Give a saved wall time on both clocks of this process."""
    wall = _time(text)
    if wall is None:
        return None
    ago = max(0.0, (now.wall - wall).total_seconds())
    return Moment(now.monotonic - ago, wall)


def _text(time: datetime | None) -> str | None:
    return None if time is None else time.astimezone(UTC).isoformat()


def _time(text: str | None) -> datetime | None:
    if text is None:
        return None
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return time
