"""Time what turns bodies into values, in a fresh process: `decode '{"core": 0}'`.

Ours, and what one could write instead: a pydantic model that applies the same rules,
orjson or xmltodict alone, which apply none.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable
from typing import Any

import orjson
import xmltodict

from benchmarks.affinity import pin
from benchmarks.pydantic_model import PydanticSession
from benchmarks.server import MARK, entity_json, entity_xml
from veeam_async.codec import decode
from veeam_async.models import BackupJobSession

_SECONDS = 0.03
_SIZE = 1400
Ways = dict[str, Callable[[], Any]]


def main() -> None:
    """Print, for each way, the microseconds that one body took in each round."""
    given = json.loads(sys.argv[1])
    pin(given["core"])
    ways = ways_of()
    measured: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(given["rounds"]):
        for name, way in ways.items():
            measured[name].append(_microseconds(way))
    print(json.dumps(measured))


def ways_of() -> Ways:
    """Give what is compared, after a proof that both models read the same."""
    text, xml = _bodies()
    camel = _camel(text)
    for body in (text, camel, *_odd(text)):
        _prove_equal(body)
    return {
        "JSON: veeam_async": lambda: _ours(text),
        "JSON: pydantic": lambda: PydanticSession.model_validate_json(text),
        "JSON: orjson.loads alone": lambda: orjson.loads(text),
        "JSON, EM 13: veeam_async": lambda: _ours(camel),
        "JSON, EM 13: pydantic": lambda: PydanticSession.model_validate_json(camel),
        "XML: veeam_async": lambda: decode(xml, "application/xml", BackupJobSession),
        "XML: xmltodict.parse alone": lambda: xmltodict.parse(xml),
    }


def _ours(body: bytes) -> BackupJobSession:
    return decode(body, "application/json", BackupJobSession)


def _bodies() -> tuple[bytes, bytes]:
    one = b"5f1d0c2e-6f0a-4a35-9d5c-2f3f6a8f0b22"
    bodies = (entity_json(_SIZE), entity_xml(_SIZE))
    text, xml = (body.replace(MARK.encode(), one) for body in bodies)
    return text, xml


def _camel(body: bytes) -> bytes:
    """Spell the names as EM 13 does."""
    body = body.replace(b'"UID":', b'"Uid":')
    return re.sub(
        rb'"([A-Z])(\w*)":', lambda m: b'"%s%s":' % (m[1].lower(), m[2]), body
    )


def _odd(body: bytes) -> list[bytes]:
    """Give bodies on which a model that lacks a rule reads something else."""
    return [
        body.replace(b'"Result": "Success"', b'"Result": "None"'),
        body.replace(b'"State": "Stopped"', b'"State": "Dreaming"'),
        body.replace(b'"EndTimeUTC": "2026', b'"EndTimeUTC": "0001'),
    ]


def _prove_equal(body: bytes) -> None:
    ours, theirs = _ours(body), PydanticSession.model_validate_json(body)
    for name in PydanticSession.model_fields:
        one, other = getattr(ours, name), getattr(theirs, name)
        if name == "links":
            one, other = ([_fields(link) for link in links] for links in (one, other))
        if one != other:
            raise RuntimeError(
                f"the models read {name} differently: {one!r}, {other!r}"
            )


def _fields(link: Any) -> tuple[object, ...]:
    return link.rel, link.href, link.name, link.type


def _microseconds(way: Callable[[], Any]) -> float:
    """Call *way* over and over for a moment, and give what one call took."""
    count, began = 0, time.process_time()
    while True:
        for _ in range(100):
            way()
        count += 100
        took = time.process_time() - began
        if took > _SECONDS:
            return took / count * 1e6


if __name__ == "__main__":
    main()
