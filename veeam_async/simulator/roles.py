"""Roles of Enterprise Manager's users, and what each of them may not do.

The reference's table of roles says of sessions of backups that a Portal User reads and
does not stop them, and that a Restore Operator does not see them; of jobs, that they
are a Portal Administrator's, and so is every order. What it does not say is taken by
analogy: replications as backups, agents' and file shares' jobs as the others, and the
query service as the collections. It says one thing that none of this tells: who may
not see a file share's job may read its sessions.
"""

from typing import Literal, TypeAlias

from veeam_async.simulator.request import RefusalError
from veeam_async.simulator.resources import (
    AGENT_JOBS,
    BACKUP_SESSIONS,
    JOBS,
    NAS_JOBS,
    REPLICA_SESSIONS,
    REPLICA_TASK_SESSIONS,
    TASK_SESSIONS,
    by_type,
)

Role: TypeAlias = Literal["Portal Administrator", "Portal User", "Restore Operator"]

ROLES: tuple[Role, ...] = ("Portal Administrator", "Portal User", "Restore Operator")
"""What a user may be, who may do everything first."""

_ADMINISTRATORS = {"jobs", JOBS.type, AGENT_JOBS.type, NAS_JOBS.type}
"""Words of paths, and types of queries, that a Portal Administrator alone may read."""
_NOT_OPERATORS = {
    *("backupSessions", BACKUP_SESSIONS.type),
    *("backupTaskSessions", TASK_SESSIONS.type),
    *("replicaSessions", REPLICA_SESSIONS.type),
    *("replicaTaskSessions", REPLICA_TASK_SESSIONS.type),
}
"""Those that a Restore Operator may not read either."""
_HIDDEN: dict[Role, set[str]] = {
    "Portal User": _ADMINISTRATORS,
    "Restore Operator": _ADMINISTRATORS | _NOT_OPERATORS,
}


_SESSIONS_OF_NAS_JOB = "/nas/jobs/{id}/backupSessions"


def check(role: Role, method: str, route: str, query_type: str | None) -> None:
    """Let a request of `role` to `route` pass, spelt as the reference spells it.

    A query counts as one for the type that it asks for, in whatever case.

    Raises:
        RefusalError: 403, where that role has no right to it.
    """
    hidden = _HIDDEN.get(role)
    if hidden is None:
        return
    if method == "POST" or not hidden.isdisjoint(_touched(route, query_type)):
        raise RefusalError(403, "Access denied.")


def _touched(route: str, query_type: str | None) -> list[str]:
    if route == _SESSIONS_OF_NAS_JOB:
        return ["backupSessions"]
    resource = by_type(query_type or "") if route == "/query" else None
    return [resource.type] if resource else route.split("/")
