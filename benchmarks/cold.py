"""What a fresh process measures of itself: its first result, its memory, its start.

It imports little that the client does not import itself: that would be in its memory.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from contextlib import suppress
from importlib import import_module
from pathlib import Path

from benchmarks.process import CLIENT_CORE, memory, pin
from benchmarks.roster import ROSTER
from benchmarks.serving import Place
from benchmarks.work import Check, Work, ids_of

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
"""Milliseconds, by what took them."""


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
    work = Work(url=place.url, ca_file=place.ca_file, check=check)
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
    from veeam_async import EnterpriseManager  # noqa: PLC0415 - 0.1.0 may be wanted

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
    import compileall  # noqa: PLC0415 - not for the memory
    import resource  # noqa: PLC0415 - not on Windows

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
