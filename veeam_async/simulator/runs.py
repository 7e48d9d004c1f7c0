"""A moment in, what a run looks like at that moment out: sessions as functions of time.

Nothing is updated in the background: a run knows its whole timetable from the
start, and asking it for its state is looking into that timetable.
"""

import math
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

import attrs

Kind: TypeAlias = Literal["BackupJobSession", "ReplicaJobSession", "RestoreSession"]

STOPPING_SECONDS = 15.0
"""How long a run that is told to stop takes for it, in simulated seconds."""


@attrs.frozen
class Server:
    """A backup server."""

    id: uuid.UUID
    name: str
    description: str


@attrs.frozen
class Repo:
    """A repository: sizes in bytes."""

    id: uuid.UUID
    name: str
    server: Server
    capacity: int
    free_space: int


@attrs.define(eq=False)
class Work:
    """A job: what runs are runs of."""

    id: uuid.UUID
    name: str
    type: str
    server: Server
    platform: str = "VMware"
    description: str = ""
    schedule_enabled: bool = True
    machines: tuple[str, ...] = ()

    def next_run(self, now: datetime) -> datetime | None:
        """Tell when its schedule starts it next: every day at 22:00 UTC."""
        if not self.schedule_enabled:
            return None
        tonight = now.replace(hour=22, minute=0, second=0, microsecond=0)
        return tonight if tonight > now else tonight + timedelta(days=1)

    @property
    def is_copy(self) -> bool:
        """Whether it copies backups: such jobs synchronise, they never start."""
        return self.type in {"BackupCopy", "ImmediateBackupCopy"}


@attrs.frozen
class Step:
    """A state and the moment at which it is over; None when it never is."""

    state: str
    until: datetime | None


@attrs.define(kw_only=True, eq=False)
class Run:
    """One session, past, present or future."""

    id: uuid.UUID
    kind: Kind
    name: str
    """What it is a run of: its job's name or its machine's."""
    title: str
    """Its own name: that name and its creation time."""
    server: Server
    work: Work | None
    job_type: str
    created: datetime
    steps: tuple[Step, ...]
    result: str = "Success"
    failure_message: str | None = None
    is_retry: bool = False
    is_planned: bool = False
    """Whether it is a retry to come; it falls away where a user stops the job."""
    is_progress_told: bool = True
    appears: datetime | None = None
    """When it is first shown: Enterprise Manager collects late."""
    gone: datetime | None = None
    """When it is forgotten."""
    result_known: datetime | None = None
    """When its result is first shown; None: as soon as it stopped."""
    _held_progress: int | None = None

    @property
    def ended(self) -> datetime | None:
        """The end of the last step, which may lie in the future."""
        return self.steps[-1].until if self.steps else self.created

    def is_visible(self, now: datetime) -> bool:
        """Whether a client can see it at *now*."""
        appears = self.appears or self.created
        return appears <= now and (self.gone is None or now < self.gone)

    def is_stopped(self, now: datetime) -> bool:
        """Whether it is over at *now*."""
        ended = self.ended
        return ended is not None and ended <= now

    def state_at(self, now: datetime) -> str:
        """Tell its state at *now*."""
        for step in self.steps:
            if step.until is None or now < step.until:
                return step.state
        return "Stopped"

    def end_at(self, now: datetime) -> datetime | None:
        """Tell its end time as shown at *now*."""
        return self.ended if self.is_stopped(now) else None

    def result_at(self, now: datetime) -> str:
        """Tell its result as shown at *now*: the text None before it is known."""
        if not self.is_stopped(now):
            return "None"
        if self.result_known is not None and now < self.result_known:
            return "None"
        return self.result

    def failure_at(self, now: datetime) -> str | None:
        """Tell its failure message as shown at *now*."""
        return self.failure_message if self.result_at(now) == self.result else None

    def progress_at(self, now: datetime) -> int:
        """Tell its progress at *now*, in per cent."""
        if not self.is_progress_told:
            return 0
        if self._held_progress is not None:
            return self._held_progress
        return self._grown(now)

    def _grown(self, now: datetime) -> int:
        begin = self._work_begins()
        ended = self.ended
        if now < begin:
            return 0
        if ended is None:
            # It never ends, so it can only come nearer and nearer to the end.
            return int(99 * (1 - math.exp(-(now - begin).total_seconds() / 3600)))
        if ended <= now:
            return 100
        return int(99 * ((now - begin) / (ended - begin)))

    def _work_begins(self) -> datetime:
        first = self.steps[0] if self.steps else None
        if first is None or first.state != "Starting":
            return self.created
        return first.until or datetime.max.replace(tzinfo=self.created.tzinfo)

    def stop(self, now: datetime) -> None:
        """End it early: it turns to Stopping at *now* and to Stopped soon after."""
        progress = self.progress_at(now)
        done = tuple(s for s in self.steps if s.until is not None and s.until <= now)
        current = Step(self.state_at(now), now)
        end = now + timedelta(seconds=STOPPING_SECONDS)
        self.steps = (*done, current, Step("Stopping", end))
        self.result = "Failed"
        self.failure_message = "Job session has been stopped by user."
        self._held_progress = progress
        self.result_known = None


def title(name: str, created: datetime, *, digits: int) -> str:
    """Name a session after *name* and the moment of its creation.

    With *digits* above zero the name tells up to so many digits of a second's
    fraction, trailing zeros cut: product 13 does, the older ones do not.
    """
    whole = f"{name}@{created:%Y-%m-%d %H:%M:%S}"
    fraction = f"{created.microsecond:06d}"[:digits].rstrip("0")
    return f"{whole}.{fraction}" if fraction else whole


def timetable(
    created: datetime, script: Sequence[tuple[str, float]]
) -> tuple[Step, ...]:
    """Lay out *script*, pairs of a state and its seconds, from *created* on."""
    steps = []
    until = created
    for state, seconds in script:
        if math.isinf(seconds):
            steps.append(Step(state, None))
            break
        until += timedelta(milliseconds=round(seconds * 1000))
        steps.append(Step(state, until))
    return tuple(steps)
