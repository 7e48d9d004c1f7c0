"""Time what turns bodies into values: ours, and what one could write instead.

That is a pydantic model that applies the same rules, and orjson or xmltodict alone,
which apply none.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from benchmarks import bodies
from benchmarks.process import CLIENT_CORE, pin

_SECONDS = 0.03
_SIZE = 1400


def decoding(rounds: int) -> dict[str, list[float]]:
    """Give, for each way, the microseconds of CPU for a body in each round."""
    pin(CLIENT_CORE)
    ways = _ways()
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            taken[name].append(_microseconds(way))
    return taken


def _ways() -> dict[str, Callable[[], Any]]:
    """Give what is compared, after a proof that both models read the same."""
    import orjson
    import xmltodict

    from benchmarks.pydantic_model import PydanticSession
    from veeam_async.codec import decode
    from veeam_async.models import BackupJobSession

    def ours(body: bytes) -> BackupJobSession:
        return decode(body, "application/json", BackupJobSession)

    text, camel, xml = (
        body.replace(bodies.MARK.encode(), b"5f1d0c2e-6f0a-4a35-9d5c-2f3f6a8f0b22")
        for body in (bodies.pascal(_SIZE), bodies.camel(_SIZE), bodies.XML)
    )
    theirs = PydanticSession.model_validate_json
    for body in (text, camel, *_odd(text)):
        _prove_equal(ours(body), theirs(body), PydanticSession.model_fields)
    return {
        "JSON: veeam_async": lambda: ours(text),
        "JSON: pydantic": lambda: PydanticSession.model_validate_json(text),
        "JSON: orjson.loads alone": lambda: orjson.loads(text),
        "JSON, EM 13: veeam_async": lambda: ours(camel),
        "JSON, EM 13: pydantic": lambda: PydanticSession.model_validate_json(camel),
        "XML: veeam_async": lambda: decode(xml, "application/xml", BackupJobSession),
        "XML: xmltodict.parse alone": lambda: xmltodict.parse(xml),
    }


def _odd(body: bytes) -> list[bytes]:
    """Give bodies on which a model that lacks a rule reads something else."""
    return [
        body.replace(b'"Result": "Success"', b'"Result": "None"'),
        body.replace(b'"State": "Stopped"', b'"State": "Dreaming"'),
        body.replace(b'"EndTimeUTC": "2026', b'"EndTimeUTC": "0001'),
    ]


def _prove_equal(ours: object, theirs: object, names: Iterable[str]) -> None:
    for name in names:
        one, other = getattr(ours, name), getattr(theirs, name)
        if name == "links":
            one, other = ([_fields(link) for link in links] for links in (one, other))
        if one != other:
            raise RuntimeError(f"{name} is read differently: {one!r}, {other!r}")


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
