"""Documents around the entities: collections, pages, the root, errors, reports.

JSON names a collection's list once, in the query service and the root document
twice. Both come of the class `Collection`, rendered alone or as a member.
"""

from datetime import datetime
from typing import Any

import attrs
from attrs import field

from veeam_async.simulator.entities import Link
from veeam_async.simulator.wire import attribute, element

# In the order and the spelling of a recorded answer, `Enterpise` included.
ENTITY_LISTS = (
    *("Jobs", "FailoverPlans", "Backups", "Replicas", "Repositories"),
    *("RestorePoints", "VmRestorePoints", "VAppRestorePoints", "VmReplicaPoints"),
    *("BackupJobSessions", "ReplicaJobSessions", "ReplicaTaskSessions"),
    *("RestoreSessions", "HierarchyRoots", "BackupTaskSessions", "BackupServers"),
    *("ManagedServers", "EnterpiseRoles", "EnterpiseAccounts", "WanAccelerators"),
    *("CloudGateways", "CloudTenants", "CloudReplicas", "VCloudOrganizationConfigs"),
    *("BackupFiles", "VSphereSelfServiceConfigs", "CloudPublicIps"),
    *("CloudHardwarePlans", "CloudVmReplicaPoints", "AgentRestorePoints"),
    *("AgentBackupJob", "CloudGatewayPools", "CloudFailoverPlans"),
    *("ExternalRepositories", "VlanConfigurations", "CloudFailoverSessions"),
    *("AgentProtectionGroups", "DiscoveredComputers", "FileServers", "NASJobs"),
    *("CdpReplicas", "CdpReplicaVms", "CdpPolicies", "CdpReplicaSessions"),
    *("CdpReplicaTaskSessions", "VAppReplicaPoints", "VmCdpReplicas"),
    *("VAppCdpReplicas", "VAppCdpReplicaVms", "SystemSessions"),
)
"""Lists that a JSON query result always names, all but one of them null."""


@attrs.frozen(kw_only=True)
class Collection:
    """List under its own name: `root` in XML, `key` in JSON."""

    root: str
    key: str
    items: tuple[Any, ...] = ()


@attrs.frozen
class Null:
    """Row of a list that has no value."""

    of: Any
    """Entity that would stand there; XML has its name."""


@attrs.frozen(kw_only=True)
class EntityLists:
    """Entities of a query result: one list held, the others null in JSON."""

    held: Collection
    name: str | None = None
    """JSON's name of that list among the others; None: the list's own."""


@attrs.frozen(kw_only=True)
class Resources:
    """Rows of a query that have neither a UID nor a reference: tasks."""

    tasks: Collection = field(metadata=element("Tasks"))


@attrs.frozen(kw_only=True)
class PagingInfo:
    """Number of the page, and links to its neighbours."""

    links: tuple[Link, ...] = field(metadata=element("Links"), default=())
    page_num: int = field(metadata=attribute("PageNum"), default=1)
    page_size: int = field(metadata=attribute("PageSize"), default=100)
    pages_count: int = field(metadata=attribute("PagesCount"), default=1)


@attrs.frozen(kw_only=True)
class QueryResult:
    """Page of the query service: one of the first three fields is not None."""

    refs: Collection | None = field(metadata=element("Refs"), default=None)
    entities: EntityLists | None = field(metadata=element("Entities"), default=None)
    resources: Resources | None = field(metadata=element("Resources"), default=None)
    links: tuple[Link, ...] | None = field(metadata=element("Links"), default=None)
    paging_info: PagingInfo | None = field(metadata=element("PagingInfo"), default=None)


@attrs.frozen(kw_only=True)
class SupportedVersion:
    """Version of the API and where to log on to it."""

    links: tuple[Link, ...] = field(metadata=element("Links"))
    name: str = field(metadata=attribute("Name"))


@attrs.frozen(kw_only=True)
class EnterpriseManager:
    """Root document, which anybody may read."""

    supported_versions: Collection = field(metadata=element("SupportedVersions"))
    links: tuple[Link, ...] = field(metadata=element("Links"))
    href: str | None = field(metadata=attribute("Href"), default=None)
    type: str | None = field(metadata=attribute("Type"), default=None)


@attrs.frozen(kw_only=True)
class LogonSession:
    """Logon session; its id is as secret as the token made of it."""

    user_name: str = field(metadata=element("UserName"))
    session_id: str = field(metadata=element("SessionId"), repr=False)
    links: tuple[Link, ...] = field(metadata=element("Links"), default=(), repr=False)
    href: str = field(metadata=attribute("Href"), repr=False)
    type: str = field(metadata=attribute("Type"), default="LogonSession")


@attrs.frozen(kw_only=True)
class QueryService:
    """Addresses that the query service answers."""

    links: tuple[Link, ...] = field(metadata=element("Links"), default=())
    href: str | None = field(metadata=attribute("Href"), default=None)
    type: str | None = field(metadata=attribute("Type"), default="QueryService")


@attrs.frozen(kw_only=True)
class Agents:
    """An index of all about agents."""

    links: tuple[Link, ...] = field(metadata=element("Links"), default=())
    href: str | None = field(metadata=attribute("Href"), default=None)
    type: str | None = field(metadata=attribute("Type"), default="AgentsService")


@attrs.frozen(kw_only=True)
class NASService:
    """An index of all about file shares."""

    links: tuple[Link, ...] = field(metadata=element("Links"), default=())
    href: str | None = field(metadata=attribute("Href"), default=None)
    type: str | None = field(metadata=attribute("Type"), default=None)


@attrs.frozen(kw_only=True)
class Error:
    """Error in the server's own words."""

    first_chance_exception_message: str | None = field(
        metadata=element("FirstChanceExceptionMessage"), default=None
    )
    message: str = field(metadata=attribute("Message"))
    stack_trace: str | None = field(metadata=element("StackTrace"), default=None)
    status: str | None = field(metadata=attribute("Status"), default=None)
    status_code: int = field(metadata=attribute("StatusCode"))


@attrs.frozen(kw_only=True)
class SummaryReport:
    """Index of the summary reports."""

    links: tuple[Link, ...] = field(metadata=element("Links"), default=())
    href: str | None = field(metadata=attribute("Href"), default=None)
    type: str | None = field(metadata=attribute("Type"), default=None)


@attrs.frozen(kw_only=True)
class OverviewReport:
    """Summary report about the backup infrastructure."""

    backup_servers: int = field(metadata=element("BackupServers"))
    proxy_servers: int = field(metadata=element("ProxyServers"), default=1)
    repository_servers: int = field(metadata=element("RepositoryServers"))
    running_jobs: int = field(metadata=element("RunningJobs"))
    scheduled_jobs: int = field(metadata=element("ScheduledJobs"))
    # `Lastest` is Enterprise Manager's own spelling.
    successful_vm_lastest_states: int = field(
        metadata=element("SuccessfulVmLastestStates")
    )
    warning_vm_lastest_states: int = field(metadata=element("WarningVmLastestStates"))
    failed_vm_lastest_states: int = field(metadata=element("FailedVmLastestStates"))
    links: tuple[Link, ...] | None = field(metadata=element("Links"), default=None)
    href: str | None = field(metadata=attribute("Href"), default=None)
    type: str | None = field(metadata=attribute("Type"), default=None)


@attrs.frozen(kw_only=True)
class JobStatisticsReport:
    """Summary report about the jobs of the last 24 hours; durations in seconds."""

    running_jobs: int = field(metadata=element("RunningJobs"))
    scheduled_jobs: int = field(metadata=element("ScheduledJobs"))
    scheduled_backup_jobs: int = field(metadata=element("ScheduledBackupJobs"))
    scheduled_replica_jobs: int = field(metadata=element("ScheduledReplicaJobs"))
    total_job_runs: int = field(metadata=element("TotalJobRuns"))
    successful_job_runs: int = field(metadata=element("SuccessfulJobRuns"))
    warnings_job_runs: int = field(metadata=element("WarningsJobRuns"))
    failed_job_runs: int = field(metadata=element("FailedJobRuns"))
    max_job_duration: int = field(metadata=element("MaxJobDuration"))
    max_backup_job_duration: int = field(metadata=element("MaxBackupJobDuration"))
    max_replica_job_duration: int = field(
        metadata=element("MaxReplicaJobDuration"), default=0
    )
    max_duration_backup_job_name: str = field(
        metadata=element("MaxDurationBackupJobName")
    )
    max_duration_replica_job_name: str = field(
        metadata=element("MaxDurationReplicaJobName"), default=""
    )
    links: tuple[Link, ...] | None = field(metadata=element("Links"), default=None)
    href: str | None = field(metadata=attribute("Href"), default=None)
    type: str | None = field(metadata=attribute("Type"), default=None)


@attrs.frozen(kw_only=True)
class VmsOverviewReport:
    """Summary report about protected machines; sizes in bytes."""

    protected_vms: int = field(metadata=element("ProtectedVms"))
    backed_up_vms: int = field(metadata=element("BackedUpVms"))
    replicated_vms: int = field(metadata=element("ReplicatedVms"), default=0)
    restore_points: int = field(metadata=element("RestorePoints"))
    full_backup_points_size: int = field(metadata=element("FullBackupPointsSize"))
    incremental_backup_points_size: int = field(
        metadata=element("IncrementalBackupPointsSize")
    )
    replica_restore_points_size: int = field(
        metadata=element("ReplicaRestorePointsSize"), default=0
    )
    source_vms_size: int = field(metadata=element("SourceVmsSize"))
    success_backup_percents: int = field(metadata=element("SuccessBackupPercents"))
    links: tuple[Link, ...] | None = field(metadata=element("Links"), default=None)
    href: str | None = field(metadata=attribute("Href"), default=None)
    type: str | None = field(metadata=attribute("Type"), default=None)


@attrs.frozen(kw_only=True)
class Day:
    """Machines that were processed on one day."""

    timestamp: datetime = field(metadata=attribute("Timestamp"))
    replicated_vms: int = field(metadata=attribute("ReplicatedVms"))
    # `Backuped` is Enterprise Manager's own word.
    backuped_vms: int = field(metadata=attribute("BackupedVms"))


@attrs.frozen(kw_only=True)
class ProcessedVmsReportFrame:
    """Summary report about the machines of the last days, the newest first."""

    days: tuple[Day, ...] = field(metadata=element("Days", flat=True))
    links: tuple[Link, ...] | None = field(metadata=element("Links"), default=None)
    href: str | None = field(metadata=attribute("Href"), default=None)
    type: str | None = field(metadata=attribute("Type"), default=None)


@attrs.frozen(kw_only=True)
class Period:
    """Space of one repository; sizes in bytes."""

    name: str = field(metadata=element("Name"))
    capacity: int = field(metadata=element("Capacity"))
    free_space: int = field(metadata=element("FreeSpace"))
    backup_size: int = field(metadata=element("BackupSize"))


@attrs.frozen(kw_only=True)
class RepositoryReportFrame:
    """Summary report about the repositories."""

    periods: tuple[Period, ...] = field(metadata=element("Periods", flat=True))
    links: tuple[Link, ...] | None = field(metadata=element("Links"), default=None)
    href: str | None = field(metadata=attribute("Href"), default=None)
    type: str | None = field(metadata=attribute("Type"), default=None)
