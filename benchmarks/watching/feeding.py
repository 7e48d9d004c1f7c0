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
from benchmarks.serving import Figures
from veeam_async.clock import Moment
from veeam_async.models import BackupJobSession
from veeam_async.watch.tracker.schedule import Rules
from veeam_async.watch.tracker.session import Observation
from veeam_async.watch.tracker.tracker import Tracker

_START = datetime(2026, 3, 2, 21, tzinfo=UTC)


def feed(count: int, rounds: int) -> Figures:
    """Give nanoseconds of processor to *feed* an observation, and to *look_up*."""
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
