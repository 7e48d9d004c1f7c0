"""The codec: bodies in both media types, and plain JSON types."""

from __future__ import annotations

import json
from typing import Any
from zlib import crc32

from tests.fuzz.mutation import FITTING, NUMBERS, TEXTS, TIMES, VALUES, Mutator, seed
from tests.fuzz.target import Make, Target, Unreached
from tests.fuzz.targets.samples import KINDS, MODELS, RELEASED, bodies
from veeam_async import VeeamError
from veeam_async.codec import decode, from_dict, to_dict

_NAMES = sorted(KINDS)
_TYPES = {"json": "application/json", "xml": "application/xml; charset=utf-8"}

XML_WORDS = (
    b'<?xml version="1.0" encoding="utf-16"?>',
    b'<?xml version="1.0" encoding="utf8"?>',
    b'<?xml version="1.1"?>',
    b'<?xml version="1.0" encoding="x-evil" standalone="yes"?>',
    b'<!DOCTYPE a [<!ENTITY lol "lol"><!ENTITY b "&lol;&lol;">]>',
    b'<!DOCTYPE a SYSTEM "file:///etc/passwd">',
    b"<!ENTITY a SYSTEM 'http://x/'>",
    b"<![CDATA[</a>]]>",
    b"<!-- -- -->",
    b"<?pi x?>",
    b"</a>",
    b"<a/>",
    b"<a>",
    b"<a b='",
    b"<html>",
    b"<Error>",
    b"<Link/>",
    b'<Link Rel="Up" Href="x" Type="y"/>',
    b' xsi:nil="true"',
    b' xmlns=""',
    b' xmlns:a="b" a:c="d"',
    b' UID="1" UID="2"',
    b"<a " + b" ".join(b'a%d=""' % n for n in range(300)) + b"/>",
    b"<St\x01ate>x</St\x01ate>",
    b"<\x01/>",
    b' \x01="" \x02="" Na\xffe=""',
)
"""What XML can hold that none of the server does."""

JSON_NAMES = (b'"New\xff": 1,', b'"Sta\xffe": "x",', b'"\\ud800": {"\x01": 1},')
"""Members whose names are no text."""

_JSON_WORDS = (*VALUES, *TEXTS, *JSON_NAMES)
_XML_WORDS = (*XML_WORDS, *TEXTS, *TIMES, *NUMBERS)


def _maker(media: str) -> Make:
    """Bodies of one media type, each behind a line with its kind and that type."""
    seeds = []
    for each in bodies():
        if each.is_xml == (media == "xml"):
            head = f"{each.kind} {_TYPES[media]}\n".encode()
            seeds.append(seed(head + each.body, fixed=len(head)))
    words = _XML_WORDS if media == "xml" else _JSON_WORDS
    mutator = Mutator(seeds, words, {} if media == "xml" else FITTING)

    def make(random: Any) -> bytes:
        data = mutator.make(random)
        if random.random() < _OTHER_KIND:
            rest = data.partition(b"\n")[2]
            return f"{random.choice(_NAMES)} {_TYPES[media]}\n".encode() + rest
        return data

    return make


_OTHER_KIND = 0.05


def take_body(data: bytes) -> None:
    """Decode a body, and what comes of it to plain JSON types and back."""
    head, _, body = data.partition(b"\n")
    name, _, media_type = head.decode("latin-1").partition(" ")
    kind = KINDS.get(name) or KINDS[_NAMES[crc32(data) % len(_NAMES)]]
    model = decode(body, media_type, kind)
    if name in MODELS:
        again = from_dict(kind, json.loads(json.dumps(to_dict(model))))
        assert again == model


def take_plain(data: bytes) -> None:
    """Make a model of plain JSON types."""
    head, _, text = data.partition(b"\n")
    kind = MODELS.get(head.decode("latin-1")) or MODELS["BackupJobSession"]
    try:
        plain = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Unreached from error
    model: Any = from_dict(kind, plain)
    assert from_dict(kind, to_dict(model)) == model


def _plain_maker() -> Make:
    saved = json.loads((RELEASED / "models.json").read_text("utf-8"))
    seeds = []
    for each in saved.values():
        name = each["repr"].partition("(")[0]
        if name in MODELS:
            head = f"{name}\n".encode()
            text = json.dumps(each["json"]).encode()
            seeds.append(seed(head + text, fixed=len(head)))
    return Mutator(seeds, _JSON_WORDS, FITTING).make


def _is_own(error: BaseException) -> bool:
    return isinstance(error, VeeamError)


TARGETS = (
    Target(
        name="json",
        about="bodies in JSON: entities, pages, references, errors, logons",
        open_maker=lambda: _maker("json"),
        open_feed=lambda: take_body,
        own=_is_own,
    ),
    Target(
        name="xml",
        about="the same in XML",
        open_maker=lambda: _maker("xml"),
        open_feed=lambda: take_body,
        own=_is_own,
    ),
    Target(
        name="plain",
        about="plain JSON types to `from_dict`",
        open_maker=_plain_maker,
        open_feed=lambda: take_plain,
        own=_is_own,
    ),
)
