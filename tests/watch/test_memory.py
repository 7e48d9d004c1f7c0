"""What a watch keeps in memory: one model of each session, and equal parts once."""

from __future__ import annotations

import asyncio
import weakref
from typing import Any
from uuid import UUID

import attrs
import pytest

from tests.support.bodies import uuid_of
from tests.support.watching import (
    BUSY,
    START,
    kinds,
    load,
    moment,
    observation,
    restored,
    seen,
    tracker,
    watches,
)
from veeam_async import BackupJobSession
from veeam_async.clock import Clock
from veeam_async.codec import to_saved
from veeam_async.models import Link, Page, PagingInfo
from veeam_async.watch.options import WatchOptions
from veeam_async.watch.persist.checkpoint import save
from veeam_async.watch.polling.known_ids import KnownIds
from veeam_async.watch.polling.request import Listing, PollSource
from veeam_async.watch.polling.strategy import SharedPoller
from veeam_async.watch.tracker.discovery import Discovery, lookback_of
from veeam_async.watch.tracker.parts import Parts
from veeam_async.watch.tracker.schedule import Rules
from veeam_async.watch.tracker.tracker import Tracker

API = "https://em:9398/api"


def linked(number: int, *, job: str = "Mail servers") -> BackupJobSession:
    """Make a session of a job, with the links that a server gives it.

    No two of its texts are one object, nor are they those of another call.
    """
    id_, job_id = uuid_of(number), UUID(int=len(job), version=4)
    name = f"{job}@2026-03-02 21:00:00"
    links = [
        ("Up", f"backupServers/{UUID(int=1)}", "BackupServerReference", "vbr01"),
        ("Up", f"jobs/{job_id}", "JobReference", job),
        ("Alternate", f"backupSessions/{id_}", "BackupJobSessionReference", name),
        ("Stop", f"backupSessions/{id_}?action=stop", None, None),
    ]
    whole = attrs.evolve(
        seen(number=number),
        href=f"{API}/backupSessions/{id_}?format=Entity",
        name=name,
        job_uid=f"urn:veeam:Job:{job_id}",
        job_name=job,
        links=tuple(
            Link(rel=rel, href=f"{API}/{path}", type=type_, name=name)
            for rel, path, type_, name in links
        ),
    )
    # Through text and back, as from the wire.
    return load(_parted(to_saved(whole)))


def _parted(value: Any) -> Any:
    """Give the same with each text an object of its own."""
    if isinstance(value, str):
        return "".join([*value[:1], value[1:]]) if len(value) > 1 else value
    if isinstance(value, dict):
        return {key: _parted(each) for key, each in value.items()}
    return [_parted(each) for each in value] if isinstance(value, list) else value


# ---------------------------------------------------------------- one model a session


@pytest.mark.parametrize("everything", [False, True])
def test_a_look_that_shows_what_is_known_leaves_no_model_behind(
    *, everything: bool
) -> None:
    """From the second look on, whatever failed between them, nothing is kept of it."""
    discovery = Discovery(where=None, lookback=lookback_of(900)) if everything else None
    ids = () if everything else [uuid_of(1)]
    track: Tracker[BackupJobSession] = Tracker(ids, Rules(), discovery=discovery)
    first = linked(1)
    assert kinds(track.feed(observation(0, first))) == ["FOUND"]

    for at in (5, 10, 20):
        again = attrs.evolve(linked(1), progress=at)
        kept = weakref.ref(again)
        assert track.feed(observation(at, again)) == []
        del again
        assert kept() is None
        assert track.last_seen()[uuid_of(1)] == attrs.evolve(first, progress=at)
        assert track.feed(observation(at + 2, BUSY)) == []

    assert track.tracked[uuid_of(1)].known is first
    assert track.tracked[uuid_of(1)].told is first


def test_what_was_told_is_what_is_known() -> None:
    """A change is kept once too, and the model that it replaced is let go."""
    track, models = tracker(progress=True), []
    for at, state, progress in (
        (0, "Starting", 0),
        (5, "Working", 1),
        (9, "Working", 2),
    ):
        found = attrs.evolve(linked(1), state=state, progress=progress)
        (event,) = track.feed(observation(at, found))
        tracked = track.tracked[uuid_of(1)]
        assert tracked.known is tracked.told
        assert tracked.known == found
        models.append(weakref.ref(found))
        del found, event

    track.feed(observation(15, attrs.evolve(linked(1), state="Stopping")))
    assert [model() for model in models] == [None] * 3


def test_what_has_ended_is_not_kept_until_its_list_is_read() -> None:
    """Each look at everything shows again what ended of late: its times are enough."""
    discovery = Discovery(where=None, lookback=lookback_of(900))
    track: Tracker[BackupJobSession] = Tracker((), Rules(), discovery=discovery)
    for again in range(3):
        ended = attrs.evolve(linked(1), state="Stopped", result="Success")
        kept = weakref.ref(ended)
        track.feed(observation(again, ended))
        del ended
        assert kept() is None
    assert discovery.marks.seen_newest == START


# ---------------------------------------------------------------- equal parts once


def test_equal_parts_of_sessions_are_one_object() -> None:
    """Links to one server or job, their words, the names; and all stays equal."""
    track = tracker(2)
    one, two = linked(1), linked(2)
    assert one.links[0] is not two.links[0]
    assert one.job_name is not two.job_name
    track.feed(observation(0, one))
    track.feed(observation(0, two, number=2))

    assert (one, two) == (linked(1), linked(2))
    assert hash(one) == hash(linked(1))
    assert one.links[0] is two.links[0]
    assert one.links[1] is two.links[1]
    assert one.links[2] != two.links[2]
    assert one.links[2].rel is two.links[2].rel
    assert one.links[2].type is two.links[2].type
    assert one.links[2].name is one.name
    assert one.links[3].rel is two.links[3].rel
    assert one.job_uid is two.job_uid
    assert one.job_name is two.job_name is one.links[1].name


def test_links_that_only_lead_to_the_same_place_stay_apart() -> None:
    """Another rel, name or type makes another link."""
    track = tracker(3)
    given = []
    for number, changes in enumerate(({}, {"rel": "Down"}, {"name": "x"}), 1):
        session = linked(number)
        links = (attrs.evolve(session.links[0], **changes), *session.links[1:])
        given.append(links[0])
        session = attrs.evolve(session, links=links)
        track.feed(observation(0, session, number=number))
        assert session.links == links

    shown = [each.links[0] for each in track.last_seen().values() if each]
    assert shown == given


def test_sessions_of_a_checkpoint_share_their_parts() -> None:
    """And with those that come after it."""
    track = tracker(2)
    for number in (1, 2):
        track.feed(observation(0, linked(number), number=number))
    data = save(track, to_saved, None, kind="BackupJobSession")

    again, _ = restored(_parted(data), Rules(), moment(5))
    again.add(uuid_of(3))
    again.feed(observation(5, linked(3), number=3))

    one, two, three = (each for each in again.last_seen().values() if each)
    assert one.links[0] is two.links[0] is three.links[0]
    assert one.job_name is two.job_name is three.job_name


def test_parts_of_what_has_ended_are_forgotten() -> None:
    """Whatever number of jobs there were, and however long their names."""
    parts = Parts()
    most = 0
    for number in range(9_000):
        parts.share(linked(1, job=f"Job {number}"))
        most = max(most, len(parts))

    assert most < 20_000
    assert len(parts) < most


def test_long_texts_are_not_remembered() -> None:
    """They would be most of what is, and hardly any is told twice."""
    parts, session = Parts(), seen()
    before = len(parts)
    links = (Link(rel="x" * 1_000, href="x" * 1_000, name="x" * 1_000),)
    long = attrs.evolve(session, job_name="x" * 1_000, links=links)
    parts.share(session)
    shared = len(parts)
    parts.share(long)

    assert len(parts) == shared > before
    assert long.links == links


# ---------------------------------------------------------------- ids by their UIDs


def test_ids_are_parsed_once_and_forgotten_with_their_rows() -> None:
    """Of each look a row comes once; a complete one says what is known at the next."""
    ids = KnownIds()
    one, two, three = linked(1), linked(2), linked(3)
    ids.begin()
    first = ids.new([one, two, linked(1)])
    assert [row for _, row in first] == [one, two]
    assert ids.new([linked(2)]) == []
    assert ids.changed(first) == [(one, False), (two, False)]
    assert ids.is_empty
    ids.complete()

    # A look that breaks off makes nothing known, and lets nothing be forgotten.
    ids.begin()
    broken = ids.new([linked(1), three])
    assert ids.changed(broken) == [(three, False)]
    assert broken[0][0] is first[0][0]
    ids.begin()
    again = ids.new([linked(1), linked(3)])
    assert ids.changed(again) == [(three, False)]
    ids.complete()

    assert ids.id_of(two.uid) is None
    ids.begin()
    stopped = attrs.evolve(linked(3), end_time=START)
    assert ids.changed(ids.new([stopped, two])) == [(stopped, True), (two, False)]
    narrowed = KnownIds(ids)
    narrowed.begin()
    assert narrowed.new([linked(1)])[0][0] is first[0][0]


# ---------------------------------------------------------------- nothing of old looks


class Uid(str):
    """A text to which there can be weak references."""

    __slots__ = ("__weakref__",)


class Server:
    """A source of lists of *count* sessions that run, each model made anew.

    *models* and *uids* are how many of those there were at once, at most.
    """

    def __init__(self, count: int, size: int) -> None:
        self._count = count
        self._size = size
        self._given: list[weakref.ref[Any]] = []
        self.looks = 0
        self.models = self.uids = 0

    async def page(self, _where: object, _since: object, number: int) -> Any:
        """Give a page, and count what is left of all that were given."""
        self.looks += number == 1
        await asyncio.sleep(0)
        first = (number - 1) * self._size
        rows = tuple(map(self._row, range(first, first + self._size)))
        alive = [each() for each in self._given]
        self._given = [weakref.ref(each) for each in alive if each is not None]
        self.uids = max(self.uids, sum(isinstance(each, Uid) for each in alive))
        self.models = max(
            self.models, sum(isinstance(each, BackupJobSession) for each in alive)
        )
        pages = self._count // self._size
        paging = PagingInfo(page_num=number, page_size=self._size, pages_count=pages)
        return Listing(Page(rows=rows, paging=paging))

    def _row(self, number: int) -> BackupJobSession:
        uid = Uid(f"urn:veeam:BackupJobSession:{uuid_of(number + 1)}")
        row = attrs.evolve(seen(number=number + 1), uid=uid)
        self._given += [weakref.ref(uid), weakref.ref(row)]
        return row

    async def newest(self, *_: object) -> Any:
        """Give the newest session."""
        return Listing(Page(rows=(self._row(0),)))


async def refuse(*_: object) -> Any:
    """Answer nothing but lists."""
    raise BUSY


@pytest.mark.parametrize("everything", [False, True])
async def test_no_more_of_a_look_is_kept_than_the_pages_on_their_way(
    *, everything: bool
) -> None:
    """Neither models nor UIDs: those of earlier looks serve, or are freed at once."""
    count, size, at_once = 200, 10, 4
    server = Server(count, size)
    source = PollSource[BackupJobSession](
        get=refuse,
        page=server.page,
        newest=server.newest,
        references=refuse,
        control=refuse,
        is_fatal=lambda _: False,
    )
    shared = SharedPoller(source, concurrency=1, clock=Clock(), collect=0.0)
    ids = None if everything else map(uuid_of, range(1, count + 1))
    options = WatchOptions(ids=ids, rules=Rules(interval=0.01), strategy="query")
    watch = watches(shared.poll).watch(options)
    found = 0
    async with asyncio.timeout(60), watch:
        async for event in watch:
            found += event.kind == "FOUND"
            del event
            if found == count:
                break
        waiting = asyncio.ensure_future(anext(watch))
        while server.looks < 6:
            await asyncio.sleep(0.01)
        watch.stop()
        await asyncio.wait([waiting])

    on_their_way = (at_once + 1) * size
    assert count <= server.models <= count + on_their_way
    assert count <= server.uids <= count + on_their_way
