"""What a fresh process measures of itself: its first result, memory, start, decoding.

It imports little that the client does not import itself: that would be in its memory.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.process import CLIENT_CORE, memory, pin
from benchmarks.roster import ROSTER
from benchmarks.serving import MARK, XML, Place, camel, pascal
from benchmarks.work import Check, Work, ids_of

_SECONDS = 0.03
_SIZE = 1400
_ROOT = Path(__file__).parent.parent

ASYNCIO = "import asyncio"
"""What all others are compared with: no asyncio program begins with less."""

IMPORT = "from veeam_async import EnterpriseManager, F"
VERSION, HELP = "veeam-async --version", "veeam-async --help"
GET = "veeam-async get, over TLS"
STARTS = {
    ASYNCIO: ("-c", ASYNCIO),
    IMPORT: ("-c", IMPORT),
    VERSION: ("--version",),
    HELP: ("--help",),
    GET: ("get", next(ids_of(1))),
}
"""By name, what Python is told, or the command."""


Times = dict[str, list[float]]
"""Milliseconds, by what took them, where no other unit is told."""


def first_of(client: str, place: Place, count: int) -> Times:
    """Time from opening a client to its first checked answer."""
    pin(CLIENT_CORE)
    entry, check = ROSTER[client], _First("json")
    entry.load()
    if entry.package is not None:
        import_module(entry.package)  # what it imports is not timed
    began = time.perf_counter()
    with suppress(_EnoughError):
        asyncio.run(_fetch(client, place, count, check))
    return {f"{client}, {count:,} ids": [(check.first - began) * 1e3]}


def memory_of(client: str, place: Place, count: int) -> float:
    """Give the peak of resident memory of a fetch, in bytes."""
    pin(CLIENT_CORE)
    got = asyncio.run(_fetch(client, place, count, Check("json")))
    if got != count:
        raise RuntimeError(f"{got} answers for {count} ids")
    return memory("VmHWM")


async def _fetch(client: str, place: Place, count: int, check: Check) -> int:
    work = Work(url=place.url, ca_file=place.ca_file, check=check, judge=check.body)
    async with ROSTER[client].load()(work) as fetch:
        return await fetch(ids_of(count))


class _EnoughError(Exception):
    """The first answer has come."""


class _First(Check):
    """Ends a fetch with its first answer."""

    def _judge(self, asked: str, good: object) -> None:
        super()._judge(asked, good)
        raise _EnoughError


def managers(count: int) -> Times:
    """Take the CPU to make *count*; they trust the system's CAs."""
    from veeam_async import EnterpriseManager

    pin(CLIENT_CORE)
    began = time.process_time()
    made = [
        EnterpriseManager(f"https://em{n}.example.com:9398", username="u", password="p")
        for n in range(count)
    ]
    took = time.process_time() - began
    assert len(made) == count  # noqa: S101 - all of them lived until now
    return {"managers": [took * 1e3]}


def starts(place: Place, rounds: int) -> Times:
    """Take the CPU of whole processes, all of them in turns."""
    import compileall
    import resource

    pin(CLIENT_CORE)
    # As an installer does; an environment may forbid that it is done in passing.
    compileall.compile_dir(str(_ROOT / "veeam_async"), quiet=1)
    os.environ |= {"VEEAM_URL": place.url, "VEEAM_CA_FILE": place.ca_file or ""}
    os.environ |= {"VEEAM_USERNAME": "bench", "VEEAM_PASSWORD": "bench"}
    python, script = (sys.executable,), Path(sys.executable).with_name("veeam-async")
    ours = (str(script),) if script.is_file() else (*python, "-m", "veeam_async")
    taken: Times = {name: [] for name in STARTS}
    for _ in range(rounds):
        for name, told in STARTS.items():
            command = [*(python if told[0] == "-c" else ours), *told]
            before = sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])
            subprocess.run(command, stdout=subprocess.DEVNULL, check=True)  # noqa: S603 - our own commands
            after = sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])
            taken[name].append((after - before) * 1e3)
    return taken


def decoding(rounds: int) -> Times:
    """Take the CPU for a body by each way, in microseconds.

    That is ours, a pydantic model that applies the same rules, and orjson or xmltodict
    alone, which apply none.
    """
    pin(CLIENT_CORE)
    ways = _ways()
    taken: Times = {name: [] for name in ways}
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

    text, em13, xml = (
        body.replace(MARK.encode(), b"5f1d0c2e-6f0a-4a35-9d5c-2f3f6a8f0b22")
        for body in (pascal(_SIZE), camel(_SIZE), XML)
    )
    theirs = PydanticSession.model_validate_json
    for body in (text, em13, *_odd(text)):
        _prove_equal(ours(body), theirs(body), PydanticSession.model_fields)
    return {
        "JSON: veeam_async": lambda: ours(text),
        "JSON: pydantic": lambda: PydanticSession.model_validate_json(text),
        "JSON: orjson.loads alone": lambda: orjson.loads(text),
        "JSON, EM 13: veeam_async": lambda: ours(em13),
        "JSON, EM 13: pydantic": lambda: PydanticSession.model_validate_json(em13),
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
            one, other = (
                [(link.rel, link.href, link.name, link.type) for link in links]
                for links in (one, other)
            )
        if one != other:
            raise RuntimeError(f"{name} is read differently: {one!r}, {other!r}")


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
