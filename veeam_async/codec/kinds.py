"""Names of each kind on the wire, what a parsed body is, and where its rows are.

A *kind* is a model, or a `Page` of one. A list of rows comes bare (links in JSON), in
one wrapper (a collection), in two (a query in JSON), as a single child (XML with one
row) or not at all; see `rows`.
"""

from __future__ import annotations

from functools import cache
from typing import Any, get_args, get_origin

import attrs

from veeam_async import models
from veeam_async.codec.parse import Tree, quoted
from veeam_async.codec.values import Damaged, says_nothing
from veeam_async.models import (
    AgentBackupJob,
    ApiRoot,
    EntityRef,
    ErrorBody,
    Job,
    Link,
    Linked,
    LogonSession,
    NasJob,
    Page,
    PagingInfo,
    TaskResult,
    UnreadableRow,
)

_ROOTS: dict[type, tuple[str, ...]] = {
    ApiRoot: ("enterprisemanager",),
    EntityRef: ("ref", "entityref"),
    ErrorBody: ("error",),
    # Under which names the jobs that are not among /jobs come is documented in part.
    Job: ("job", "agentbackupjob", "nasjob"),
    AgentBackupJob: ("agentbackupjob", "agentjob", "job"),
    NasJob: ("nasjob", "nasbackupjob", "job"),
}
_ERROR_MEMBERS = {"message", "statuscode", "firstchanceexceptionmessage"}
_QUERY = ("entities", "resources")
_PAGING = "paginginfo"
_BESIDE = ("href", "links", _PAGING, "type")
_BELOW = {"link": Link, "links": Link, _PAGING: PagingInfo, "result": TaskResult}
_NOT_SENT = (Page, UnreadableRow)
_MAX_WRAPPERS = 4
_NO_OBJECT = "the JSON is no object"


class ForeignError(ValueError):
    """A body that holds rows of another kind."""


# ---------------------------------------------------------------- names


def fold(name: str) -> str | None:
    """The form that all spellings of a wire name, or of a field's name, come to.

    `CreationTimeUTC`, `creationTimeUTC`, `@CreationTime` and `creation_time` fold to
    the same; an attribute of a foreign namespace (`@xsi:nil`) folds to None.
    """
    # One rule, no table: version 13 writes JSON in camelCase, older ones in PascalCase.
    if name.startswith("@"):
        if ":" in name:
            return None
        name = name[1:]
    return name.rpartition(":")[2].replace("_", "").lower().removesuffix("utc")


@cache
def roots(kind: type) -> tuple[str, ...]:
    """Folded names of the element that holds one *kind*."""
    return _ROOTS.get(kind, (kind.__name__.lower(),))


@cache
def lists(kind: type) -> tuple[str, ...]:
    """Folded names of the element that holds a list of *kind*."""
    if kind is EntityRef:
        return ("refs", "entityreferences")
    return tuple(f"{name}s" for name in roots(kind))


@cache
def known_names() -> frozenset[str]:
    """Folded names of all that is read: fields, and what stands around rows."""
    fields = {name for kind in _kinds().values() for name in _fields(kind)}
    return frozenset({"link", *fields, *_around(), *_BESIDE})


def names_in(name: str, members: dict[str, Any]) -> frozenset[str]:
    """Folded names of what is read of an object called *name* with these *members*."""
    if not members:
        return known_names()
    folded = {fold(key): value for key, value in members.items()}
    # 1. In XML an element that is a value, or a list.
    if "#text" in folded or "link" in folded:
        return frozenset()
    # 2. What stands around rows: beside them nothing else counts.
    around = _around() & folded.keys()
    if any(not says_nothing(folded[each]) for each in around - {_PAGING}):
        return frozenset({_PAGING})
    if around:
        return _around()
    # 3. A part of an entity, or the entity.
    if name in _BELOW:
        return _fields(_BELOW[name])
    return _named_fields(folded.get("type"))


def _named_fields(name: Any) -> frozenset[str]:
    """Folded names of what is read of the kind that a Type names."""
    if isinstance(name, str) and name.lower().endswith("reference"):
        return _fields(EntityRef)
    kind = _kinds().get(name) if isinstance(name, str) else None
    return known_names() if kind is None else _fields(kind)


@cache
def _kinds() -> dict[str, Any]:
    """All that comes as an object, by the names of its classes."""
    kinds = {name: kind for name, kind in vars(models).items() if attrs.has(kind)}
    return {name: kinds[name] for name in kinds if kinds[name] not in _NOT_SENT}


@cache
def _fields(kind: Any) -> frozenset[str]:
    names = (fold(field.name) for field in attrs.fields(kind))
    return frozenset(name for name in names if name)


@cache
def _around() -> frozenset[str]:
    """Folded names of what stands around the rows of a list, and in no entity."""
    rows = [kind for kind in _kinds().values() if issubclass(kind, Linked)]
    names = {name for kind in rows for name in (*roots(kind), *lists(kind))}
    return frozenset({*names, *_QUERY, _PAGING})


@cache
def row_of(kind: Any) -> Any:
    """The kind of a page's rows, None where *kind* is no page."""
    return get_args(kind)[0] if get_origin(kind) is Page else None


def name_of(kind: Any) -> str:
    """The words for *kind* in an error."""
    row = row_of(kind)
    return f"page of {row.__name__}" if row else str(kind.__name__)


def is_secret(kind: Any) -> bool:
    """True for a kind of which no value may be shown."""
    # The token of a logon is its session's id in base64, so that its body, with links
    # and all, is as good as the password.
    return LogonSession in (kind, row_of(kind))


# ---------------------------------------------------------------- what a body is


def wrong_kind(root: str | None, tree: Any, kind: Any) -> str | None:
    """A sentence that says what a body is instead of *kind*, None where it may be one.

    *root* is the name of the XML's root element, None for JSON.
    """
    # 1. XML is named by its root element.
    if root is not None:
        return None if fold(root) in _expected(kind) else _instead(root, kind)
    # 2. No kind comes as a bare list or value in JSON.
    if not isinstance(tree, dict):
        return no_object(tree)
    # 3. The Type says what it is: so does nearly every entity.
    if says_so(tree, kind):
        return None
    # 4. A collection has no Type, and a reference another one.
    if kind is not ErrorBody:
        return _wrong_type(tree, kind)
    # 5. An error has no Type either, but members of its own.
    if _is_error(tree):
        return None
    return "the JSON has none of the members of an error"


def no_object(tree: Any) -> str:
    """A sentence for a body that is no object."""
    return f"the body is {tree}" if isinstance(tree, Damaged) else _NO_OBJECT


def says_so(tree: dict[str, Tree], kind: Any) -> bool:
    """Whether the Type of a JSON object is simply the name of *kind*."""
    said: object = tree.get("Type") or tree.get("type")
    name: str = kind.__name__
    return said == name


def is_root(root: str, kind: type) -> bool:
    """Whether *root* is the name of the XML element that holds one *kind*."""
    # A class need not be called as the server calls what it is of. Lower case is all
    # that nearly every name takes to fold.
    return root.lower() in roots(kind) or fold(root) in roots(kind)


def _wrong_type(tree: dict[str, Tree], kind: Any) -> str | None:
    found = next((tree[key] for key in tree if key.lower() == "type"), None)
    if isinstance(found, str) and found and not _names(found, kind):
        return _instead(found, kind)
    # What has a member of that name and a UID is an entity: an error has none.
    if "UID" not in tree and "uid" not in tree and _is_error(tree):
        return _instead("Error", kind)
    return None


def _names(found: str, kind: Any) -> bool:
    """True where *found*, the Type of a JSON object, names *kind*."""
    name = found.strip().lower()
    if kind is EntityRef:
        return name.endswith("reference")
    return row_of(kind) is not None or name in roots(kind)


def _is_error(tree: dict[str, Tree]) -> bool:
    return not _ERROR_MEMBERS.isdisjoint(fold(key) for key in tree)


def _expected(kind: Any) -> tuple[str, ...]:
    """Folded names that the root element of a *kind* may have."""
    row = row_of(kind)
    return ("queryresult", *lists(row)) if row else roots(kind)


def _instead(found: str, kind: Any) -> str:
    name = (fold(found) or found).strip()
    if name in roots(ErrorBody):
        answered = "an error"
    elif name in roots(EntityRef) or name.endswith("reference"):
        answered = "a reference"
    elif name in lists(EntityRef):
        answered = "a list of references"
    else:
        answered = quoted(found)
    asked = f"a {name_of(kind)}" if row_of(kind) else name_of(kind)
    return f"{answered} was answered where {asked} was asked"


def no_list(root: str | None, tree: Tree, row: type) -> str | None:
    """A sentence for a body that names no list of *row*, not even an empty one.

    A service that has lost its answer says so little; None where the body says more.
    """
    if root is not None and fold(root) in lists(row):
        return None
    names = {fold(key) for key in tree} if isinstance(tree, dict) else set()
    if names.isdisjoint((*_wrappers(row), *roots(row))) and not _has_paging(tree):
        return f"the answer is empty: it has no list of {row.__name__}, be it empty"
    return None


def _has_paging(tree: Tree) -> bool:
    return isinstance(tree, dict) and any(
        value and fold(key) == _PAGING for key, value in tree.items()
    )


# ---------------------------------------------------------------- where its rows are


def page(tree: Any, kind: type) -> dict[str, Any]:
    """The fields of a `Page` of *kind*, which *tree* must hold and nothing else.

    Raises ForeignError where it holds something else.
    """
    members = _members(tree)
    paging = members.get(_PAGING)
    below = {name: value for name, value in members.items() if name not in _BESIDE}
    if foreign := _foreign(below, kind):
        raise ForeignError(_foreign_sentence(foreign, kind))
    return {"rows": rows(below, kind), "paging": paging}


def rows(tree: Any, kind: type) -> list[Any]:
    """The values in *tree*, each of them one *kind*; an absent list is empty.

    Raises TypeError where there is something else in the list's place.
    """
    singles, wrappers = roots(kind), _wrappers(kind)
    # Bounded, since a hostile body is a wrapper in a wrapper a thousand times.
    for _ in range(_MAX_WRAPPERS):
        if isinstance(tree, list | tuple):
            return list(tree)
        members = _members(tree)
        name = next((name for name in members if name in (*singles, *wrappers)), None)
        if name is None:
            return [tree] if members else []
        tree = members[name]
        if name in singles and not _holds_list(tree, kind):
            return tree if isinstance(tree, list) else [tree]
    raise TypeError("expected a list")


def _holds_list(tree: Any, kind: type) -> bool:
    """Whether *tree*, called as one *kind*, is what stands around a list of it."""
    # The list of agents' jobs has another name outside than within.
    return isinstance(tree, dict) and any(fold(key) in lists(kind) for key in tree)


def _foreign(members: dict[str, Any], kind: type) -> str | None:
    """The first member that holds something, and not *kind*."""
    expected = (*roots(kind), *_wrappers(kind))
    inside = [
        inner
        for name in _QUERY
        if isinstance(members.get(name), dict)
        for inner in _members(members[name])
    ]
    return next((name for name in (*members, *inside) if name not in expected), None)


def _foreign_sentence(foreign: str, kind: type) -> str:
    if foreign in lists(EntityRef):
        return f"references were answered where {kind.__name__} entities were asked"
    if foreign in _QUERY:
        return "entities were answered where references were asked"
    return f"{quoted(foreign)} was answered where {kind.__name__} rows were asked"


def _wrappers(kind: type) -> tuple[str, ...]:
    """Folded names of what can stand around rows of *kind*."""
    return lists(kind) if kind is EntityRef else (*_QUERY, *lists(kind))


def _members(tree: Any) -> dict[str, Any]:
    """The members of *tree* that say something, by their folded names."""
    if says_nothing(tree):
        return {}
    if isinstance(tree, Damaged):
        raise TypeError(str(tree))
    if not isinstance(tree, dict):
        raise TypeError("expected a list")
    found: dict[str, Any] = {}
    for key, value in tree.items():
        # A query's answer names some forty kinds that it holds nothing of, none of
        # which is worth folding.
        if value is None or value in ("", [], {}):
            continue
        name = None if key.startswith("#") else fold(key)
        if name and name != "xmlns":
            found.setdefault(name, value)
    return found
