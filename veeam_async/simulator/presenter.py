"""A record and a moment in, the entity that Enterprise Manager would show out."""

import uuid
from datetime import datetime

import attrs

from veeam_async.simulator.entities import (
    BackupJobSession,
    BackupServer,
    BackupTaskSession,
    EntityRef,
    Job,
    JobInfo,
    Link,
    ReplicaJobSession,
    ReplicaTaskSession,
    Repository,
    RestoreSession,
)
from veeam_async.simulator.parts import Part
from veeam_async.simulator.render import stamp
from veeam_async.simulator.runs import Repo, Run, Server, Work
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
_SHOWN_ON_REFERENCES = {"Up", "Alternate", "Down"}


@attrs.frozen
class Presenter:
    """Shows records as *product* would at the moment *now*.

    *base* is the server's own idea of its address, up to and with `/api`.
    """

    base: str
    product: Product
    now: datetime

    def session(self, run: Run) -> BackupJobSession:
        """Show a backup or a replication session."""
        cls: type[BackupJobSession]
        cls, path = _SESSIONS[run.kind]
        here = f"{self.base}/{path}/{run.id}"
        work = run.work
        return cls(
            is_retry=run.is_retry,
            job_uid=f"urn:veeam:Job:{work.id}" if work else None,
            job_name=run.name,
            job_type=run.job_type,
            creation_time=run.created,
            end_time=run.end_at(self.now),
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
        if run.work:
            links.append(self._up_job(run.work))
        links.append(self._alternate(run.kind, run.title, here))
        if run.kind == "ReplicaJobSession":
            # Misspelt by Enterprise Manager itself.
            links.append(_down("ReplicaTaskSession", f"{here}/repicaTaskSessions"))
            return tuple(links)
        links.append(_down("BackupTaskSession", f"{here}/taskSessions"))
        links.append(Link(rel="Stop", href=f"{here}?action=stop"))
        links += self._restore_points(run)
        return tuple(links)

    def _restore_points(self, run: Run) -> list[Link]:
        end = run.end_at(self.now)
        if end is None or run.job_type != "Backup" or run.result == "Failed":
            return []
        point = uuid.UUID(int=run.id.int ^ 1)
        return [
            Link(
                rel="Related",
                href=f"{self.base}/restorePoints/{point}",
                name=self._restore_point_name(run.created),
                type="RestorePointReference",
            )
        ]

    def _restore_point_name(self, created: datetime) -> str:
        if self.product == "13":
            return stamp(created, "13", " ")
        afternoon, hour = divmod(created.hour, 12)
        month = _MONTHS[3 * created.month - 3 : 3 * created.month]
        day = f"{month} {created.day:2} {created.year}"
        half = "PM" if afternoon else "AM"
        return f"{day} {hour or 12:2}:{created.minute:02}{half}"

    def restore(self, run: Run) -> RestoreSession:
        """Show a restore session."""
        here = f"{self.base}/restoreSessions/{run.id}"
        return RestoreSession(
            vm_display_name=run.name,
            job_type=run.job_type,
            creation_time=run.created,
            end_time=run.end_at(self.now),
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

    def part(self, part: Part) -> BackupTaskSession:
        """Show a task session."""
        run = part.run
        cls, path = _TASK_SESSIONS[run.kind]
        here = f"{self.base}/{path}/{part.id}"
        up = f"{self.base}/{_SESSIONS[run.kind][1]}/{run.id}"
        return cls(
            job_session_uid=f"urn:veeam:{run.kind}:{run.id}",
            creation_time=part.created,
            end_time=part.end_at(self.now),
            state=part.state_at(self.now),
            result=part.result_at(self.now),
            reason=part.reason_at(self.now),
            total_size=part.size,
            vm_uid=part.vm_uid,
            vm_display_name=part.machine,
            name=part.title,
            uid=f"urn:veeam:{cls.__name__}:{part.id}",
            links=(
                self._up_server(run.server),
                Link(
                    rel="Up",
                    href=up,
                    name=run.title,
                    type=f"{run.kind}Reference",
                ),
                self._alternate(cls.__name__, part.title, here),
            ),
            href=f"{here}?format=Entity",
        )

    def job(self, work: Work) -> Job:
        """Show a job."""
        here = f"{self.base}/jobs/{work.id}"
        sessions = "ReplicaJobSession" if work.type == "Replica" else "BackupJobSession"
        path = "replicaSessions" if work.type == "Replica" else "backupSessions"
        actions = ("sync",) if work.is_copy else ("start", "stop", "retry")
        return Job(
            job_type=work.type,
            platform=work.platform,
            description=work.description,
            schedule_enabled=work.schedule_enabled,
            next_run=work.next_run(self.now),
            job_info=JobInfo(),
            name=work.name,
            uid=f"urn:veeam:Job:{work.id}",
            links=(
                self._up_server(work.server),
                self._alternate("Job", work.name, here),
                _down(sessions, f"{here}/{path}"),
                *(_action(name.capitalize(), here, name) for name in actions),
                _action("ToggleScheduleEnabled", here, "toggleScheduleEnabled"),
            ),
            href=f"{here}?format=Entity",
        )

    def server(self, server: Server) -> BackupServer:
        """Show a backup server."""
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
        """Show a repository."""
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

    def _up_job(self, work: Work) -> Link:
        return Link(
            rel="Up",
            href=f"{self.base}/jobs/{work.id}",
            name=work.name,
            type="JobReference",
        )

    def _alternate(self, type_: str, name: str, here: str) -> Link:
        return Link(rel="Alternate", href=here, name=name, type=f"{type_}Reference")


def reference(entity: Job | BackupJobSession) -> EntityRef:
    """Cut *entity* down to its reference."""
    href = entity.href.removesuffix("?format=Entity")
    return EntityRef(
        links=tuple(
            attrs.evolve(link, type=entity.type, href=entity.href)
            if link.rel == "Alternate"
            else link
            for link in entity.links
            if link.rel in _SHOWN_ON_REFERENCES
        ),
        uid=entity.uid,
        name=entity.name,
        href=href,
        type=f"{entity.type}Reference",
    )


def _down(type_: str, href: str) -> Link:
    return Link(rel="Down", href=href, type=f"{type_}ReferenceList")


def _action(rel: str, here: str, action: str) -> Link:
    return Link(rel=rel, href=f"{here}?action={action}")
