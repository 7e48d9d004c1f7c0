"""Values of frozen classes, filled before they are frozen.

Thousands are made in a second. What attrs writes for a frozen class sets each field by
a call of `object.__setattr__`, which takes three times as long.
"""

from __future__ import annotations

from typing import Any


def thawed(kind: type) -> Any:
    """A subclass of *kind* whose values can be filled before they become a *kind*.

    Called with nothing it makes one without fields. Once all of them are set, so is
    the value's `__class__`. *kind* has slots, and neither validators nor converters,
    which would be passed over.
    """
    # Its slots are the same, so that an assignment of the class is all that it takes.
    names = ("__init__", "__setattr__", "__delattr__")
    return type(
        kind.__name__,
        (kind,),
        {"__slots__": ()} | {name: getattr(object, name) for name in names},
    )
