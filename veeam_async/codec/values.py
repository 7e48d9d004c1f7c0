"""Rules that turn one plain value into the value of a field, or say what is wrong.

XML knows text alone and JSON has types, so each rule takes both: "64" is a number,
"false" is False. Absent, null and empty mean the same everywhere: which of them a
server writes depends on its version.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from types import UnionType
from typing import Any, TypeAlias, Union, get_args, get_origin

import attrs

from veeam_async.ids import ends_in_uuid
from veeam_async.models import EntityRef, Identified, SessionResult

Rule: TypeAlias = Callable[[object], object]
Hook: TypeAlias = Callable[[Any, Any], Any]
"""The function that cattrs calls with a value and the field's type."""

_FIRST_REAL_YEAR, _LAST_REAL_YEAR = 1970, 9998
"""The others are the "never" of .NET and of SQL: 0001, 1753, 1900 and 9999."""

_LARGEST = 2**64
"""What no number reaches: larger ones than this JSON cannot be written with."""

_SHOWN = 60


class Damaged:
    """An id that had a bad character, or an object with a bad name: no field's value.

    *shown* is what is left of it, or where *is_name* of the name, which may have been
    one that counts.
    """

    __slots__ = ("_what", "shown")

    def __init__(self, shown: str, *, is_name: bool = False) -> None:
        self.shown: str = shown
        self._what = "an object with a member " if is_name else ""

    def __repr__(self) -> str:
        return (
            f"{self._what}{_shown(self.shown)}, which lost a character that is no text"
        )


_FLAGS = {"true": True, "false": False, "1": True, "0": False}


def hook_for(field: attrs.Attribute[Any], owner: type) -> Hook | None:
    """The hook for *field* of *owner*, None where the field holds models."""
    rule = _rule_for(field, owner)
    if rule is None:
        return None
    return _text(field) if rule is text else _filled(rule, field)


def _rule_for(field: attrs.Attribute[Any], owner: type) -> Rule | None:
    kind = bare_type(field.type)
    # A reference may lead to a machine, whose UID ends in no UUID.
    identified = issubclass(owner, Identified) and owner is not EntityRef
    if field.name == "uid" and identified:
        return uid
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return _open_enum(kind)
    if kind is datetime and field.default is None:
        return end
    return _RULES.get(kind)


def rule_name(field: attrs.Attribute[Any], owner: type) -> str:
    """The name of the rule for *field* of *owner*, "model" where it holds models."""
    rule = _rule_for(field, owner)
    return "model" if rule is None else rule.__name__


def known_values(field: attrs.Attribute[Any]) -> Callable[..., object]:
    """The `get` of a dict of all texts whose value for *field* is known beforehand."""
    kind = bare_type(field.type)
    is_open = isinstance(kind, type) and issubclass(kind, StrEnum)
    known: dict[str, Any] = _members(kind) if is_open else _FLAGS
    return known.get


def bare_type(of: Any) -> Any:
    """The first member of a union, or the type itself."""
    return get_args(of)[0] if get_origin(of) in (UnionType, Union) else of


def says_nothing(value: object) -> bool:
    """Whether *value* is null, or an XML element with neither text nor child.

    Attributes of a foreign namespace, such as `xsi:nil`, say nothing either, nor does a
    declaration of one, be it marked or not.
    """
    if isinstance(value, dict):
        return all(
            not isinstance(key, str)
            or (key.startswith("@") and ":" in key)
            or key.removeprefix("@").partition(":")[0] == "xmlns"
            or (key == "#text" and says_nothing(item))
            for key, item in value.items()
        )
    return value is None or _is_blank(value)


def _is_blank(value: object) -> bool:
    return isinstance(value, str) and not value.strip()


def _text(field: attrs.Attribute[Any]) -> Hook:
    """A hook that lets a text through as it stands."""
    # Most fields hold text, so the good case is judged here, without another call.
    careful = _filled(text, field, keep_space=True)

    def pass_on(value: Any, of: Any) -> Any:
        return value if value.__class__ is str and value else careful(value, of)

    return pass_on


def _filled(
    rule: Rule, field: attrs.Attribute[Any], *, keep_space: bool = False
) -> Hook:
    """A hook for *rule*: null and empty mean *field*'s default, or an error."""
    required = field.default is attrs.NOTHING

    def fill(value: object, _of: object) -> object:
        if isinstance(value, dict):
            value = _own_text(value)
        if value is None or value == "" or (not keep_space and _is_blank(value)):
            if required:
                raise ValueError("the value is missing")
            return field.default
        return rule(value)

    return fill


def _own_text(element: dict[str, object]) -> object:
    """An XML element with attributes and no child as its text, all else as it is."""
    if any(key[:1] not in "@#" for key in element):
        return element
    return element.get("#text") if element else element


def text(value: object) -> str:
    """Text as it stands, its white space included: names hold spaces that count."""
    if not isinstance(value, str):
        raise TypeError(f"expected text, got {_shown(value)}")
    return value


def token(value: object) -> str:
    """Words of the server's own, around which white space means nothing."""
    return text(value).strip()


def uid(value: object) -> str:
    """UID whose last part is a UUID."""
    found = token(value)
    if not ends_in_uuid(found):
        raise ValueError(f"expected a UID that ends in a UUID, got {_shown(value)}")
    return found


def number(value: object) -> int:
    """Whole number: JSON's own, or ASCII digits as XML has them."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    found = _whole(value)
    if found is None or not -_LARGEST < found < _LARGEST:
        raise ValueError(f"expected a whole number, got {_shown(value)}")
    return found


def _whole(value: object) -> int | None:
    """The whole number that a text or a float is, None where it is none."""
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    # int() takes "1_0" and the digits of every script besides.
    if not isinstance(value, str) or not value.isascii() or "_" in value:
        return None
    try:
        return int(value)
    except ValueError:
        return None


def flag(value: object) -> bool:
    """Truth: JSON's own, `true` or `false` in any case, or XML's `1` and `0`."""
    found = _FLAGS.get(value.strip().lower()) if isinstance(value, str) else value
    if isinstance(found, bool):
        return found
    raise ValueError(f"expected true or false, got {_shown(value)}")


def moment(value: object) -> datetime:
    """Time in UTC; one without a zone is UTC already. Digits past six are cut."""
    return _in_utc(_time(value), value)


def end(value: object) -> datetime | None:
    """Time in UTC, or None where the server says "never"."""
    found = _time(value)
    is_real = _FIRST_REAL_YEAR <= found.year <= _LAST_REAL_YEAR
    return _in_utc(found, value) if is_real else None


def _time(value: object) -> datetime:
    found = _written(token(value))
    if found is None:
        raise ValueError(f"expected a time, got {_shown(value)}")
    return found


def _written(written: str) -> datetime | None:
    """The time that a text tells, None where it is none."""
    try:
        return datetime.fromisoformat(written)
    except ValueError:
        pass
    # A leap second is the one after it, as for a clock that knows none.
    before, second, after = written[:16], written[16:19], written[19:]
    if second != ":60" or after[:1].isdigit():
        return None
    try:
        return datetime.fromisoformat(f"{before}:59{after}") + timedelta(seconds=1)
    except (ValueError, OverflowError):
        return None


def _in_utc(found: datetime, value: object) -> datetime:
    if found.tzinfo is None:
        return found.replace(tzinfo=UTC)
    try:
        return found.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"expected a time, got {_shown(value)}") from None


def _open_enum(kind: type[StrEnum]) -> Rule:
    """A rule that makes a member of *kind* of a known text, and leaves others text."""
    # A server invents values from version to version; none of them may cost an entity.
    known = _members(kind)

    def member(value: object) -> str | None:
        found = token(value)
        return known.get(found, found)

    return member


def _members(kind: type[StrEnum]) -> dict[str, StrEnum | None]:
    known: dict[str, StrEnum | None] = {str(member): member for member in kind}
    # While a session runs its result is the text None.
    return known | {"None": None} if kind is SessionResult else known


def _shown(value: object) -> str:
    """A few words for *value*: a hostile one may be huge, or nest deeply."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, str) and len(value) > _SHOWN:
        return f"{value[:_SHOWN]!r}…"
    return repr(value)


_RULES: dict[object, Rule] = {str: text, int: number, bool: flag, datetime: moment}
