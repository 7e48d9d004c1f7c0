"""What the careful pass is made of: cattrs, and how its faults are told.

Loaded with the first body that the fast pass gives up on, since cattrs takes a while to
load and most programs never meet one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from cattrs import Converter, transform_error
from cattrs.errors import IterableValidationError, IterableValidationNote
from cattrs.gen import make_dict_structure_fn, override

from veeam_async.codec.values import Hook

# A hostile list may be long, and all of it bad: not each of its rows is gone over.
_MAX_FAULTS = 20

_CONVERTER = Converter()


def function_for(kind: Any, hooks: Mapping[str, Hook], keys: Mapping[str, str]) -> Hook:
    """The function for dicts with *keys*, by the fields that have *hooks*."""
    overrides: dict[str, Any] = {
        name: override(rename=keys.get(name, name), struct_hook=hook)
        for name, hook in hooks.items()
    }
    return make_dict_structure_fn(
        kind, _CONVERTER, _cattrs_use_linecache=False, **overrides
    )


def all_or_faults(values: list[Any], one: Hook, kind: Any) -> list[Any]:
    """Structure a list, or raise the faults of its first bad rows in one group."""
    found, faults = [], []
    for index, value in enumerate(values):
        try:
            found.append(one(value, kind))
        except Exception as error:  # noqa: BLE001 - each is reported with its path
            error.add_note(IterableValidationNote(f"@ {index}", index, kind))
            faults.append(error)
        if len(faults) == _MAX_FAULTS:
            break
    if faults:
        raise IterableValidationError("bad rows", faults, kind)
    return found


def sentences(
    error: BaseException, told: Callable[[BaseException, type | None], str]
) -> list[str]:
    """What is wrong, each fault as it is *told*, with its path."""
    return transform_error(error, format_exception=told)
