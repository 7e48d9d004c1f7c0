"""Inputs made of good ones: their parts exchanged, dropped, repeated, nested, garbled.

A part is whatever begins and ends together in JSON, XML, headers, filters or lines:
values, members, elements, tags, words. Most inputs so still parse, and reach what lies
behind the parser.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from random import Random
from typing import TypeAlias

import attrs

LARGEST = 64 * 1024
"""Bytes of an input."""

Span: TypeAlias = tuple[int, int, str]
"""Where a part begins and ends, and its kind: another of that kind fits there too."""

_WORDS = re.compile(rb'"(?:[^"\\\r\n]|\\.)*"|-?\d[\d.]*|[A-Za-z_][\w-]*')
_TEXTS = re.compile(rb"(?<=>)[^<>]+(?=<)")
_LINES = re.compile(rb"[^\n]+\n")
_TAGS = re.compile(rb"<(/?)([\w:]+)[^<>]*?(/?)>")
_JSON = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\](){}:,]|-?\d[\d.eE+-]*|[a-z]+')
_PAIRS = {b"}": b"{", b"]": b"[", b")": b"("}


@attrs.frozen
class Seed:
    """A good input, and the *spans* of its parts. The first *fixed* bytes stay."""

    data: bytes = attrs.field(repr=False)
    spans: Sequence[Span] = attrs.field(repr=False)
    fixed: int = 0


def seed(data: bytes, *, fixed: int = 0) -> Seed:
    """A seed of *data*, all of whose parts are known; the first *fixed* bytes stay."""
    data = data[:LARGEST]
    if data[fixed : fixed + 1] in (b"{", b"["):
        found = [*_values(data, fixed), *_matches(data, _LINES, "line")]
    else:
        found = [
            *_matches(data, _WORDS, "word"),
            *_matches(data, _TEXTS, "text"),
            *_matches(data, _TAGS, "tag"),
            *_matches(data, _LINES, "line"),
            *_elements(data),
        ]
    spans = tuple(sorted({span for span in found if span[0] >= fixed}))
    return Seed(data, spans or ((fixed, len(data), "word"),), fixed)


def _matches(data: bytes, pattern: re.Pattern[bytes], kind: str) -> Iterator[Span]:
    return ((*match.span(), kind) for match in pattern.finditer(data))


def _values(data: bytes, start: int) -> Iterator[Span]:
    """The keys, members and values of JSON."""
    begun: list[int] = []
    for match in _JSON.finditer(data, start):
        mark, (place, end) = match[0], match.span()
        if mark in (b"{", b"["):
            begun.append(place)
            continue
        if mark in (b":", b","):
            continue
        if mark in _PAIRS:
            place = begun.pop() if begun else place
        elif data[end : end + 1] == b":":
            yield place, end, "key"
            continue
        yield place, end, "value"
        yield from _member(data, place, end)


def _member(data: bytes, place: int, end: int) -> Iterator[Span]:
    """A value with its key and its comma, where it has a key."""
    before = _KEY_BEFORE.search(data, max(0, place - _LONGEST_KEY), place)
    if before is None:
        return
    start = before.start("key")
    if data[end : end + 1] == b",":
        yield start, end + 1 + (data[end + 1 : end + 2] == b" "), "member"
    elif before["comma"]:
        yield before.start(), end, "last member"


_LONGEST_KEY = 80
_KEY_BEFORE = re.compile(rb'(?P<comma>,? ?)(?P<key>"(?:[^"\\]|\\.)*": ?)\Z')


def _elements(data: bytes) -> Iterator[Span]:
    begun: list[tuple[bytes, int]] = []
    for match in _TAGS.finditer(data):
        if match[3]:
            yield match.start(), match.end(), "element"
        elif not match[1]:
            begun.append((match[2], match.start()))
        elif begun and begun[-1][0] == match[2]:
            yield begun.pop()[1], match.end(), "element"


# ---------------------------------------------------------------- edits

_NESTED = (
    (b"[", b"]"),
    (b'{"a":', b"}"),
    (b"<a>", b"</a>"),
    (b"(", b")"),
    (b'{"Entities":', b"}"),
    (b'"', b'"'),
    (b'""', b""),
    (b"<![CDATA[", b"]]>"),
    (b"<!--", b"-->"),
)


@attrs.frozen
class Mutator:
    """Makes inputs of *seeds*; *words* are put in the place of their parts.

    *fitting* are words for parts of one kind, by that kind.
    """

    seeds: Sequence[Seed]
    words: Sequence[bytes]
    fitting: Mapping[str, Sequence[bytes]] = attrs.field(factory=dict)
    _parts: dict[str, list[bytes]] = attrs.field(init=False, factory=dict)

    def __attrs_post_init__(self) -> None:
        for one in self.seeds:
            for start, end, kind in one.spans:
                parts = self._parts.setdefault(kind, [])
                if end - start < _LONG_PART:
                    parts.append(one.data[start:end])

    def make(self, random: Random) -> bytes:
        """An input that *random* decides on."""
        one = random.choice(self.seeds)
        data = one.data
        before = len(data)
        # From the end, so that the spans before keep their places.
        for start, end, kind in sorted(
            random.choices(one.spans, k=random.choice(_EDITS)), reverse=True
        ):
            if end <= before:
                part = self._part(data[start:end], kind, random)
                data = b"".join((data[:start], part, data[end:]))
                before = start
        chance = random.random()
        if chance < _GARBLED:
            data = _garbled(data, one.fixed, random)
        elif chance < _WHOLE:
            data = data[: one.fixed] + self._whole(data[one.fixed :], random)
        return data[:LARGEST]

    def _part(self, part: bytes, kind: str, random: Random) -> bytes:
        """What comes in the place of a *part* of some *kind*."""
        action = random.choice(_ACTIONS)
        if action == "word":
            return random.choice(self.fitting.get(kind, self.words))
        if action == "any":
            return random.choice(self.words)
        if action == "other":
            return random.choice(self._parts[kind] or self.words)
        return _CHANGES[action](part, random)

    def _whole(self, data: bytes, random: Random) -> bytes:
        if random.random() < _SPLICED:
            other = random.choice(self.seeds).data
            return (
                data[: random.randrange(len(data) + 1)]
                + other[random.randrange(len(other) + 1) :]
            )
        return random.choice(_ENCODINGS)(data)


_LONG_PART = 2000
_EDITS = (1, 1, 1, 1, 2, 2, 3, 5)
_GARBLED, _WHOLE, _SPLICED = 0.06, 0.1, 0.5


def _repeated(part: bytes, random: Random) -> bytes:
    most = LARGEST // max(1, len(part))
    return part * min(most, 1 << random.randrange(1, 17))


def _nested(part: bytes, random: Random) -> bytes:
    before, after = random.choice(_NESTED)
    most = LARGEST // (len(before) + len(after))
    depth = min(most, 1 << random.randrange(1, 15))
    return before * depth + part + after * depth


def _scrambled(part: bytes, random: Random) -> bytes:
    if not part:
        return b"\0"
    place = random.randrange(len(part))
    return part[:place] + bytes((random.randrange(256),)) + part[place + 1 :]


def _cut(part: bytes, random: Random) -> bytes:
    return part[: random.randrange(len(part) + 1)]


def _swapped(part: bytes, random: Random) -> bytes:
    place = random.randrange(len(part) + 1)
    return part[place:] + part[:place]


_CHANGES: dict[str, Callable[[bytes, Random], bytes]] = {
    "dropped": lambda _part, _random: b"",
    "doubled": lambda part, _random: part + part,
    "case": lambda part, _random: part.swapcase(),
    "repeated": _repeated,
    "nested": _nested,
    "scrambled": _scrambled,
    "cut": _cut,
    "swapped": _swapped,
}
# By how often: what makes an input long is rare, since it takes long as well.
_ACTIONS = [
    *["word"] * 120,
    *["other"] * 60,
    *["dropped"] * 28,
    *["doubled"] * 14,
    *["any"] * 7,
    *["scrambled"] * 9,
    *["cut"] * 4,
    *["swapped"] * 2,
    *["case"] * 2,
    *["repeated"] * 1,
    *["nested"] * 1,
]


def _garbled(data: bytes, fixed: int, random: Random) -> bytes:
    """Single bytes changed, put in and left out."""
    made = bytearray(data)
    for _ in range(random.choice((1, 1, 2, 4, 16))):
        place = random.randrange(fixed, len(made) + 1) if len(made) >= fixed else 0
        wide = random.choice((0, 1, 1))
        made[place : place + wide] = random.choice(_BYTES)
    return bytes(made)


_BYTES = [
    b"",
    *(bytes((each,)) for each in range(256)),
    *(text.encode() for text in "\u202e\ufeff\ufffd\U0010ffff\x85\u2028İßﬁ٣"),
    b"\xed\xa0\x80",  # half a surrogate
    b"\xc0\x80",
    b"\xf8\x88\x80\x80\x80",
]

_ENCODINGS: list[Callable[[bytes], bytes]] = [
    lambda data: b"\xef\xbb\xbf" + data,
    lambda data: data.decode("utf-8", "replace").encode("utf-16"),
    lambda data: data.decode("utf-8", "replace").encode("utf-16-be"),
    lambda data: data.decode("utf-8", "replace").encode("utf-32"),
    lambda data: data.decode("latin-1").encode(),
    lambda data: data.decode("utf-8", "replace").encode("cp1252", "replace"),
    lambda data: gzip.compress(data, 1, mtime=0),
    lambda data: b" \r\n\t" + data + b"\0",
    lambda data: data.replace(b"\n", b"\r"),
    lambda data: data[::-1],
    lambda data: data * 2,
]

# ---------------------------------------------------------------- words

NUMBERS = tuple(
    text.encode()
    for text in (
        "0",
        "-0",
        "-1",
        "1",
        "0.5",
        "1e999",
        "-1e999",
        "1e-999",
        "NaN",
        "Infinity",
        "-Infinity",
        "2147483648",
        "9223372036854775807",
        "9223372036854775808",
        "18446744073709551616",
        "9007199254740993.5",
        "1E400",
        "00012",
        "0x10",
        "1_000",
        "٣",
        "9" * 25,
        "9" * 400,
        "9" * 5000,
        "0" * 5000,
    )
)
TIMES = tuple(
    text.encode()
    for text in (
        "0001-01-01T00:00:00",
        "0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "0001-01-01T23:59:59+23:59",
        "1969-12-31T23:59:59.999999Z",
        "1970-01-01T00:00:00Z",
        "9999-12-31T23:59:59.9999999",
        "9999-12-31T23:59:59.999999Z",
        "9999-12-31T23:59:59-14:00",
        "2026-02-29T00:00:00Z",
        "2026-W10-1",
        "20260302T210000Z",
        "2026-03-02",
        "2026-03-02T24:00:00Z",
        "2026-03-02T21:00:60Z",
        "2026-03-02 21:00:00,5+00:00:30",
        "2026-03-02T21:00:00.123456789012Z",
        "2026-03-02T21:00:00-00:00",
        "Mon, 02 Mar 2026 21:00:00 GMT",
        "Fri, 31 Dec 9999 23:59:59 -1400",
        "Mon, 01 Jan 0001 00:00:00 +2359",
        "Mon, 01 Jan 1 00:00:00 +99999999999999999999",
        "Sun Nov  6 08:49:37 1994",
        "1 Jan 99999999999999999999 00:00 EST",
        "/Date(1772485200000)/",
    )
)
TEXTS = (
    b"",
    b" ",
    b"\\u0000",
    b"\\ud800",
    b"\\udc00\\ud800",
    b"\\u202e",
    b"\x00",
    b"\x1b[31m",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    b"&#x1B;",
    b"&#0;",
    b"&#xD800;",
    b"&#x110000;",
    b"&#99999999999999999999;",
    b"&amp;&lt;&gt;&quot;",
    b"&lol9;",
    b"a" * 300,
    b"a" * 5000,
    b"../../etc/passwd",
    b"urn:veeam:Job:77c0a1d2-0b7e-4f4e-8f0c-5f6b2f1f9c02",
    b"77c0a1d2-0b7e-4f4e-8f0c-5f6b2f1f9c02",
    b"{77C0A1D20B7E4F4E8F0C5F6B2F1F9C02}",
    "77c0a1d2-0b7e-4f4e-8f0c-5f6b2f1f9c0٣".encode(),
    "İstanbul ﬁ ß ǅ".encode(),
    b"true",
    b"null",
    b"None",
)
VALUES = (
    b"null",
    b"true",
    b"false",
    b"{}",
    b"[]",
    b"[null]",
    b"[{}]",
    b"[[]]",
    b'{"":null}',
    b'""',
    b'"\\ud800"',
    b'{"$type":"x"}',
    b"[" * 100 + b"]" * 100,
    b'{"a":' * 60 + b"1" + b"}" * 60,
    b"[" * 2000,
    *NUMBERS,
    *(b'"%b"' % text for text in (*TIMES, *NUMBERS[:16])),
)

_QUOTED = tuple(b'"%b"' % text for text in (*TEXTS, *TIMES, *NUMBERS[:16]))
FITTING: dict[str, Sequence[bytes]] = {
    "value": (*VALUES[:13], *NUMBERS[:13], *_QUOTED, *VALUES[:5] * 4),
    "key": _QUOTED[:10],
    "member": tuple(b'"%b":%b,' % (each[:9], each) for each in NUMBERS[:13]),
    "last member": (b"",),
}
"""Words that leave JSON what it is."""
