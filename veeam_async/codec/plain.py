"""Models as plain JSON types and back: for a queue, a file, a line of NDJSON."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import cache
from typing import Any, TypeVar
from uuid import UUID

import attrs

from veeam_async.codec.decode import structure
from veeam_async.codec.kinds import name_of
from veeam_async.errors import DecodeError, Json
from veeam_async.models import Identified, Page

K = TypeVar("K")


def to_dict(model: attrs.AttrsInstance) -> dict[str, Json]:
    """Give *model* as plain JSON types, from which `from_dict` makes it again.

    An event may be given too; there is no way back from that.
    Times are ISO 8601 in UTC with `Z`, enum members and UUIDs their text. Beside its
    fields a model has its `id`, a session also its `job_id`, and what can take time its
    `duration` in seconds, each None where there is none; `from_dict` passes them over.
    """
    found = _dumped(model, to_dict)
    if not isinstance(model, Identified):
        return found
    if hasattr(model, "job_id"):
        found["job_id"] = _plain(model.job_id, to_dict)
    if hasattr(model, "duration"):
        found["duration"] = _seconds(model.duration)
    return {"id": _id_of(model), **found}


def to_saved(model: attrs.AttrsInstance) -> dict[str, Json]:
    """The fields of *model* alone, as checkpoints and recordings hold them."""
    return _dumped(model, to_saved)


def from_dict(cls: type[K], data: Json) -> K:
    """Give the model that `to_dict` made *data* from; DecodeError where it did not."""
    found: K
    found, problems = structure(data, cls)
    if problems:
        raise DecodeError(
            media_type="plain JSON types",
            kind=name_of(cls),
            problems=tuple(problems),
            excerpt="",  # there is no body to show the beginning of
        )
    return found


@cache
def _names(kind: type[attrs.AttrsInstance]) -> tuple[str, ...]:
    return tuple(field.name for field in attrs.fields(kind))


def _dumped(
    model: attrs.AttrsInstance, dump: Callable[[attrs.AttrsInstance], dict[str, Json]]
) -> dict[str, Json]:
    """The fields of *model*, and by *dump* what is in them."""
    names = _names(type(model))
    found = {name: _plain(getattr(model, name), dump) for name in names}
    if type(model) is Page and not model.unreadable:
        del found["unreadable"]  # nearly no page has such rows
    return found


def _id_of(model: Identified) -> str | None:
    try:
        return str(model.id)
    except ValueError:  # a reference to a machine, for example
        return None


def _seconds(duration: timedelta | None) -> float | None:
    return None if duration is None else duration.total_seconds()


def _plain(value: Any, dump: Callable[[attrs.AttrsInstance], dict[str, Json]]) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, UUID | BaseException):
        return str(value)
    if isinstance(value, tuple | list):
        return [_plain(item, dump) for item in value]
    return dump(value) if attrs.has(type(value)) else value
