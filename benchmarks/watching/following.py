"""Watch a server for some rounds, in a fresh process: `following '<errand as JSON>'`.

What a round costs is the difference of two marks, both set in the quiet middle between
two rounds: the requests by the server's own count, the processor by this process' own.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from statistics import median
from typing import Literal

import attrs

from benchmarks.affinity import cores, pin
from benchmarks.watching.delays import Delays, Told, compare
from benchmarks.watching.server import LIST, Setting
from benchmarks.watching.serving import Counts, Service, serving
from veeam_async import EnterpriseManager, HealthChanged
from veeam_async.codec import decode
from veeam_async.models import BackupJobSession, Page
from veeam_async.watch.watch import Watch, WatchStats

_LIST_OF_SESSIONS = Page[BackupJobSession]
_DECODINGS = 5
_SETTLE = 1.5
"""Intervals after the last mark within which all must have been told."""


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
class Followed:
    """What a round came to: requests, bytes of lists, seconds of processor.

    *cpu* is the whole client's, *decoding* that of decoding the same pages alone, and
    *busy* the server's. *stats* is what the watch says of itself.
    """

    sessions: int
    rounds: int
    requests: float
    listed: float
    cpu: float
    decoding: float
    busy: float
    delays: Delays
    stats: dict[str, float | None]


@attrs.frozen(kw_only=True)
class Mark:
    """Where the server's counts, the processor and the wall clock stood."""

    counts: Counts
    cpu: float
    wall: float


def main() -> None:
    """Follow, and print what it came to."""
    errand = Errand(**json.loads(sys.argv[1]))
    ours, servers = cores()
    pin(ours)
    setting = Setting(
        sessions=errand.sessions, interval=errand.interval, share=errand.share
    )
    with serving(setting, servers) as service:
        followed = asyncio.run(follow(errand, service))
    print(json.dumps(attrs.asdict(followed)))


async def follow(errand: Errand, service: Service) -> Followed:
    """Watch, set both marks, and see what was told in the end."""
    told: list[Told] = []
    async with EnterpriseManager(service.url, username="bench", password="bench") as em:
        watch = _opened(em, errand, service)
        async with asyncio.TaskGroup() as group:
            group.create_task(_take(watch, told))
            await asyncio.sleep(errand.interval)
            await _between_rounds(watch, errand.interval)
            first = await _mark(service)
            await asyncio.sleep(errand.rounds * errand.interval)
            last = await _mark(service)
            pages = await asyncio.to_thread(service.pages)
            await asyncio.sleep(_SETTLE * errand.interval)
            stats = _plain(watch.stats)
            watch.stop()
    delays = compare(service.changes(), told, (first.wall, last.wall))
    return _followed(errand, (first, last), pages, delays, stats)


def _opened(
    em: EnterpriseManager, errand: Errand, service: Service
) -> Watch[BackupJobSession]:
    """Watch everything by query, or each session that runs now by GET."""
    ids = service.ids() if errand.strategy == "get" else None
    return em.backup_sessions.watch(
        ids, interval=errand.interval, strategy=errand.strategy
    )


async def _take(watch: Watch[BackupJobSession], told: list[Told]) -> None:
    async for event in watch:
        if not isinstance(event, HealthChanged):
            seen = event.observed_at.timestamp()
            told.append((event.id, event.kind, time.time(), seen))


def _plain(stats: WatchStats) -> dict[str, float | None]:
    """Give them as JSON can tell them, times in seconds since 1970."""
    told = attrs.asdict(stats)
    last = stats.last_look
    return told | {"last_look": None if last is None else last.timestamp()}


async def _between_rounds(watch: Watch[BackupJobSession], interval: float) -> None:
    """Wait until half an interval after the next round began."""
    before = watch.stats.polls
    while watch.stats.polls == before:  # noqa: ASYNC110 - a watch sets no event
        await asyncio.sleep(interval / 50)
    await asyncio.sleep(interval / 2)


async def _mark(service: Service) -> Mark:
    """Set a mark; what that costs itself is a thousandth of the smallest round."""
    cpu, wall = time.process_time(), time.time()
    counts = await asyncio.to_thread(service.counts)
    return Mark(counts=counts, cpu=cpu, wall=wall)


def _followed(
    errand: Errand,
    marks: tuple[Mark, Mark],
    pages: list[bytes],
    delays: Delays,
    stats: dict[str, float | None],
) -> Followed:
    """Divide the difference of two marks by the rounds between them."""
    rounds, (first, last) = errand.rounds, marks
    listed = last.counts.bytes.get(LIST, 0) - first.counts.bytes.get(LIST, 0)
    return Followed(
        sessions=errand.sessions,
        rounds=rounds,
        requests=(last.counts.total - first.counts.total) / rounds,
        listed=listed / rounds,
        cpu=(last.cpu - first.cpu) / rounds,
        decoding=_seconds_to_decode(pages) * listed / rounds,
        busy=(last.counts.busy - first.counts.busy) / rounds,
        delays=delays,
        stats=stats,
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


if __name__ == "__main__":
    main()
