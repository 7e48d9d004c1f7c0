"""The text of a filter in, a predicate over records out: the query service's grammar.

`expr := all (',' all)*; all := term (';' term)*; term := '(' expr ')' | field op
value`. `;` binds tighter than `,`: the reference does not say so, callers put
parentheses around alternatives.
"""

import operator
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeAlias

import attrs

from veeam_async.simulator.fields import Field
from veeam_async.simulator.refusals import RefusalError

Predicate: TypeAlias = Callable[[Any, datetime], bool]

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
_DEEPEST = 64


def parse(text: str, fields: Mapping[str, Field]) -> Predicate:
    """Turn a filter into a predicate over records that have *fields*.

    Raises:
        RefusalError: 400, for whatever the grammar does not have, unknown fields
            and values that do not fit their field.
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
    """A recursive descent over the tokens of one filter."""

    def __init__(self, tokens: list[_Token], fields: Mapping[str, Field]) -> None:
        self._tokens = tokens
        self._fields = fields
        self._at = 0
        self._depth = 0

    def alternatives(self) -> Predicate:
        parts = [self._all_of()]
        while self._took_mark(","):
            parts.append(self._all_of())
        if len(parts) == 1:
            return parts[0]
        return lambda record, now: any(part(record, now) for part in parts)

    def expect_end(self) -> None:
        if self._at < len(self._tokens):
            raise RefusalError(400, f"Filter is invalid near '{self._next().text}'.")

    def _all_of(self) -> Predicate:
        parts = [self._term()]
        while self._took_mark(";"):
            parts.append(self._term())
        if len(parts) == 1:
            return parts[0]
        return lambda record, now: all(part(record, now) for part in parts)

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
        """Take a value; spaces in one without quotes are silently ignored."""
        first = self._take("bare", "quoted")
        text = first.text
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
    # As in SQL nothing compares with a missing value, but here it differs.
    if_missing = op == "!="

    def predicate(record: Any, now: datetime) -> bool:
        value = value_of(record, now)
        return if_missing if value is None else compare(value, literal)

    return predicate
