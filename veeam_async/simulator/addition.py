"""A script in, a run added to a world out: what tests let a session go through."""

import uuid
from datetime import datetime, timedelta

import attrs

from veeam_async.simulator.runs import Kind, Run, Server, Work, timetable
from veeam_async.simulator.world import World

DEFAULT_SCRIPT = (("Starting", 10.0), ("Working", 300.0))
"""What a session that is added without a script goes through."""


@attrs.frozen(kw_only=True)
class Addition:
    """A session to be added; the fields are the arguments of `add_session`."""

    script: tuple[tuple[str, float], ...]
    result: str
    created_in: float
    appears_in: float | None
    gone_in: float | None
    result_delay: float
    job_id: uuid.UUID | None
    job_name: str | None
    job_type: str | None
    failure_message: str | None
    is_retry: bool
    kind: Kind

    def to(self, world: World) -> Run:
        """Add it to *world*."""
        now = world.clock.now()
        created = world.rounded(now + timedelta(seconds=self.created_in))
        work = self._work(world)
        name = self.job_name or (work.name if work else "ubuntu-ci-3")
        run = Run(
            id=world.new_id(),
            kind=self.kind,
            name=name,
            title=world.title(name, created),
            server=_server(world, work),
            work=work,
            job_type=self.job_type or (work.type if work else "RestoreVm"),
            created=created,
            steps=timetable(created, self.script),
            result=self.result,
            failure_message=self.failure_message,
            is_retry=self.is_retry,
            appears=_after(now, self.appears_in),
            gone=_after(now, self.gone_in),
        )
        run.result_known = _after(run.ended, self.result_delay)
        world.add(run)
        return run

    def _work(self, world: World) -> Work | None:
        if self.job_id is not None:
            if self.job_id not in world.works:
                raise ValueError(f"there is no job {self.job_id}")
            return world.works[self.job_id]
        has_job = self.kind != "RestoreSession"
        return next(iter(world.works.values())) if has_job else None


def _server(world: World, work: Work | None) -> Server:
    return work.server if work else next(iter(world.servers.values()))


def _after(moment: datetime | None, seconds: float | None) -> datetime | None:
    if moment is None or seconds is None:
        return None
    return moment + timedelta(seconds=seconds)
