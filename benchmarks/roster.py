"""Who takes part: the names of the clients, and what each of them does."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Literal

import attrs

from benchmarks import released
from benchmarks.clients import floor, ours, peers
from benchmarks.work import Client, Gives, by_threads, by_workers

Kind = Literal["ours", "python", "native", "floor"]


@attrs.frozen
class Entry:
    """A client: *load* gives it, or raises ImportError where it is not installed."""

    kind: Kind
    does: str
    load: Callable[[], Client]
    package: str | None = None
    answers: Gives = "body"

    @property
    def gives(self) -> str:
        """What it gives, in a word."""
        return "models" if self.kind == "ours" else self.does.partition(",")[0]


def _python(package: str, load: Callable[[], Client]) -> Entry:
    return Entry("python", "bytes", load, package)


def _native(
    package: str, load: Callable[[], Client], *, decoded: bool = False
) -> Entry:
    if decoded:
        return Entry("native", "dicts", load, package, answers="parsed")
    return Entry("native", "bytes", load, package)


def _pycurl() -> Client:
    from benchmarks.clients import pycurl  # noqa: PLC0415 - it may not be installed

    return pycurl.opened


OURS = "veeam_async"
RELEASED = "veeam_async 0.1.0"
ORDERED = "veeam_async, ordered"
ON_AIOHTTP = "veeam_async on aiohttp"
AIOHTTP = "aiohttp"
PYCURL = "pycurl"
PYCURL_DECODED = "pycurl + orjson.loads"
PYREQWEST = "pyreqwest"
WREQ = "wreq"
WREQ_DECODED = "wreq + orjson.loads"
PLAIN = "raw Protocol"
BUFFERED = "raw BufferedProtocol"

_ALL = "logon, retry, decoded into attrs models"
_IN_ORDER = f"{_ALL}, in the order of the ids"
_FLOOR = "bytes, no HTTP parser"

ROSTER: dict[str, Entry] = {
    OURS: Entry("ours", _ALL, ours.opened),
    ORDERED: Entry("ours", _IN_ORDER, partial(ours.opened, ordered=True)),
    RELEASED: Entry("ours", _ALL, ours.released),
    ON_AIOHTTP: Entry("ours", _ALL, partial(ours.opened, transport="aiohttp")),
    AIOHTTP: _python("aiohttp", partial(by_workers, peers.aiohttp)),
    "httpx": _python("httpx", partial(by_workers, peers.httpx)),
    "niquests": _python("niquests", partial(by_workers, peers.niquests)),
    "requests, threads": _python("requests", partial(by_threads, peers.requests)),
    "veeam-em, threads": Entry(
        "python",
        "dicts",
        partial(by_threads, peers.veeam_em),
        "veeam-em",
        answers="dicts",
    ),
    "aiosonic": _python("aiosonic", partial(by_workers, peers.aiosonic)),
    PYCURL: _native("pycurl", _pycurl),
    PYCURL_DECODED: _native("pycurl", _pycurl, decoded=True),
    PYREQWEST: _native("pyreqwest", partial(by_workers, peers.pyreqwest)),
    WREQ: _native("wreq", partial(by_workers, peers.wreq)),
    WREQ_DECODED: _native("wreq", partial(by_workers, peers.wreq), decoded=True),
    PLAIN: Entry("floor", _FLOOR, partial(floor.opened, floor.Plain)),
    BUFFERED: Entry("floor", _FLOOR, partial(floor.opened, floor.Buffered)),
}


def absent() -> dict[str, str]:
    """Give the clients that cannot take part, and why."""
    from importlib.metadata import (  # noqa: PLC0415 - see cold.py
        PackageNotFoundError,
        version,
    )

    reasons: dict[str, str] = {}
    if not released.is_unpacked():
        reasons[RELEASED] = "the history here does not reach back to it"
    for name, entry in ROSTER.items():
        if entry.package is None:
            continue
        try:
            version(entry.package)
        except PackageNotFoundError:
            reasons[name] = f"{entry.package} could not be installed here"
    return reasons
