"""A run in, its machines' parts out: the task sessions of each run.

Drawn from the run's own id when first asked for, so that a large world costs
nothing until somebody looks into it.
"""

import random
import uuid
from datetime import datetime, timedelta

import attrs

from veeam_async.simulator.runs import Run, title

_REASON = "Processing finished with warnings.  See the log. "


@attrs.define(eq=False)
class Part:
    """One machine's part in a run."""

    id: uuid.UUID
    run: Run
    machine: str
    title: str
    created: datetime
    share: float
    """Which share of the run's time it takes."""
    size: int
    vm_uid: str

    def state_at(self, now: datetime) -> str:
        """Tell its state at *now*."""
        if now < self.created:
            return "Pending"
        return "Completed" if self.end_at(now) else "InProgress"

    def end_at(self, now: datetime) -> datetime | None:
        """Tell its end time as shown at *now*."""
        ended = self.run.ended
        if ended is None:
            return None
        end = self.created + (ended - self.created) * self.share
        end = end.replace(microsecond=end.microsecond // 1000 * 1000)
        return end if end <= now else None

    def result_at(self, now: datetime) -> str:
        """Tell its result: a part under way already says Success, as recorded."""
        return self.run.result if self.end_at(now) else "Success"

    def reason_at(self, now: datetime) -> str:
        """Tell why it did not succeed, as shown at *now*."""
        if self.result_at(now) == "Success":
            return ""
        return self.run.failure_message or _REASON


def parts_of(run: Run, *, digits: int) -> list[Part]:
    """Draw the parts of *run*: the same ones whenever asked; *digits* as in `title`."""
    rng = random.Random(run.id.int)
    machines = run.work.machines if run.work else ()
    return [_part(run, machine, rng, digits) for machine in machines]


def _part(run: Run, machine: str, rng: random.Random, digits: int) -> Part:
    created = run.created + timedelta(milliseconds=rng.randrange(5_000, 19_000))
    if run.ended is not None:
        # A run that is over sooner had its parts begin sooner.
        created = min(created, run.created + (run.ended - run.created) / 2)
    return Part(
        id=uuid.UUID(int=rng.getrandbits(128), version=4),
        run=run,
        machine=machine,
        title=title(machine, created, digits=digits),
        created=created,
        share=rng.uniform(0.3, 0.95),
        size=rng.randrange(1, 200) << 30,
        vm_uid=f"urn:VMware:Vm:{uuid.UUID(int=rng.getrandbits(128), version=4)}"
        f".vm-{rng.randrange(1000, 999_999)}",
    )
