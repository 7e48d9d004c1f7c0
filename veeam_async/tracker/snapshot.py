"""A tracker as plain JSON types, and back: what a checkpoint consists of.

It holds what was told apart from what was seen, so that whatever was handed out after
it is told again. Times are wall times: monotonic clocks differ between processes.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

from veeam_async.clock import Moment
from veeam_async.errors import Json, VeeamError
from veeam_async.events import EventKind
from veeam_async.models import Session
from veeam_async.tracker.census import Census, span
from veeam_async.tracker.ended import Ended
from veeam_async.tracker.health import Health
from veeam_async.tracker.rules import Rules
from veeam_async.tracker.tracked import Tracked, soon
from veeam_async.tracker.tracker import Tracker
from veeam_async.tracker.watermark import Watermark

S = TypeVar("S", bound=Session)

VERSION = 2
_OLDEST = 1

DAMAGES = (AttributeError, KeyError, OverflowError, TypeError, ValueError)
"""What values meet that no checkpoint, and no recording, has."""


def save(
    tracker: Tracker[S],
    dump: Callable[[S], Json],
    deadline: datetime | None,
    *,
    kind: str,
) -> dict[str, Json]:
    """Give the checkpoint of *tracker*, which watches sessions of *kind*.

    *dump* gives a session as plain JSON types.
    """
    return {
        "version": VERSION,
        "kind": kind,
        "sequence": tracker.sequence,
        "deadline": _text(deadline),
        "health": _saved_health(tracker.outage.health),
        "ended": {str(one): _text(at) for one, at in tracker.ended.marks.items()},
        "everything": None if tracker.census is None else _saved_census(tracker.census),
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
    kind: str,
) -> tuple[Tracker[S], datetime | None]:
    """Give the tracker and the deadline that *data* was saved from.

    Versions 1 and 2 are read. Raises ValueError where *data* is no checkpoint, one of a
    newer version, or of sessions of another *kind*.
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
            f"this checkpoint is of a watch of {saved}s, not of {kind}s: resume it "
            "where it was taken"
        )
    try:
        return _restored(data, load, rules, now)
    except (*DAMAGES, VeeamError) as error:
        raise ValueError(f"the checkpoint is damaged: {error}") from error


def _restored(
    data: dict[str, Any],
    load: Callable[[Json], S],
    rules: Rules,
    now: Moment,
) -> tuple[Tracker[S], datetime | None]:
    everything = data.get("everything")  # version 1 could watch no more than ids
    census = None if everything is None else _loaded_census(everything, now)
    tracker: Tracker[S] = Tracker(
        (), rules, census=census, sequence=int(data["sequence"])
    )
    tracker.outage.health = _loaded_health(data["health"], now)
    tracker.ended = _loaded_ended(data["ended"])
    for one, saved in data["sessions"].items():
        tracked = _loaded(UUID(one), saved, load, now)
        if tracked.in_doubt:
            # No sooner than without the restart: the doubt would be taken for settled.
            since = tracked.doubted or _moment(saved["known_at"], now)
            tracked.due = soon(since or now, rules)
        tracker.restore(tracked)
    return tracker, _time(data["deadline"])


def _saved(tracked: Tracked[S], dump: Callable[[S], Json]) -> dict[str, Json]:
    told, known = tracked.told, tracked.newest
    return {
        "told": None if told is None else dump(told),
        "told_seen": _text(tracked.told_seen),
        "known": None if known is None or known is told else dump(known),
        "known_at": _text(tracked.known_at),
        "doubted": bool(tracked.doubted) or tracked.end is EventKind.STOPPED,
        "doubted_at": _wall(tracked.doubted),
        "missing": tracked.missing,
        "missing_since": _wall(tracked.missing_since),
        "looked": tracked.looked,
        "quiet": tracked.quiet,
        "health": _saved_health(tracked.health),
    }


def _loaded(
    id: UUID,  # noqa: A002 - the field's term
    saved: dict[str, Any],
    load: Callable[[Json], S],
    now: Moment,
) -> Tracked[S]:
    told = None if saved["told"] is None else load(saved["told"])
    known = told if saved["known"] is None else load(saved["known"])
    return Tracked(
        id,
        told=told,
        told_seen=_time(saved["told_seen"]),
        known=known,
        known_at=_time(saved["known_at"]),
        doubted=_doubt(saved, now),
        missing=int(saved["missing"]),
        missing_since=_moment(saved["missing_since"], now),
        looked=bool(saved["looked"]),
        quiet=bool(saved.get("quiet")),
        health=_loaded_health(saved["health"], now),
    )


def _doubt(saved: dict[str, Any], now: Moment) -> Moment | None:
    """Give since when there was a doubt; earlier checkpoints tell that there was."""
    since = saved.get("doubted_at") or saved["known_at"]
    return _moment(since, now) if saved["doubted"] else None


def _saved_census(census: Census) -> dict[str, Json]:
    return {
        "where": census.where,
        "lookback": census.lookback.total_seconds(),
        "newest": _text(census.mark.newest),
        "begun": census.begun,
        "began": _text(census.began),
        "health": _saved_health(census.health),
    }


def _loaded_census(saved: dict[str, Any], now: Moment) -> Census:
    where = saved["where"]
    return Census(
        where=None if where is None else str(where),
        lookback=span(float(saved["lookback"])),
        mark=Watermark.at(_time(saved["newest"])),
        begun=bool(saved["begun"]),
        began=_time(saved["began"]),
        health=_loaded_health(saved["health"], now),
    )


def _loaded_ended(saved: dict[str, Any] | list[Any]) -> Ended:
    if isinstance(saved, list):  # version 1
        saved = dict.fromkeys(saved)
    return Ended({UUID(one): _time(at) for one, at in saved.items()})


def _saved_health(health: Health) -> dict[str, Json]:
    return {
        "failing_since": _wall(health.failing_since),
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


def _wall(moment: Moment | None) -> str | None:
    return None if moment is None else _text(moment.wall)


def _text(time: datetime | None) -> str | None:
    return None if time is None else time.astimezone(UTC).isoformat()


def _time(text: str | None) -> datetime | None:
    if text is None:
        return None
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return time.astimezone(UTC)
