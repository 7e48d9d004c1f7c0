"""Ids as callers give them (text, UUID, URN or Href), made into UUIDs."""

from __future__ import annotations

import re
from collections.abc import AsyncIterable, Iterable
from typing import TypeAlias
from urllib.parse import urlsplit
from uuid import UUID

from veeam_async.errors import InvalidId

Id: TypeAlias = str | UUID
"""A UUID, its text, a UID such as `urn:veeam:Job:<uuid>`, or a resource's Href."""

# Spelt out and without a way back, which matches more than twice as fast as a repeated
# group and a fold of the case.
_UUID = re.compile("-".join(f"[0-9A-Fa-f]{{{digits}}}+" for digits in (8, 4, 4, 4, 12)))
_LENGTH = 36

# In any case, which `re.IGNORECASE` would find in two letters beyond ASCII too.
_TASK_ID = re.compile("(?:[Tt][Aa][Ss][Kk]-)?[A-Za-z0-9]{1,64}")

_COLLECTIONS = {
    "backupjobsession": "backupsessions",
    "replicajobsession": "replicasessions",
    "restoresession": "restoresessions",
    "backuptasksession": "backuptasksessions",
    "job": "jobs",
    "agentbackupjob": "jobs",
    "nasjob": "jobs",
}
"""The kinds that are known, as URNs name them, and where they lie; in lower case.

Jobs of agents and of file shares lie in collections of the same name, below others.
"""


def id_text(value: Id, kind: str) -> str:
    """The UUID that *value* names, as `parse_own` gives it, as text in lower case."""
    if isinstance(value, str) and _UUID.fullmatch(value):
        return value.lower()
    return str(parse_own(value, kind))


def parse_own(value: Id, kind: str) -> UUID:
    """Give the UUID that *value* names, as `parse_id` does.

    Raises InvalidId also where it names another known kind of resource than *kind*, the
    name of its class.
    """
    session_id = parse_id(value)
    own = _COLLECTIONS.get(kind.lower())
    if isinstance(value, str) and own is not None:
        text = value.strip().lower()
        named = _named_in_urn(text) if text.startswith("urn:") else _named_in_href(text)
        if named not in (None, own):
            raise InvalidId(value, kind=kind)
    return session_id


def parse_job(value: Id) -> UUID:
    """Give the UUID of the job that *value* names, as `parse_own` does.

    The InvalidId for a text that names nothing says how a job is found by its name.
    """
    try:
        return parse_own(value, "Job")
    except InvalidId as error:
        if error.wanted_kind is not None or not isinstance(value, str):
            raise
    raise InvalidId(value, advice="em.jobs.find(name) gives a job by its name")


def _named_in_urn(urn: str) -> str | None:
    return _COLLECTIONS.get(urn.rpartition(":")[0].rpartition(":")[2])


def _named_in_href(href: str) -> str | None:
    parent = urlsplit(href).path.rstrip("/").rpartition("/")[0].rpartition("/")[2]
    return parent if parent in _COLLECTIONS.values() else None


def check_many(ids: object) -> None:
    """Refuse, by ValueError, what is a single id, or no iterable of ids at all."""
    if isinstance(ids, str | bytes | UUID):
        raise ValueError("many ids are taken here: put a single one in a list")  # noqa: TRY004 - misuse is ValueError throughout
    if not isinstance(ids, Iterable | AsyncIterable):
        raise ValueError("ids are an iterable, such as a list")  # noqa: TRY004 - the same


def parse_id(value: Id) -> UUID:
    """Give the UUID that *value* names; raise InvalidId where it names none."""
    if isinstance(value, UUID):
        return value
    try:
        tail = _tail(str(value).strip())
    except RecursionError:  # a value that nests deep
        raise InvalidId(value) from None
    if not _UUID.fullmatch(tail):
        raise InvalidId(value)
    return UUID(tail)


def is_task_id(value: object) -> bool:
    """True for the id of a task, such as `task-12`, in whatever case."""
    return isinstance(value, str) and _TASK_ID.fullmatch(value) is not None


def ends_in_uuid(uid: str) -> bool:
    """Whether the last part of *uid*, as a model has it, is a UUID."""
    # No slice: this runs for each entity that is decoded. A shorter one is tried from
    # its beginning, and is too short.
    return _UUID.fullmatch(uid, len(uid) - _LENGTH) is not None


def _tail(text: str) -> str:
    """The last part of a URN or an Href, or *text* itself."""
    if text[:4].lower() == "urn:":
        return text.rpartition(":")[2]
    if "/" not in text:
        return text
    try:
        return urlsplit(text).path.rstrip("/").rpartition("/")[2]
    except ValueError:
        return text
