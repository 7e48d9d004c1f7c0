"""Filters as users type them, made into the server's; their errors point at the place.

The grammar is the server's: `field==value`, where == may be !=, <, <=, > or >=; `;` is
AND, a comma is OR, parentheses group. A field is called by its model's name, such as
`creation_time`, or by Enterprise Manager's own, `CreationTime`, in any case. A value
with spaces may go without its quotes, which some shells take away.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn, TypeAlias

import attrs

from veeam_async.cli.exits import Refusal
from veeam_async.cli.render.rows import field_of_heading
from veeam_async.cli.render.words import one_line, printable
from veeam_async.errors import BadRequest
from veeam_async.filters import query_field, query_fields

_TOKEN = re.compile(
    r"""(?P<space>\s+)
      | (?P<op>[=!<>]=|[<>])
      | (?P<mark>[;,()])
      | (?P<quoted>"(?:[^"]|"")*")
      | (?P<bare>[^\s;,()"=!<>]+)
      | (?P<odd>.)""",
    re.VERBOSE | re.DOTALL,
)
_JOINING = ("and", "or", "&&", "||", "&", "|")
_ODD = {
    "=": "one = compares nothing: == does",
    "!": "one ! means nothing: != does, state!=Stopped",
    '"': "these quotes are not closed",
}
_SHOWN = 70
"""Characters of a filter that fit on a line of a terminal."""
_BEFORE = 50


def server_filter(text: str, kind: type) -> str:
    """The filter *text* in the server's words, for *kind*.

    Raises Refusal, which points at the place, for what the grammar does not have, and
    for a field that *kind* cannot be filtered by.
    """
    return _Reader(text, kind).read()


@contextmanager
def refusals_pointed_out(typed: str | None) -> Iterator[None]:
    """Make the server's refusal of a filter in the block one of the filter *typed*."""
    try:
        yield
    except BadRequest as error:
        what = one_line(error.message or "it does not say why").rstrip(".")
        more = _culprit(what, typed) if typed else ()
        raise Refusal(f"the server refuses the filter: {what}", more=more) from error


def _culprit(what: str, typed: str) -> tuple[str, ...]:
    """Lines that show the part of *typed* that a message quotes, where it does."""
    for quoted in re.findall(r"'([^']+)'|\"([^\"]+)\"|\[([^\]]+)\]", what):
        word = next(filter(None, quoted))
        start = typed.lower().find(word.lower())
        if start >= 0:
            return _pointing(typed, start, start + len(word))
    return ()


# ---------------------------------------------------------------- reading


@attrs.frozen
class _Token:
    kind: str
    text: str
    start: int
    end: int


_State: TypeAlias = Callable[[_Token], "_State"]
"""Takes a token; what it returns takes the next."""


@attrs.define
class _Reader:
    """Reads *text*, and collects what the server calls otherwise."""

    text: str
    kind: type
    _open: list[_Token] = attrs.field(factory=list)
    _changes: list[tuple[int, int, str]] = attrs.field(factory=list)
    _value: list[_Token] = attrs.field(factory=list)

    def read(self) -> str:
        """The text as the server takes it."""
        state: _State = self._term
        for token in self._tokens():
            state = state(token)
        if missing := self._missing(state):
            self._refuse(f"the filter ends where {missing} is missing", None)
        if self._open:
            self._refuse("this parenthesis is not closed", self._open[-1])
        self._end_value()
        return self._changed()

    def _missing(self, state: _State) -> str:
        if state == self._term:
            return "a comparison, as in state==Working,"
        if state == self._operator:
            return "an operator"
        return "a value" if state == self._first_word else ""

    def _tokens(self) -> Iterator[_Token]:
        for match in _TOKEN.finditer(self.text):
            kind = match.lastgroup or ""
            token = _Token(kind, match[0], match.start(), match.end())
            if kind == "odd":
                self._refuse(_ODD.get(match[0], "this is out of place"), token)
            if kind != "space":
                yield token

    def _term(self, token: _Token) -> _State:
        if token.text == "(":
            self._open.append(token)
            return self._term
        if token.kind != "bare":
            self._refuse("a field's name is missing here, as in state==Working", token)
        self._name(token)
        return self._operator

    def _operator(self, token: _Token) -> _State:
        if token.kind != "op":
            self._refuse("an operator is missing here: == != < <= > or >=", token)
        return self._first_word

    def _first_word(self, token: _Token) -> _State:
        if token.kind not in ("bare", "quoted"):
            self._refuse("a value is missing here", token)
        if token.text.startswith("'"):
            self._refuse("a value stands in double quotes, not in single ones", token)
        self._value = [token]
        return self._next_word

    def _next_word(self, token: _Token) -> _State:
        is_word = token.kind == self._value[-1].kind == "bare"
        if is_word and token.text.lower() not in _JOINING:
            self._value.append(token)
            return self._next_word
        self._end_value()
        return self._joint(token)

    def _joint(self, token: _Token) -> _State:
        if token.text.lower() in _JOINING:
            self._refuse("; is AND, a comma is OR, and no word is", token)
        if token.kind != "mark" or token.text == "(":
            self._refuse("; for AND, or a comma for OR, is missing here", token)
        if token.text in ";,":
            return self._term
        if not self._open:
            self._refuse("this parenthesis closes none", token)
        self._open.pop()
        return self._joint

    def _end_value(self) -> None:
        """Put quotes around a value of several words: the server would join them."""
        if self._value[1:]:
            start, end = self._value[0].start, self._value[-1].end
            self._changes.append((start, end, f'"{self.text[start:end]}"'))
        self._value = []

    def _name(self, token: _Token) -> None:
        for name in (token.text, field_of_heading(token.text)):
            with suppress(ValueError):
                own = query_field(name, self.kind)
                if own.lower() != token.text.lower():
                    self._changes.append((token.start, token.end, own))
                return
        from difflib import get_close_matches  # noqa: PLC0415 - most fields are known

        known = query_fields(self.kind)
        near = get_close_matches(token.text.lower(), known, n=1)
        guess = f"did you mean {near[0]}? " if near else ""
        said = f"there is no field {token.text!r} to filter by; {guess}"
        self._refuse(f"{said}there are {', '.join(known)}", token)

    def _changed(self) -> str:
        text = self.text
        for start, end, new in sorted(self._changes, reverse=True):
            text = f"{text[:start]}{new}{text[end:]}"
        return text

    def _refuse(self, what: str, token: _Token | None) -> NoReturn:
        end = len(self.text)
        start, end = (token.start, token.end) if token else (end, end + 1)
        raise Refusal(what, more=_pointing(self.text, start, end))


# ---------------------------------------------------------------- pointing


def _pointing(text: str, start: int, end: int) -> tuple[str, str]:
    """The part of *text* around a place, and carets below the place."""
    line = printable("".join(" " if char.isspace() else char for char in text))
    first = max(0, start - _BEFORE) if len(line) > _SHOWN else 0
    before = ("…" if first else "") + line[first:start]
    place = line[start : max(end, start + 1)]
    after = line[end : first + _SHOWN]
    carets = "^" * max(1, _width(place[:_SHOWN]))
    return f"  {before}{place[:_SHOWN]}{after}", f"  {' ' * _width(before)}{carets}"


def _width(text: str) -> int:
    """How many columns of a terminal *text* takes."""
    import unicodedata  # noqa: PLC0415 - most filters are right

    return sum(
        0
        if unicodedata.combining(char)
        else 1 + (unicodedata.east_asian_width(char) in "WF")
        for char in text
    )
