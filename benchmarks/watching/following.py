"""Watch a server for some rounds: what a round costs, and how late its events are.

A round is one interval. What it costs is the difference of two marks, both set in the
quiet middle between two rounds: the requests by the server's own count, the processor
by this process' own.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Sequence
from statistics import median
from typing import Literal
from uuid import UUID

import attrs

from benchmarks.process import CLIENT_CORE, pin
from benchmarks.serving import Place, running
from benchmarks.watching.server import (
    Change,
    Counts,
    Setting,
    changes,
    counts,
    serve_sessions,
)
from veeam_async import EnterpriseManager, HealthChanged
from veeam_async.codec import decode
from veeam_async.models import BackupJobSession, Page
from veeam_async.watch.watch import Watch

_LIST_OF_SESSIONS = Page[BackupJobSession]
_DECODINGS = 5
_SETTLE = 1.5
"""Intervals after the last mark within which all must have been told."""

_KINDS = {"FOUND": "started", "STOPPED": "ended"}
Told = tuple[UUID, str, float, float]
"""An event: whose, of what kind, when it was taken, and what it says it was seen at."""


@attrs.frozen(kw_only=True)
class Errand:
    """How to look at how many *sessions*, and for how many *rounds* of *interval* s.

    In each of them that *share* of the sessions ends, and as many start.
    """

    sessions: int
    strategy: Literal["get", "query"]
    interval: float
    rounds: int
    share: float = 0.02


@attrs.frozen(kw_only=True)
class Delays:
    """*changes* between two marks, and the seconds from each to its event.

    *missing* were never told, *doubled* more than once. To the event's arrival in the
    caller's hand are *p50* and *p99*, to its `observed_at` the *seen* ones.
    """

    changes: int
    missing: int
    doubled: int
    p50: float
    p99: float
    seen_p50: float
    seen_p99: float


@attrs.frozen(kw_only=True)
class Followed:
    """What a round came to: requests, bytes of lists, seconds of processor.

    *cpu* is the whole client's, *decoding* that of decoding the same pages alone, and
    *busy* the server's.
    """

    requests: float
    listed: float
    cpu: float
    decoding: float
    busy: float
    delays: Delays


@attrs.frozen
class _Mark:
    """Where the server's counts, the processor and the wall clock stood."""

    counts: Counts
    cpu: float
    wall: float


def follow(errand: Errand) -> Followed:
    """Watch everything by query, or each session that runs now by GET."""
    setting = Setting(
        sessions=errand.sessions, interval=errand.interval, share=errand.share
    )
    pin(CLIENT_CORE)
    with running(serve_sessions, setting) as place:
        return asyncio.run(_follow(errand, place))


async def _follow(errand: Errand, place: Place) -> Followed:
    """Watch, set both marks, and see what was told in the end."""
    told: list[Told] = []
    ids = place.json("ids") if errand.strategy == "get" else None
    async with EnterpriseManager(place.url, username="bench", password="bench") as em:
        watch = em.backup_sessions.watch(
            ids, interval=errand.interval, strategy=errand.strategy
        )
        async with asyncio.TaskGroup() as group:
            group.create_task(_take(watch, told))
            await asyncio.sleep(errand.interval)
            await _between_rounds(watch, errand.interval)
            first = await _mark(place)
            await asyncio.sleep(errand.rounds * errand.interval)
            last = await _mark(place)
            pages = (await asyncio.to_thread(place.told, "pages")).split(b"\n")
            await asyncio.sleep(_SETTLE * errand.interval)
            watch.stop()
    due = [one for one in changes(place) if first.wall <= one[2] < last.wall]
    return _followed(errand.rounds, first, last, pages, _compare(due, told))


async def _take(watch: Watch[BackupJobSession], told: list[Told]) -> None:
    async for event in watch:
        if not isinstance(event, HealthChanged):
            seen = event.observed_at.timestamp()
            told.append((event.id, event.kind, time.time(), seen))


async def _between_rounds(watch: Watch[BackupJobSession], interval: float) -> None:
    """Wait until half an interval after the next round began."""
    before = watch.stats.polls
    while watch.stats.polls == before:  # noqa: ASYNC110 - a watch sets no event
        await asyncio.sleep(interval / 50)
    await asyncio.sleep(interval / 2)


async def _mark(place: Place) -> _Mark:
    """Set a mark; what that costs itself is a thousandth of the smallest round."""
    cpu, wall = time.process_time(), time.time()
    return _Mark(await asyncio.to_thread(counts, place), cpu, wall)


def _followed(
    rounds: int, first: _Mark, last: _Mark, pages: list[bytes], delays: Delays
) -> Followed:
    """Divide the difference of two marks by the rounds between them."""
    listed = (last.counts.listed - first.counts.listed) / rounds
    return Followed(
        requests=(last.counts.requests - first.counts.requests) / rounds,
        listed=listed,
        cpu=(last.cpu - first.cpu) / rounds,
        decoding=_seconds_to_decode(pages) * listed,
        busy=(last.counts.busy - first.counts.busy) / rounds,
        delays=delays,
    )


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


def _compare(due: Sequence[Change], told: Sequence[Told]) -> Delays:
    """Find the events of the changes that were due."""
    events: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    for id_, kind, taken_at, seen_at in told:
        if kind in _KINDS:
            events[str(id_), _KINDS[kind]].append((taken_at, seen_at))
    found = [(at, events.get((id_, kind), [])) for id_, kind, at in due]
    taken = sorted(times[0][0] - at for at, times in found if times)
    seen = sorted(times[0][1] - at for at, times in found if times)
    return Delays(
        changes=len(due),
        missing=sum(not times for _, times in found),
        doubled=sum(len(times) > 1 for times in events.values()),
        p50=_percentile(taken, 0.5),
        p99=_percentile(taken, 0.99),
        seen_p50=_percentile(seen, 0.5),
        seen_p99=_percentile(seen, 0.99),
    )


def _percentile(ordered: Sequence[float], share: float) -> float:
    """Give what a *share* of the *ordered* numbers do not exceed, 0 without any."""
    if not ordered:
        return 0.0
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
