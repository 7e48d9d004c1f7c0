"""The tracker: no clock, no I/O, only observations in and events out."""

from __future__ import annotations

import json
from datetime import timedelta
from math import inf
from typing import Any, TypeAlias
from uuid import UUID

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.bodies import uuid_of
from tests.support.watching import (
    KIND,
    START,
    kinds,
    moment,
    no_result,
    observation,
    restored,
    seen,
    tracker,
)
from veeam_async import (
    BackupJobSession,
    ConnectionFailed,
    HealthChanged,
    ServiceUnavailable,
    SessionChanged,
    SessionGone,
    WatchEvent,
    to_dict,
)
from veeam_async.codec import to_saved
from veeam_async.watch.persist.checkpoint import save
from veeam_async.watch.tracker.discovery import Discovery
from veeam_async.watch.tracker.proof import ControlResult
from veeam_async.watch.tracker.schedule import Rules
from veeam_async.watch.tracker.tracker import Tracker

LOST = ConnectionFailed("lost")
ONE = uuid_of(1)


# ---------------------------------------------------------------- a session's life


def test_a_session_is_found_changes_and_stops() -> None:
    """Each event carries what is, what was, and how late it can be."""
    track = tracker()

    found = track.feed(observation(0, seen("Starting")))
    changed = track.feed(observation(5, seen("Working")))
    stopped = track.feed(observation(10, seen("Stopped")))

    assert kinds([*found, *changed, *stopped]) == ["FOUND", "CHANGED", "STOPPED"]
    first, second, third = found[0], changed[0], stopped[0]
    assert isinstance(first, SessionChanged)
    assert isinstance(second, SessionChanged)
    assert isinstance(third, SessionChanged)
    assert (first.previous, first.not_before) == (None, None)
    assert second.previous == first.session
    assert second.not_before == START
    assert second.observed_at == START + timedelta(seconds=5)
    assert [event.sequence for event in (first, second, third)] == [1, 2, 3]
    assert track.active == ()


def test_the_same_state_twice_is_no_event() -> None:
    """It only moves the time from which a later change can be."""
    track = tracker()
    track.feed(observation(0, seen()))

    assert track.feed(observation(5, seen(progress=40))) == []
    (event,) = track.feed(observation(10, seen("Stopping")))
    assert isinstance(event, SessionChanged)
    assert event.not_before == START + timedelta(seconds=5)


def test_progress_is_an_event_only_where_it_was_asked_for() -> None:
    """And only where it changed."""
    track = tracker(progress=True)
    events = [
        event
        for at, percent in enumerate((10, 10, 40))
        for event in track.feed(observation(at, seen(progress=percent)))
    ]

    assert kinds(events) == ["FOUND", "PROGRESSED"]


def test_a_session_that_has_stopped_already_is_found_and_stopped() -> None:
    """From one look, and without a claim about when."""
    found, stopped = tracker().feed(observation(0, seen("Stopped")))

    assert kinds([found, stopped]) == ["FOUND", "STOPPED"]
    assert isinstance(stopped, SessionChanged)
    assert stopped.not_before is None
    assert not stopped.skipped


def test_a_stopped_without_a_result_is_looked_at_once_more() -> None:
    """Soon, and whatever that look sees counts."""
    track = tracker(interval=60)
    track.feed(observation(0, seen()))

    assert track.feed(observation(60, no_result())) == []
    assert track.next_due() == 61
    (event,) = track.feed(observation(61, seen("Stopped", result="Failed")))
    assert isinstance(event, SessionChanged)
    assert event.session.result == "Failed"


def test_an_end_that_is_denied_again_and_again_costs_ever_less() -> None:
    """A list may show one that no GET confirms, each time it is asked."""
    track = tracker()
    track.feed(observation(0, seen()))
    at, delays = 5.0, []
    for _ in range(6):
        assert track.feed(observation(at, no_result())) == []
        due = track.next_due()
        assert due is not None
        delays.append(due - at)
        assert track.feed(observation(due, seen())) == []
        at = due + 5

    assert delays == [1, 5, 16, 64, 64, 64]


def test_a_result_that_never_arrives_holds_nobody_up() -> None:
    """The second Stopped is final."""
    track = tracker()

    assert kinds(track.feed(observation(0, no_result()))) == ["FOUND"]
    assert kinds(track.feed(observation(1, no_result()))) == ["STOPPED"]


def test_a_stopped_session_that_vanishes_has_stopped() -> None:
    """It was seen to."""
    track = tracker()
    track.feed(observation(0, seen()))
    track.feed(observation(5, no_result()))

    assert kinds(track.feed(observation(6, None))) == ["STOPPED"]


def test_nothing_follows_the_end() -> None:
    """Nor does adding the session again."""
    track = tracker()
    track.feed(observation(0, seen("Stopped")))
    track.add(ONE)

    assert track.feed(observation(5, seen("Working"))) == []
    assert track.active == ()


@pytest.mark.parametrize(
    ("before", "after", "skipped"),
    [
        ("Starting", "Working", False),
        ("Starting", "Stopping", False),
        ("Starting", "Stopped", True),
        ("Working", "Pausing", False),
        ("Working", "Stopped", False),
        ("Working", "Resuming", True),
        ("Pausing", "Resuming", False),
        ("Pausing", "Working", True),
        ("Resuming", "Working", False),
        ("Resuming", "Stopped", True),
        ("Stopping", "Stopped", False),
        ("Stopping", "Working", True),
        ("Idle", "Stopped", False),
        ("Working", "Idle", False),
    ],
)
def test_a_state_that_was_passed_unseen_is_said(
    before: str, after: str, *, skipped: bool
) -> None:
    """Of unknown states nothing is claimed."""
    track = tracker()
    track.feed(observation(0, seen(before)))
    (event,) = track.feed(observation(5, seen(after)))

    assert isinstance(event, SessionChanged)
    assert event.skipped is skipped


# ---------------------------------------------------------------- order


def test_the_newest_look_counts_whatever_order_the_answers_come_in() -> None:
    """An older one is passed over."""
    track = tracker()
    track.feed(observation(0, seen("Starting")))
    track.feed(observation(9, seen("Stopping"), asked_at=8))

    assert track.feed(observation(10, seen("Working"), asked_at=5)) == []


def test_what_is_not_told_yet_is_replaced_by_what_is_newer() -> None:
    """A slow listener gets the newest state, not the backlog."""
    track = tracker()
    track.note(observation(0, seen("Starting")))
    assert track.tell() is not None
    for at, state in enumerate(("Working", "Pausing", "Resuming", "Working"), 1):
        track.note(observation(at, seen(state)))

    event = track.tell()
    assert isinstance(event, SessionChanged)
    assert (event.session.state, event.not_before) == ("Working", START)
    assert track.tell() is None


# ---------------------------------------------------------------- missing


def test_a_404_after_it_was_seen_is_confirmed_by_a_second() -> None:
    """A flicker is no end."""
    track = tracker(gone_after=1)
    track.feed(observation(0, seen()))

    assert track.feed(observation(5, None)) == []
    assert track.next_due() == 6
    assert track.feed(observation(6, seen())) == []
    assert track.feed(observation(11, None)) == []
    track.controlled(ControlResult(asked_at=11.5, at=moment(11.5)))
    (event,) = track.feed(observation(12, None))
    assert isinstance(event, SessionGone)
    assert event.session == seen()


@pytest.mark.parametrize("resume", [False, True], ids=["at once", "resumed"])
def test_what_is_gone_is_shown_as_it_was_last_seen(resume: bool) -> None:  # noqa: FBT001 - a parameter
    """Also what was no event: its progress, its result, its message."""
    track = tracker(gone_after=0)
    for at, progress in enumerate((10, 20, 30)):
        track.feed(observation(at, seen(progress=progress)))
    assert _gone(track, resume=resume) == seen(progress=30)

    track = tracker(gone_after=0)
    warned = attrs.evolve(seen(progress=20, result="Warning"), failure_message="Slow.")
    track.feed(observation(0, seen(progress=10)))
    track.feed(observation(1, warned))
    assert _gone(track, resume=resume) == warned


def _gone(track: Tracker[BackupJobSession], *, resume: bool) -> BackupJobSession | None:
    """Let the session go; give it as it is shown then."""
    if resume:
        track = resumed(track, 5)
    events = track.feed(observation(5, None))
    track.controlled(ControlResult(asked_at=6, at=moment(6)))
    events += track.feed(observation(7, None))
    (event,) = events
    assert isinstance(event, SessionGone)
    return event.session


def test_a_session_may_appear_late() -> None:
    """Within its time a 404 is nothing; after it the session is gone."""
    track = tracker(2, appear_within=12)
    for at in (0, 5, 10):
        assert track.feed(observation(at, None)) == []
        assert track.feed(observation(at, None, number=2)) == []

    assert kinds(track.feed(observation(12, seen()))) == ["FOUND"]
    (event,) = track.feed(observation(12, None, number=2))
    assert isinstance(event, SessionGone)
    assert event.session is None


def test_without_time_to_appear_the_first_404_is_the_end() -> None:
    """A mistyped id is told at once."""
    assert kinds(tracker(appear_within=0).feed(observation(3, None))) == ["GONE"]


# ---------------------------------------------------------------- health


def test_failing_looks_are_told_when_they_last() -> None:
    """Of the only session they are told as the server's."""
    track = tracker(patience=60)
    track.feed(observation(0, seen()))

    assert track.feed(observation(5, LOST)) == []
    assert track.feed(observation(64, LOST)) == []
    (event,) = track.feed(observation(65, LOST))
    assert isinstance(event, HealthChanged)
    assert (str(event.kind), event.id, event.error) == ("DEGRADED", None, LOST)
    assert event.since == START + timedelta(seconds=5)
    assert track.feed(observation(90, LOST)) == []


def test_health_that_returns_is_told_before_what_it_brings() -> None:
    """RECOVERED, then the change."""
    track = tracker(patience=10)
    track.feed(observation(0, seen()))
    track.feed(observation(5, LOST))
    track.feed(observation(15, LOST))

    events = track.feed(observation(20, seen("Stopped")))
    assert sorted(kinds(events)) == ["RECOVERED", "STOPPED"]


def test_one_session_that_fails_among_healthy_ones_is_named() -> None:
    """Degraded and recovered by its id."""
    track = tracker(2, patience=10)
    events = []
    for at in (0, 5, 10):
        track.feed(observation(at, seen(number=2), number=2))
        events += track.feed(observation(at, LOST))

    event = events[-1]
    assert isinstance(event, HealthChanged)
    assert event.id == ONE
    events = track.feed(observation(20, seen()))
    assert kinds(events) == ["RECOVERED", "FOUND"]


def test_the_last_session_that_fails_is_no_server_that_does() -> None:
    """The others were answered meanwhile, and have ended."""
    track = tracker(2, patience=10)
    track.feed(observation(0, seen()))
    track.feed(observation(0, seen(number=2), number=2))
    track.feed(observation(5, LOST))
    track.feed(observation(9, seen("Stopped", number=2), number=2))

    (event,) = track.feed(observation(15, LOST))
    assert isinstance(event, HealthChanged)
    assert (event.id, event.scope) == (ONE, "session")


def test_trouble_that_passed_before_it_was_told_is_not_told() -> None:
    """A slow listener hears of no recovery from what it never heard of."""
    track = tracker(patience=10)
    track.feed(observation(0, seen()))
    for at, what in ((5, LOST), (15, LOST), (20, seen())):
        track.note(observation(at, what))

    assert track.tell() is None


def test_a_404_is_an_answer() -> None:
    """The server is well."""
    track = tracker(patience=10, appear_within=100)
    track.feed(observation(0, LOST))
    track.feed(observation(9, None))

    assert track.feed(observation(18, LOST)) == []


# ---------------------------------------------------------------- schedule


def due_at(track: Tracker[BackupJobSession], now: float) -> list[UUID]:
    """Take what is due then."""
    due = track.take_due(now)
    return [] if due is None else [*due.session_ids, *due.confirm]


def test_the_first_look_is_due_at_once_and_the_next_after_the_interval() -> None:
    """Counted from when the last one was asked for."""
    track = tracker(interval=5)

    assert due_at(track, 0) == [ONE]
    assert due_at(track, 0) == []
    track.note(observation(2, seen(), asked_at=0))
    assert track.next_due() == 5
    assert due_at(track, 4.9) == []
    assert due_at(track, 5) == [ONE]


def test_what_has_ended_is_not_looked_at_again_before_that_is_told() -> None:
    """One that began and ended between two looks was never put down for a look."""
    census = Discovery(where=None, lookback=timedelta(minutes=15), begun=True)
    track: Tracker[BackupJobSession] = Tracker((), tracker().rules, discovery=census)
    assert track.take_due(0) is not None
    track.note(observation(1, seen("Stopped")))

    assert track.take_due(1) is None
    assert kinds(list(iter(track.tell, None))) == ["FOUND", "STOPPED"]


def test_failing_looks_wait_longer_and_longer_until_one_works() -> None:
    """0.8 s, doubled up to 30 s, with full jitter; health starts anew."""
    track = tracker()
    waits = []
    at = 0.0
    for _ in range(8):
        track.feed(observation(at, LOST))
        due = track.next_due()
        assert due is not None
        waits.append(round(due - at, 6))
        at = due
    track.feed(observation(at, seen()))
    track.feed(observation(at + 5, LOST))

    assert waits == [0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30, 30]
    due = track.next_due()
    assert due is not None
    assert round(due - at - 5, 6) == 0.8


def test_a_server_that_asks_to_wait_is_given_its_time() -> None:
    """Retry-After counts for looks too."""
    track = tracker()
    busy = ServiceUnavailable(
        status=503, message=None, method="GET", url="u", retry_after=20
    )
    track.feed(observation(0, busy, random=0.0))

    assert track.next_due() == 20


def test_a_discarded_session_is_told_no_more() -> None:
    """Neither what is known nor what comes."""
    track = tracker(2)
    track.note(observation(0, seen()))
    track.discard(ONE)

    assert track.tell() is None
    assert track.feed(observation(5, seen("Stopped"))) == []
    assert track.active == (uuid_of(2),)


# ---------------------------------------------------------------- checkpoints


def resumed(track: Tracker[BackupJobSession], at: float) -> Tracker[BackupJobSession]:
    """Save, write, read and restore a tracker."""
    data = json.loads(json.dumps(save(track, to_saved, None, kind=KIND)))
    again, deadline = restored(data, track.rules, moment(at))
    assert deadline is None
    return again


@pytest.mark.parametrize("doubt", [None, no_result()], ids=["404", "no result"])
def test_a_restart_settles_no_doubt_sooner(
    doubt: BackupJobSession | None,
) -> None:
    """A flicker that a quick restart meets twice would be an end."""
    track = tracker()
    track.feed(observation(0, seen()))
    track.feed(observation(5, doubt))
    again = resumed(track, 5.2)

    assert due_at(again, 5.9) == []
    assert due_at(again, 6.0) == [ONE]
    assert due_at(resumed(track, 60), 60) == [ONE]


def test_a_list_settles_no_doubt_sooner() -> None:
    """A watch of everything that is resumed begins with one."""
    track = tracker()
    track.feed(observation(0, seen()))
    track.feed(observation(5, no_result()))
    again = resumed(track, 5.2)

    assert again.feed(observation(5.3, no_result())) == []
    assert again.next_due() == 6.0
    (event,) = again.feed(observation(6, seen("Stopped")))
    assert isinstance(event, SessionChanged)
    assert (event.kind, event.session.result) == ("STOPPED", "Success")


@pytest.mark.parametrize(
    "data",
    [
        None,
        {},
        [],
        {"version": 3},
        {"version": 2},
        {"version": 1},
        {"version": 1, "sequence": 0, "deadline": None, "health": {}, "sessions": []},
    ],
)
def test_what_is_no_checkpoint_is_refused_with_a_sentence(data: Any) -> None:
    """Never misread."""
    with pytest.raises(ValueError, match="checkpoint"):
        restored(data, tracker().rules, moment(0))


def test_a_checkpoint_of_version_1_is_read() -> None:
    """It named no kind and no time of an end, and it watched ids alone."""
    track = tracker(2)
    track.note(observation(0, seen()))
    track.note(observation(0, seen("Stopped", number=2), number=2))
    assert kinds(list(iter(track.tell, None))) == ["FOUND", "FOUND", "STOPPED"]
    data = json.dumps(save(track, to_saved, None, kind=KIND))
    saved: dict[str, Any] = json.loads(data)
    for session in saved["sessions"].values():
        del session["quiet"]
    del saved["kind"], saved["everything"]
    old = {**saved, "version": 1, "ended": list(saved["ended"])}
    again, _ = restored(old, track.rules, moment(9))
    again.note(observation(9, seen("Stopped")))
    again.add(uuid_of(2))
    events: list[WatchEvent[BackupJobSession]] = list(iter(again.tell, None))

    assert [(event.id, str(event.kind)) for event in events] == [(ONE, "STOPPED")]
    assert [event.sequence for event in events] == [4]
    assert again.is_over


def altered(path: str, value: object) -> dict[str, Any]:
    """Give the checkpoint of a watch of everything, with one value in it changed."""
    census = Discovery(where=None, lookback=timedelta(minutes=15), began=START)
    track: Tracker[BackupJobSession] = Tracker((), tracker().rules, discovery=census)
    data: dict[str, Any] = save(track, to_saved, START, kind=KIND)
    place, (*folders, name) = data, path.split(".")
    for folder in folders:
        place = place[folder]
    place[name] = value
    return data


DEEP: Any = []
for _ in range(100_000):
    DEEP = [DEEP]


MARK = {
    "server": None,
    "newest": None,
    "began": None,
    "heard": None,
    "drift": None,
    "ahead": 0,
    "doubt": None,
    "held": None,
}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("sequence", float("inf")),
        ("deadline", "0001-01-01T00:00:00+14:00"),
        ("everything.lookback", 1e300),
        ("everything.lookback", 1e12),
        ("everything.lookback", -1),
        ("everything.began", "9999-12-31T23:59:59-14:00"),
        ("kind", DEEP),
        ("everything.where", DEEP),
        ("everything.where", "Name==\ud800"),
        ("everything.where", 7),
        ("everything.em_time", "0001-01-01T00:00:00+14:00"),
        ("everything.servers", {"a": {}}),
        ("everything.servers", [1]),
        ("everything.servers", {"a": {**MARK, "drift": 1e300}}),
        ("everything.servers", {"a": {**MARK, "ahead": "1"}}),
        (
            "everything.servers",
            {"a": {**MARK, "server": {"id": "a", "name": "\ud800"}}},
        ),
        ("everything.called", 7),
        ("ended_on", {"a": ["none"]}),
    ],
)
def test_a_checkpoint_of_values_that_cannot_be_is_refused(
    path: str, value: object
) -> None:
    """Before the watch begins, not in the middle of it; however deep they nest."""
    refusal = "checkpoint is (damaged|of a watch of)"
    with pytest.raises(ValueError, match=refusal):
        restored(altered(path, value), tracker().rules, moment(0))


STATES = ["Starting", "Working", "Pausing", "Resuming", "Stopping", "Idle", "Stopped"]
looks = st.one_of(
    st.sampled_from(STATES).map(seen),
    st.integers(0, 100).map(lambda percent: seen(progress=percent)),
    st.just(no_result()),
    st.none(),
    st.just(LOST),
)
steps = st.lists(
    st.tuples(st.integers(1, 3), st.floats(0.1, 90), looks), min_size=1, max_size=40
)


Looks: TypeAlias = list[tuple[int, float, BackupJobSession | ConnectionFailed | None]]


def play(
    track: Tracker[BackupJobSession],
    script: Looks,
    *,
    resume: bool = False,
) -> list[WatchEvent[BackupJobSession]]:
    """Feed *script* to *track*, saving and restoring it before each step if asked."""
    events, at = [], 0.0
    for number, pause, what in script:
        at += pause
        if resume:
            track = resumed(track, at)
        events += track.feed(observation(at, what, number=number))
    return events


@given(steps)
def test_every_session_is_found_first_and_ends_once(
    script: Looks,
) -> None:
    """One FOUND before anything else, at most one end, and nothing after it."""
    track = tracker(3, patience=30, progress=True)
    events = play(track, script)

    for number in (1, 2, 3):
        mine = [
            str(event.kind)
            for event in events
            if event.id == uuid_of(number) and not isinstance(event, HealthChanged)
        ]
        ended = uuid_of(number) not in track.active
        assert mine.count("FOUND") <= 1
        assert not mine or mine[0] == "FOUND" or mine == ["GONE"]
        assert (mine.count("STOPPED") + mine.count("GONE") == 1) == ended
        assert not ended or mine[-1] in ("STOPPED", "GONE")


@given(steps)
def test_events_are_in_order_and_tell_the_truth(
    script: Looks,
) -> None:
    """Numbers count up by one; previous is what was told; times never run back."""
    events = play(tracker(3, patience=30, progress=True), script)
    told: dict[object, BackupJobSession] = {}

    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    for event in events:
        if not isinstance(event, SessionChanged):
            continue
        assert event.previous == told.get(event.id)
        assert event.not_before is None or event.not_before <= event.observed_at
        if str(event.kind) == "CHANGED":
            assert event.previous is not None
            assert event.session.state != event.previous.state
        assert event.session.is_stopped or str(event.kind) != "STOPPED"
        told[event.id] = event.session


@given(steps, st.booleans())
def test_a_checkpoint_at_every_step_changes_nothing(
    script: Looks,
    progress: bool,  # noqa: FBT001 - Hypothesis passes it by position
) -> None:
    """A watch that is resumed before each look tells the same events."""
    through = play(tracker(3, patience=30, progress=progress), script)
    again = play(tracker(3, patience=30, progress=progress), script, resume=True)

    assert [_plain(event) for event in through] == [_plain(event) for event in again]


def _plain(event: WatchEvent[BackupJobSession]) -> dict[str, object]:
    plain: dict[str, object] = dict(to_dict(event))
    # A resumed watch does not know the error that an earlier process met.
    plain.pop("error", None)
    return plain


@given(steps, st.lists(st.booleans(), min_size=40, max_size=40))
def test_a_slow_listener_misses_states_but_no_session_and_no_end(
    script: Looks,
    listens: list[bool],
) -> None:
    """Whenever it listens, what it is told ends as for a quick one."""
    quick = tracker(3)
    slow = tracker(3)
    fast_events = play(quick, script)
    slow_events: list[WatchEvent[BackupJobSession]] = []
    at = 0.0
    for (number, pause, what), listen in zip(script, listens, strict=False):
        at += pause
        slow.note(observation(at, what, number=number))
        if listen:
            slow_events += iter(slow.tell, None)
    slow_events += iter(slow.tell, None)

    ends = {"STOPPED", "GONE"}
    for number in (1, 2, 3):
        one = uuid_of(number)
        mine = [str(e.kind) for e in slow_events if e.id == one]
        all_of = [str(e.kind) for e in fast_events if e.id == one]
        assert [k for k in mine if k in ends] == [k for k in all_of if k in ends]
        assert mine.count("FOUND") == all_of.count("FOUND")
    assert slow.active == quick.active


@pytest.mark.parametrize("interval", [5e-324, 1e-300, 1e-9, 1e308])
def test_looks_have_a_time_however_short_or_long_the_interval(interval: float) -> None:
    """With a phase too, whose ticks nobody could count."""
    for phase in (None, 0.5):
        rules = Rules(interval=interval, phase=phase)
        assert 1.0 <= rules.next_look(0.5, 1.0) < inf
