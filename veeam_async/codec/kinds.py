"""Tell whether a parsed body is of the kind that was asked for, and what it is else."""

from __future__ import annotations

from typing import Any

from veeam_async.codec.body import Tree
from veeam_async.codec.names import fold, lists, name_of, roots, row_of
from veeam_async.models import EntityRef, ErrorBody, LogonSession

_SHOWN = 60
_ERROR_MEMBERS = {"message", "statuscode", "firstchanceexceptionmessage"}


def wrong_kind(root: str | None, tree: Tree, kind: Any) -> str | None:
    """Say what a body is instead of *kind*, None where it may be one.

    *root* is the name of the XML's root element, None for JSON.
    """
    if root is not None:
        return None if fold(root) in _expected(kind) else _instead(root, kind)
    if not isinstance(tree, dict):
        return "the JSON is no object"
    if says_so(tree, kind):
        return None
    if kind is not ErrorBody:
        return _wrong_type(tree, kind)
    if _is_error(tree):
        return None
    return "the JSON has none of the members of an error"


def says_so(tree: dict[str, Tree], kind: Any) -> bool:
    """Tell whether the Type of a JSON object is simply the name of *kind*."""
    return bool((tree.get("Type") or tree.get("type")) == kind.__name__)


def _wrong_type(tree: dict[str, Tree], kind: Any) -> str | None:
    found = next((tree[key] for key in tree if key.lower() == "type"), None)
    if isinstance(found, str) and found and not _names(found, kind):
        return _instead(found, kind)
    if "UID" not in tree and "uid" not in tree and _is_error(tree):
        return _instead("Error", kind)
    return None


def _names(found: str, kind: Any) -> bool:
    """Tell whether *found*, a JSON object's Type, names *kind*."""
    name = found.strip().lower()
    if kind is EntityRef:
        return name.endswith("reference")
    return row_of(kind) is not None or name in roots(kind)


def _is_error(tree: dict[str, Tree]) -> bool:
    return not _ERROR_MEMBERS.isdisjoint(fold(key) for key in tree)


def _expected(kind: Any) -> tuple[str, ...]:
    """Give the folded names of the root element of a *kind*."""
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
        answered = repr(found[:_SHOWN])
    asked = f"a {name_of(kind)}" if row_of(kind) else name_of(kind)
    return f"{answered} was answered where {asked} was asked"


def is_secret(kind: Any) -> bool:
    """Tell whether nothing of a body of *kind* may be shown: a logon is its token."""
    return LogonSession in (kind, row_of(kind))
