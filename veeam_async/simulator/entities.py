"""Entities that Enterprise Manager serves: sessions, jobs, servers, tasks.

The simulator's own classes, on purpose not the client's: a mistake shared by both
sides would go unseen. Each field knows its name on the wire, and the order of the
fields is the order of JSON's keys as recorded.
"""

from datetime import datetime

import attrs
from attrs import field

from veeam_async.simulator.wire import attribute, element


@attrs.frozen(kw_only=True)
class Link:
    """Link to another resource; `name` and `type` may be missing."""

    rel: str = field(metadata=attribute("Rel"))
    href: str = field(metadata=attribute("Href"))
    name: str | None = field(metadata=attribute("Name"), default=None)
    type: str | None = field(metadata=attribute("Type"), default=None)


@attrs.frozen(kw_only=True)
class EntityRef:
    """Reference: what a resource is called and where it lies, without its state."""

    links: tuple[Link, ...] = field(metadata=element("Links"), default=())
    uid: str = field(metadata=attribute("UID"))
    name: str | None = field(metadata=attribute("Name"))
    href: str = field(metadata=attribute("Href"))
    type: str = field(metadata=attribute("Type"))


@attrs.frozen(kw_only=True)
class BackupJobSession:
    """Session of a backup job; `end_time` is None while it runs."""

    is_retry: bool = field(metadata=element("IsRetry"), default=False)
    job_uid: str | None = field(metadata=element("JobUid"))
    job_name: str | None = field(metadata=element("JobName"))
    job_type: str = field(metadata=element("JobType"), default="Backup")
    creation_time: datetime = field(metadata=element("CreationTimeUTC"))
    end_time: datetime | None = field(
        metadata=element("EndTimeUTC", absent=True), default=None
    )
    state: str = field(metadata=element("State"), default="Working")
    result: str | None = field(metadata=element("Result"), default="None")
    progress: int = field(metadata=element("Progress"), default=0)
    failure_message: str | None = field(
        metadata=element("FailureMessage"), default=None
    )
    name: str = field(metadata=attribute("Name"))
    uid: str = field(metadata=attribute("UID"))
    links: tuple[Link, ...] = field(metadata=element("Links"), default=())
    href: str = field(metadata=attribute("Href"))
    type: str = field(metadata=attribute("Type"), default="BackupJobSession")


@attrs.frozen(kw_only=True)
class ReplicaJobSession(BackupJobSession):
    """Session of a replication job."""

    job_type: str = field(metadata=element("JobType"), default="Replica")
    type: str = field(metadata=attribute("Type"), default="ReplicaJobSession")


@attrs.frozen(kw_only=True)
class RestoreSession:
    """Restore of a machine; it belongs to no job."""

    vm_display_name: str | None = field(
        metadata=attribute("VmDisplayName"), default=None
    )
    job_type: str = field(metadata=element("JobType"), default="RestoreVm")
    creation_time: datetime = field(metadata=element("CreationTimeUTC"))
    end_time: datetime | None = field(
        metadata=element("EndTimeUTC", absent=True), default=None
    )
    state: str = field(metadata=element("State"), default="Working")
    result: str | None = field(metadata=element("Result"), default="None")
    progress: int = field(metadata=element("Progress"), default=0)
    failure_message: str | None = field(
        metadata=element("FailureMessage"), default=None
    )
    name: str = field(metadata=attribute("Name"))
    uid: str = field(metadata=attribute("UID"))
    links: tuple[Link, ...] = field(metadata=element("Links"), default=())
    href: str = field(metadata=attribute("Href"))
    type: str = field(metadata=attribute("Type"), default="RestoreSession")


@attrs.frozen(kw_only=True)
class BackupTaskSession:
    """Share of one machine in a backup session; `total_size` in bytes."""

    job_session_uid: str = field(metadata=element("JobSessionUid"))
    creation_time: datetime = field(metadata=element("CreationTimeUTC"))
    end_time: datetime | None = field(
        metadata=element("EndTimeUTC", absent=True), default=None
    )
    state: str = field(metadata=element("State"), default="InProgress")
    result: str | None = field(metadata=element("Result"), default="Success")
    reason: str | None = field(metadata=element("Reason"), default="")
    total_size: int = field(metadata=element("TotalSize"), default=0)
    vm_uid: str | None = field(metadata=element("VmUid"), default=None)
    vm_display_name: str | None = field(
        metadata=attribute("VmDisplayName"), default=None
    )
    name: str = field(metadata=attribute("Name"))
    uid: str = field(metadata=attribute("UID"))
    links: tuple[Link, ...] = field(metadata=element("Links"), default=())
    href: str = field(metadata=attribute("Href"))
    type: str = field(metadata=attribute("Type"), default="BackupTaskSession")


@attrs.frozen(kw_only=True)
class ReplicaTaskSession(BackupTaskSession):
    """Share of one machine in a replication session."""

    type: str = field(metadata=attribute("Type"), default="ReplicaTaskSession")


@attrs.frozen(kw_only=True)
class JobInfo:
    """Settings of a job, nested by its type: here the retention only."""

    simple_retention_policy: int = field(
        metadata=element("SimpleRetentionPolicy"), default=14
    )


@attrs.frozen(kw_only=True)
class Job:
    """Job; `next_run` is None where its schedule is off."""

    job_type: str = field(metadata=element("JobType"), default="Backup")
    platform: str = field(metadata=element("Platform"), default="VMware")
    description: str | None = field(metadata=element("Description"), default=None)
    schedule_configured: bool = field(
        metadata=element("ScheduleConfigured"), default=True
    )
    schedule_enabled: bool = field(metadata=element("ScheduleEnabled"), default=True)
    next_run: datetime | None = field(
        metadata=element("NextRun", absent=True), default=None
    )
    job_info: JobInfo | None = field(metadata=element("JobInfo"), default=None)
    name: str = field(metadata=attribute("Name"))
    uid: str = field(metadata=attribute("UID"))
    links: tuple[Link, ...] = field(metadata=element("Links"), default=())
    href: str = field(metadata=attribute("Href"))
    type: str = field(metadata=attribute("Type"), default="Job")


@attrs.frozen(kw_only=True)
class AgentBackupJob(Job):
    """Job of agents; its platform is theirs."""

    job_type: str = field(metadata=element("JobType"), default="AgentBackup")
    platform: str = field(metadata=element("Platform"), default="AgentForWindows")
    type: str = field(metadata=attribute("Type"), default="AgentBackupJob")


@attrs.frozen(kw_only=True)
class StorageOptions:
    """Where a file shares' job keeps what it reads: here the retention only."""

    short_term_type: str = field(
        metadata=element("ShorttermRetentionType"), default="Day"
    )
    short_term_period: int = field(
        metadata=element("ShorttermRetentionPeriod"), default=28
    )


# The schema's name of the element, while Type says NasJob: as documented.
@attrs.frozen(kw_only=True)
class NASJob:
    """Job of file shares, which has neither a job type nor a platform."""

    description: str | None = field(metadata=element("Description"), default=None)
    storage_options: StorageOptions | None = field(
        metadata=element("StorageOptions"), default=None
    )
    schedule_configured: bool = field(
        metadata=element("ScheduleConfigured"), default=True
    )
    schedule_enabled: bool = field(metadata=element("ScheduleEnabled"), default=True)
    next_run: datetime | None = field(
        metadata=element("NextRun", absent=True), default=None
    )
    name: str = field(metadata=attribute("Name"))
    uid: str = field(metadata=attribute("UID"))
    links: tuple[Link, ...] = field(metadata=element("Links"), default=())
    href: str = field(metadata=attribute("Href"))
    type: str = field(metadata=attribute("Type"), default="NasJob")


@attrs.frozen(kw_only=True)
class BackupServer:
    """Backup server that this Enterprise Manager collects from."""

    description: str | None = field(metadata=element("Description"), default=None)
    port: int = field(metadata=element("Port"), default=9392)
    version: str = field(metadata=element("Version"))
    wcf_port: int = field(metadata=element("WcfPort"), default=9405)
    name: str = field(metadata=attribute("Name"))
    uid: str = field(metadata=attribute("UID"))
    links: tuple[Link, ...] = field(metadata=element("Links"), default=())
    href: str = field(metadata=attribute("Href"))
    type: str = field(metadata=attribute("Type"), default="BackupServer")


@attrs.frozen(kw_only=True)
class Repository:
    """Backup repository; sizes in bytes."""

    capacity: int = field(metadata=element("Capacity"))
    free_space: int = field(metadata=element("FreeSpace"))
    backup_size: int = field(metadata=element("BackupSize"), default=0)
    kind: str = field(metadata=element("Kind"), default="WinLocal")
    name: str = field(metadata=attribute("Name"))
    uid: str = field(metadata=attribute("UID"))
    links: tuple[Link, ...] = field(metadata=element("Links"), default=())
    href: str = field(metadata=attribute("Href"))
    type: str = field(metadata=attribute("Type"), default="Repository")


@attrs.frozen(kw_only=True)
class RestorePoint:
    """Points to restore from, which a session has left behind."""

    backup_date: datetime = field(metadata=element("BackupDateUTC"))
    name: str = field(metadata=attribute("Name"))
    uid: str = field(metadata=attribute("UID"))
    links: tuple[Link, ...] = field(metadata=element("Links"), default=())
    href: str = field(metadata=attribute("Href"))
    type: str = field(metadata=attribute("Type"), default="RestorePoint")


@attrs.frozen(kw_only=True)
class TaskResult:
    """Outcome of an operation."""

    message: str | None = field(metadata=element("Message"))
    success: bool = field(metadata=attribute("Success"))


@attrs.frozen(kw_only=True)
class Task:
    """Operation asked of the server; `result` is None while it runs."""

    task_id: str = field(metadata=element("TaskId"))
    state: str = field(metadata=element("State"), default="Running")
    operation: str = field(metadata=element("Operation"))
    result: TaskResult | None = field(metadata=element("Result"), default=None)
    links: tuple[Link, ...] = field(metadata=element("Links"), default=())
    href: str = field(metadata=attribute("Href"))
    type: str = field(metadata=attribute("Type"), default="Task")
