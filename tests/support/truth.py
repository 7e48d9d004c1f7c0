"""What a watch has told, held against the lives of the sessions and the server's log.

Each function raises AssertionError for what is false; times are the loop's seconds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from tests.support.unruly import HANG, LISTS, LONG, Look, Unruly
from tests.support.watching import START
from tests.support.world import Life
from veeam_async import (
    BackupJobSession,
    HealthChanged,
    NotFound,
    SessionChanged,
    SessionGone,
    WatchEvent,
)
from veeam_async.events import is_skip
from veeam_async.watch.polling.request import Strategy
from veeam_async.watch.tracker.schedule import Rules

Event: TypeAlias = WatchEvent[BackupJobSession]
Span: TypeAlias = tuple[float, float]

SLACK = 0.002
"""Seconds by which a timer or a time in microseconds may be off."""


PAGES_AT_ONCE = 4
"""Pages of a list that are asked for at once, after the first."""


A_MINUTE = 60.0
"""How long a session that nobody knows may be out of sight, whatever the patience:
lists look back so often, and references are asked for so often."""


def seconds(time: datetime) -> float:
    """Give a wall time as the loop counts it."""
    return (time - START).total_seconds()


# ---------------------------------------------------------------- one session


def segments(life: Life) -> list[tuple[float, str]]:
    """Give when each state of a session began, and that state."""
    begun = [(life.created + after, state) for after, state in life.states]
    begun = begun or [(life.created, "Working")]
    running = [(at, state) for at, state in begun if at < life.ended]
    return [*running, (life.ended, "Stopped")]


def assert_true_story(
    number: int, story: Sequence[Event], world: Unruly, rules: Rules
) -> None:
    """Each event is true, and comes in the order in which things happened."""
    life, looks = world.lives[number], [x for x in world.looks if x.number == number]
    told: BackupJobSession | None = None
    at_segment = -1
    for event in story:
        if isinstance(event, SessionGone):
            assert_gone(event, number, world, rules)
            told, at_segment = None, -1
        elif isinstance(event, SessionChanged):
            assert event.previous == told, "previous is not what was told"
            segment = segment_of(event, life, looks)
            assert segment >= at_segment, "a state before that which was told"
            assert_true_change(event, life, at_segment, segment)
            told, at_segment = event.session, segment


def segment_of(
    event: SessionChanged[BackupJobSession], life: Life, looks: Sequence[Look]
) -> int:
    """Give which state of its life the event shows: the one that was looked up."""
    at = seconds(event.observed_at)
    seen = [
        look
        for look in looks
        if look.row.state == event.session.state
        and (abs(look.at - at) <= SLACK or (event.session.is_stopped and look.at <= at))
    ]
    assert seen, f"{event.session.state} was not seen at {at}"
    taken = seen[-1].taken
    begun = [index for index, (since, _) in enumerate(segments(life)) if since <= taken]
    segment = begun[-1] if begun else 0
    assert segments(life)[segment][1] == event.session.state
    return segment


def assert_true_change(
    event: SessionChanged[BackupJobSession], life: Life, before: int, after: int
) -> None:
    """Check what an event claims about what was before it."""
    begun = segments(life)
    if before < 0:
        assert str(event.kind) == "FOUND"
        assert event.not_before is None
        assert not event.skipped
        return
    old, new = begun[before][1], begun[after][1]
    assert str(event.kind) == ("STOPPED" if new == "Stopped" else "CHANGED")
    if old == "Stopped":  # it was found so
        assert event.not_before is None
        return
    assert old != new, "the same state twice"
    assert event.skipped == is_skip(old, new)
    assert not event.skipped or after - before > 1, "nothing was skipped"
    assert event.not_before is not None
    left = max(begun[i + 1][0] for i in range(before, after) if begun[i][1] == old)
    assert seconds(event.not_before) <= left + SLACK, "it changed before not_before"


def assert_gone(
    event: SessionGone[BackupJobSession],
    number: int,
    world: Unruly,
    rules: Rules,
) -> None:
    """It was missing for so long, by two looks around a proof that the server knows."""
    at = seconds(event.observed_at)
    known = [x for x in world.heard if x.number == number and x.at <= at + SLACK]
    seen = [look for look in known if look.row is not None]
    since = max((look.asked for look in seen), default=float("-inf"))
    missed = [look for look in known if look.row is None and look.asked >= since]
    enough = rules.appear_within if event.session is None else rules.gone_after
    if event.session is None and enough == 0:
        assert missed
        return
    assert len(missed) > 1, "one 404 was enough"
    first, last = missed[0].at, missed[-1].at
    assert last - first >= enough - SLACK, f"gone after {last - first:.1f} s"
    good = [look for look in world.heard if look.row is not None]
    proofs = [(look.asked, look.at) for look in good] + world.answers
    assert any(
        asked >= first - SLACK and came <= last + SLACK for asked, came in proofs
    ), "the server knew nothing"


# ---------------------------------------------------------------- all of them


def stories(events: Sequence[Event]) -> dict[UUID, list[Event]]:
    """Give what was told of each session, health aside."""
    mine: dict[UUID, list[Event]] = defaultdict(list)
    for event in events:
        if not isinstance(event, HealthChanged):
            mine[event.id].append(event)
    return mine


def assert_orderly(kinds: Sequence[str], *, everything: bool) -> None:
    """FOUND first, one end last; one that comes back is told anew in everything."""
    ends = [index for index, kind in enumerate(kinds) if kind in ("STOPPED", "GONE")]
    lives = [0, *(index + 1 for index in ends)]
    for start, end in zip(lives, [*ends, len(kinds) - 1], strict=True):
        part = kinds[start : end + 1]
        assert not part or part[0] == "FOUND" or part == ["GONE"]
        assert "FOUND" not in part[1:]
    returns = [index for index in ends if index + 1 < len(kinds)]
    assert not returns or everything, "told after its end"
    assert all(kinds[index] == "GONE" for index in returns), "told after its end"


def assert_true(
    events: Sequence[Event], world: Unruly, rules: Rules, *, everything: bool
) -> None:
    """No event is false, told twice, or out of order."""
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    for session_id, story in stories(events).items():
        number = world.number_of(session_id)
        try:
            assert_orderly([str(event.kind) for event in story], everything=everything)
            assert_true_story(number, story, world, rules)
        except AssertionError as error:
            error.add_note(f"session {number}: {story}")
            raise
    assert_true_health(events, world, rules)


def assert_true_health(events: Sequence[Event], world: Unruly, rules: Rules) -> None:
    """DEGRADED and RECOVERED take turns, and what is called an outage was one."""
    healths = [event for event in events if isinstance(event, HealthChanged)]
    for (scope, session_id), mine in _by_subject(healths).items():
        kinds = [str(event.kind) for event in mine]
        assert kinds[::2] == ["DEGRADED"] * len(kinds[::2]), (scope, kinds)
        assert kinds[1::2] == ["RECOVERED"] * len(kinds[1::2]), (scope, kinds)
        for event in mine[::2]:
            if session_id is not None:
                _assert_out_of_sight(event, world, rules)
            elif event.scope == "server" and not isinstance(event.error, NotFound):
                _assert_away(event, world, rules)


def _by_subject(
    healths: Sequence[HealthChanged],
) -> dict[tuple[str, UUID | None], list[HealthChanged]]:
    subjects: dict[tuple[str, UUID | None], list[HealthChanged]] = defaultdict(list)
    for event in healths:
        # Of the server and of discovery there is one health: it tells either.
        scope = "server" if event.scope == "discovery" else event.scope
        subjects[scope, event.id].append(event)
    return subjects


def _assert_away(event: HealthChanged, world: Unruly, rules: Rules) -> None:
    """Nothing was seen meanwhile: 404s are told as many missing sessions."""
    since, at = seconds(event.since), seconds(event.observed_at)
    assert at - since >= rules.patience - SLACK, "too soon for an outage"
    seen = [x for x in world.heard if x.asked >= since and x.at < at - SLACK]
    assert not seen, f"session {seen[0].number} was seen at {seen[0].at}"


def _assert_out_of_sight(event: HealthChanged, world: Unruly, rules: Rules) -> None:
    since, at = seconds(event.since), seconds(event.observed_at)
    assert at - since >= rules.patience - SLACK, "too soon for an outage"
    assert event.id is not None
    number = world.number_of(event.id)
    seen = [
        look
        for look in world.heard
        if look.number == number and look.asked >= since and look.at < at - SLACK
    ]
    assert not seen, f"session {number} was seen meanwhile"


# ---------------------------------------------------------------- out of sight


def bound(world: Unruly, rules: Rules) -> float:
    """Give for how long a session may be out of sight while any way to it works."""
    rows = len(world.lives) + 1
    rounds = 1 + -(-(-(-rows // world.page_size) - 1) // PAGES_AT_ONCE)
    return rules.patience + 2 * rules.interval + 2 * rounds * world.slowest + SLACK


def assert_in_sight(
    number: int,
    listening: Sequence[Span],
    told_until: float,
    *,
    world: Unruly,
    rules: Rules,
    strategy: Strategy,
    everything: bool,
) -> None:
    """No time of so many seconds goes by without a look at a watched session.

    *listening* is when somebody did, *told_until* when its end was told.
    """
    longest = bound(world, rules)
    looks = [look for look in world.heard if look.number == number]
    known = min((look.at for look in looks), default=told_until) if everything else 0.0
    for since, until in listening:
        last = min(until, told_until)
        times = sorted(look.at for look in looks if since <= look.at <= last)
        for start, end in zip([since, *times], [*times, last], strict=True):
            is_known = start >= known
            found = ways(strategy, is_known=is_known)
            most = (
                longest
                if is_known
                else max(longest - rules.patience + A_MINUTE, longest)
            )
            if end - start > most:
                _assert_no_way(number, start, end, most, world=world, found=found)


def assert_told(
    number: int,
    listening: Sequence[Span],
    told_at: float,
    world: Unruly,
    rules: Rules,
) -> None:
    """An end that was shown, by whatever request, is told soon."""
    hangs = [each.fault == "hang" for each in world.troubles]
    longest = bound(world, rules) + HANG * any(hangs)
    ends = [x for x in world.heard if x.number == number and x.row and x.row.is_stopped]
    # Without a result it is looked at once more.
    sure = [x for x in ends if (x.row and x.row.result) or x.at > ends[0].at + 1]
    for look in sure:
        if any(
            since <= look.at and look.at + longest < end for since, end in listening
        ):
            assert told_at <= look.at + longest, (
                f"session {number} was shown Stopped at {look.at}, told at {told_at}"
            )
            return


def _assert_no_way(
    number: int,
    start: float,
    end: float,
    longest: float,
    *,
    world: Unruly,
    found: Sequence[frozenset[str]],
) -> None:
    """In each part of that length each way was spoilt at some time."""
    for way in found:
        for since, until in clear(number, way, start, end, world):
            assert until - since <= longest, (
                f"session {number} was unseen from {start:.1f} to {end:.1f}, while "
                f"{sorted(way)} worked from {since:.1f} to {until:.1f}"
            )


def ways(strategy: Strategy, *, is_known: bool) -> list[frozenset[str]]:
    """Give the kinds of requests that each way to a session needs.

    In a watch of everything one that is not *is_known* cannot be asked for.
    """
    by_get, by_list = frozenset({"get"}), LISTS | LONG | {"row"}
    if strategy == "get":
        return [by_get] if is_known else [by_get | {"references"}]
    return [by_get, by_list] if is_known else [by_list]


def clear(
    number: int, way: frozenset[str], start: float, end: float, world: Unruly
) -> list[Span]:
    """Give the spans in which nothing spoils that way, and the session is shown."""
    life = world.lives[number]
    spoilt = [
        (each.since, each.until + (HANG if each.fault == "hang" else 0))
        for each in world.troubles
        if any(each.spoils(kind, number, start, end) for kind in way)
        # A GET that hangs is waited for, whatever else would work: it has its time-out.
        or (each.fault == "hang" and each.spoils("get", number, start, end))
    ]
    spoilt += life.hidden
    spoilt.append((float("-inf"), max(life.created, life.shown)))
    if "page" in way:
        # What has ended it may show no longer, since no time of the server is known.
        spoilt.append((life.ended, float("inf")))
    spans, at = [], start
    for since, until in sorted(spoilt):
        if since > at:
            spans.append((at, min(since, end)))
        at = max(at, until)
    if at < end:
        spans.append((at, end))
    return [span for span in spans if span[0] < end]
