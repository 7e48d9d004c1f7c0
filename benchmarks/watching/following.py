"""What watches cost: a round, the delay of its events, many waits, the tracker alone.

A round is one interval. What it costs is the difference of two marks, both set in the
quiet middle between two rounds: the requests by the server's own count, the processor
by this process' own.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections import defaultdict
from collections.abc import Callable, Coroutine, Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from statistics import median
from typing import Any, Literal
from uuid import UUID

import attrs

from benchmarks.process import CLIENT_CORE, in_loop, pin
from benchmarks.serving import Figures, Place, running
from benchmarks.watching.server import Change, serve_sessions
from veeam_async import EnterpriseManager, HealthChanged
from veeam_async.clock import Moment
from veeam_async.codec import decode
from veeam_async.models import BackupJobSession, Page
from veeam_async.watch.tracker.schedule import Rules
from veeam_async.watch.tracker.session import Observation
from veeam_async.watch.tracker.tracker import Tracker
from veeam_async.watch.watch import Watch

_LIST_OF_SESSIONS = Page[BackupJobSession]
_DECODINGS = 5
_START = datetime(2026, 3, 2, 21, tzinfo=UTC)
_SETTLE = 1.5
"""Intervals after which all must have been told, and a wait have returned."""

_KINDS = {"FOUND": "started", "STOPPED": "ended"}
Told = tuple[str, str, float, float]
"""An event: whose, of what change, when it was taken and, as it says itself, seen."""


@in_loop()
async def follow(
    sessions: int,
    strategy: Literal["get", "query"],
    interval: float,
    rounds: int,
    *,
    share: float = 0.02,
) -> Figures:
    """Watch everything by query, or each of the *sessions* that runs now by GET.

    That *share* of them ends in each interval, and as many start. Of a round: requests,
    seconds of processor of the whole client, and of *decoding* the same pages alone;
    how many *changes* there were, which of them were never told or twice, and the
    seconds to their events.
    """
    pin(CLIENT_CORE)
    with running(
        serve_sessions, sessions=sessions, interval=interval, share=share
    ) as place:
        return await _follow(place, strategy, interval, rounds)


async def _follow(
    place: Place, strategy: Literal["get", "query"], interval: float, rounds: int
) -> Figures:
    """Watch, set both marks, and see what was told in the end."""
    told: list[Told] = []
    ids = place.json("ids") if strategy == "get" else None
    async with EnterpriseManager(place.url, username="bench", password="bench") as em:
        watch = em.backup_sessions.watch(ids, interval=interval, strategy=strategy)
        async with asyncio.TaskGroup() as group:
            group.create_task(_take(watch, told))
            await asyncio.sleep(interval)
            await _between_rounds(watch, interval)
            first = await _mark(place)
            await asyncio.sleep(rounds * interval)
            last = await _mark(place)
            pages = (await asyncio.to_thread(place.told, "pages")).split(b"\n")
            await asyncio.sleep(_SETTLE * interval)
            watch.stop()
    begun, over = first["wall"], last["wall"]
    due = [change for change in place.json("changes") if begun <= change[2] < over]
    each = {name: (last[name] - first[name]) / rounds for name in first}
    return {
        "requests": each["requests"],
        "cpu": each["cpu"],
        "decoding": _seconds_to_decode(pages) * each["listed"],
        **_compare(due, told),
    }


async def _take(watch: Watch[BackupJobSession], told: list[Told]) -> None:
    async for event in watch:
        if not isinstance(event, HealthChanged) and event.kind in _KINDS:
            seen = event.observed_at.timestamp()
            told.append((str(event.id), _KINDS[event.kind], time.time(), seen))


async def _between_rounds(watch: Watch[BackupJobSession], interval: float) -> None:
    """Wait until half an interval after the next round began."""
    before = watch.stats.polls
    while watch.stats.polls == before:  # noqa: ASYNC110 - a watch sets no event
        await asyncio.sleep(interval / 50)
    await asyncio.sleep(interval / 2)


async def _mark(place: Place) -> Figures:
    """Set a mark; what that costs itself is a thousandth of the smallest round."""
    now = {"cpu": time.process_time(), "wall": time.time()}
    counts: Figures = await asyncio.to_thread(place.json, "counts")
    return now | counts


def _seconds_to_decode(pages: list[bytes]) -> float:
    """Give the seconds of processor that a byte takes to decode, by these pages.

    They are those of the last round: to keep the pages of all rounds would take more
    memory than a machine may have to spare.
    """
    length, took = sum(map(len, pages)), []
    if length == 0:
        return 0.0
    for _ in range(_DECODINGS):
        began = time.process_time()
        for body in pages:
            decode(body, "application/json; charset=utf-8", _LIST_OF_SESSIONS)
        took.append(time.process_time() - began)
    return median(took) / length


def _compare(due: Sequence[Change], told: Iterable[Told]) -> Figures:
    """Find the events of the changes that were due."""
    events: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    for session_id, kind, *times in told:
        events[session_id, kind].append((times[0], times[1]))
    found = [(at, events.get((whose, kind), [])) for whose, kind, at in due]
    taken = sorted(times[0][0] - at for at, times in found if times)
    seen = sorted(times[0][1] - at for at, times in found if times)
    return {
        "changes": len(due),
        "missing": len(due) - len(taken),
        "doubled": sum(len(times) > 1 for times in events.values()),
        "p50": _percentile(taken, 0.5),
        "p99": _percentile(taken, 0.99),
        "seen_p50": _percentile(seen, 0.5),
        "seen_p99": _percentile(seen, 0.99),
    }


def _percentile(ordered: Sequence[float], share: float) -> float:
    """Give what a *share* of the *ordered* numbers do not exceed, 0 without any."""
    place = min(len(ordered) - 1, int(share * len(ordered)))
    return ordered[place] if ordered else 0.0


@in_loop()
async def wait(waits: int, interval: float, rounds: int) -> Figures:
    """Run so many `wait`s, and as many lone loops, for so many intervals.

    Each kind has a server of its own, with its sessions and no others. Given are the
    requests of waits and of *loops*; how many sessions of waits *ended* in good time,
    and how many of their waits have not returned.
    """
    serving = partial(running, serve_sessions, sessions=waits, interval=interval)
    with serving() as one, serving() as other:
        ours, loops = await asyncio.gather(
            _count(one, _wait, interval, rounds), _count(other, _loop, interval, rounds)
        )
    return {**ours, "loops": loops["requests"]}


async def _count(
    place: Place,
    way: Callable[[EnterpriseManager, str, float], Coroutine[Any, Any, None]],
    interval: float,
    rounds: int,
) -> Figures:
    async with EnterpriseManager(place.url, username="bench", password="bench") as em:
        ids = place.json("ids")
        tasks = {one: asyncio.create_task(way(em, one, interval)) for one in ids}
        await asyncio.sleep(rounds * interval)
        due = time.time() - _SETTLE * interval
        returned = {one for one, task in tasks.items() if task.done()}
        counts = place.json("counts")
        for task in tasks.values():
            task.cancel()
        await asyncio.gather(*tasks.values(), return_exceptions=True)
    ended = {
        one
        for one, kind, at in place.json("changes")
        if kind == "ended" and one in tasks and at < due
    }
    missing = len(ended - returned)
    return {"requests": counts["requests"], "ended": len(ended), "missing": missing}


async def _wait(em: EnterpriseManager, session_id: str, interval: float) -> None:
    await em.backup_sessions.wait(session_id, interval=interval)


async def _loop(em: EnterpriseManager, session_id: str, interval: float) -> None:
    """Wait as one does without a watch."""
    while True:
        session = await em.backup_sessions.get(session_id)
        if session.is_stopped:
            return
        await asyncio.sleep(interval)


def feed(count: int, rounds: int) -> Figures:
    """Time the tracker's taking in of what has not changed, in nanoseconds of CPU.

    To *feed* a prebuilt observation, and to *look_up* the same id in a dictionary.
    """
    pin(CLIENT_CORE)
    known = {session.id: session for session in map(_session, range(count))}
    tracker: Tracker[BackupJobSession] = Tracker(known, Rules(phase=0.0))
    for session in known.values():
        tracker.feed(_observation(session, 0))
    feeds, look_ups = [], []
    for turn in range(1, rounds + 1):
        observations = [_observation(session, turn) for session in known.values()]
        ids = [observation.id for observation in observations]
        tracker.take_due(5.0 * turn)
        gc.collect()
        began = time.process_time_ns()
        for observation in observations:
            tracker.feed(observation)
        fed = time.process_time_ns()
        for one in ids:
            known[one]
        feeds.append((fed - began) / count)
        look_ups.append((time.process_time_ns() - fed) / count)
    return {"feed": median(feeds), "look_up": median(look_ups)}


def _observation(session: BackupJobSession, turn: int) -> Observation[BackupJobSession]:
    """Give what the *turn*-th round saw: a fresh copy, as an answer would give."""
    return Observation(
        id=session.id,
        asked_at=5.0 * turn,
        at=Moment(5.0 * turn, _START),
        session=attrs.evolve(session),
    )


def _session(number: int) -> BackupJobSession:
    return BackupJobSession(
        uid=f"urn:veeam:BackupJobSession:{UUID(int=number, version=4)}",
        job_type="Backup",
        creation_time=_START,
        state="Working",
    )
