"""Time the tracker's taking in of what has not changed.

Prebuilt observations against a bare look-up of the same ids in a dictionary, in turns.
"""

from __future__ import annotations

import gc
import time
from datetime import UTC, datetime
from statistics import median
from uuid import UUID

import attrs

from benchmarks.process import CLIENT_CORE, pin
from veeam_async.clock import Moment
from veeam_async.models import BackupJobSession
from veeam_async.watch.tracker.schedule import Rules
from veeam_async.watch.tracker.session import Observation
from veeam_async.watch.tracker.tracker import Tracker

_START = datetime(2026, 3, 2, 21, tzinfo=UTC)


@attrs.frozen(kw_only=True)
class Errand:
    """How many *sessions* are looked at, and in how many *rounds*."""

    sessions: int
    rounds: int


@attrs.frozen(kw_only=True)
class Fed:
    """Nanoseconds of processor, for an observation and for a look-up."""

    feed: float
    look_up: float


def feed(errand: Errand) -> Fed:
    """Take turns, and give the medians."""
    pin(CLIENT_CORE)
    sessions = [_session(number) for number in range(errand.sessions)]
    known = {session.id: session for session in sessions}
    tracker: Tracker[BackupJobSession] = Tracker(known, Rules(phase=0.0))
    for session in sessions:
        tracker.feed(_observation(session, 0))
    feeds, look_ups = [], []
    for turn in range(1, errand.rounds + 1):
        observations = [_observation(session, turn) for session in sessions]
        ids = [observation.id for observation in observations]
        tracker.take_due(5.0 * turn)
        gc.collect()
        feeds.append(_feed(tracker, observations) / len(ids))
        look_ups.append(_look_up(known, ids) / len(ids))
    return Fed(feed=median(feeds), look_up=median(look_ups))


def _feed(
    tracker: Tracker[BackupJobSession],
    observations: list[Observation[BackupJobSession]],
) -> int:
    began = time.process_time_ns()
    for observation in observations:
        tracker.feed(observation)
    return time.process_time_ns() - began


def _look_up(known: dict[UUID, BackupJobSession], ids: list[UUID]) -> int:
    began = time.process_time_ns()
    for one in ids:
        known[one]
    return time.process_time_ns() - began


def _observation(session: BackupJobSession, turn: int) -> Observation[BackupJobSession]:
    """Give what the *turn*-th round saw: a fresh copy, as an answer would give."""
    seconds = 5.0 * turn
    return Observation(
        id=session.id,
        asked_at=seconds,
        at=Moment(seconds, _START),
        session=attrs.evolve(session),
    )


def _session(number: int) -> BackupJobSession:
    return BackupJobSession(
        uid=f"urn:veeam:BackupJobSession:{UUID(int=number, version=4)}",
        job_type="Backup",
        creation_time=_START,
        state="Working",
    )
