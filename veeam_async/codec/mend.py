"""Bodies with characters that UTF-8, JSON or XML forbid, mended so that they parse.

Servers write them: half a surrogate, the control characters of a script's output, a
name in another encoding; and bodies in UTF-16 or UTF-32. Only a body that could not be
parsed comes here, so that good ones in UTF-8 pay nothing.

Each forbidden character, and each byte that is no UTF-8, becomes a *mark*: a letter
that is nowhere in the body, and may stand in a name of XML too. Once the mended body is
parsed, `settle` knows by the marks what was bad: in a text it puts U+FFFD, but neither
an id nor a number of a row is ever guessed. A member with a bad name is left out like
any that nobody knows, unless that is a known name but for the bad characters, or may
have been one that is missing. What stands between the values is mended by leaving the
bad character out.
"""

from __future__ import annotations

import re
import struct
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, TypeAlias

from veeam_async.codec.kinds import fold, known_names, names_in
from veeam_async.codec.parse import MAX_DEPTH, Tree, UnreadableError
from veeam_async.codec.values import Damaged, says_nothing

REPLACEMENT = "\ufffd"

_MARKS = [chr(code) for code in range(0xD7A3, 0xD793, -1)]
"""Rare syllables of Hangul: letters, so that XML lets them stand in names."""

_SPACE = " \t\r\n"
_BOM = b"\xef\xbb\xbf"
_WIDE = re.compile(
    rb"""(?P<utf_32_le> (?:\xff\xfe\0\0)? (?:[ \t\r\n]\0{3})* [<{[]\0{3} [^\0]\0{3} )
    | (?P<utf_32_be> (?:\0\0\xfe\xff)? (?:\0{3}[ \t\r\n])* \0{3}[<{[] \0{3}[^\0] )
    | (?P<utf_16_le> (?:\xff\xfe)? (?:[ \t\r\n]\0)* [<{[]\0 )
    | (?P<utf_16_be> (?:\xfe\xff)? (?:\0[ \t\r\n])* \0[<{[] )""",
    re.VERBOSE,
)
"""How the wide encodings begin; in UTF-16 a body goes on so, or has begun by a mark."""

_MARKS_OF_WIDE = (b"\xff\xfe", b"\xfe\xff")
_SAMPLE = 512
_LAST = 0x10FFFF

_NARROW = ("iso-8859-1", "windows-1252")
_DECLARED = re.compile(
    rb"""<\?xml[^>]{0,99}?encoding\s{0,9}=\s{0,9}["']([\w.-]{0,40})"""
)

_Match: TypeAlias = re.Match[str]


def mend(body: bytes) -> tuple[bytes, str] | None:
    """A *body* that may parse and the mark in it, None where it has nothing to mend."""
    text, declared = _decoded(body)
    mark = _unused(text)
    if mark is None:
        return None
    start = text.lstrip(_SPACE + _CONTROLS)[:1]
    if start == "<":
        mended = _XmlMender(mark).mended(text)
        # Without its declaration, which may be what is wrong.
        is_same = mended == text and declared in (None, "utf-8")
        mended = _PROLOG.sub("", mended.strip(_SPACE + mark)).lstrip(_SPACE + mark)
    elif start in ("{", "["):
        mended = _JsonMender(mark).mended(text).strip(_SPACE + mark)
        # In another encoding it may be good, and yet no JSON.
        is_same = mended == text.strip(_SPACE) and declared is None
    else:
        return None
    return None if is_same else (mended.encode(), mark)


def settle(tree: Tree, mark: str) -> Any:
    """What was parsed of a mended body: U+FFFD where a *mark* stands in a text.

    An id is `Damaged` by one, and so is an object one of whose members has lost its
    name. Raises UnreadableError for what nests deeper than any answer.
    """
    return _Settler(mark).value("", tree, 0)


def _decoded(body: bytes) -> tuple[str, str | None]:
    """The text of *body*, lone surrogates for bad bytes, and its declared encoding.

    That is None where none is declared.
    """
    if wide := _wide_of(body):
        return _wide_text(body, wide).removeprefix("\ufeff"), wide
    declaration = _DECLARED.search(body[:200])
    declared = declaration[1].decode().lower() if declaration else None
    # No other is looked up: what is declared so is UTF-8 in fact, or is no text at all.
    encoding = "utf-8"
    if declared in _NARROW and not body.startswith(_BOM):
        encoding = declared
    return body.removeprefix(_BOM).decode(encoding, "surrogateescape"), declared


def _wide_of(body: bytes) -> str | None:
    """The wide encoding of *body*, None where it has none."""
    found = _WIDE.match(body)
    if found is None:
        return None
    wide = (found.lastgroup or "").replace("_", "-")
    if "32" in wide or body.startswith(_MARKS_OF_WIDE):
        return wide
    # Some NULs may also be what is bad in another encoding.
    high = body[wide.endswith("le") : _SAMPLE : 2]
    return wide if 2 * high.count(0) > len(high) else None


def _wide_text(body: bytes, wide: str) -> str:
    """The text of a *body* in UTF-16 or UTF-32, without a part of a character."""
    if "16" in wide:
        return body[: len(body) & ~1].decode(wide, "surrogatepass")
    order = "<" if wide.endswith("le") else ">"
    codes = struct.iter_unpack(f"{order}I", body[: len(body) & ~3])
    return "".join(chr(code) if code <= _LAST else "\udc80" for (code,) in codes)


def _unused(text: str) -> str | None:
    """A mark that *text* holds neither as it is nor by its number."""
    lower = text.lower()
    for mark in _MARKS:
        number = ord(mark)
        if not any(word in lower for word in (mark, f"{number:x}", str(number))):
            return mark
    return None


# ---------------------------------------------------------------- JSON

_CONTROLS = "".join(
    map(chr, [*range(9), 11, 12, *range(14, 32), *range(0xDC80, 0xDD00)])
)
_BAD = r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]"
_ANY_BAD = re.compile(_BAD)
# The alternatives of these patterns consume whatever they begin with, up to the end of
# the text if need be, so that no part of a hostile body is gone over twice.
_JSON = re.compile(
    rf"""(?P<string> "[^"\\]* (?:\\ {_BAD}* (?:.|\Z) [^"\\]*)* (?:"|\Z) )
    | (?P<hole> :[ \t\r\n]* {_BAD}+ [ \t\r\n]* (?=[,\}}\]]) )
    | (?P<word> [^\{{\}}\[\],:"\ \t\r\n]+ )""",
    re.DOTALL | re.VERBOSE,
)
_LONE = r"u[dD][89a-fA-F][0-9a-fA-F]{2}"
_ESCAPE = rf"""(?:["\\/bfnrt]|(?!{_LONE})u[0-9a-fA-F]{{4}})"""
_IN_STRING = re.compile(
    rf"""(?P<good> \\{_ESCAPE}
      | \\u[dD][89abAB][0-9a-fA-F]{{2}} \\u[dD][c-fC-F][0-9a-fA-F]{{2}} )
    | \\ (?P<split> {_BAD}+ ) (?P<escape> {_ESCAPE} )
    | \\{_LONE} | \\ | {_BAD} | [\t\r\n]""",
    re.VERBOSE,
)
_NO_STRING = dict.fromkeys(map(ord, "\\"))
_ESCAPED = {"\t": "\\t", "\r": "\\r", "\n": "\\n"}


class _JsonMender:
    def __init__(self, mark: str) -> None:
        self._mark = mark

    def mended(self, text: str) -> str:
        return _JSON.sub(self._piece, text)

    def _piece(self, found: _Match) -> str:
        if found.lastgroup == "string":
            return _IN_STRING.sub(self._in_string, found[0])
        if found.lastgroup == "hole":
            return f":{self._damaged('')}"
        return self._word(found[0])

    def _in_string(self, found: _Match) -> str:
        if found["good"]:
            return found[0]
        if found["split"]:
            return f"{self._mark * len(found['split'])}\\{found['escape']}"
        return _ESCAPED.get(found[0], self._mark)

    def _word(self, word: str) -> str:
        rest = _ANY_BAD.sub("", word)
        if rest in (word, "", "true", "false", "null"):
            return rest
        return self._damaged(rest)

    def _damaged(self, rest: str) -> str:
        """An object that `settle` knows, for a value of which *rest* is left."""
        text = rest.translate(_NO_STRING)
        return f'{{"{self._mark}":"{text}"}}'


# ---------------------------------------------------------------- XML

_PROLOG = re.compile(r"\A<\?.*?\?\w*>", re.DOTALL)
_BAD_XML = r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]"
_PIECE = re.compile(
    rf"""<!\[CDATA\[ .*? (?:\]\]>|\Z) | <!-- .*? (?:-->|\Z)
    | <\? .*? (?:\?{_BAD_XML}*>|\Z)
    | (?P<tag> < [^<>"']* (?: (?: "[^"<]*" | '[^'<]*' ) [^<>"']* )* > )
    | (?P<bad> & (?=[\#\w]{{0,10}}{_BAD_XML}) | {_BAD_XML} )
    | &\# (?: x(?P<hex>[0-9a-fA-F]+) | (?P<decimal>[0-9]+) ) ;""",
    re.DOTALL | re.VERBOSE,
)
_IN_TAG = re.compile(r"""(?P<value>"[^"]*"|'[^']*')|[^"' \t\r\n=/<>]+""")
_ASSIGNED = re.compile(r"[ \t\r\n]*=")
_MOST_ALIKE = 8
"""Bad names of a tag that are told apart."""

_ANY_BAD_XML = re.compile(_BAD_XML)
_BAD_NAMES = [
    re.compile(
        rf"""{start}((?:(?!{_BAD_XML})[^"' \t\r\n=/<>])*{_BAD_XML}[^"' \t\r\n=/<>]*)"""
    )
    for start in ("<", "</")
]
"""Names of elements that have bad characters, where they begin and where they end."""

_LONGEST_NUMBER = 8


class _XmlMender:
    def __init__(self, mark: str) -> None:
        self._mark = mark
        self._paired: frozenset[str] = frozenset()
        self._in_this_tag: set[str] = set()

    def mended(self, text: str) -> str:
        begun, ended = (Counter(names.findall(text)) for names in _BAD_NAMES)
        self._paired = frozenset(
            name for name, times in begun.items() if ended[name] == times
        )
        return _PIECE.sub(self._piece, text)

    def _piece(self, found: _Match) -> str:
        whole = found[0]
        if found["tag"]:
            self._in_this_tag = set()
            return _IN_TAG.sub(self._in_tag, whole)
        if found["bad"]:
            return self._mark
        if number := found["hex"] or found["decimal"]:
            is_text = _is_text(number, 16 if found["hex"] else 10)
            return whole if is_text else self._mark
        return _ANY_BAD_XML.sub(self._mark, whole)  # CDATA, a comment, a declaration

    def _in_tag(self, found: _Match) -> str:
        part = found[0]
        if found["value"]:
            return _PIECE.sub(self._piece, part)
        rest = _ANY_BAD_XML.sub("", part)
        if rest == part:
            return rest
        if found.start() <= found.string.startswith("</") + 1:
            # An element's name is the same at its end, or the body is none.
            is_name = part in self._paired
        else:
            # An attribute that lost a letter would be taken for one that is not there.
            is_name = _ASSIGNED.match(found.string, found.end()) is not None
        return self._name(part) if is_name else rest

    def _name(self, part: str) -> str:
        """A name with marks, which is no other's of this tag."""
        name = _ANY_BAD_XML.sub(self._mark, part)
        for _ in range(_MOST_ALIKE):
            if name not in self._in_this_tag:
                break
            name += self._mark
        self._in_this_tag.add(name)
        return name


def _is_text(number: str, base: int) -> bool:
    """Whether XML has a character of this *number*."""
    digits = number.lstrip("0")
    if not digits or len(digits) > _LONGEST_NUMBER:
        return False
    code = int(digits, base)
    return code <= 0x10FFFF and not _ANY_BAD_XML.match(chr(code))  # noqa: PLR2004 - the last of Unicode


# ---------------------------------------------------------------- what was parsed

_PAGING = "paginginfo"
_DEEPEST = 2 * MAX_DEPTH  # within each element of XML may lie a list


class _Settler:
    def __init__(self, mark: str) -> None:
        self._mark = mark

    def value(self, name: str, value: Any, depth: int) -> Any:
        """The value of a member with this folded *name*."""
        if isinstance(value, str):
            return self._text(name, value)
        if not isinstance(value, dict | list):
            return value
        if depth > _DEEPEST:
            raise UnreadableError(f"the body nests deeper than {_DEEPEST} levels")
        if isinstance(value, list):
            return [self.value(name, item, depth + 1) for item in value]
        return self._object(name, value, depth)

    def _text(self, name: str, text: str) -> Any:
        if self._mark not in text:
            return text
        if name == _PAGING:
            # Links that nobody follows, and numbers that the next page has again: none
            # of them shall cost the rows.
            return text.replace(self._mark, "") or Damaged(REPLACEMENT)
        shown = text.replace(self._mark, REPLACEMENT)
        return Damaged(shown) if name.endswith(("id", "href")) else shown

    def _object(self, name: str, tree: dict[str, Any], depth: int) -> Any:
        if tuple(tree) == (self._mark,) and isinstance(tree[self._mark], str):
            # What the mender puts in place of a value.
            left = tree[self._mark] if name == _PAGING else ""
            return left or Damaged(REPLACEMENT)
        found: dict[str, Any] = {}
        bad: dict[str, Any] = {}
        for key, value in tree.items():
            if self._mark in key:
                bad[key] = value
            else:
                found[key] = self.value(self._below(name, key), value, depth + 1)
        # Those that are good come first: what lost a character takes no one's place.
        return self._with_bad(name, found, bad, depth) if bad else found

    def _with_bad(
        self, name: str, found: dict[str, Any], bad: dict[str, Any], depth: int
    ) -> Any:
        """An object of the members *found* and those whose names are *bad*.

        What is none that this library reads is left out, like any that it does not
        know. Where it may have been one that is not there, so is the object damaged.
        """
        present = {fold(key) for key in found}
        read = names_in(name, found)
        for key, value in bad.items():
            clean = key.replace(self._mark, "")
            folded = fold(clean)
            if folded in present or says_nothing(value):
                continue
            shown = (fold(key) or "").replace(self._mark, REPLACEMENT)
            if not present.issuperset(_known_as(shown, read)):
                return Damaged(key.replace(self._mark, REPLACEMENT), is_name=True)
            if folded in known_names():
                found[clean] = self.value(self._below(name, clean), value, depth + 1)
                present.add(folded)
        return found

    def _below(self, name: str, key: str) -> str:
        """The name that decides about the text of *key*, a member of *name*."""
        if name == _PAGING or key.startswith("#"):
            return name
        return fold(key) or ""


def _known_as(bad: str, names: frozenset[str]) -> Iterator[str]:
    """Those of *names* that may have stood for a *bad* one, which lost letters."""
    start, end = bad.partition(REPLACEMENT)[0], bad.rpartition(REPLACEMENT)[2]
    left = len(bad) - bad.count(REPLACEMENT)
    by_length = _by_length(names)
    # Each bad byte has become one character, so that they are as many at most.
    for length in range(left + 1, min(len(bad), max(by_length)) + 1):
        for spelled, known in by_length.get(length, ()):
            if spelled.startswith(start) and spelled.endswith(end):
                yield known


@lru_cache(maxsize=64)
def _by_length(names: frozenset[str]) -> dict[int, list[tuple[str, str]]]:
    """Spellings of *names*, each with its name, by how many characters they have."""
    found: dict[int, list[tuple[str, str]]] = {0: []}
    for name in names:
        # Only times are spelled in two ways, of which one is left where it is whole.
        is_time = name.endswith(("time", "run"))
        for spelled in (name, f"{name}utc") if is_time else (name,):
            found.setdefault(len(spelled), []).append((spelled, name))
    return found
