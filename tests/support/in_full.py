"""All that a value holds, as the reprs of 0.1.0 showed it."""

from __future__ import annotations

from typing import Any

import attrs


def in_full(value: Any) -> str:
    """The repr of *value*, with every field of the attrs objects in it.

    What is hidden from a repr on purpose, as a token, is left out here too.
    """
    kind = type(value)
    if kind is dict:
        pairs = value.items()
        return f"{{{', '.join(f'{in_full(k)}: {in_full(v)}' for k, v in pairs)}}}"
    if kind is list:
        return f"[{', '.join(map(in_full, value))}]"
    if kind is tuple:
        inner = ", ".join(map(in_full, value))
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    if not attrs.has(kind) or isinstance(value, type):
        return repr(value)
    fields = [
        f"{field.name}={in_full(getattr(value, field.name))}"
        for field in attrs.fields(kind)
        if field.repr
    ]
    return f"{kind.__name__}({', '.join(fields)})"
