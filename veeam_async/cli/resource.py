"""The three kinds of session that a command can be about."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from veeam_async import (
    BackupJobSession,
    EnterpriseManager,
    JobSessions,
    ReplicaJobSession,
    RestoreSession,
)
from veeam_async.cli.status import AnySession

Resource: TypeAlias = Literal["backup", "replica", "restore"]
Sessions: TypeAlias = JobSessions[Any]

KINDS: dict[Resource, type[AnySession]] = {
    "backup": BackupJobSession,
    "replica": ReplicaJobSession,
    "restore": RestoreSession,
}
"""The models of the sessions."""


def sessions_of(em: EnterpriseManager, resource: Resource) -> Sessions:
    """Give the sessions of the kind *resource*."""
    if resource == "replica":
        return em.replica_sessions
    if resource == "restore":
        return em.restore_sessions
    return em.backup_sessions
