"""A run of a job as plain JSON types, and back, so that another process can go on.

Times are wall times: a limit that counts from one does not begin anew in each process.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Literal, TypeAlias, get_args
from uuid import UUID

import attrs
from attrs.validators import in_, instance_of, optional

from veeam_async.errors import Json
from veeam_async.models import BackupJobSession, ReplicaJobSession
from veeam_async.saved_times import from_text, to_text

VERSION = 1

KINDS = (BackupJobSession.__name__, ReplicaJobSession.__name__)
"""The kinds of session that a run of a job can be."""

Sent: TypeAlias = Literal["not yet", "perhaps"]
SENT = get_args(Sent)

_TEXT = optional(instance_of(str))


@attrs.frozen
class Mark:
    """A session that others are compared with: its *id*, and a *time* of its server."""

    id: UUID
    time: datetime = attrs.field(validator=instance_of(datetime))


@attrs.frozen
class Known:
    """The *ids* of a job's newest sessions, all of them where *since* is None.

    Else sessions that were created up to then are older than those.
    """

    ids: tuple[UUID, ...] = ()
    since: datetime | None = None


@attrs.define(kw_only=True)
class RunRecord:
    """What is known of a run.

    *kind* is the class name of its sessions. *started_at* is when the start was sent,
    by the client's clock; *server_time* is the server's then, None where it did not
    tell. *newest* is the job's newest session before the start, *session_id* the run's
    first session, *retry_id* the newest retry that was followed. *failed_at* is when
    the failure of the run's newest session was seen, by the client's clock. *known* is
    what the job had before the start, None in a run that 0.1.0 saved, and *run_id*
    tells two runs of one job apart. *sent* is None in a run that was started at once;
    of a prepared start it says whether a POST was sent, as far as the record knows.
    """

    job_id: UUID
    kind: str = attrs.field(validator=in_(KINDS))
    started_at: datetime = attrs.field(validator=instance_of(datetime))
    task_id: str | None = attrs.field(default=None, validator=_TEXT)
    newest: Mark | None = None
    server_time: datetime | None = None
    session_id: UUID | None = None
    retry_id: UUID | None = None
    failed_at: datetime | None = None
    known: Known | None = None
    run_id: UUID | None = None
    sent: Sent | None = attrs.field(default=None, validator=optional(in_(SENT)))

    @property
    def before(self) -> Known:
        """The sessions that are older than the run, as far as they were remembered."""
        if self.known is not None:
            return self.known
        if self.newest is None:
            return Known()
        # The server may have cut fractions of a second off: equal times are newer.
        return Known((self.newest.id,), self.newest.time - timedelta(microseconds=1))

    @property
    def last_id(self) -> UUID | None:
        """The newest session of the run, None while none is known."""
        return self.retry_id or self.session_id


def save(record: RunRecord) -> dict[str, Json]:
    """The record as plain JSON types; `restore` reads them."""
    newest, known = record.newest, record.known
    more: dict[str, Json] = {}
    if known is not None:
        more["known"] = [str(each) for each in known.ids]
        more["known_since"] = to_text(known.since)
    if record.run_id is not None:
        more["run_id"] = str(record.run_id)
    if record.sent is not None:
        more["sent"] = record.sent
    return {
        "version": VERSION,
        "job_id": str(record.job_id),
        "kind": record.kind,
        "started_at": to_text(record.started_at),
        "task_id": record.task_id,
        "newest": None
        if newest is None
        else {"id": str(newest.id), "time": to_text(newest.time)},
        "server_time": to_text(record.server_time),
        "session_id": _id_text(record.session_id),
        "retry_id": _id_text(record.retry_id),
        "failed_at": to_text(record.failed_at),
        **more,
    }


def restore(data: Json) -> RunRecord:
    """The record that *data* was saved from.

    Raises ValueError where *data* is no saved run, or one of a newer version.
    """
    if not isinstance(data, dict) or data.get("version") != VERSION:
        raise ValueError(
            f"this is no run of version {VERSION}; take one from run.to_dict() of this "
            "release"
        )
    try:
        return _restored(data)
    except KeyError as error:
        raise ValueError(f"the saved run is damaged: it has no {error}") from None
    except (AttributeError, RecursionError, TypeError, ValueError) as error:
        raise ValueError(f"the saved run is damaged: {error.args[0]}") from None


def _restored(data: dict[str, Any]) -> RunRecord:
    newest = data["newest"]
    return RunRecord(
        job_id=UUID(data["job_id"]),
        kind=data["kind"],
        started_at=from_text(data["started_at"]),
        task_id=data["task_id"],
        newest=None
        if newest is None
        else Mark(UUID(newest["id"]), from_text(newest["time"])),
        session_id=_id(data["session_id"]),
        retry_id=_id(data["retry_id"]),
        server_time=from_text(data["server_time"]),
        failed_at=from_text(data["failed_at"]),
        known=_known(data),
        run_id=_id(data.get("run_id")),
        sent=data.get("sent"),
    )


def _known(data: dict[str, Any]) -> Known | None:
    # 0.1.0 saved none.
    if data.get("known") is None:
        return None
    ids = tuple(UUID(each) for each in data["known"])
    return Known(ids, from_text(data["known_since"]))


def _id_text(session_id: UUID | None) -> str | None:
    return None if session_id is None else str(session_id)


def _id(text: str | None) -> UUID | None:
    return None if text is None else UUID(text)
