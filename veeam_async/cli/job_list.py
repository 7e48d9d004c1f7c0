"""The jobs with what their sessions say: the last result, and whether one runs."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal, TypeAlias
from uuid import UUID

from veeam_async import AgentBackupJob, EnterpriseManager, F, Job, NasJob
from veeam_async.cli.last_runs import (
    JobsSession,
    LastRuns,
    by_job,
    kind_of_sessions,
)
from veeam_async.cli.options import sessions_of
from veeam_async.cli.render.job_row import JobRow

Kind: TypeAlias = Literal["vm", "agent", "share"]

FEW = 50
"""So many jobs are asked for one by one, and what others did is left aside."""
_RECENT = timedelta(days=2)
"""Most jobs have run since then: their sessions come in a few pages."""
_PAGE_SIZE = 500
_OF_ONE = 10
"""Sessions of one job, among which there is one that has ended, mostly the second."""


def kind_of(job: Job) -> Kind:
    """Name the kind of a *job*."""
    if isinstance(job, AgentBackupJob):
        return "agent"
    return "share" if isinstance(job, NasJob) else "vm"


async def rows_of(em: EnterpriseManager, jobs: Sequence[Job]) -> list[JobRow]:
    """A row for each of *jobs*, in their order."""
    known = await _recent(em) if len(jobs) > FEW else {}
    unknown = [job for job in jobs if not _is_settled(known.get(job.id))]
    found = await asyncio.gather(*(_last(em, job) for job in unknown))
    for job, runs in zip(unknown, found, strict=True):
        if runs is not None:
            known[job.id] = runs
    return [_row(job, known.get(job.id)) for job in jobs]


def _is_settled(runs: LastRuns | None) -> bool:
    return runs is not None and runs.ended is not None


async def _recent(em: EnterpriseManager) -> dict[UUID, LastRuns]:
    """Those of the last days, by the ids of their jobs."""
    since = datetime.now(UTC) - _RECENT
    where = (F.creation_time >= since) | (F.state != "Stopped")
    sessions: list[JobsSession] = []
    for resource in (em.backup_sessions, em.replica_sessions):
        sessions += [row async for row in resource.query(where, page_size=_PAGE_SIZE)]
    return {runs.job_id: runs for runs in by_job(sessions) if runs.job_id}


async def _last(em: EnterpriseManager, job: Job) -> LastRuns | None:
    """Those of one job, None where it has no session."""
    # Sessions call a job of any kind so.
    where = F.job_uid == f"urn:veeam:Job:{job.id}"
    query = sessions_of(em, kind_of_sessions(job)).query(
        where, order_by="-creation_time", page_size=_OF_ONE, limit=_OF_ONE
    )
    return next(iter(by_job([session async for session in query])), None)


def _row(job: Job, runs: LastRuns | None) -> JobRow:
    last = runs.ended if runs else None
    running = runs.running[0] if runs and runs.running else None
    return JobRow(
        id=job.id,
        uid=job.uid,
        name=job.name,
        kind=kind_of(job),
        job_type=job.job_type,
        platform=job.platform,
        schedule_configured=job.schedule_configured,
        schedule_enabled=job.schedule_enabled,
        next_run=job.next_run,
        last_result=last.result if last else None,
        last_time=(last.end_time or last.creation_time) if last else None,
        last_session_id=last.id if last else None,
        running=running.state if running else None,
        progress=running.progress if running else None,
    )
