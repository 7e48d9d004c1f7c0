"""Find the rows of a list in whatever wraps them.

A list comes bare (JSON links), in one wrapper (a collection), in a doubled one (a
query's JSON), as a single child (XML with one row) or as nothing at all.
"""

from __future__ import annotations

from typing import Any

from veeam_async.codec.names import fold, lists, roots
from veeam_async.codec.values import says_nothing
from veeam_async.models import EntityRef

_QUERY = ("entities", "resources")
_BESIDE = ("href", "links", "paginginfo", "type")
_MAX_WRAPPERS = 4


class ForeignError(ValueError):
    """A body that holds rows of another kind."""


def rows(tree: Any, kind: type) -> list[Any]:
    """Give the values in *tree*, each of them one *kind*; an absent list is empty."""
    singles, wrappers = roots(kind), _wrappers(kind)
    for _ in range(_MAX_WRAPPERS):
        if isinstance(tree, list | tuple):
            return list(tree)
        members = _members(tree)
        name = next((name for name in members if name in (*singles, *wrappers)), None)
        if name is None:
            return [tree] if members else []
        tree = members[name]
        if name in singles:
            return tree if isinstance(tree, list) else [tree]
    raise TypeError("expected a list")


def page(tree: Any, kind: type) -> dict[str, Any]:
    """Give the members of a `Page` of *kind*, which *tree* must hold and nothing else.

    Raises ForeignError where it holds something else.
    """
    members = _members(tree)
    paging = members.get("paginginfo")
    below = {name: value for name, value in members.items() if name not in _BESIDE}
    if foreign := _foreign(below, kind):
        raise ForeignError(_sentence(foreign, kind))
    return {"rows": rows(below, kind), "paging": paging}


def _foreign(members: dict[str, Any], kind: type) -> str | None:
    """Name the first member that holds something, and not *kind*."""
    expected = (*roots(kind), *_wrappers(kind))
    inside = [
        inner
        for name in _QUERY
        if isinstance(members.get(name), dict)
        for inner in _members(members[name])
    ]
    return next((name for name in (*members, *inside) if name not in expected), None)


def _sentence(foreign: str, kind: type) -> str:
    if foreign in lists(EntityRef):
        return f"references were answered where {kind.__name__} entities were asked"
    if foreign in _QUERY:
        return "entities were answered where references were asked"
    return f"{foreign[:60]!r} was answered where {kind.__name__} rows were asked"


def _wrappers(kind: type) -> tuple[str, ...]:
    """Give the folded names of what can stand around rows of *kind*."""
    return lists(kind) if kind is EntityRef else (*_QUERY, *lists(kind))


def _members(tree: Any) -> dict[str, Any]:
    """Give the members of *tree* that say something, by their folded names."""
    if says_nothing(tree):
        return {}
    if not isinstance(tree, dict):
        raise TypeError("expected a list")
    found: dict[str, Any] = {}
    for key, value in tree.items():
        # A query's answer names some forty kinds that it holds nothing of.
        if value is None or value in ("", [], {}):
            continue
        name = None if key.startswith("#") else fold(key)
        if name and name != "xmlns":
            found.setdefault(name, value)
    return found
