import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.bodies import uuid_of
from tests.support.paths import RECORDINGS
from tests.support.watching import (
    KIND,
    START,
    Script,
    moment,
    observation,
    poller,
    seen,
    watches,
)
from veeam_async import BackupJobSession, ServerError, from_dict, to_dict
from veeam_async.codec import to_saved
from veeam_async.errors import Json
from veeam_async.watch.options import WatchOptions
from veeam_async.watch.persist.recording import Recorder
from veeam_async.watch.persist.replay import replay
from veeam_async.watch.tracker.schedule import Rules
from veeam_async.watch.tracker.tracker import Tracker
from veeam_async.watch.watch import Watch


def load(kind: str, data: Json) -> BackupJobSession:
    """Give a session of the only kind that is recorded here."""
    assert kind == KIND
    return from_dict(BackupJobSession, data)


def read(path: Path) -> list[Any]:
    """Give the lines of a file."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def broken() -> ServerError:
    """Make the error of a server that fails."""
    return ServerError(status=500, message="no", method="GET", url="https://em/api")


def through_json(lines: list[Json]) -> Iterator[Json]:
    """Give *lines* as a file would."""
    return (json.loads(json.dumps(line)) for line in lines)


def test_a_recorded_watch_tells_the_same_again() -> None:
    """A watch of everything, with an outage and a lost session, event for event."""
    told = list(replay(read(RECORDINGS / "everything.rec"), load))

    events = [to_saved(event) for event in told]
    for event in events:
        event.pop("scope", None)  # the release that recorded it said less
    assert events == read(RECORDINGS / "everything.events")
    assert {"FOUND", "STOPPED", "GONE", "DEGRADED", "RECOVERED"} <= {
        str(event.kind) for event in told
    }


LOOKS = st.lists(
    st.tuples(
        st.integers(1, 3),
        st.sampled_from(
            [seen("Starting"), seen("Working"), seen("Stopped"), None, broken()]
        ),
        st.booleans(),
    ),
    max_size=40,
)


@given(LOOKS)
def test_whatever_is_seen_is_told_alike(looks: list[Any]) -> None:
    """Whenever the listener asks, the replay tells what the tracker told."""
    lines: list[Json] = []
    recorder: Recorder[BackupJobSession] = Recorder(lines.append, to_saved, KIND)
    tracker: Tracker[BackupJobSession] = Tracker(
        map(uuid_of, (1, 2, 3)), Rules(progress=True, patience=5, appear_within=9)
    )
    recorder.begin(tracker, moment(0))
    told = []
    for at, (number, what, asks) in enumerate(looks):
        shown = seen(what.state, number=number) if hasattr(what, "state") else what
        look = observation(at, shown, number=number)
        recorder.seen(look)
        tracker.note(look)
        while asks and tracker.has_news:
            event = tracker.tell()
            recorder.told(event)
            told += [] if event is None else [to_dict(event)]

    again = replay(through_json(lines), load)
    assert [to_dict(event) for event in again] == told


def test_a_session_is_written_whole_once() -> None:
    """Then what changed in it: a watch looks at each of thousands again and again."""
    lines: list[Any] = []
    recorder: Recorder[BackupJobSession] = Recorder(lines.append, to_saved, KIND)
    recorder.begin(Tracker([uuid_of(1)], Rules()), moment(0))
    looks = [seen(), seen(), None, seen(progress=4), seen("Stopped"), seen("Stopped")]
    for at, what in enumerate(looks):
        recorder.seen(observation(at, what))

    first, same, missing, moved, ended, again = lines[1:]
    assert first["session"] == to_saved(seen())
    assert (same["changed"], missing["session"]) == ({}, None)
    assert moved["changed"] == {"progress": 4}
    assert ended["changed"].keys() == {"state", "result", "progress"}
    assert again["session"] == to_saved(seen("Stopped"))


async def test_a_watch_records_what_it_is_given() -> None:
    """Ids that are added and discarded count too, and so does how it ended."""
    lines: list[Json] = []
    watch = _watch(lines.append)
    events = [await anext(watch)]
    watch.add(uuid_of(2))
    watch.discard(uuid_of(2))
    events += [event async for event in watch]
    kinds = [line["line"] for line in lines if isinstance(line, dict)]

    assert kinds[0] == "watch"
    assert [kind for kind in kinds if kind in ("add", "discard")] == ["add", "discard"]
    assert lines[-1] == {"line": "end", "why": "over"}
    assert list(map(to_dict, replay(through_json(lines), load))) == list(
        map(to_dict, events)
    )


async def test_a_recorder_that_fails_ends_the_watch() -> None:
    """What takes the lines may raise: whoever iterates is told."""

    def refuse(line: Json) -> None:
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="disk is full"):
        async for _ in _watch(refuse):
            pass


def _watch(record: Any) -> Watch[BackupJobSession]:
    script = Script(seen("Working"), seen("Working"), seen("Stopped"))

    async def look(one: Any) -> BackupJobSession:
        await asyncio.sleep(0)
        return await script(one)

    options = WatchOptions(ids=[uuid_of(1)], rules=Rules(interval=0.01), record=record)
    return watches(poller(look).poll).watch(options)


def _changed(lines: list[Any], number: int, **values: Any) -> list[Any]:
    return [
        line | values if place == number else line for place, line in enumerate(lines)
    ]


DEEP: Any = []
for _ in range(100_000):
    DEEP = [DEEP]


def test_what_is_no_recording() -> None:
    """A ValueError names the line."""
    good = read(RECORDINGS / "everything.rec")
    told = next(place for place, line in enumerate(good) if line["line"] == "told")
    swept = next(place for place, line in enumerate(good) if line["line"] == "swept")
    endless = {"monotonic": float("inf"), "wall": START.isoformat()}
    beyond = {"monotonic": 0.0, "wall": "9999-12-31T23:59:59-14:00"}
    zoneless = {"monotonic": 0.0, "wall": "2026-03-02T21:00:00"}
    for lines, said in (
        ([], "empty"),
        ([{}], "line 1"),
        (good[1:], "line 1 of the recording: this is not the beginning"),
        (_changed(good, 0, version=3), "line 1 of the recording: version 3"),
        (_changed(good, 0, kind=DEEP), "line 1 of the recording"),
        (_changed(good, 1, line=DEEP), "line 2 of the recording"),
        (_changed(good, 1, line="dream"), "line 2 of the recording: 'dream'"),
        (_changed(good, told, sequence=77), "event 77 was told there"),
        (_changed(good, swept, at=endless), f"line {swept + 1} of the recording"),
        (_changed(good, swept, at=beyond), "is in no year of UTC"),
        (_changed(good, swept, at=zoneless), "has no time zone"),
    ):
        with pytest.raises(ValueError, match=said):
            list(replay(lines, load))
