"""Models as plain JSON types and back: for a queue, a file, a line of NDJSON."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import Enum
from functools import cache
from typing import Any, TypeVar
from uuid import UUID

import attrs

from veeam_async.codec.decode import structure
from veeam_async.codec.kinds import name_of
from veeam_async.errors import DecodeError, Json
from veeam_async.models import Page

K = TypeVar("K")


def to_dict(model: attrs.AttrsInstance) -> dict[str, Json]:
    """Give *model* as plain JSON types, from which `from_dict` makes it again.

    An event may be given too; there is no way back from that.
    Times are ISO 8601 in UTC with `Z`, enum members and UUIDs their text.
    """
    found = {name: _plain(getattr(model, name)) for name in _names(type(model))}
    if type(model) is Page and not model.unreadable:
        del found["unreadable"]  # nearly no page has such rows
    return found


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


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, UUID | BaseException):
        return str(value)
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return to_dict(value) if attrs.has(type(value)) else value
