"""Made-up sessions, events of a watch, and dashboards that know them."""

from datetime import UTC, datetime
from typing import TypeVar
from uuid import UUID

from veeam_async import (
    BackupJobSession,
    ConnectionFailed,
    EventKind,
    HealthChanged,
    Session,
    SessionChanged,
    SessionGone,
)
from veeam_async.cli.render.dashboard import Dashboard

S = TypeVar("S", bound=Session)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def session(
    number: int,
    state: str = "Working",
    result: str | None = None,
    *,
    progress: int = 0,
    job_name: str | None = None,
) -> BackupJobSession:
    """The *number*-th session in a state."""
    return BackupJobSession(
        uid=f"urn:veeam:BackupJobSession:{UUID(int=number)}",
        name=f"Job {number}@now",
        job_name=f"Job {number}" if job_name is None else job_name,
        job_type="Backup",
        creation_time=NOON,
        state=state,
        result=result,
        progress=progress,
    )


def changed(kind: EventKind, seen: S) -> SessionChanged[S]:
    """An event of a *kind* about a session as it was *seen*."""
    return SessionChanged(
        kind=kind,
        id=seen.id,
        session=seen,
        previous=None,
        observed_at=NOON,
        not_before=None,
        skipped=False,
        sequence=1,
    )


def ended(number: int, result: str = "Success") -> SessionChanged[BackupJobSession]:
    """The end of the *number*-th session."""
    return changed(EventKind.STOPPED, session(number, "Stopped", result))


def gone(
    number: int, seen: BackupJobSession | None = None
) -> SessionGone[BackupJobSession]:
    """News that the *number*-th session is gone."""
    return SessionGone(id=UUID(int=number), session=seen, observed_at=NOON, sequence=2)


def health(kind: EventKind, number: int | None = None) -> HealthChanged:
    """News of polls of the *number*-th session, or of the server."""
    return HealthChanged(
        kind=kind,
        id=None if number is None else UUID(int=number),
        error=ConnectionFailed("no"),
        since=NOON,
        observed_at=NOON,
        sequence=3,
    )


def dashboard_of(number: int) -> Dashboard:
    """A dashboard that knows this many sessions, all found at 0."""
    dashboard = Dashboard()
    for each in range(number):
        dashboard.update(changed(EventKind.FOUND, session(each)), now=0.0)
    return dashboard
