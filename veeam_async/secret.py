"""What must not be shown: values that hide themselves, and texts that repeat one.

Some tools show the variables of each frame of a traceback. So a secret never is a
variable where something can be raised or waited for: there it is inside an object that
does not show it. What a server repeats of a secret is taken out of the errors that its
answer comes to.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator
from itertools import islice, takewhile
from typing import Any, Generic, Self, TypeVar

import attrs

from veeam_async.errors import VeeamError

E = TypeVar("E", bound=VeeamError)
T = TypeVar("T")

_HIDDEN = "(hidden)"
_SHORTEST = 6
"""Characters: a shorter text may well stand somewhere for another reason."""

_MOST_KEPT = 256
_STEM = 16
"""Characters by which a secret is found, also where a server has cut it off."""

_LEAST_CUT = 6
"""The same where an ellipsis says that it was cut off."""

_MOST_CUTS = 20

_CUT_OFF = re.compile(r"\xe2\x80\xa6|\.\.\.")
_BEFORE_CUT = re.compile(
    r"(?:&(?:#x?[0-9a-f]{0,6}|[a-z]{0,7})|%[0-9a-f]?|\\+(?:u[0-9a-f]{0,3})?)?[\"']?\Z"
)
"""The rest of an escape and the end of a quotation, which stand before an ellipsis."""

_LONGEST_BEFORE = 12

_MOST_READ = 16 * 1024
_OVERLAP = 2 * 1024
"""Characters of an error that are looked at twice: no secret is as long, escaped."""

_MOST_ESCAPED = 3
"""How often what is escaped is escaped again: a URL in JSON in a page, say."""

_ESCAPED = re.compile(
    r"(?<!\\)(?P<slashes>\\++)(?:"
    r"u(?P<high>d[89ab][0-9a-f]{2})\\++u(?P<low>d[c-f][0-9a-f]{2})"
    r"|u(?P<unit>[0-9a-f]{4})|x(?P<half>[0-9a-f]{2})|)"
    r"|%u(?P<wide>[0-9a-f]{4})|%(?P<byte>[0-9a-f]{2})"
    r"|&#(?:x0*+(?P<hex>[0-9a-f]{1,6})|0*+(?P<decimal>[0-9]{1,7}));"
    r"|&(?P<name>[a-z]{2,8});"
    r"|\0",
    re.IGNORECASE,
)
"""One character as JSON, XML, HTML, a URL or Python escapes it; NULs are UTF-16's."""

_NOT_ASCII = re.compile(r"[\x80-\xff?]+")
_ANY = "\x80"
"""Stands for characters beyond ASCII: in another encoding they are any others."""

_SHORTEST_VAGUE = 4


class Secret(Generic[T]):
    """A value that is shown nowhere; equal to another of the same value."""

    __slots__ = ("_value",)

    def __init__(self, value: T) -> None:
        self._value = value

    def reveal(self) -> T:
        """The value itself: for a plain call, never for a variable."""
        return self._value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and bool(self._value == other._value)

    def __hash__(self) -> int:
        return hash(self._value)

    def __repr__(self) -> str:
        return f"<{_HIDDEN[1:-1]}>"

    def __reduce__(self) -> str:
        raise TypeError("a secret is not written down")


def hidden(value: T | Secret[T]) -> Secret[T]:
    """Hide *value*, unless it is hidden already."""
    return value if isinstance(value, Secret) else Secret(value)


class Secrets:
    """The secrets that one client sends or gets, to be hidden in what servers repeat.

    They are found as they are, in any case and encoding, in base64 at any place of it,
    in hexadecimal, and in the escapes of JSON, XML, HTML and URLs.
    """

    def __init__(self, lasting: Iterable[str] = ()) -> None:
        self._lasting = tuple(lasting)
        # By age: who renews tokens for months must not gather them.
        self._kept: dict[str, None] = {}
        self._forms: _Forms | None = None

    def add(self, texts: Iterable[str]) -> Self:
        """Hide *texts* too, from now on."""
        for text in texts:
            self._kept.pop(text, None)
            self._kept[text] = None
        while len(self._kept) > _MOST_KEPT:
            del self._kept[next(iter(self._kept))]
        self._forms = None
        return self

    def hide(self, data: bytes) -> bytes:
        """*data* without the secrets in it."""
        text = data.decode("latin-1")
        spans = self._spans(text)
        return _without(text, spans).encode("latin-1") if spans else data

    def hide_text(self, text: str) -> str:
        """*text* without the secrets in it."""
        data = text.encode("utf-8", "surrogatepass")
        shown = self.hide(data)
        return text if shown is data else shown.decode("utf-8", "replace")

    def clean(self, error: E) -> E:
        """Take the secrets out of *error* itself, and of those that it comes from."""
        met: BaseException | None = error
        while isinstance(met, VeeamError):
            met.args = self._cleaned(met.args)
            vars(met).update(self._cleaned(vars(met)))
            met = met.__cause__
        return error

    def _cleaned(self, value: Any) -> Any:
        """A *value* of an error without the secrets in it."""
        if type(value) is str:
            return self._cleaned_text(value)
        if type(value) is bytes:
            return self.hide(value)
        # Few errors show one: what holds none is not taken to pieces.
        is_whole = type(value) not in _CONTAINERS and not attrs.has(type(value))
        return value if is_whole or not self._show_in(value) else self._rebuilt(value)

    def _cleaned_text(self, text: str) -> str:
        shown = self.hide_text(text)
        # Of a long one only the beginning is read as what may be escaped.
        is_left = len(text) > _MOST_READ and self._show_in(shown)
        return _HIDDEN if is_left else shown

    def _rebuilt(self, value: Any) -> Any:
        if type(value) is dict:
            pairs = value.items()
            return {self._cleaned(key): self._cleaned(each) for key, each in pairs}
        if type(value) in _CONTAINERS:
            return type(value)(self._cleaned(each) for each in value)
        return _evolved(value, self._cleaned)

    def _show_in(self, value: Any) -> bool:
        """Whether a secret is in *value*, be it where its repr does not show it."""
        text = _in_full(value).encode("utf-8", "replace").decode("latin-1")
        parts = range(0, len(text), _MOST_READ - _OVERLAP)
        return any(self._spans(text[at : at + _MOST_READ]) for at in parts)

    # ------------------------------------------------------------ where they stand

    def _spans(self, text: str) -> list[tuple[int, int]]:
        """From where to where secrets stand in *text*, bytes as Latin-1."""
        forms = self._forms
        if forms is None:
            forms = self._forms = _forms_of((*self._lasting, *self._kept))
        plain = text
        places: list[int] | None = None
        spans: list[tuple[int, int]] = []
        for _ in range(_MOST_ESCAPED + 1):
            found = forms.found(plain)
            if places:
                found = ((places[start], places[end]) for start, end in found)
            spans += (span for span in found if span[0] < span[1])
            if _ESCAPED.search(plain) is None:
                break
            # What is shown stands at the beginning; a long body is not gone over.
            plain, places = _unescaped(plain[:_MOST_READ], places)
        return spans


_CONTAINERS = (list, tuple, dict)


@attrs.frozen
class _Forms:
    """All to look for: in lower case, bytes as Latin-1, the longest first.

    The *vague* ones, of secrets that are not all ASCII, are looked for where the rest
    may be in any encoding, or lost.
    """

    exact: tuple[str, ...]
    vague: tuple[str, ...]

    def found(self, text: str) -> Iterator[tuple[int, int]]:
        """Where they stand in *text*."""
        lower = text.lower()
        yield from _found(self.exact, lower)
        if self.vague and _NOT_ASCII.search(lower):
            plain, places = _read(_NOT_ASCII, lambda _: _ANY, lower[:_MOST_READ], None)
            for start, end in _found(self.vague, plain):
                yield places[start], places[end]


def _forms_of(secrets: Iterable[str]) -> _Forms:
    exact = set[str]()
    vague = set[str]()
    for secret in secrets:
        if len(secret) < _SHORTEST:
            continue
        exact.update(form.lower() for form in _forms(secret))
        if not secret.isascii():
            plain = secret.encode("utf-8", "replace").decode("latin-1")
            vague.update(_vague(form) for form in _readings(plain))
    return _Forms(_sorted(exact, _SHORTEST), _sorted(vague, _SHORTEST_VAGUE))


def _sorted(forms: Iterable[str], shortest: int) -> tuple[str, ...]:
    long = (form for form in forms if len(form) >= shortest)
    return tuple(sorted(long, key=len, reverse=True))


def _vague(form: str) -> str:
    return _NOT_ASCII.sub(_ANY, form.lower())


def _forms(secret: str) -> Iterator[str]:
    """How a server may repeat *secret*, but for escapes."""
    for data in _encoded(secret):
        plain = data.decode("latin-1")
        yield from _readings(plain)
        yield from _readings(plain.replace(" ", "+"))
        yield data.replace(b"-", b"").decode("latin-1")
        yield data.hex()
        for before in range(3):
            text = _in_base64(data, before)
            yield text
            yield text.replace("+", "-").replace("/", "_")


def _encoded(secret: str) -> Iterator[bytes]:
    """*secret* in the encodings of servers."""
    yield secret.encode("utf-8", "replace")
    if secret.isascii():
        return
    yield secret.encode("ascii", "ignore")
    for encoding in ("latin-1", "windows-1252"):
        yield secret.encode(encoding, "replace")
        # Read in the wrong one, and written as UTF-8 again.
        yield secret.encode().decode(encoding, "replace").encode()
    for form in ("NFC", "NFD"):
        yield unicodedata.normalize(form, secret).encode()
    for wide in ("utf-16-le", "utf-16-be"):
        yield secret.encode(wide).replace(b"\0", b"")


def _readings(secret: str) -> Iterator[str]:
    """*secret*, and what is left of it where what looks escaped in it is read so."""
    yield secret
    for _ in range(_MOST_ESCAPED):
        secret, _places = _unescaped(secret, None)
        yield secret


def _in_base64(data: bytes, before: int) -> str:
    """The part of the base64 of a longer text that *data* alone decides.

    So many bytes stand *before* it, but for a multiple of three.
    """
    text = b64encode(bytes(before) + data).decode()
    return text[-(-before * 8 // 6) : (before + len(data)) * 8 // 6]


def _found(forms: Iterable[str], text: str) -> Iterator[tuple[int, int]]:
    """Where *forms* stand in *text*, also where one was cut off."""
    for form in forms:
        stem = form[:_STEM]
        start = text.find(stem)
        while start >= 0:
            pairs = zip(form, text[start : start + len(form)], strict=False)
            end = start + sum(1 for _ in takewhile(_is_pair, pairs))
            yield start, end
            start = text.find(stem, end)
    for cut in islice(_CUT_OFF.finditer(text), _MOST_CUTS):
        end = _end_before(text, cut.start())
        length = max((_begun(form, text, end) for form in forms), default=0)
        yield end - length, end


def _end_before(text: str, cut: int) -> int:
    """Where what was cut off at *cut* has ended."""
    start = max(0, cut - _LONGEST_BEFORE)
    found = _BEFORE_CUT.search(text[start:cut])
    return cut if found is None else start + found.start()


def _is_pair(chars: tuple[str, str]) -> bool:
    return chars[0] == chars[1]


def _begun(form: str, text: str, end: int) -> int:
    """How much of the beginning of *form* stands in *text* up to *end*."""
    for length in range(len(form) - 1, _LEAST_CUT - 1, -1):
        if text.endswith(form[:length], 0, end):
            return length
    return 0


def _unescaped(text: str, places: list[int] | None) -> tuple[str, list[int]]:
    """*text* with what is escaped in it, and the place that each character comes from.

    *places* are those that *text* itself came from.
    """
    return _read(_ESCAPED, _meant, text, places)


def _read(
    pattern: re.Pattern[str],
    meant: Callable[[re.Match[str]], str],
    text: str,
    places: list[int] | None,
) -> tuple[str, list[int]]:
    """*text* with what is *meant* by each match of *pattern*, and where that stood."""
    parts: list[str] = []
    found: list[int] = []
    moved: list[tuple[int, int]] = []
    end = 0
    for match in pattern.finditer(text):
        plain = meant(match)
        parts += [text[end : match.start()], plain]
        found += range(end, match.start())
        found += [match.start()] * len(plain)
        end = match.end()
        if match[0][-1] == "\\" and len(match[0]) % 2:
            # What it escapes is not parted from it: a quote would end the text.
            moved.append((len(found), end - 1))
    parts.append(text[end:])
    found += range(end, len(text) + 1)
    for index, place in moved:
        found[index] = place
    return "".join(parts), [places[at] for at in found] if places else found


def _meant(escape: re.Match[str]) -> str:
    """The meaning of an escape, as UTF-8 in Latin-1."""
    if escape["byte"]:
        return chr(int(escape["byte"], 16))
    code = _code_of(escape)
    if code is None:
        return _itself(escape)
    return chr(code).encode("utf-8", "surrogatepass").decode("latin-1")


def _itself(escape: re.Match[str]) -> str:
    """The rest of an escape that is of no character by its number."""
    if slashes := escape["slashes"]:
        return "\\" * (len(slashes) // 2)
    return "" if escape[0] == "\0" else escape[0]


def _code_of(escape: re.Match[str]) -> int | None:
    """The number of the character that is escaped, None where that is no number."""
    if escape["high"]:
        high, low = int(escape["high"], 16) & 0x3FF, int(escape["low"], 16) & 0x3FF
        return 0x10000 + (high << 10) + low
    digits = escape["unit"] or escape["half"] or escape["wide"] or escape["hex"]
    if digits or escape["decimal"]:
        code = int(digits, 16) if digits else int(escape["decimal"])
        return code if code <= sys.maxunicode else None
    from html.entities import name2codepoint  # noqa: PLC0415 - rare, and a large table

    name = (escape["name"] or "").lower()
    return ord("'") if name == "apos" else name2codepoint.get(name)


def _without(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """*text* with one word in place of each of *spans*, some of which overlap."""
    parts: list[str] = []
    end = 0
    for start, stop in sorted(spans):
        if start >= end:
            # A NUL stands beside each letter of UTF-16.
            is_wide = "\0" in text[start:stop]
            word = "\0".join([*_HIDDEN, ""]) if is_wide else _HIDDEN
            parts += [text[end:start], word]
        end = max(end, stop)
    return "".join([*parts, text[end:]])


def _in_full(value: Any) -> str:
    """The repr of *value*, with every field of the attrs objects in it.

    Their own is cut, and leaves out most of what a server can repeat a secret in.
    """
    if type(value) is dict:
        pairs = value.items()
        return ", ".join(f"{_in_full(key)}: {_in_full(each)}" for key, each in pairs)
    if type(value) in _CONTAINERS:
        return ", ".join(map(_in_full, value))
    if attrs.has(type(value)):
        names = (field.name for field in attrs.fields(type(value)) if field.repr)
        return ", ".join(_in_full(getattr(value, name)) for name in names)
    return repr(value)


def _evolved(value: Any, clean: Any) -> Any:
    """An attrs object with its fields cleaned; itself where nothing was to clean."""
    old = {
        field.name: getattr(value, field.name) for field in attrs.fields(type(value))
    }
    new = {name: clean(each) for name, each in old.items()}
    changed = {name: each for name, each in new.items() if each != old[name]}
    return attrs.evolve(value, **changed) if changed else value
