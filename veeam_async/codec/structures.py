"""Turn plain dicts into models, by functions that cattrs writes once for each shape.

A shape is the tuple of a body's keys as they stand. The naming rule (see `names`) is
applied to a shape when it is first seen; every later body of that shape goes straight
through the function that cattrs generated for it, without a key being rewritten.
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

_MAX_SHAPES = 64
"""How many shapes of one kind are remembered: a hostile server sends any number."""

_MAX_KEYS = 64
_MAX_KEY = 64
_MAX_FAULTS = 20
"""How many bad rows of one list are gone over: a hostile body has nothing else."""


class Structures:
    """The structuring functions of all kinds, made when first needed.

    *detailed* ones collect every fault with its path, the others stop at the first.
    """

    def __init__(self, *, detailed: bool) -> None:
        self.detailed = detailed
        self.converter = Converter(detailed_validation=detailed)
        self.hook: Callable[[Any], Hook] = cache(self._hook)

    def structure(self, tree: Any, kind: Any) -> Any:
        """Give the *kind* (a model, or a `Page` of one) that *tree* holds."""
        return self.hook(kind)(tree, kind)

    def _hook(self, kind: Any) -> Hook:
        return _Shapes(kind, self)

    def hook_of(self, field: attrs.Attribute[Any], owner: Any) -> Hook:
        """Give the hook for *field* of *owner*: a value, a model, a tuple of them."""
        hook = hook_for(field, get_origin(owner) or owner)
        if hook is not None:
            return hook
        if get_origin(field.type) is tuple:
            item = row_of(owner) or get_args(field.type)[0]
            return lambda value, _of: self._all(rows(value, item), item)
        kind = bare_type(field.type)
        return lambda value, _of: self._optional(value, kind)

    def _optional(self, value: Any, kind: type) -> Any:
        return None if says_nothing(value) else self.hook(kind)(value, kind)

    def _all(self, values: list[Any], kind: type) -> tuple[Any, ...]:
        hook = self.hook(kind)
        if not self.detailed:
            return tuple([hook(value, kind) for value in values])
        return _all_or_faults(values, kind, hook)


class _Shapes:
    """The hook of one kind: it picks, or makes, the function for a body's shape."""

    def __init__(self, kind: Any, structures: Structures) -> None:
        self._kind = kind
        self._class: type[attrs.AttrsInstance] = get_origin(kind) or kind
        self._structures = structures
        attrs.resolve_types(self._class)
        self._fields = {fold(field.name): field for field in attrs.fields(self._class)}
        self._plain = self._make({name: name for name in self._names()})
        self._made: dict[tuple[str, ...], Hook] = {}

    def _names(self) -> list[str]:
        return [field.name for field in self._fields.values()]

    def __call__(self, value: Any, kind: Any) -> Any:
        if value.__class__ is not dict:
            value = _object(value)
        shape = tuple(value)
        function = self._made.get(shape)
        if function is None:
            function = self._function(shape)
        return function(value, kind)

    def _function(self, shape: tuple[str, ...]) -> Hook:
        renames = self._renames(shape)
        if len(self._made) < _MAX_SHAPES and _is_modest(shape):
            return self._made.setdefault(shape, self._make(renames))
        plain = self._plain
        return lambda value, kind: plain(
            {field: value[key] for field, key in renames.items()}, kind
        )

    def _renames(self, shape: tuple[str, ...]) -> dict[str, str]:
        found: dict[str, str] = {}
        for key in shape:
            field = self._fields.get(fold(key))
            if field is not None:
                found.setdefault(field.name, key)
        return found

    def _make(self, renames: dict[str, str]) -> Hook:
        overrides: dict[str, Any] = {
            field.name: override(
                rename=renames.get(field.name, field.name),
                struct_hook=self._structures.hook_of(field, self._kind),
            )
            for field in self._fields.values()
        }
        return make_dict_structure_fn(
            self._kind,
            self._structures.converter,
            _cattrs_use_linecache=False,
            **overrides,
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


def _all_or_faults(values: list[Any], kind: type, hook: Hook) -> tuple[Any, ...]:
    found, faults = [], []
    for index, value in enumerate(values):
        try:
            found.append(hook(value, kind))
        except Exception as error:  # noqa: BLE001 - each is reported with its path
            error.add_note(IterableValidationNote(f"@ {index}", index, kind))
            faults.append(error)
        if len(faults) == _MAX_FAULTS:
            break
    if faults:
        raise IterableValidationError("bad rows", faults, kind)
    return tuple(found)
