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

from veeam_async.codec.values import Hook, known_values, rule_name
from veeam_async.ids import ends_in_uuid

Rows: TypeAlias = Callable[[list[Any]], list[Any]]

_IN_PLACE = {
    "text": ("if type({v}) is not str or not {v}: {v} = {hook}({v}, None)",),
    "uid": (
        "if type({v}) is not str or not ends_in_uuid({v}) or {v}[0].isspace():",
        "    {v} = {hook}({v}, None)",
    ),
    "number": (
        "if type({v}) is not int:",
        "    is_plain = type({v}) is str and {v}.isascii() and {v}.isdigit()",
        "    {v} = int({v}) if is_plain else {hook}({v}, None)",
    ),
    "flag": (
        "if type({v}) is not bool:",
        "    x = {known}({v}, odd) if type({v}) is str else odd",
        "    {v} = {hook}({v}, None) if x is odd else x",
    ),
    "member": (
        "x = {known}({v}, odd) if type({v}) is str else odd",
        "{v} = {hook}({v}, None) if x is odd else x",
    ),
    "moment": (
        "x = time({v}) if type({v}) is str and {v} else odd",
        "{v} = {hook}({v}, None) if x is odd or x.tzinfo is not UTC else x",
    ),
    "end": (
        "x = time({v}) if type({v}) is str and {v} else odd",
        "if x is odd or x.tzinfo is not UTC or x.year < 1970:",
        "    {v} = {hook}({v}, None)",
        "else:",
        "    {v} = x",
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
            "new": _thawed(kind),
            "time": datetime.fromisoformat,
            "UTC": UTC,
            "ends_in_uuid": ends_in_uuid,
            "odd": object(),
        }
        for number, field in enumerate(fields):
            self._globals |= {
                f"hook{number}": hooks[field.name],
                f"known{number}": known_values(field),
                f"default{number}": field.default,
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
            "    for value in values:",
            f"        if type(value) is not dict or len(value) != {size}:",
            "            found.append(one(value, kind))",
            "            continue",
            "        try:",
            "            pass",
            *self._reads(keys, "            "),
            "        except KeyError:",
            "            found.append(one(value, kind))",
            "            continue",
            *self._makes(keys, "        "),
            "        found.append(made)",
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
        fills = [
            f"{indent}made.{field.name} = v{number}"
            for number, field in enumerate(self._fields)
        ]
        return [
            *lines,
            f"{indent}made = new()",
            *fills,
            f"{indent}made.__class__ = kind",
        ]

    def _check(
        self, number: int, field: attrs.Attribute[Any], *, is_there: bool
    ) -> list[str]:
        v, required = f"v{number}", field.default is attrs.NOTHING
        if not is_there:
            absent = f"raise KeyError({field.name!r})"
            return [absent if required else f"{v} = default{number}"]
        rule = _IN_PLACE.get(rule_name(field, self._kind), _BY_HOOK)
        names = {"v": v, "hook": f"hook{number}", "known": f"known{number}"}
        lines = [line.format(**names) for line in rule]
        if required:
            return lines
        null = f"if {v} is None: {v} = default{number}"
        return [null, "else:", *(f"    {line}" for line in lines)]

    def _compiled(self, *lines: str) -> Any:
        source = "\n".join(lines)
        names: dict[str, Any] = {}
        code = compile(source, f"<structuring {self._kind.__name__}>", "exec")
        exec(code, self._globals, names)  # noqa: S102 - written above; keys come in as repr
        (made,) = names.values()
        return made


def _thawed(kind: type) -> type:
    """Give a *kind* whose values can be filled, before they become a *kind* proper.

    Their slots are the same, so that an assignment of the class is all it takes: by the
    slots' own `__set__` a value of thirteen fields would take three times as long.
    """
    names = ("__init__", "__setattr__", "__delattr__")
    return type(
        kind.__name__,
        (kind,),
        {"__slots__": ()} | {name: getattr(object, name) for name in names},
    )
