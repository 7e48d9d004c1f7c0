"""The world in, the summary reports that monitoring scripts ask first out."""

from datetime import timedelta

import attrs
from attrs import field

from veeam_async.simulator.answer import Answer
from veeam_async.simulator.call import Call
from veeam_async.simulator.entities import Link
from veeam_async.simulator.wire import attribute, element


@attrs.frozen(kw_only=True)
class OverviewReport:
    """What the backup infrastructure consists of."""

    backup_servers: int = field(metadata=element("BackupServers"))
    proxy_servers: int = field(metadata=element("ProxyServers"), default=1)
    repository_servers: int = field(metadata=element("RepositoryServers"))
    running_jobs: int = field(metadata=element("RunningJobs"))
    scheduled_jobs: int = field(metadata=element("ScheduledJobs"))
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
    """How the jobs of the last 24 hours went; durations in seconds."""

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
    """How many machines are protected; sizes in bytes."""

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


@attrs.frozen
class _Day:
    """The numbers of the last 24 hours."""

    running: int
    total: int
    success: int
    warning: int
    failed: int
    longest: int
    longest_name: str

    @classmethod
    def of(cls, call: Call) -> "_Day":
        now = call.presenter.now
        runs = call.world.runs("BackupJobSession", now)
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


_DAY = timedelta(days=1)


def overview(call: Call) -> Answer:
    """Show the infrastructure report."""
    day = _Day.of(call)
    report = OverviewReport(
        backup_servers=len(call.world.servers),
        repository_servers=len(call.world.repos),
        running_jobs=day.running,
        scheduled_jobs=_scheduled(call, is_replica=None),
        successful_vm_lastest_states=day.success,
        warning_vm_lastest_states=day.warning,
        failed_vm_lastest_states=day.failed,
    )
    return Answer(document=report)


def job_statistics(call: Call) -> Answer:
    """Show the report about the jobs."""
    day = _Day.of(call)
    report = JobStatisticsReport(
        running_jobs=day.running,
        scheduled_jobs=_scheduled(call, is_replica=None),
        scheduled_backup_jobs=_scheduled(call, is_replica=False),
        scheduled_replica_jobs=_scheduled(call, is_replica=True),
        total_job_runs=day.total,
        successful_job_runs=day.success,
        warnings_job_runs=day.warning,
        failed_job_runs=day.failed,
        max_job_duration=day.longest,
        max_backup_job_duration=day.longest,
        max_duration_backup_job_name=day.longest_name,
    )
    return Answer(document=report)


def vms_overview(call: Call) -> Answer:
    """Show the report about the machines."""
    day = _Day.of(call)
    machines = {name for work in call.world.works.values() for name in work.machines}
    report = VmsOverviewReport(
        protected_vms=len(machines),
        backed_up_vms=len(machines),
        restore_points=day.total,
        full_backup_points_size=day.total << 34,
        incremental_backup_points_size=day.total << 31,
        source_vms_size=len(machines) << 37,
        success_backup_percents=100 * day.success // max(1, day.total),
    )
    return Answer(document=report)


def _scheduled(call: Call, *, is_replica: bool | None) -> int:
    return sum(
        work.schedule_enabled
        and (is_replica is None or is_replica == (work.type == "Replica"))
        for work in call.world.works.values()
    )
