"""Filters of the query service: kinds of fields, and the grammar.

`expr := all (',' all)*; all := term (';' term)*; term := '(' expr ')' | field op
value`. `;` binds tighter than `,`: the reference does not say so, callers put
parentheses around alternatives.
"""

import operator
import re
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeAlias

import attrs

from veeam_async.simulator.request import RefusalError

Getter: TypeAlias = Callable[[Any, datetime], Any]
Predicate: TypeAlias = Callable[[Any, datetime], bool]

_TIME = re.compile(
    r"\d{4}-\d\d-\d\d"
    r"(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d)?)?"
)
_TOKEN = re.compile(
    r"""\s*(?:
        (?P<op>[=!<>]=|[<>])
      | (?P<mark>[;,()])
      | "(?P<quoted>(?:[^"]|"")*)"
      | (?P<bare>[A-Za-z0-9_:.+\-]+)
    )\s*""",
    re.VERBOSE,
)
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
# Without a limit a thousand parentheses are a RecursionError, not a 400.
_DEEPEST = 64

# ------------------------------------------------------------------ fields


@attrs.frozen
class Field:
    """How a record's `value` is read, and how a literal in a filter is."""

    value: Getter
    read: Callable[[str], Any]
    is_ordered: bool = True

    def literal(self, op: str, text: str) -> object:
        """Read the text to the right of `op`.

        Raises:
            RefusalError: 400, for what is no value of this field.
        """
        if not self.is_ordered and op not in {"==", "!="}:
            raise RefusalError(400, f"Operator '{op}' does not fit this field.")
        return self.read(text)


def text(value: Getter) -> Field:
    """Field of free text, compared with its case."""
    return Field(value, str)


def number(value: Getter) -> Field:
    """Field of whole numbers."""
    return Field(value, _read_number)


def boolean(value: Getter) -> Field:
    """Field that is true or false."""
    return Field(value, _read_boolean, is_ordered=False)


def time(value: Getter) -> Field:
    """Field of moments; literals without a zone are UTC."""
    return Field(value, _read_time)


def uid(value: Getter) -> Field:
    """Field of ids; a literal is a URN or the bare UUID."""
    return Field(value, _read_uid, is_ordered=False)


def enumeration(members: tuple[str, ...], value: Getter) -> Field:
    """Field of named values, compared by their place in `members`."""
    places = {member.lower(): place for place, member in enumerate(members)}

    def read(literal: str) -> int:
        if literal.lower() not in places:
            raise RefusalError(
                400, f"Value '{literal}' is not one of {', '.join(members)}."
            )
        return places[literal.lower()]

    # A state or result that a test has invented has no place: as good as missing.
    return Field(lambda record, now: places.get(str(value(record, now)).lower()), read)


def _read_number(literal: str) -> int:
    # Digits of other scripts are no number here, though `int` would read them.
    if not re.fullmatch(r"-?[0-9]{1,18}", literal):
        raise RefusalError(400, f"Value '{literal}' is not a number.")
    return int(literal)


def _read_boolean(literal: str) -> bool:
    if literal.lower() not in {"true", "false"}:
        raise RefusalError(400, f"Value '{literal}' is not a boolean.")
    return literal.lower() == "true"


def _read_time(literal: str) -> datetime:
    try:
        # No match is None, whose index is the TypeError below.
        moment = datetime.fromisoformat(_TIME.fullmatch(literal)[0])  # type: ignore[index]  # see above
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (OverflowError, TypeError, ValueError):
        raise RefusalError(400, f"Value '{literal}' is not a date.") from None


def _read_uid(literal: str) -> uuid.UUID:
    try:
        return uuid.UUID(literal.rpartition(":")[2])
    except ValueError:
        raise RefusalError(400, f" ID {literal} is invalid.") from None


# ----------------------------------------------------------------- grammar


def parse(text: str, fields: Mapping[str, Field]) -> Predicate:
    """Predicate of a filter over records that have `fields`.

    Raises:
        RefusalError: 400, for whatever the grammar does not have, unknown fields, and
            values that do not fit their field.
    """
    parser = _Parser(_tokens(text), fields)
    predicate = parser.alternatives()
    parser.expect_end()
    return predicate


@attrs.frozen
class _Token:
    kind: str
    text: str


def _tokens(text: str) -> list[_Token]:
    tokens = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            raise RefusalError(400, f"Filter is invalid at position {at}.")
        found = match[match.lastgroup]
        # Only in quotes can there be quotes, and there they are doubled.
        tokens.append(_Token(match.lastgroup, found.replace('""', '"')))
        at = match.end()
    return tokens


class _Parser:
    """Recursive descent over the tokens of one filter."""

    def __init__(self, tokens: list[_Token], fields: Mapping[str, Field]) -> None:
        self._tokens = tokens
        self._fields = fields
        self._at = 0
        self._depth = 0

    def alternatives(self) -> Predicate:
        options = [self._all_of()]
        while self._took_mark(","):
            options.append(self._all_of())
        if len(options) == 1:
            return options[0]
        return lambda record, now: any(option(record, now) for option in options)

    def expect_end(self) -> None:
        if self._at < len(self._tokens):
            raise RefusalError(400, f"Filter is invalid near '{self._next().text}'.")

    def _all_of(self) -> Predicate:
        terms = [self._term()]
        while self._took_mark(";"):
            terms.append(self._term())
        if len(terms) == 1:
            return terms[0]
        return lambda record, now: all(term(record, now) for term in terms)

    def _term(self) -> Predicate:
        if not self._took_mark("("):
            return self._comparison()
        self._depth += 1
        if self._depth > _DEEPEST:
            raise RefusalError(400, "Filter is nested too deeply.")
        inner = self.alternatives()
        if not self._took_mark(")"):
            raise RefusalError(400, "Filter lacks a closing parenthesis.")
        self._depth -= 1
        return inner

    def _comparison(self) -> Predicate:
        name = self._take("bare").text
        op = self._take("op").text
        value = self._value()
        field = self._fields.get(name.lower())
        if field is None:
            raise RefusalError(400, f"Field '{name}' is unknown.")
        return _compare(field, op, field.literal(op, value))

    def _value(self) -> str:
        first = self._take("bare", "quoted")
        text = first.text
        # Spaces in a value without quotes are silently ignored: the reference says so.
        while first.kind == "bare" and self._is_next("bare"):
            text += self._take("bare").text
        return text

    def _is_next(self, kind: str) -> bool:
        return self._at < len(self._tokens) and self._tokens[self._at].kind == kind

    def _next(self) -> _Token:
        if self._at >= len(self._tokens):
            raise RefusalError(400, "Filter ends too early.")
        return self._tokens[self._at]

    def _take(self, *kinds: str) -> _Token:
        token = self._next()
        if token.kind not in kinds:
            raise RefusalError(400, f"Filter is invalid near '{token.text}'.")
        self._at += 1
        return token

    def _took_mark(self, mark: str) -> bool:
        is_next = self._is_next("mark") and self._tokens[self._at].text == mark
        self._at += is_next
        return is_next


def _compare(field: Field, op: str, literal: object) -> Predicate:
    compare = _OPERATORS[op]
    value_of = field.value
    # As in SQL a missing value is neither before nor after anything; unlike in SQL it
    # differs from everything.
    if_missing = op == "!="

    def predicate(record: Any, now: datetime) -> bool:
        value = value_of(record, now)
        return if_missing if value is None else compare(value, literal)

    return predicate
