"""A type of record in, the fields it can be filtered and sorted by out."""

import re
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeAlias

import attrs

from veeam_async.simulator.refusals import RefusalError

Getter: TypeAlias = Callable[[Any, datetime], Any]

STATES = ("Starting", "Stopping", "Working", "Pausing", "Resuming", "Stopped")
RESULTS = ("None", "Success", "Warning", "Failed")
TASK_STATES = ("InProgress", "Pending", "Completed")
PLATFORMS = ("VMware", "Hyperv", "vCloud")
JOB_TYPES = (
    *("Backup", "Replica", "BackupCopy", "ImmediateBackupCopy"),
    *("ImmediateBackupCopyWorker", "AgentBackup", "AgentManagement", "NasBackup"),
    *("RestoreVm",),
)

_TIME = re.compile(
    r"\d{4}-\d\d-\d\d"
    r"(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d)?)?"
)


@attrs.frozen
class Field:
    """A field: how a record's *value* is read, and how a *literal* of it is."""

    value: Getter
    read: Callable[[str], Any]
    is_ordered: bool = True

    def literal(self, op: str, text: str) -> object:
        """Read the *text* that stands on the right side of *op*."""
        if not self.is_ordered and op not in {"==", "!="}:
            raise RefusalError(400, f"Operator '{op}' does not fit this field.")
        return self.read(text)


def text(value: Getter) -> Field:
    """Make a field of free text, compared by case."""
    return Field(value, str)


def number(value: Getter) -> Field:
    """Make a field of whole numbers."""
    return Field(value, _read_number)


def boolean(value: Getter) -> Field:
    """Make a field that is true or false."""
    return Field(value, _read_boolean, is_ordered=False)


def time(value: Getter) -> Field:
    """Make a field of moments; those without a zone are UTC."""
    return Field(value, _read_time)


def uid(value: Getter) -> Field:
    """Make a field of ids: a literal is a URN or the bare UUID."""
    return Field(value, _read_uid, is_ordered=False)


def enumeration(members: tuple[str, ...], value: Getter) -> Field:
    """Make a field of named values, compared by their place in *members*."""
    places = {member.lower(): place for place, member in enumerate(members)}

    def read(literal: str) -> int:
        if literal.lower() not in places:
            raise RefusalError(
                400, f"Value '{literal}' is not one of {', '.join(members)}."
            )
        return places[literal.lower()]

    # A name invented by a test has no place: it is as good as missing.
    return Field(lambda record, now: places.get(str(value(record, now)).lower()), read)


def _read_number(literal: str) -> int:
    if not re.fullmatch(r"-?[0-9]{1,18}", literal):
        raise RefusalError(400, f"Value '{literal}' is not a number.")
    return int(literal)


def _read_boolean(literal: str) -> bool:
    if literal.lower() not in {"true", "false"}:
        raise RefusalError(400, f"Value '{literal}' is not a boolean.")
    return literal.lower() == "true"


def _read_time(literal: str) -> datetime:
    try:
        # No match is None, whose index is the TypeError below.
        moment = datetime.fromisoformat(_TIME.fullmatch(literal)[0])  # type: ignore[index]  # see above
    except (TypeError, ValueError):
        raise RefusalError(400, f"Value '{literal}' is not a date.") from None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _read_uid(literal: str) -> uuid.UUID:
    try:
        return uuid.UUID(literal.rpartition(":")[2])
    except ValueError:
        raise RefusalError(400, f" ID {literal} is invalid.") from None


# Runs and parts answer to the same names. The reference's examples use the
# wire's names too, so both spellings are taken.
_CREATED = time(lambda record, _: record.created)
_ENDED = time(lambda record, now: record.end_at(now))

_SESSION = {
    "uid": uid(lambda run, _: run.id),
    "name": text(lambda run, _: run.title),
    "creationtime": _CREATED,
    "creationtimeutc": _CREATED,
    "endtime": _ENDED,
    "endtimeutc": _ENDED,
    "state": enumeration(STATES, lambda run, now: run.state_at(now)),
    "result": enumeration(RESULTS, lambda run, now: run.result_at(now)),
    "backupserveruid": uid(lambda run, _: run.server.id),
    "backupservername": text(lambda run, _: run.server.name),
}
JOB_SESSION: Mapping[str, Field] = _SESSION | {
    "jobtype": enumeration(JOB_TYPES, lambda run, _: run.job_type),
    "jobuid": uid(lambda run, _: run.work.id if run.work else None),
    "jobname": text(lambda run, _: run.name),
    "isretry": boolean(lambda run, _: run.is_retry),
}
RESTORE_SESSION: Mapping[str, Field] = _SESSION | {
    "type": enumeration(JOB_TYPES, lambda run, _: run.job_type),
    "vmdisplayname": text(lambda run, _: run.name),
}
TASK_SESSION: Mapping[str, Field] = {
    "uid": uid(lambda part, _: part.id),
    "name": text(lambda part, _: part.title),
    "creationtime": _CREATED,
    "creationtimeutc": _CREATED,
    "endtime": _ENDED,
    "endtimeutc": _ENDED,
    "state": enumeration(TASK_STATES, lambda part, now: part.state_at(now)),
    "result": enumeration(RESULTS, lambda part, now: part.result_at(now)),
    "reason": text(lambda part, now: part.reason_at(now)),
    "totalsize": number(lambda part, _: part.size),
    "jobsessionuid": uid(lambda part, _: part.run.id),
    "jobuid": uid(lambda part, _: part.run.work.id),
    "jobname": text(lambda part, _: part.run.name),
    "backupserveruid": uid(lambda part, _: part.run.server.id),
    "backupservername": text(lambda part, _: part.run.server.name),
    "vmdisplayname": text(lambda part, _: part.machine),
}
JOB: Mapping[str, Field] = {
    "uid": uid(lambda work, _: work.id),
    "name": text(lambda work, _: work.name),
    "description": text(lambda work, _: work.description),
    "nextrun": time(lambda work, now: work.next_run(now)),
    "jobtype": enumeration(JOB_TYPES, lambda work, _: work.type),
    "platform": enumeration(PLATFORMS, lambda work, _: work.platform),
    "scheduleconfigured": boolean(lambda _work, _now: True),
    "scheduleenabled": boolean(lambda work, _: work.schedule_enabled),
    "backupserveruid": uid(lambda work, _: work.server.id),
    "backupservername": text(lambda work, _: work.server.name),
}
NAMED: Mapping[str, Field] = {
    "uid": uid(lambda record, _: record.id),
    "name": text(lambda record, _: record.name),
}
