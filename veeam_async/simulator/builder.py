"""Entities made of records, as Enterprise Manager shows them at one moment."""

from datetime import datetime

import attrs

from veeam_async.simulator.entities import (
    AgentBackupJob,
    BackupJobSession,
    BackupServer,
    BackupTaskSession,
    EntityRef,
    Job,
    JobInfo,
    Link,
    NASJob,
    ReplicaJobSession,
    ReplicaTaskSession,
    Repository,
    RestorePoint,
    RestoreSession,
    StorageOptions,
)
from veeam_async.simulator.render import stamp
from veeam_async.simulator.runs import Job as JobRecord
from veeam_async.simulator.runs import Kind, Repo, Run, Server, TaskSession
from veeam_async.simulator.wire import Product

_SESSIONS = {
    "BackupJobSession": (BackupJobSession, "backupSessions"),
    "ReplicaJobSession": (ReplicaJobSession, "replicaSessions"),
}
_TASK_SESSIONS = {
    "BackupJobSession": (BackupTaskSession, "backupTaskSessions"),
    "ReplicaJobSession": (ReplicaTaskSession, "replicaTaskSessions"),
}
_VERSIONS = {"11": "11.0.1.1261", "12": "12.3.2.4465", "13": "13.0.1.1071"}
_MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec"
_RELS_ON_REFERENCES = {"Up", "Alternate", "Down"}
# Copy jobs synchronise, they are never started.
_ACTIONS = {
    False: ("start", "stop", "retry", "toggleScheduleEnabled"),
    True: ("sync", "toggleScheduleEnabled"),
}
_ACTIONS_APART = ("toggleScheduleEnabled", "start", "stop", "retry")
_JOBS_APART = {"AgentBackupJob", "NasJob"}
"""Types of jobs to which their references link as to a plain Job."""


@attrs.frozen
class EntityBuilder:
    """Builds the entities of `product` at the moment `now`.

    `base` is the server's own idea of its address, up to and with `/api`: Hrefs carry
    it whatever host a client has called.
    """

    base: str
    product: Product
    now: datetime

    def session(self, run: Run) -> BackupJobSession:
        """Session of a backup or of a replication."""
        cls: type[BackupJobSession]
        cls, path = _SESSIONS[run.kind]
        here = f"{self.base}/{path}/{run.id}"
        job = run.job
        return cls(
            is_retry=run.is_retry,
            job_uid=f"urn:veeam:Job:{job.id}" if job else None,
            job_name=run.name,
            job_type=run.job_type,
            creation_time=run.stamp(run.created),
            end_time=_stamped(run, run.end_at(self.now)),
            state=run.state_at(self.now),
            result=run.result_at(self.now),
            progress=run.progress_at(self.now),
            failure_message=run.failure_at(self.now),
            name=run.title,
            uid=f"urn:veeam:{run.kind}:{run.id}",
            links=self._session_links(run, here),
            href=f"{here}?format=Entity",
        )

    def _session_links(self, run: Run, here: str) -> tuple[Link, ...]:
        links = [self._up_server(run.server)]
        if run.job:
            links.append(self._up_job(run.job, run.name))
        links += self._agent_links(run, here)
        links.append(self._alternate(run.kind, run.title, here))
        if run.kind == "ReplicaJobSession":
            # The path is misspelt by Enterprise Manager itself.
            links.append(_down("ReplicaTaskSession", f"{here}/repicaTaskSessions"))
            return tuple(links)
        links.append(_down("BackupTaskSession", f"{here}/taskSessions"))
        # Without name and type, and on stopped sessions too: both as recorded.
        links.append(Link(rel="Stop", href=f"{here}?action=stop"))
        links += self._restore_points(run)
        return tuple(links)

    def _agent_links(self, run: Run, here: str) -> list[Link]:
        """To the agents' session of a machine's, and back to those of its machines."""
        if run.parent:
            parent = f"{self.base}/backupSessions/{run.parent.id}"
            type_ = "BackupJobSessionReference"
            return [Link(rel="Up", href=parent, name="Parent session", type=type_)]
        if run.children:
            # Of all things an Alternate: as documented.
            href = f"{here}/agentManagementSessions"
            type_ = "BackupJobSessionReferenceList"
            return [Link(rel="Alternate", href=href, type=type_)]
        return []

    def _restore_points(self, run: Run) -> list[Link]:
        if not run.has_restore_point(self.now):
            return []
        return [
            # The reference says Down, the wire was recorded to say Related.
            Link(
                rel="Related",
                href=f"{self.base}/restorePoints/{run.restore_point_id}",
                name=self.restore_point_name(run),
                type="RestorePointReference",
            )
        ]

    def restore_point(self, run: Run) -> RestorePoint:
        """Restore point that a session has left behind."""
        here = f"{self.base}/restorePoints/{run.restore_point_id}"
        name = self.restore_point_name(run)
        return RestorePoint(
            backup_date=run.stamp(run.created),
            name=name,
            uid=f"urn:veeam:RestorePoint:{run.restore_point_id}",
            links=(
                self._up_server(run.server),
                self._alternate("RestorePoint", name, here),
            ),
            href=f"{here}?format=Entity",
        )

    def restore_point_name(self, run: Run) -> str:
        """Name of the restore point of a session, as the product spells its time."""
        created = run.stamp(run.created)
        if self.product == "13":
            return stamp(created, "13", " ")
        # Up to product 12 it is SQL Server's short date: `Feb  9 2025  3:33PM`.
        afternoon, hour = divmod(created.hour, 12)
        month = _MONTHS[3 * created.month - 3 : 3 * created.month]
        day = f"{month} {created.day:2} {created.year}"
        half = "PM" if afternoon else "AM"
        return f"{day} {hour or 12:2}:{created.minute:02}{half}"

    def restore(self, run: Run) -> RestoreSession:
        """Session of a restore."""
        here = f"{self.base}/restoreSessions/{run.id}"
        return RestoreSession(
            vm_display_name=run.name,
            job_type=run.job_type,
            creation_time=run.stamp(run.created),
            end_time=_stamped(run, run.end_at(self.now)),
            state=run.state_at(self.now),
            result=run.result_at(self.now),
            progress=run.progress_at(self.now),
            failure_message=run.failure_at(self.now),
            name=run.title,
            uid=f"urn:veeam:RestoreSession:{run.id}",
            links=(
                self._up_server(run.server),
                self._alternate("RestoreSession", run.title, here),
            ),
            href=f"{here}?format=Entity",
        )

    def task_session(self, task_session: TaskSession) -> BackupTaskSession:
        """Task session of a backup or of a replication."""
        run = task_session.run
        cls, path = _TASK_SESSIONS[run.kind]
        here = f"{self.base}/{path}/{task_session.id}"
        up = f"{self.base}/{_SESSIONS[run.kind][1]}/{run.id}"
        return cls(
            job_session_uid=f"urn:veeam:{run.kind}:{run.id}",
            creation_time=run.stamp(task_session.created),
            end_time=_stamped(run, task_session.end_at(self.now)),
            state=task_session.state_at(self.now),
            result=task_session.result_at(self.now),
            reason=task_session.reason_at(self.now),
            total_size=task_session.size,
            vm_uid=task_session.vm_uid,
            vm_display_name=task_session.machine,
            name=task_session.title,
            uid=f"urn:veeam:{cls.__name__}:{task_session.id}",
            links=(
                self._up_server(run.server),
                Link(
                    rel="Up",
                    href=up,
                    name=run.title,
                    type=f"{run.kind}Reference",
                ),
                self._alternate(cls.__name__, task_session.title, here),
            ),
            href=f"{here}?format=Entity",
        )

    def job(self, job: JobRecord) -> Job:
        """Job of `/jobs`, with a link for each action that its type knows."""
        here = f"{self.base}/{job.path}/{job.id}"
        path = "replicaSessions" if job.replicates else "backupSessions"
        return Job(
            job_type=job.type,
            platform=job.platform,
            description=job.description,
            schedule_enabled=job.schedule_enabled,
            next_run=job.next_run(self.now),
            job_info=JobInfo(),
            name=job.name,
            uid=f"urn:veeam:Job:{job.id}",
            links=(
                *self._job_links(job, here),
                _down(_kind_of_sessions(job), f"{here}/{path}"),
                *_actions(f"{here}?action=", _ACTIONS[job.is_copy]),
            ),
            href=f"{here}?format=Entity",
        )

    def agent_job(self, job: JobRecord) -> AgentBackupJob:
        """Job of agents."""
        here = f"{self.base}/{job.path}/{job.id}"
        return AgentBackupJob(
            platform=job.platform,
            description=job.description,
            schedule_enabled=job.schedule_enabled,
            next_run=job.next_run(self.now),
            job_info=JobInfo(),
            name=job.name,
            uid=f"urn:veeam:AgentBackupJob:{job.id}",
            links=(
                *self._job_links(job, here),
                _down("BackupJobSession", f"{here}/backupSessions"),
                *_actions(f"{here}?action=", _ACTIONS_APART),
            ),
            href=f"{here}?format=Entity",
        )

    def nas_job(self, job: JobRecord) -> NASJob:
        """Job of file shares, whose actions have paths of their own."""
        here = f"{self.base}/{job.path}/{job.id}"
        return NASJob(
            description=job.description,
            storage_options=StorageOptions(),
            schedule_enabled=job.schedule_enabled,
            next_run=job.next_run(self.now),
            name=job.name,
            uid=f"urn:veeam:NasJob:{job.id}",
            links=(
                *self._job_links(job, here),
                _down("BackupJobSession", f"{here}/backupSessions"),
                *_actions(f"{here}/", _ACTIONS_APART),
            ),
            href=f"{here}?format=Entity",
        )

    def _job_links(self, job: JobRecord, here: str) -> tuple[Link, Link]:
        # Whatever the kind of the job, its reference is a JobReference in here.
        return self._up_server(job.server), self._alternate("Job", job.name, here)

    def server(self, server: Server) -> BackupServer:
        """Backup server, of the version that fits the product."""
        here = f"{self.base}/backupServers/{server.id}"
        return BackupServer(
            description=server.description,
            version=_VERSIONS[self.product],
            name=server.name,
            uid=f"urn:veeam:BackupServer:{server.id}",
            links=(
                self._alternate("BackupServer", server.name, here),
                _down("Job", f"{here}/jobs"),
                _down("Repository", f"{here}/repositories"),
            ),
            href=f"{here}?format=Entity",
        )

    def repo(self, repo: Repo) -> Repository:
        """Backup repository with its free space."""
        here = f"{self.base}/repositories/{repo.id}"
        return Repository(
            capacity=repo.capacity,
            free_space=repo.free_space,
            backup_size=repo.capacity - repo.free_space,
            name=repo.name,
            uid=f"urn:veeam:Repository:{repo.id}",
            links=(
                self._up_server(repo.server),
                self._alternate("Repository", repo.name, here),
            ),
            href=f"{here}?format=Entity",
        )

    def _up_server(self, server: Server) -> Link:
        return Link(
            rel="Up",
            href=f"{self.base}/backupServers/{server.id}",
            name=server.name,
            type="BackupServerReference",
        )

    def _up_job(self, job: JobRecord, name: str) -> Link:
        # Of file shares' jobs it was recorded to lead to /jobs, where their reference
        # does not have them: here a link leads to where something is.
        return Link(
            rel="Up",
            href=f"{self.base}/{job.path}/{job.id}",
            # A worker's, which names itself, leads to its copy job.
            name=name,
            type="JobReference",
        )

    def _alternate(self, type_: str, name: str, here: str) -> Link:
        return Link(rel="Alternate", href=here, name=name, type=f"{type_}Reference")


def reference(entity: Job | NASJob | BackupJobSession | RestorePoint) -> EntityRef:
    """Reference to `entity`: its name, its uid and some of its links."""
    href = entity.href.removesuffix("?format=Entity")
    type_ = "Job" if entity.type in _JOBS_APART else entity.type
    return EntityRef(
        links=tuple(
            # The one form leads to the other: an entity's Alternate is its reference.
            attrs.evolve(link, type=type_, href=entity.href)
            if link.rel == "Alternate" and link.href == href
            else link
            for link in entity.links
            if link.rel in _RELS_ON_REFERENCES
        ),
        uid=entity.uid,
        name=entity.name,
        href=href,
        type=f"{entity.type}Reference",
    )


def _stamped(run: Run, moment: datetime | None) -> datetime | None:
    return None if moment is None else run.stamp(moment)


def _down(type_: str, href: str) -> Link:
    return Link(rel="Down", href=href, type=f"{type_}ReferenceList")


def _actions(before: str, names: tuple[str, ...]) -> list[Link]:
    """Links of the actions of these names, each with `before` in front of it."""
    return [Link(rel=n[0].upper() + n[1:], href=f"{before}{n}") for n in names]


def _kind_of_sessions(job: JobRecord) -> Kind:
    return "ReplicaJobSession" if job.replicates else "BackupJobSession"
