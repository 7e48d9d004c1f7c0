"""Turn plain dicts into models, by functions that are written once for each shape.

A shape is the tuple of a body's keys as they stand. The naming rule (see `names`) is
applied to a shape when it is first seen; every later body of that shape goes straight
through the function that was made for it, without a key being rewritten.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, get_args, get_origin

import attrs
from cattrs import Converter
from cattrs.errors import IterableValidationError, IterableValidationNote
from cattrs.gen import make_dict_structure_fn, override

from veeam_async.codec.envelopes import rows
from veeam_async.codec.names import fold, row_of
from veeam_async.codec.values import Hook, bare_type, hook_for, says_nothing
from veeam_async.codec.writer import Rows, Writer

_MAX_SHAPES = 64
"""How many shapes of one kind are remembered: a hostile server sends any number."""

_MAX_KEYS = 64
_MAX_KEY = 64
_MAX_FAULTS = 20
"""How many bad rows of one list are gone over: a hostile body has nothing else."""


class Structures:
    """The structuring functions of all kinds, made when first needed.

    *careful* ones are cattrs' own, which collect every fault with its path; the others
    are written for speed, and stop at the first value that is not what it should be.
    """

    def __init__(self, *, careful: bool) -> None:
        self.careful = careful
        self.converter = Converter(detailed_validation=careful)
        self.hook: Callable[[Any], _Shapes] = cache(self._hook)

    def structure(self, tree: Any, kind: Any) -> Any:
        """Give the *kind* (a model, or a `Page` of one) that *tree* holds."""
        return self.hook(kind).one(tree, kind)

    def _hook(self, kind: Any) -> _Shapes:
        return _Shapes(kind, self)

    def hook_of(self, field: attrs.Attribute[Any], owner: Any) -> Hook:
        """Give the hook for *field* of *owner*: a value, a model, a tuple of them."""
        hook = hook_for(field, get_origin(owner) or owner)
        if hook is not None:
            return hook
        if get_origin(field.type) is tuple:
            return self._tuple_hook(row_of(owner) or get_args(field.type)[0])
        kind = bare_type(field.type)
        return lambda value, _of: self._optional(value, kind)

    def _optional(self, value: Any, kind: type) -> Any:
        return None if says_nothing(value) else self.hook(kind).one(value, kind)

    def _tuple_hook(self, item: type) -> Hook:
        shapes = self.hook(item)
        all_of = shapes.all_or_faults if self.careful else shapes.all_of
        single = item.__name__

        def structure(value: Any, _of: Any) -> tuple[Any, ...]:
            # A bare list, as in JSON, or what several children come to in XML.
            found = value.get(single) if type(value) is dict else value
            if type(found) is not list:
                found = rows(value, item)
            return tuple(all_of(found))

        return structure


class _Shapes:
    """The hook of one kind: it picks, or makes, the function for a body's shape."""

    def __init__(self, kind: Any, structures: Structures) -> None:
        self._kind = kind
        self._class: type[attrs.AttrsInstance] = get_origin(kind) or kind
        attrs.resolve_types(self._class)
        fields = attrs.fields(self._class)
        self._fields = {fold(field.name): field for field in fields}
        self._hooks = {field.name: structures.hook_of(field, kind) for field in fields}
        self._converter = structures.converter if structures.careful else None
        self._writer = Writer(self._class, fields, self._hooks)
        self._plain = self._make({field.name: field.name for field in fields})
        self._made: dict[tuple[str, ...], Hook] = {}
        self._rows: dict[tuple[str, ...], Rows] = {}

    def one(self, value: Any, kind: Any) -> Any:
        """Structure one value, or raise what is wrong with it."""
        if type(value) is not dict:
            value = _object(value)
        shape = tuple(value)
        function = self._made.get(shape) or self._function(shape)
        return function(value, kind)

    def all_of(self, values: list[Any]) -> list[Any]:
        """Structure a list, whose values mostly have the shape of the first."""
        first = values[0] if values else None
        if type(first) is not dict:
            return [self.one(value, self._kind) for value in values]
        shape = tuple(first)
        function = self._rows.get(shape) or self._rows_function(shape)
        return function(values)

    def all_or_faults(self, values: list[Any]) -> list[Any]:
        """Structure a list, or raise all its faults (of its first bad rows)."""
        found, faults = [], []
        for index, value in enumerate(values):
            try:
                found.append(self.one(value, self._kind))
            except Exception as error:  # noqa: BLE001 - each is reported with its path
                note = IterableValidationNote(f"@ {index}", index, self._kind)
                error.add_note(note)
                faults.append(error)
            if len(faults) == _MAX_FAULTS:
                break
        if faults:
            raise IterableValidationError("bad rows", faults, self._kind)
        return found

    def _function(self, shape: tuple[str, ...]) -> Hook:
        keys = self._keys(shape)
        if len(self._made) < _MAX_SHAPES and _is_modest(shape):
            return self._made.setdefault(shape, self._make(keys))
        plain, absent = self._plain, dict.fromkeys(self._hooks)
        return lambda value, kind: plain(
            absent | {field: value[key] for field, key in keys.items()}, kind
        )

    def _rows_function(self, shape: tuple[str, ...]) -> Rows:
        if len(self._rows) >= _MAX_SHAPES or not _is_modest(shape):
            return lambda values: [self.one(value, self._kind) for value in values]
        made = self._writer.rows(self._keys(shape), len(shape), self.one)
        return self._rows.setdefault(shape, made)

    def _keys(self, shape: tuple[str, ...]) -> dict[str, str]:
        """Give the key of each field that *shape* has one for."""
        found: dict[str, str] = {}
        for key in shape:
            field = self._fields.get(fold(key))
            if field is not None:
                found.setdefault(field.name, key)
        return found

    def _make(self, keys: dict[str, str]) -> Hook:
        if self._converter is None:
            return self._writer.one(keys)
        overrides: dict[str, Any] = {
            name: override(rename=keys.get(name, name), struct_hook=hook)
            for name, hook in self._hooks.items()
        }
        return make_dict_structure_fn(
            self._kind, self._converter, _cattrs_use_linecache=False, **overrides
        )


def _is_modest(shape: tuple[str, ...]) -> bool:
    """Tell whether *shape* may be kept in memory for good."""
    return len(shape) <= _MAX_KEYS and all(len(key) <= _MAX_KEY for key in shape)


def _object(value: Any) -> dict[str, Any]:
    """Give the dict for an element without children, refuse what holds none."""
    if isinstance(value, dict):
        return value
    if says_nothing(value):
        return {}
    raise TypeError("expected an object")
