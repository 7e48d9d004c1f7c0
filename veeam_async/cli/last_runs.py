"""Of each job the newest sessions, which tell how it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, TypeAlias
from uuid import UUID

import attrs

from veeam_async import (
    BackupJobSession,
    Job,
    JobType,
    ReplicaJobSession,
    SessionResult,
)

JobsSession = BackupJobSession | ReplicaJobSession

Kind: TypeAlias = Literal["backup", "replica"]
"""The kinds of sessions that belong to a job, as `--resource` calls them."""

_GOOD = (SessionResult.SUCCESS, SessionResult.WARNING)
"""Results after which there is a backup to restore from."""


@attrs.frozen
class LastRuns:
    """The sessions of one job: the newest that ended, and those that run.

    *success* is the newest that ended with Success or Warning. *uid* is the job's,
    empty where the server no longer knows it, and *job_id* is None then.
    """

    uid: str
    job_id: UUID | None
    name: str
    kind: Kind
    ended: JobsSession | None
    running: Sequence[JobsSession]
    success: JobsSession | None

    @classmethod
    def of(cls, sessions: Sequence[JobsSession]) -> LastRuns:
        """Those of one job, of which there are at least one."""
        newest_first = sorted(
            sessions, key=lambda session: session.creation_time, reverse=True
        )
        ended = [each for each in newest_first if each.is_stopped]
        newest = newest_first[0]
        return cls(
            uid=newest.job_uid,
            job_id=newest.job_id,
            name=newest.job_name or newest.name,
            kind="replica" if isinstance(newest, ReplicaJobSession) else "backup",
            ended=next(iter(ended), None),
            running=[each for each in newest_first if not each.is_stopped],
            success=next((each for each in ended if each.result in _GOOD), None),
        )

    @property
    def verdict(self) -> JobsSession | None:
        """The session whose result counts: the last that ended.

        None while the server repeats it: what failed may be well in a minute.
        """
        if self.running and self.running[0].is_retry:
            return None
        return self.ended

    def ended_with(self, result: SessionResult) -> bool:
        """True where the session that counts has this *result*."""
        return self.verdict is not None and self.verdict.result == result


def kind_of_sessions(job: Job) -> Kind:
    """The kind of the sessions that a *job* has."""
    return "replica" if job.job_type == JobType.REPLICA else "backup"


def by_job(sessions: Iterable[JobsSession]) -> list[LastRuns]:
    """The jobs that *sessions* belong to, by name.

    A session within another one, of a machine with an agent for example, is left out,
    and so is that of a copy job's worker where there are others: the job is judged by
    those as a whole.
    """
    grouped: dict[str, list[JobsSession]] = {}
    for session in sessions:
        if session.link("Up", f"{type(session).__name__}Reference") is not None:
            continue
        # Where the server no longer knows the job, its name is all there is.
        key = session.job_uid or session.job_name
        grouped.setdefault(key, []).append(session)
    jobs = [LastRuns.of(_whole(each)) for each in grouped.values()]
    return sorted(jobs, key=lambda job: job.name.casefold())


def _whole(sessions: Sequence[JobsSession]) -> Sequence[JobsSession]:
    worker = JobType.IMMEDIATE_BACKUP_COPY_WORKER
    return [each for each in sessions if each.job_type != worker] or sessions
