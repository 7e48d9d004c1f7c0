"""What Enterprise Manager answers with, as frozen values.

A field is named after the wire's element or attribute: snake case, a trailing `UTC`
dropped. The wire's `Type` is the class, so only `EntityRef` and `Link`, which speak of
something else, keep it as a field. Nothing here knows how a body looks.

A repr is one short line that leads with what matters; `to_dict` shows everything.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Generic, TypeVar
from uuid import UUID

import attrs

from veeam_async.brief import id_of, line, path_of, time_of, word

M = TypeVar("M")


# These enums are open: each version of the server brings new values, so a field holds a
# member where the text is known, else the text as it is.


class SessionState(StrEnum):
    """The states of a job session; a new server may send others, as plain text."""

    STARTING = "Starting"
    STOPPING = "Stopping"
    WORKING = "Working"
    PAUSING = "Pausing"
    RESUMING = "Resuming"
    STOPPED = "Stopped"


class SessionResult(StrEnum):
    """How a session ended, in the server's own order: Success < Warning < Failed."""

    SUCCESS = "Success"
    WARNING = "Warning"
    FAILED = "Failed"


class TaskSessionState(StrEnum):
    """The states of a task session: the work on one machine within a session."""

    PENDING = "Pending"
    IN_PROGRESS = "InProgress"
    COMPLETED = "Completed"


class JobType(StrEnum):
    """The kinds of job that Enterprise Manager is known to report."""

    BACKUP = "Backup"
    BACKUP_COPY = "BackupCopy"
    IMMEDIATE_BACKUP_COPY = "ImmediateBackupCopy"
    IMMEDIATE_BACKUP_COPY_WORKER = "ImmediateBackupCopyWorker"
    AGENT_BACKUP = "AgentBackup"
    AGENT_MANAGEMENT = "AgentManagement"
    NAS_BACKUP = "NasBackup"
    REPLICA = "Replica"
    RESTORE_VM = "RestoreVm"
    FILE_LEVEL_RESTORE = "FileLevelRestore"


class Platform(StrEnum):
    """What a job backs up: the machines of a hypervisor, or those with an agent."""

    VMWARE = "VMware"
    HYPERV = "Hyperv"
    VCLOUD = "vCloud"
    AGENT_FOR_WINDOWS = "AgentForWindows"
    AGENT_FOR_LINUX = "AgentForLinux"


class TaskState(StrEnum):
    """The states of a task. OperationFinished: done there, not yet collected here.

    *There* is the backup server, *here* Enterprise Manager.
    """

    RUNNING = "Running"
    OPERATION_FINISHED = "OperationFinished"
    FINISHED = "Finished"


@attrs.frozen(kw_only=True, repr=False)
class Link:
    """A link from one resource to another. *rel* alone does not identify it."""

    rel: str
    href: str
    name: str | None = None
    type: str | None = None

    def __repr__(self) -> str:
        kind = None if self.type is None else word(self.type, 36)
        return line(self, word(self.rel), kind, said=path_of(self.href))


@attrs.frozen(kw_only=True, repr=False)
class Linked:
    """Anything with links. *href* is the server's own idea of the resource's URL."""

    href: str = ""
    links: tuple[Link, ...] = ()

    def link(self, rel: str, type: str | None = None) -> Link | None:  # noqa: A002 - the field's term
        """Give the first link of *rel* (and *type*, unless None), or None."""
        for link in self.links:
            if link.rel == rel and type in (None, link.type):
                return link
        return None

    def __repr__(self) -> str:
        return line(self, said=path_of(self.href))


@attrs.frozen(kw_only=True, repr=False)
class Identified(Linked):
    """What has a UID such as `urn:veeam:BackupJobSession:88b395e2-…` and a name."""

    uid: str
    name: str = ""

    @property
    def id(self) -> UUID:
        """The UUID at the end of *uid*; ValueError where the UID ends in none."""
        return UUID(self.uid[-36:])

    def __repr__(self) -> str:
        return line(self, standing(self), id_of(self.uid), title=title(self))


def title(entity: Identified) -> str:
    """What people call *entity*: a session by its job, a task session by its machine.

    The name of a session itself ends in a date.
    """
    names = (getattr(entity, name, "") for name in ("job_name", "vm_display_name"))
    return next(filter(None, names), entity.name)


def standing(entity: Identified) -> str:
    """How far *entity* is, in a few words; none where it has no state."""
    state = getattr(entity, "state", None)
    if state is None:
        return ""
    if state in (SessionState.STOPPED, TaskSessionState.COMPLETED):
        result = getattr(entity, "result", None)
        return word(state) if result is None else f"{word(state)} {word(result, 12)}"
    # Its result means nothing before.
    progress = getattr(entity, "progress", None)
    return word(state) if progress is None else f"{word(state)} {word(progress, 3)}%"


@attrs.frozen(kw_only=True, repr=False)
class EntityRef(Identified):
    """A reference to an entity: its identity and its links, without its state."""

    type: str | None = None

    def __repr__(self) -> str:
        kind = None if self.type is None else word(self.type, 36)
        return line(self, kind, id_of(self.uid), title=self.name)


@attrs.frozen(kw_only=True, repr=False)
class Session(Identified):
    """What the sessions of backup, replication and restore have in common.

    *creation_time* and *end_time* are aware and in UTC. *end_time* is None while the
    session runs and where the server sends one of its "never" years (before 1970).
    *progress* is a percentage; sessions that had ended with one of 0 were recorded, so
    only *state* tells whether a session has ended. *result* is None until there is one.
    """

    job_type: JobType | str
    creation_time: datetime
    end_time: datetime | None = None
    state: SessionState | str
    result: SessionResult | str | None = None
    progress: int = 0
    failure_message: str | None = None

    @property
    def is_stopped(self) -> bool:
        """Whether the session has ended; its state alone says so."""
        return self.state == SessionState.STOPPED

    @property
    def duration(self) -> timedelta | None:
        """How long the session took, None while it has no end."""
        return None if self.end_time is None else self.end_time - self.creation_time


@attrs.frozen(kw_only=True, repr=False)
class JobSession(Session):
    """A run of a job. *job_uid* is empty where the server no longer knows the job.

    *is_retry*: the run is one of the server's own retries of a failed run.
    """

    job_uid: str = ""
    job_name: str = ""
    is_retry: bool = False

    @property
    def job_id(self) -> UUID | None:
        """The UUID at the end of *job_uid*, None where that names no job."""
        try:
            return UUID(self.job_uid[-36:])
        except ValueError:
            return None


@attrs.frozen(kw_only=True, repr=False)
class BackupJobSession(JobSession):
    """One run of a backup job (page "GET /backupSessions/{ID}" of the reference)."""


@attrs.frozen(kw_only=True, repr=False)
class ReplicaJobSession(JobSession):
    """One run of a replication job (page "GET /replicaSessions/{ID}")."""


@attrs.frozen(kw_only=True, repr=False)
class RestoreSession(Session):
    """One restore (page "GET /restoreSessions/{ID}"); it belongs to no job."""

    vm_display_name: str | None = None


@attrs.frozen(kw_only=True, repr=False)
class BackupTaskSession(Identified):
    """The work on one machine in a backup session ("GET /backupTaskSessions/{ID}").

    *total_size* is in bytes. *result* may read Success while *state* is InProgress.
    """

    job_session_uid: str = ""
    creation_time: datetime
    end_time: datetime | None = None
    state: TaskSessionState | str
    result: SessionResult | str | None = None
    reason: str = ""
    total_size: int = 0
    vm_uid: str | None = None
    vm_display_name: str | None = None

    @property
    def is_completed(self) -> bool:
        """Whether the work has ended; its state alone says so."""
        return self.state == TaskSessionState.COMPLETED

    @property
    def duration(self) -> timedelta | None:
        """How long the work took, None while it has no end."""
        return None if self.end_time is None else self.end_time - self.creation_time


@attrs.frozen(kw_only=True, repr=False)
class Job(Identified):
    """A job (page "GET /jobs/{ID}"), without its options, which differ by its type.

    Those of agents and of file shares are an `AgentBackupJob` and a `NasJob`.
    """

    job_type: JobType | str
    platform: Platform | str | None = None
    description: str = ""
    schedule_configured: bool = False
    schedule_enabled: bool = False
    next_run: datetime | None = None

    def __repr__(self) -> str:
        kind, when = word(self.job_type, 30), None
        if self.schedule_configured and not self.schedule_enabled:
            when = "disabled"
        elif self.next_run is not None:
            when = f"next run {time_of(self.next_run)}"
        return line(self, kind, when, id_of(self.uid), title=self.name)


# What the servers of these send was seen in part only: they may leave the type out.


@attrs.frozen(kw_only=True, repr=False)
class AgentBackupJob(Job):
    """A job of Veeam Agents (page "GET /agents/jobs/{ID}")."""

    job_type: JobType | str = JobType.AGENT_BACKUP


@attrs.frozen(kw_only=True, repr=False)
class NasJob(Job):
    """A job of file shares (page "GET /nas/jobs/{ID}")."""

    job_type: JobType | str = JobType.NAS_BACKUP


@attrs.frozen(kw_only=True, repr=False)
class TaskResult:
    """How the operation of a task ended."""

    success: bool
    message: str | None = None

    def __repr__(self) -> str:
        outcome = "succeeded" if self.success else "failed"
        return line(self, outcome, said=self.message or None)


@attrs.frozen(kw_only=True, repr=False)
class Task(Linked):
    """An operation that the server works on; it lives in its logon session only.

    *result* is None while the task is Running. A success means that the operation was
    triggered, not that what it triggered has ended. After another logon the server does
    not know the task any more.
    """

    task_id: str
    state: TaskState | str
    operation: str = ""
    result: TaskResult | None = None

    @property
    def is_finished(self) -> bool:
        """Whether the server has collected the outcome."""
        return self.state == TaskState.FINISHED

    @property
    def related(self) -> tuple[Link, ...]:
        """The links to what the operation made, a new session for example."""
        return tuple(link for link in self.links if link.rel == "Related")

    def __repr__(self) -> str:
        words = [word(each, 30) for each in (self.operation, self.state) if each]
        if self.result is not None:
            words.append("succeeded" if self.result.success else "failed")
        said = None if self.result is None else self.result.message
        return line(self, *words, before=word(self.task_id, 20), said=said or None)


@attrs.frozen(kw_only=True)
class LogonSession(Linked):
    """A logon, of which nothing but the user's name may be shown."""

    # The token is the session's id in base64, and href and links hold that id.
    href: str = attrs.field(default="", repr=False)
    links: tuple[Link, ...] = attrs.field(default=(), repr=False)
    session_id: str = attrs.field(repr=False)
    user_name: str = ""


@attrs.frozen(kw_only=True)
class SupportedVersion:
    """A version of the API that a server speaks, such as `v1_7`."""

    name: str
    links: tuple[Link, ...] = ()


@attrs.frozen(kw_only=True)
class ApiRoot(Linked):
    """The document at `/api/`, the only one that asks for no logon."""

    supported_versions: tuple[SupportedVersion, ...]


@attrs.frozen(kw_only=True)
class ErrorBody:
    """What the server says about a request that it refused or failed."""

    message: str | None = None
    status_code: int | None = None
    status: str | None = None
    first_chance_exception_message: str | None = None
    stack_trace: str | None = None


@attrs.frozen(kw_only=True, repr=False)
class PagingInfo:
    """Which page of a query this is; pages count from 1."""

    page_num: int = 1
    page_size: int = 0
    pages_count: int = 1
    links: tuple[Link, ...] = ()

    def __repr__(self) -> str:
        of = f"{word(self.page_num, 20)} of {word(self.pages_count, 20)}"
        return line(self, of, f"with {word(self.page_size, 20)} rows each")


@attrs.frozen(kw_only=True, repr=False)
class UnreadableRow:
    """A row of a list that could not be read, and was left out.

    *index* is its place on its page, from 0, *reason* says what is wrong with it, and
    *uid* is its UID, None where that is what cannot be read.
    """

    index: int
    reason: str
    uid: str | None = None

    @property
    def id(self) -> UUID | None:
        """The UUID at the end of *uid*, None where there is none."""
        return None if self.uid is None else UUID(self.uid[-36:])

    def __repr__(self) -> str:
        known = None if self.uid is None else id_of(self.uid)
        return line(self, known, before=word(self.index), said=self.reason)


@attrs.frozen(kw_only=True, repr=False)
class Page(Generic[M]):
    """A list of resources: one page of a query, or a whole collection without paging.

    *paging* is None for a collection. *unreadable* are the rows that are left out: they
    could not be read.
    """

    rows: tuple[M, ...] = ()
    paging: PagingInfo | None = None
    unreadable: tuple[UnreadableRow, ...] = ()

    def __repr__(self) -> str:
        words = [f"{len(self.rows)} rows"]
        if self.unreadable:
            words.append(f"and {len(self.unreadable)} unreadable")
        if self.paging is not None:
            number, count = self.paging.page_num, self.paging.pages_count
            words.append(f"(page {word(number, 20)} of {word(count, 20)})")
        return line(self, *words)
