"""Functions that make models of plain dicts, built once for each shape of a dict.

A *shape* is the tuple of a dict's keys as they stand. When it is first seen, its keys
are matched with the fields by the naming rule (`kinds.fold`); every later dict of that
shape goes straight through the function that was built for it, and no key is rewritten.

For the careful pass cattrs builds these functions. For the fast pass they are written
here as Python source: cattrs calls a hook for each value and `__init__` for each model,
which at fifty values a session is most of what decoding costs. The written function
checks in place whether a value is what it nearly always is, calls the hook only where
it is not, and fills the slots directly.
"""

from __future__ import annotations

from collections.abc import Callable, KeysView, Mapping
from datetime import UTC, datetime
from functools import cache, cached_property
from typing import Any, TypeAlias, get_args, get_origin

import attrs

from veeam_async.codec.kinds import fold, row_of, rows
from veeam_async.codec.values import (
    Hook,
    bare_type,
    hook_for,
    known_values,
    rule_name,
    says_nothing,
)
from veeam_async.ids import ends_in_uuid
from veeam_async.models import M
from veeam_async.thaw import thawed

_ListHook: TypeAlias = Callable[[list[Any]], list[Any]]
_Shape: TypeAlias = tuple[str, ...]

# A hostile server sends any number of shapes, of any size: only so many are kept.
_MAX_SHAPES = 64
_MAX_KEYS = 64
_MAX_KEY = 64


class Structurer:
    """The structuring functions of all kinds, built when first needed.

    *careful* ones are cattrs' own, which collect every fault with its path; the others
    are written for speed, and stop at the first value that is not what it should be.
    """

    def __init__(self, *, careful: bool) -> None:
        self.careful = careful
        self.for_kind: Callable[[Any], _KindStructurer] = cache(self._for_kind)

    def structure(self, tree: Any, kind: Any) -> Any:
        """The *kind* (a model, or a `Page` of one) that *tree* holds."""
        return self.for_kind(kind).one(tree, kind)

    def hook_of(self, field: attrs.Attribute[Any], owner: Any) -> Hook:
        """The hook for *field* of *owner*: of a value, a model or a tuple of models."""
        hook = hook_for(field, get_origin(owner) or owner)
        if hook is not None:
            return hook
        if get_origin(field.type) is tuple:
            item = get_args(field.type)[0]
            return self._tuple_hook(row_of(owner) if item is M else item)
        kind = bare_type(field.type)
        return lambda value, _of: self._optional(value, kind)

    def _for_kind(self, kind: Any) -> _KindStructurer:
        return _KindStructurer(kind, self)

    def _optional(self, value: Any, kind: type) -> Any:
        return None if says_nothing(value) else self.for_kind(kind).one(value, kind)

    def _tuple_hook(self, item: type) -> Hook:
        of_item = self.for_kind(item)
        all_of = of_item.all_or_faults if self.careful else of_item.all_of
        single = item.__name__

        def structure(value: Any, _of: Any) -> tuple[Any, ...]:
            # A bare list in JSON, several children in XML: nothing to look through.
            found = value.get(single) if type(value) is dict else value
            if type(found) is not list:
                found = rows(value, item)
            return tuple(all_of(found))

        return structure


class _KindStructurer:
    """The hook of one kind: it picks, or builds, the function for a dict's shape."""

    def __init__(self, kind: Any, structurer: Structurer) -> None:
        self._kind = kind
        self._class: type[attrs.AttrsInstance] = get_origin(kind) or kind
        attrs.resolve_types(self._class)
        fields = attrs.fields(self._class)
        self._fields = {fold(field.name): field for field in fields}
        self._hooks = {field.name: structurer.hook_of(field, kind) for field in fields}
        self._required = frozenset(
            field.name for field in fields if field.default is attrs.NOTHING
        )
        self._careful = structurer.careful
        self._writer = _FunctionWriter(self._class, fields, self._hooks)
        self._built: dict[_Shape, Hook] = {}
        self._built_for_lists: dict[_Shape, _ListHook] = {}

    @cached_property
    def _plain(self) -> Hook:
        """The function for a dict of all fields, for shapes that are not kept."""
        # Made when it is needed: the first body of a kind waits for the others already.
        names = tuple(self._hooks)
        return self._build(names, dict(zip(names, names, strict=True)))

    @property
    def shapes(self) -> KeysView[_Shape]:
        """The shapes whose function is kept."""
        return self._built.keys()

    def one(self, value: Any, kind: Any) -> Any:
        """Structure one value, or raise what is wrong with it."""
        if type(value) is not dict:
            value = _object(value)
        shape = tuple(value)
        function = self._built.get(shape) or self._function(shape)
        return function(value, kind)

    def all_of(self, values: list[Any]) -> list[Any]:
        """Structure a list, whose values mostly have the shape of the first."""
        first = values[0] if values else None
        if type(first) is not dict:
            return [self.one(value, self._kind) for value in values]
        shape = tuple(first)
        function = self._built_for_lists.get(shape) or self._list_function(shape)
        return function(values)

    def all_or_faults(self, values: list[Any]) -> list[Any]:
        """Structure a list, or raise the faults of its first bad rows in one group."""
        from veeam_async.codec.careful import all_or_faults  # noqa: PLC0415 - see there

        return all_or_faults(values, self.one, self._kind)

    def _function(self, shape: _Shape) -> Hook:
        keys = self._keys(shape)
        if len(self._built) < _MAX_SHAPES and _is_modest(shape):
            # setdefault, as two threads may meet a shape at once.
            return self._built.setdefault(shape, self._build(shape, keys))
        if lacking := self._required - keys.keys():
            return self._refusal(lacking, shape, keys)
        plain, absent = self._plain, dict.fromkeys(self._hooks)
        return lambda value, kind: plain(
            absent | {field: value[key] for field, key in keys.items()}, kind
        )

    def _refusal(
        self, lacking: frozenset[str], shape: _Shape, keys: dict[str, str]
    ) -> Hook:
        """The function that refuses *shape*, with *keys* for all but *lacking*."""
        # Null would stand for what is absent, and is an empty list besides.
        if not self._careful:
            raise KeyError(*lacking)
        return self._build(shape, keys)

    def _list_function(self, shape: _Shape) -> _ListHook:
        if len(self._built_for_lists) >= _MAX_SHAPES or not _is_modest(shape):
            return lambda values: [self.one(value, self._kind) for value in values]
        keys = self._keys(shape)
        built = self._writer.for_list(shape, keys, self.one)
        return self._built_for_lists.setdefault(shape, built)

    def _keys(self, shape: _Shape) -> dict[str, str]:
        """The key of each field that *shape* has one for."""
        found: dict[str, str] = {}
        for key in shape:
            field = self._fields.get(fold(key))
            if field is not None:
                found.setdefault(field.name, key)
        return found

    def _build(self, shape: _Shape, keys: dict[str, str]) -> Hook:
        if not self._careful:
            return self._writer.for_one(shape, keys)
        from veeam_async.codec.careful import function_for  # noqa: PLC0415 - see there

        return function_for(self._kind, self._hooks, keys)


def _is_modest(shape: _Shape) -> bool:
    """True for a shape that may be kept in memory for good."""
    return len(shape) <= _MAX_KEYS and all(len(key) <= _MAX_KEY for key in shape)


def _object(value: Any) -> dict[str, Any]:
    """A dict for an element without children; TypeError for what holds none."""
    if isinstance(value, dict):
        return value
    if says_nothing(value):
        return {}
    raise TypeError("expected an object")


# ---------------------------------------------------------------- the written functions

# How the value in a variable is checked in place, by the name of its rule. Each check
# accepts less than its rule does: whatever it does not know goes to the hook, or raises
# and so to the careful pass, so that the two passes cannot come to differ.
_IN_PLACE = {
    "text": ("if type({v}) is not str or not {v}: {v} = {hook}({v}, None)",),
    "uid": (
        "if type({v}) is not str or not ends_in_uuid({v}) or {v}[0].isspace():",
        "    {v} = {hook}({v}, None)",
    ),
    "number": (
        "if type({v}) is not int:",
        "    is_short = type({v}) is str and len({v}) < 19",
        "    is_plain = is_short and {v}.isascii() and {v}.isdigit()",
        "    {v} = int({v}) if is_plain else {hook}({v}, None)",
    ),
    "flag": (
        "if type({v}) is not bool:",
        "    x = {known}({v}, odd) if type({v}) is str else odd",
        "    {v} = {hook}({v}, None) if x is odd else x",
    ),
    "member": (
        "x = {known}({v}, odd)",
        "{v} = {hook}({v}, None) if x is odd else x",
    ),
    "moment": (
        "x = time({v}) if {v} else odd",
        "{v} = {hook}({v}, None) if x is odd or x.tzinfo is not UTC else x",
    ),
    "end": (
        "x = time({v}) if {v} else odd",
        "if x is odd or x.tzinfo is not UTC or not 1970 <= x.year < 9999:",
        "    {v} = {hook}({v}, None)",
        "else:",
        "    {v} = x",
    ),
}
_BY_HOOK = ("{v} = {hook}({v}, None)",)

_AT_HAND = "type=type, str=str, new=new, kind=kind"
"""Parameters that nobody passes, since they are found faster than globals are."""


class _FunctionWriter:
    """Functions for *kind*, whose *fields* have *hooks* for the odd value.

    Models have neither validators nor converters (a test holds them to it), so filling
    their slots passes nothing of theirs over.
    """

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
            "new": thawed(kind),
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

    def for_one(self, shape: _Shape, keys: Mapping[str, str]) -> Hook:
        """Write the function for a dict of *shape*; *keys* are the wire's, by field."""
        # Whoever calls it knows the shape, so that no key is looked up.
        variables = {key: f"v{number}" for number, key in self._numbered(keys)}
        targets = ", ".join(variables.get(key, "_") for key in shape)
        written: Hook = self._compiled(
            f"def one(value, _of, {_AT_HAND}):",
            f"    [{targets}] = value.values()",
            *self._fills(keys, "    "),
            "    return made",
        )
        return written

    def for_list(self, shape: _Shape, keys: Mapping[str, str], one: Hook) -> _ListHook:
        """Write the function for a list of dicts, most of them of one *shape*.

        What is no dict of the same keys (more or fewer, another, no dict at all) is
        left to *one*.
        """
        # A key without a field is looked up too: else one with a field could stand in
        # its place, and its value be lost.
        targets = {key: f"v{number}" for number, key in self._numbered(keys)}
        looked_up = [(n, targets.get(key, "_")) for n, key in enumerate(shape)]
        # Of two keys with one field the first counts, and which that is the order says.
        is_clear = len({fold(key) for key in shape}) == len(shape)
        odd = f"len(value) != {len(shape)}" if is_clear else "tuple(value) != shape"
        # orjson gives the same object for a key each time, which is found without a
        # look at its letters where it is looked up by the very keys of the first dict.
        # Bound as parameters, since the globals are those of all shapes.
        names = {f"key{n}": key for n, key in enumerate(shape)}
        written: _ListHook = self._compiled(
            "def rows(values, "
            + "".join(f"k{n}=key{n}, " for n, _ in looked_up)
            + f"one=one, shape=shape, {_AT_HAND}):",
            "    found = []",
            "    for value in values:",
            "        try:",
            "            pass",
            *(f"            {target} = value[k{n}]" for n, target in looked_up),
            "        except (KeyError, TypeError):",
            "            found.append(one(value, kind))",
            "            continue",
            f"        if {odd}:",
            "            found.append(one(value, kind))",
            "            continue",
            *self._fills(keys, "        "),
            "        found.append(made)",
            "    return found",
            bound=names | {"one": one, "shape": shape},
        )
        return written

    def _numbered(self, keys: Mapping[str, str]) -> list[tuple[int, str]]:
        """The numbers of the fields that there are *keys* for, each with its key."""
        return [
            (number, keys[field.name])
            for number, field in enumerate(self._fields)
            if field.name in keys
        ]

    def _fills(self, keys: Mapping[str, str], indent: str) -> list[str]:
        checks = [
            f"{indent}{line}"
            for number, field in enumerate(self._fields)
            for line in self._check(number, field, is_there=field.name in keys)
        ]
        fills = [
            f"{indent}made.{field.name} = v{number}"
            for number, field in enumerate(self._fields)
        ]
        return [
            *checks,
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

    def _compiled(self, *lines: str, bound: Mapping[str, Any] | None = None) -> Any:
        """The function of these *lines*; *bound* is what its parameters default to."""
        source = "\n".join(lines)
        names = dict(bound or {})
        code = compile(source, f"<structuring {self._kind.__name__}>", "exec")
        exec(code, self._globals, names)  # noqa: S102 - written above, without a key's text
        return names.popitem()[1]
