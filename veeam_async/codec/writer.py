"""Write the function that makes a model from a dict of one shape, as Python source.

cattrs calls a hook for each value and the model's own `__init__` for each model; at
fifty values a session that is most of what decoding costs. The function written here
asks in place whether a value is what it nearly always is, calls the hook only where it
is not, and fills the slots directly. Models have neither validators nor converters, so
nothing of theirs is passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeAlias

import attrs

from veeam_async.codec.values import Hook, known_members, rule_name

Rows: TypeAlias = Callable[[list[Any]], list[Any]]

_IN_PLACE = {
    "text": ("if {v}.__class__ is not str or not {v}: {v} = {hook}({v}, None)",),
    "number": ("if {v}.__class__ is not int: {v} = {hook}({v}, None)",),
    "flag": ("if {v}.__class__ is not bool: {v} = {hook}({v}, None)",),
    "member": (
        "{v}x = {known}({v}) if {v}.__class__ is str else None",
        "{v} = {hook}({v}, None) if {v}x is None else {v}x",
    ),
    "moment": (
        "{v}x = time({v}) if {v}.__class__ is str and {v} else None",
        "{v} = {hook}({v}, None) if {v}x is None or {v}x.tzinfo is not UTC else {v}x",
    ),
    "end": (
        "{v}x = time({v}) if {v}.__class__ is str and {v} else None",
        "if {v}x is None or {v}x.tzinfo is not UTC or {v}x.year < 1970:",
        "    {v} = {hook}({v}, None)",
        "else:",
        "    {v} = {v}x",
    ),
}
"""How the value in a variable is checked in place, by the name of its rule."""

_BY_HOOK = ("{v} = {hook}({v}, None)",)


class Writer:
    """Write functions for *kind*, whose *fields* have *hooks* for the odd value."""

    def __init__(
        self,
        kind: type[attrs.AttrsInstance],
        fields: tuple[attrs.Attribute[Any], ...],
        hooks: Mapping[str, Hook],
    ) -> None:
        self._kind = kind
        self._fields = fields
        self._globals: dict[str, Any] = {
            "kind": kind,
            "new": object.__new__,
            "time": datetime.fromisoformat,
            "UTC": UTC,
        }
        for number, field in enumerate(fields):
            self._globals |= {
                f"hook{number}": hooks[field.name],
                f"known{number}": known_members(field),
                f"default{number}": field.default,
                f"set{number}": getattr(kind, field.name).__set__,
            }

    def one(self, keys: Mapping[str, str]) -> Hook:
        """Write the function for one dict; *keys* are the wire's, by field."""
        made: Hook = self._compiled(
            "def one(value, _of):",
            *self._reads(keys, "    "),
            *self._makes(keys, "    "),
            "    return made",
        )
        return made

    def rows(self, keys: Mapping[str, str], size: int, one: Hook) -> Rows:
        """Write the function for a list of dicts, most of them of one shape.

        Another shape (not *size* keys, or a key missing) is left to *one*.
        """
        self._globals["one"] = one
        made: Rows = self._compiled(
            "def rows(values):",
            "    found = []",
            "    put = found.append",
            "    for value in values:",
            f"        if value.__class__ is not dict or len(value) != {size}:",
            "            put(one(value, kind))",
            "            continue",
            "        try:",
            "            pass",
            *self._reads(keys, "            "),
            "        except KeyError:",
            "            put(one(value, kind))",
            "            continue",
            *self._makes(keys, "        "),
            "        put(made)",
            "    return found",
        )
        return made

    def _reads(self, keys: Mapping[str, str], indent: str) -> list[str]:
        return [
            f"{indent}v{number} = value[{keys[field.name]!r}]"
            for number, field in enumerate(self._fields)
            if field.name in keys
        ]

    def _makes(self, keys: Mapping[str, str], indent: str) -> list[str]:
        lines = [
            f"{indent}{line}"
            for number, field in enumerate(self._fields)
            for line in self._check(number, field, is_there=field.name in keys)
        ]
        fills = [f"{indent}set{n}(made, v{n})" for n in range(len(self._fields))]
        return [*lines, f"{indent}made = new(kind)", *fills]

    def _check(
        self, number: int, field: attrs.Attribute[Any], *, is_there: bool
    ) -> list[str]:
        if not is_there:
            if field.default is attrs.NOTHING:
                return [f"raise KeyError({field.name!r})"]
            return [f"v{number} = default{number}"]
        lines = _IN_PLACE.get(rule_name(field, self._kind), _BY_HOOK)
        names = {"v": f"v{number}", "hook": f"hook{number}", "known": f"known{number}"}
        return [line.format(**names) for line in lines]

    def _compiled(self, *lines: str) -> Any:
        source = "\n".join(lines)
        names: dict[str, Any] = {}
        code = compile(source, f"<structuring {self._kind.__name__}>", "exec")
        exec(code, self._globals, names)  # noqa: S102 - written above; keys come in as repr
        (made,) = names.values()
        return made
