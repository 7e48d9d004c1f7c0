"""Conditions on fields, in the filter grammar of the query service.

`F.state == "Working"` is a condition; `&`, `|` and `in_` join conditions. The grammar
is that of the page "Query Parameters" of the reference: `;` is AND, `,` is OR.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, TypeAlias
from uuid import UUID

import attrs

from veeam_async.brief import LONGEST, cut
from veeam_async.models import (
    AgentBackupJob,
    BackupJobSession,
    BackupTaskSession,
    Job,
    NasJob,
    ReplicaJobSession,
    RestoreSession,
)

Operand: TypeAlias = str | bool | int | datetime | UUID
"""What a field can be compared with; an enum member is a `str`."""

# What the reference lists for each kind; Progress is in none of its lists.
_COMMON = ("UID", "Name", "BackupServerUid", "BackupServerName")
_TIMED = (*_COMMON, "CreationTime", "EndTime", "State", "Result")
_OF_JOB = (*_TIMED, "JobType", "JobUid", "JobName", "IsRetry")
_JOB = (
    *_COMMON,
    "Description",
    "ScheduleConfigured",
    "ScheduleEnabled",
)
_FILTERABLE: dict[type, tuple[str, ...]] = {
    BackupJobSession: _OF_JOB,
    ReplicaJobSession: _OF_JOB,
    RestoreSession: (*_TIMED, "Type", "VmDisplayName"),
    BackupTaskSession: (
        *_TIMED,
        "Reason",
        "TotalSize",
        "JobSessionUid",
        "JobUid",
        "JobName",
        "VmDisplayName",
    ),
    Job: (*_JOB, "JobType", "Platform", "NextRun"),
    AgentBackupJob: (*_JOB, "JobType", "Platform"),
    NasJob: (*_JOB, "NextRun"),
}

_HALF = re.compile("[\ud800-\udfff]")


def _snake(name: str) -> str:
    if name.isupper():
        return name.lower()
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")


_FIELDS: dict[type, dict[str, str]] = {
    kind: {_snake(name): name for name in names} for kind, names in _FILTERABLE.items()
}
# The query service calls a restore session's JobType its Type.
_FIELDS[RestoreSession]["job_type"] = "Type"
_ALL = sorted({name for fields in _FIELDS.values() for name in fields})


def query_field(name: str, kind: type) -> str:
    """The query service's name for the field *name* of *kind*.

    The service's own name is taken too, in any case. Raises ValueError, listing the
    fields, where it can filter or sort by no such field.
    """
    fields = _FIELDS[kind]
    try:
        return fields[name]
    except KeyError:
        own = {known.lower(): known for known in fields.values()}
        word = name.lower()
        for found in (word, word.removesuffix("utc")):
            if found in own:
                return own[found]
        known = ", ".join(query_fields(kind))
        raise ValueError(
            f"{kind.__name__} cannot be queried by {name!r}, only by {known}"
        ) from None


def can_query(name: str, kind: type) -> bool:
    """Whether the query service can filter and sort *kind* by the field *name*."""
    try:
        query_field(name, kind)
    except ValueError:
        return False
    return True


def query_fields(kind: type) -> list[str]:
    """The fields of *kind* that the query service can filter and sort by, sorted."""
    return sorted(_FIELDS[kind])


def filter_text(where: Condition | str, kind: type) -> str:
    """The filter's text of *where*, for *kind*.

    Raises ValueError for what is neither a condition nor a text, and for a text that
    cannot be sent.
    """
    if isinstance(where, Condition):
        return where.render(kind)
    if not isinstance(where, str):
        raise ValueError("where is a condition made with F, or a text")  # noqa: TRY004 - misuse is ValueError throughout
    return _checked(where, "where")


def _checked(text: str, name: str) -> str:
    """Pass *text* on, unless it is none that UTF-8 has."""
    # What Python makes of an argument or a file name in another encoding, for example.
    if _HALF.search(text):
        raise ValueError(f"{name} takes Unicode text, which half a surrogate is not")
    return text


class Condition:
    """What a query selects by; join conditions with `&` and `|`."""

    def __and__(self, other: Condition) -> Condition:
        if not isinstance(other, Condition):
            return NotImplemented
        return _Joined(";", (*_parts(self, ";"), *_parts(other, ";")))

    def __or__(self, other: Condition) -> Condition:
        if not isinstance(other, Condition):
            return NotImplemented
        return _Joined(",", (*_parts(self, ","), *_parts(other, ",")))

    def __repr__(self) -> str:
        shown = ""
        for piece in self._pieces():
            shown += str(piece)
            if len(shown) > LONGEST:
                break  # a program joins conditions as deep as it likes
        return f"<Condition {cut(shown, LONGEST - 12)}>"

    def settled(self, facts: Mapping[str, str]) -> Condition | bool:
        """What is left of it where the fields of *facts* have these values.

        True or False where that decides it.
        """
        raise NotImplementedError

    def __bool__(self) -> NoReturn:
        raise TypeError(
            "a condition has no truth value: join conditions with & and | in "
            "parentheses, not with `and`, `or`, `not` or a < b < c"
        )

    @property
    def fields(self) -> frozenset[str]:
        """The names of all fields that it compares."""
        raise NotImplementedError

    def render(self, kind: type) -> str:
        """Give the filter's text for *kind*, not yet percent-encoded."""
        raise NotImplementedError

    def _pieces(self) -> Iterator[Condition | str]:
        """The comparisons, and what stands between and around them, in order."""
        yield self


@attrs.frozen(eq=False, repr=False)
class _Compared(Condition):
    field: str
    operator: str
    value: str

    @property
    def fields(self) -> frozenset[str]:
        return frozenset((self.field,))

    def __str__(self) -> str:
        return f"{self.field}{self.operator}{self.value}"

    def render(self, kind: type) -> str:
        return f"{query_field(self.field, kind)}{self.operator}{self.value}"

    def settled(self, facts: Mapping[str, str]) -> Condition | bool:
        if self.field not in facts or self.operator not in ("==", "!="):
            return self
        is_equal = self.value.casefold() == _quoted(facts[self.field]).casefold()
        return is_equal is (self.operator == "==")


@attrs.frozen(eq=False, repr=False)
class _Joined(Condition):
    separator: str
    parts: tuple[Condition, ...]

    @property
    def fields(self) -> frozenset[str]:
        return frozenset().union(
            *(piece.fields for piece in self._pieces() if not isinstance(piece, str))
        )

    def render(self, kind: type) -> str:
        grouped = "".join(
            piece if isinstance(piece, str) else piece.render(kind)
            for piece in self._pieces()
        )
        # Around the whole of an AND there is nothing to keep apart.
        return grouped[1:-1] if self.separator == ";" else grouped

    def settled(self, facts: Mapping[str, str]) -> Condition | bool:
        left: dict[int, Condition | bool] = {}
        waiting: list[Condition] = [self]
        while waiting:
            part = waiting[-1]
            parts = part.parts if isinstance(part, _Joined) else ()
            below = [each for each in parts if id(each) not in left]
            if below:
                waiting += below
                continue
            waiting.pop()
            if isinstance(part, _Joined):
                left[id(part)] = part.joined([left[id(each)] for each in part.parts])
            else:
                left[id(part)] = part.settled(facts)
        return left[id(self)]

    def joined(self, parts: Iterable[Condition | bool]) -> Condition | bool:
        """The same of other *parts*, of which some are settled."""
        decides = self.separator != ";"
        rest = []
        for part in parts:
            if part is decides:
                return decides
            if isinstance(part, Condition):
                rest.append(part)
        if not rest:
            return not decides
        return _Joined(self.separator, tuple(rest)) if rest[1:] else rest[0]

    def _pieces(self) -> Iterator[Condition | str]:
        """As a condition's.

        Every group has its parentheses: which of ; and , binds stronger is documented
        nowhere, so nothing depends on it.
        """
        # No recursion: a program joins conditions as deep as it likes.
        waiting: list[Condition | str] = [self]
        while waiting:
            piece = waiting.pop()
            if isinstance(piece, _Joined):
                waiting += reversed(piece.spelt())
            else:
                yield piece

    def spelt(self) -> list[Condition | str]:
        """The parts, with a separator between them and parentheses around."""
        pieces: list[Condition | str] = ["("]
        for part in self.parts:
            pieces += (part, self.separator)
        pieces[-1] = ")"
        return pieces


def _parts(condition: Condition, separator: str) -> tuple[Condition, ...]:
    if isinstance(condition, _Joined) and condition.separator == separator:
        return condition.parts
    return (condition,)


@attrs.frozen(eq=False, repr=False)
class Field:
    """A field of a resource; compare it to get a condition."""

    name: str

    def __repr__(self) -> str:
        return f"F.{self.name}"

    __hash__: ClassVar[None] = None  # type: ignore[assignment]  # == makes a condition, so no dict can hold it

    def __eq__(self, other: Operand) -> Condition:  # type: ignore[override]  # a condition, not a truth
        return self._compared("==", other)

    def __ne__(self, other: Operand) -> Condition:  # type: ignore[override]  # a condition, not a truth
        return self._compared("!=", other)

    def __lt__(self, other: Operand) -> Condition:
        return self._compared("<", other)

    def __le__(self, other: Operand) -> Condition:
        return self._compared("<=", other)

    def __gt__(self, other: Operand) -> Condition:
        return self._compared(">", other)

    def __ge__(self, other: Operand) -> Condition:
        return self._compared(">=", other)

    def __bool__(self) -> NoReturn:
        raise TypeError(f"compare F.{self.name} with something to get a condition")

    def in_(self, values: Iterable[Operand]) -> Condition:
        """Select what equals one of *values*; ValueError where there is none."""
        if isinstance(values, str):
            raise ValueError(f"F.{self.name}.in_() takes many values, in a list")  # noqa: TRY004 - misuse is ValueError throughout
        parts = tuple(self._compared("==", value) for value in values)
        if not parts:
            raise ValueError(f"F.{self.name}.in_() was given no value to look for")
        return _Joined(",", parts) if parts[1:] else parts[0]

    def _compared(self, operator: str, value: Operand) -> Condition:
        return _Compared(self.name, operator, _literal(value, self.name))


class Fields:
    """The fields that the query service can filter by, as attributes: `F.job_name`."""

    # For type checkers, which find a misspelt one, and for editors, which complete it.
    backup_server_name: Field
    backup_server_uid: Field
    creation_time: Field
    description: Field
    end_time: Field
    is_retry: Field
    job_name: Field
    job_session_uid: Field
    job_type: Field
    job_uid: Field
    name: Field
    next_run: Field
    platform: Field
    reason: Field
    result: Field
    schedule_configured: Field
    schedule_enabled: Field
    state: Field
    total_size: Field
    type: Field
    uid: Field
    vm_display_name: Field

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Field:
            """Give a field, or name them all."""
            if name not in _ALL:
                raise AttributeError(
                    f"no resource can be filtered by {name!r}; there are "
                    f"{', '.join(_ALL)}",
                    name=name,  # by these two Python's traceback suggests a like one
                    obj=self,
                )
            return Field(name)

    def __dir__(self) -> list[str]:
        return _ALL

    def __repr__(self) -> str:
        return f"<F with {len(_ALL)} fields, which dir(F) lists>"


F = Fields()


def _literal(value: Any, field: str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        # Without quotes a value may hold letters, digits and _ alone: no minus.
        return str(value) if value >= 0 else _quoted(str(value))
    if isinstance(value, str | UUID):
        return _quoted(_checked(str(value), f"F.{field}"))
    if isinstance(value, datetime):
        return _quoted(_utc(value, field))
    raise TypeError(f"F.{field} cannot be compared with {value!r}")


def _quoted(text: str) -> str:
    # The reference's one example of a quote inside is ambiguous; doubled is how it
    # reads best.
    doubled = text.replace('"', '""')
    return f'"{doubled}"'


def _utc(value: datetime, field: str) -> str:
    # In which zone the server takes a time without one is documented nowhere.
    if value.utcoffset() is None:
        raise ValueError(f"F.{field} needs a time with a time zone, got {value!r}")
    try:
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    except OverflowError:
        raise ValueError(f"F.{field}: {value!r} is in no year of UTC") from None
