"""The kinds of jobs, each at its own addresses.

`/jobs` lists those of virtual machines alone, their replications and copies; those of
Veeam Agents and of file shares have collections and actions of their own (pages
"GET /jobs", "GET /agents/jobs", "GET /nas/jobs"). Nothing in a bare UUID tells which.
"""

from __future__ import annotations

import logging
from typing import Generic, TypeVar
from urllib.parse import urlsplit

import attrs

from veeam_async.errors import ApiError, PermissionDenied, is_unsupported
from veeam_async.filters import Condition, can_query
from veeam_async.ids import Id
from veeam_async.models import (
    AgentBackupJob,
    EntityRef,
    Job,
    JobType,
    NasJob,
    Page,
    Task,
)
from veeam_async.pool.client import Pool
from veeam_async.pool.responses import read
from veeam_async.resources.base import Entities, Where
from veeam_async.resources.terms import Terms
from veeam_async.transport.exchange import Response

_LOG = logging.getLogger(__name__)

J = TypeVar("J", bound=Job)

_PATHS: dict[type[Job], str] = {
    Job: "/jobs",
    AgentBackupJob: "/agents/jobs",
    NasJob: "/nas/jobs",
}
KINDS = tuple(_PATHS)
"""The kinds, in the order in which they are looked for and listed."""

WORDS = {
    Job: "jobs of virtual machines",
    AgentBackupJob: "jobs of agents",
    NasJob: "jobs of file shares",
}
"""What each kind is called in a sentence."""

_FACTS: dict[type[Job], dict[str, str]] = {
    NasJob: {"job_type": JobType.NAS_BACKUP, "platform": ""}
}
"""The values of fields that a kind cannot be queried by."""

_OF_URN = {"agentbackupjob": AgentBackupJob, "nasjob": NasJob}
_OF_TYPE: dict[str, type[Job]] = {
    JobType.AGENT_BACKUP: AgentBackupJob,
    JobType.NAS_BACKUP: NasJob,
}


class JobCollection(Entities[J], Generic[J]):
    """The jobs of one kind."""

    def __init__(self, pool: Pool, kind: type[J]) -> None:
        super().__init__(pool, _PATHS[kind], kind)
        self.kind = kind
        # Links to the others may have the path of /jobs, which theirs end in.
        self._lies_in = "/jobs"

    @property
    def path(self) -> str:
        """Where they lie."""
        return self._path

    async def show(self, wanted: str) -> tuple[J, Response]:
        """The job of *wanted*, a UUID in lower case, and the answer that it came in."""
        answer = await self._request_entity(wanted)
        return self._own(await read(answer, self._kind), wanted, answer), answer

    async def act(self, id: Id, action: str) -> Task:  # noqa: A002 - the field's term
        """POST an action, at most once."""
        return await self._act(id, action)

    def terms(self, where: Where | None, order_by: str | None) -> Terms:
        """The terms of a query, by name where the kind has no field of *order_by*.

        ValueError for a field of *where* that these jobs cannot be queried by.
        """
        name = (order_by or "").removeprefix("-")
        is_other = can_query(name, Job) and not can_query(name, self.kind)
        return self._terms(where, None if is_other else order_by)

    async def listed(self) -> Page[EntityRef]:
        """The references of all jobs of the kind."""
        return await self._reference_page()

    def _action_path(self, name: str, action: str) -> str:
        # A file share's job has its actions as resources of their own.
        if self.kind is NasJob:
            return f"{self._path}/{name}/{action}"
        return super()._action_path(name, action)


def narrowed(where: Where | None, kind: type[Job]) -> Where | bool:
    """What *where* comes to for jobs of *kind*: True for all of them, False for none.

    A field that the service has not for the kind is known, or none of them has it.
    """
    if where is None:
        return True
    if kind is Job or not isinstance(where, Condition):
        return where
    rest = where.settled(_FACTS.get(kind, {}))
    if isinstance(rest, bool):
        return rest
    return rest if all(can_query(name, kind) for name in rest.fields) else False


class TellOnce:
    """Logs a warning for each kind of job that is left out, once."""

    def __init__(self) -> None:
        self._told: set[type[Job]] = set()

    def __call__(self, kind: type[Job], error: ApiError) -> None:
        """Log it, where none was logged of this *kind*."""
        if kind not in self._told:
            self._told.add(kind)
            _LOG.warning("the %s are left out: %s", WORDS[kind], error)


def is_refusal(error: ApiError) -> bool:
    """Whether *error* says of one kind that it is not shown, or not as it was asked."""
    # What is answered to a logon has nothing to do with a kind.
    return is_unsupported(error) and error.method == "GET"


def explained(error: ApiError, kind: type[Job]) -> ApiError:
    """The *error* of reading jobs of *kind*, which says who may read them."""
    if kind is Job and isinstance(error, PermissionDenied) and error.method == "GET":
        return advised(error, "jobs are shown to a Portal Administrator alone")
    return error


def advised(error: ApiError, advice: str) -> ApiError:
    """The same error, which says what to do."""
    return type(error)(
        status=error.status,
        message=error.message,
        method=error.method,
        url=error.url,
        retry_after=error.retry_after,
        advice=advice,
    )


def kind_named(given: Id) -> type[Job] | None:
    """The kind of job that a UID or Href names; None where it may be any.

    `urn:veeam:Job:` and `/jobs/` name none: sessions of all kinds have the one, and
    those of file shares the other.
    """
    text = str(given).strip().lower()
    if text.startswith("urn:"):
        return _OF_URN.get(text.rpartition(":")[0].rpartition(":")[2])
    try:
        parent = urlsplit(text).path.rstrip("/").rpartition("/")[0]
    except ValueError:  # a server's idea of a URL
        return None
    return next((kind for kind in KINDS[1:] if parent.endswith(_PATHS[kind])), None)


def as_its_kind(job: Job) -> Job:
    """The *job* as one of its own kind, at whatever address it was shown."""
    # Whether `/jobs/{ID}` answers for a file share's job is documented nowhere.
    named = kind_named(job.uid) or kind_named(job.href)
    kind = named or _OF_TYPE.get(job.job_type, Job)
    if kind is Job or type(job) is not Job:
        return job
    return kind(**attrs.asdict(job, recurse=False))


def paths_of(path: str) -> tuple[str, ...]:
    """The paths at which what a link calls the job at *path* may lie, itself first.

    Where it is no job of `/jobs`, there is none but itself.
    """
    own = _PATHS[Job] + "/"
    if not path.startswith(own):
        return (path,)
    return tuple(f"{_PATHS[kind]}/{path.removeprefix(own)}" for kind in KINDS)
