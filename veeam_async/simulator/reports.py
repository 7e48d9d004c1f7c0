"""Handlers of the summary reports, which monitoring scripts read first."""

from collections import Counter
from datetime import datetime, timedelta

import attrs

from veeam_async.simulator.documents import (
    Day,
    JobStatisticsReport,
    OverviewReport,
    Period,
    ProcessedVmsReportFrame,
    RepositoryReportFrame,
    SummaryReport,
    VmsOverviewReport,
)
from veeam_async.simulator.entities import Link
from veeam_async.simulator.request import Request, Response
from veeam_async.simulator.runs import Kind

_DAY = timedelta(days=1)
_DAYS = 7
"""How many days the report about processed machines has, as documented."""
_NAMES = {
    "overview": "Overview",
    "vms_overview": "VmsOverview",
    "job_statistics": "JobStatistics",
    "processed_vms": "ProcessedVms",
    "repository": "Repositories",
}
"""Names of the reports in their index, by the last word of their paths."""


def index(request: Request) -> Response:
    """Index of the reports."""
    here = f"{request.base}/reports/summary"
    links = tuple(
        Link(rel="Down", href=f"{here}/{path}", name=name, type="ReportFrame")
        for path, name in _NAMES.items()
    )
    return Response(document=SummaryReport(links=links))


@attrs.frozen
class _LastDay:
    """Numbers of the backup sessions that ended in the last 24 hours."""

    running: int
    total: int
    success: int
    warning: int
    failed: int
    longest: int
    longest_name: str

    @classmethod
    def of(cls, request: Request) -> "_LastDay":
        now = request.now
        runs = request.world.runs("BackupJobSession", now)
        stopped = [run for run in runs if (end := run.end_at(now)) and end > now - _DAY]
        results = [run.result_at(now) for run in stopped]
        lengths = {run.name: (run.ended or now) - run.created for run in stopped}
        longest = max(lengths, key=lambda name: lengths[name], default="")
        seconds = lengths.get(longest, timedelta()).total_seconds()
        return cls(
            running=sum(not run.is_stopped(now) for run in runs),
            total=len(results),
            success=results.count("Success"),
            warning=results.count("Warning"),
            failed=results.count("Failed"),
            longest=int(seconds),
            longest_name=longest,
        )


def overview(request: Request) -> Response:
    """Report about the infrastructure."""
    day = _LastDay.of(request)
    report = OverviewReport(
        backup_servers=len(request.world.servers),
        repository_servers=len(request.world.repos),
        running_jobs=day.running,
        scheduled_jobs=_scheduled(request, is_replica=None),
        successful_vm_lastest_states=day.success,
        warning_vm_lastest_states=day.warning,
        failed_vm_lastest_states=day.failed,
    )
    return Response(document=report)


def job_statistics(request: Request) -> Response:
    """Report about the jobs, which monitoring scripts read first."""
    day = _LastDay.of(request)
    report = JobStatisticsReport(
        running_jobs=day.running,
        scheduled_jobs=_scheduled(request, is_replica=None),
        scheduled_backup_jobs=_scheduled(request, is_replica=False),
        scheduled_replica_jobs=_scheduled(request, is_replica=True),
        total_job_runs=day.total,
        successful_job_runs=day.success,
        warnings_job_runs=day.warning,
        failed_job_runs=day.failed,
        max_job_duration=day.longest,
        max_backup_job_duration=day.longest,
        max_duration_backup_job_name=day.longest_name,
    )
    return Response(document=report)


def vms_overview(request: Request) -> Response:
    """Report about the protected machines."""
    day = _LastDay.of(request)
    machines = {name for job in request.world.jobs.values() for name in job.machines}
    # The sizes are made up: plausible, and the same for the same sessions.
    report = VmsOverviewReport(
        protected_vms=len(machines),
        backed_up_vms=len(machines),
        restore_points=day.total,
        full_backup_points_size=day.total << 34,
        incremental_backup_points_size=day.total << 31,
        source_vms_size=len(machines) << 37,
        success_backup_percents=100 * day.success // max(1, day.total),
    )
    return Response(document=report)


def processed_vms(request: Request) -> Response:
    """Report about the machines that were processed on each of the last days."""
    midnight = request.now.replace(hour=0, minute=0, second=0, microsecond=0)
    backups = _machines_by_day(request, "BackupJobSession", midnight)
    replicas = _machines_by_day(request, "ReplicaJobSession", midnight)
    days = tuple(
        Day(
            timestamp=midnight - ago * _DAY,
            backuped_vms=backups[ago],
            replicated_vms=replicas[ago],
        )
        for ago in range(_DAYS)
    )
    return Response(document=ProcessedVmsReportFrame(days=days))


def _machines_by_day(request: Request, kind: Kind, midnight: datetime) -> Counter[int]:
    """Machines of sessions by how many days before the day of `midnight` they began."""
    found: Counter[int] = Counter()
    for run in request.world.recent_runs(kind, request.now):
        # Copies process the same machines once more.
        if run.job and run.job_type in {"Backup", "Replica"}:
            found[-((run.created - midnight) // _DAY)] += len(run.job.machines)
    return found


def repositories(request: Request) -> Response:
    """Report about the space of the repositories."""
    periods = tuple(
        Period(
            name=repo.name,
            capacity=repo.capacity,
            free_space=repo.free_space,
            backup_size=repo.capacity - repo.free_space,
        )
        for repo in request.world.repos.values()
    )
    return Response(document=RepositoryReportFrame(periods=periods))


def _scheduled(request: Request, *, is_replica: bool | None) -> int:
    return sum(
        job.schedule_enabled
        and (is_replica is None or is_replica == (job.type == "Replica"))
        for job in request.world.jobs.values()
    )
