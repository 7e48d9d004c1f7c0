"""Which wire names mean the same, and what the wire calls each kind of model."""

from __future__ import annotations

from functools import cache
from typing import Any, get_args, get_origin

from veeam_async.models import ApiRoot, EntityRef, ErrorBody, Page

_ROOTS: dict[type, tuple[str, ...]] = {
    ApiRoot: ("enterprisemanager",),
    EntityRef: ("ref", "entityref"),
    ErrorBody: ("error",),
}


def fold(name: str) -> str | None:
    """Reduce a wire name, or a field's, to what all its spellings share.

    `CreationTimeUTC`, `creationTimeUTC`, `@CreationTime` and `creation_time` fold to
    the same; an attribute of a foreign namespace (`@xsi:nil`) folds to None.
    """
    if name.startswith("@"):
        if ":" in name:
            return None
        name = name[1:]
    return name.rpartition(":")[2].replace("_", "").lower().removesuffix("utc")


@cache
def roots(kind: type) -> tuple[str, ...]:
    """Give the folded names of the element that holds one *kind*."""
    return _ROOTS.get(kind, (kind.__name__.lower(),))


@cache
def lists(kind: type) -> tuple[str, ...]:
    """Give the folded names of the element that holds a list of *kind*."""
    if kind is EntityRef:
        return ("refs", "entityreferences")
    return tuple(f"{name}s" for name in roots(kind))


@cache
def row_of(kind: Any) -> Any:
    """Give the kind of a page's rows, None where *kind* is no page."""
    return get_args(kind)[0] if get_origin(kind) is Page else None


def name_of(kind: Any) -> str:
    """Give what an error calls *kind*."""
    row = row_of(kind)
    return f"page of {row.__name__}" if row else str(kind.__name__)
