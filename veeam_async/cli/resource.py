"""The three kinds of session that a command can be about."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from veeam_async import EnterpriseManager, JobSessions

Resource: TypeAlias = Literal["backup", "replica", "restore"]
Sessions: TypeAlias = JobSessions[Any]


def sessions_of(em: EnterpriseManager, resource: Resource) -> Sessions:
    """Give the sessions of the kind *resource*."""
    if resource == "replica":
        return em.replica_sessions
    if resource == "restore":
        return em.restore_sessions
    return em.backup_sessions
