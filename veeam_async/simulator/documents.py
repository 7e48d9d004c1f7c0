"""Entities in, whole documents out: the frames that Enterprise Manager puts around.

Collections name their list once, the query service and the root document
twice; both come of the one class `Collection`, rendered alone or as a member.
"""

from typing import Any

import attrs
from attrs import field

from veeam_async.simulator.entities import Link
from veeam_async.simulator.wire import attribute, element

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
"""The lists that a JSON query answer always names, all but one of them null."""


@attrs.frozen(kw_only=True)
class Collection:
    """A list under its own name: *root* in XML, *key* in JSON."""

    root: str
    key: str
    items: tuple[Any, ...] = ()


@attrs.frozen(kw_only=True)
class EntityLists:
    """The entities of a query answer: one list held, the others null in JSON."""

    held: Collection


@attrs.frozen(kw_only=True)
class PagingInfo:
    """Which page this is, and where its neighbours lie."""

    links: tuple[Link, ...] = field(metadata=element("Links"), default=())
    page_num: int = field(metadata=attribute("PageNum"), default=1)
    page_size: int = field(metadata=attribute("PageSize"), default=100)
    pages_count: int = field(metadata=attribute("PagesCount"), default=1)


@attrs.frozen(kw_only=True)
class QueryResult:
    """The answer of the query service: one of the first three is not None."""

    refs: Collection | None = field(metadata=element("Refs"), default=None)
    entities: EntityLists | None = field(metadata=element("Entities"), default=None)
    resources: Collection | None = field(metadata=element("Resources"), default=None)
    links: tuple[Link, ...] | None = field(metadata=element("Links"), default=None)
    paging_info: PagingInfo | None = field(metadata=element("PagingInfo"), default=None)


@attrs.frozen(kw_only=True)
class SupportedVersion:
    """A version of the interface and where to log on to it."""

    links: tuple[Link, ...] = field(metadata=element("Links"))
    name: str = field(metadata=attribute("Name"))


@attrs.frozen(kw_only=True)
class EnterpriseManager:
    """The root document, which anybody may read."""

    supported_versions: Collection = field(metadata=element("SupportedVersions"))
    links: tuple[Link, ...] = field(metadata=element("Links"))
    href: str | None = field(metadata=attribute("Href"), default=None)
    type: str | None = field(metadata=attribute("Type"), default=None)


@attrs.frozen(kw_only=True)
class LogonSession:
    """A logon session; its id is as secret as the token made of it."""

    user_name: str = field(metadata=element("UserName"))
    session_id: str = field(metadata=element("SessionId"), repr=False)
    links: tuple[Link, ...] = field(metadata=element("Links"), default=(), repr=False)
    href: str = field(metadata=attribute("Href"), repr=False)
    type: str = field(metadata=attribute("Type"), default="LogonSession")


@attrs.frozen(kw_only=True)
class QueryService:
    """The addresses that the query service answers."""

    links: tuple[Link, ...] = field(metadata=element("Links"), default=())
    href: str | None = field(metadata=attribute("Href"), default=None)
    type: str | None = field(metadata=attribute("Type"), default="QueryService")


@attrs.frozen(kw_only=True)
class Error:
    """What went wrong, in the server's own words."""

    first_chance_exception_message: str | None = field(
        metadata=element("FirstChanceExceptionMessage"), default=None
    )
    message: str = field(metadata=attribute("Message"))
    stack_trace: str | None = field(metadata=element("StackTrace"), default=None)
    status: str | None = field(metadata=attribute("Status"), default=None)
    status_code: int = field(metadata=attribute("StatusCode"))
