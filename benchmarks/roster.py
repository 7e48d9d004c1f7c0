"""Who takes part: the names of the clients, and what each of them does."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import Any, Literal

import attrs

from benchmarks import peers
from benchmarks.clients import floor, libraries, ours
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


def _pycurl() -> Client:
    from benchmarks.clients import pycurl  # noqa: PLC0415 - it may not be installed

    return pycurl.opened


OURS = "veeam_async"
RELEASED = "veeam_async 0.1.0"
ORDERED = "veeam_async, ordered"
ON_AIOHTTP = "veeam_async on aiohttp"
AIOHTTP = "aiohttp"
PYCURL_DECODED = "pycurl + orjson.loads"
WREQ_DECODED = "wreq + orjson.loads"
PLAIN = "raw Protocol"
BUFFERED = "raw BufferedProtocol"

_ALL = "logon, retry, decoded into attrs models"
_IN_ORDER = f"{_ALL}, in the order of the ids"
_FLOOR = "bytes, no HTTP parser"


def _client(
    kind: Kind, lend: Any, gives: Gives = "body", by: Any = by_workers
) -> Entry:
    """Enter what lends a `get`, and is called as its package."""
    does = "bytes" if gives == "body" else "dicts"
    return Entry(kind, does, partial(by, lend), lend.__name__, gives)


ROSTER: dict[str, Entry] = {
    OURS: Entry("ours", _ALL, ours.opened),
    ORDERED: Entry("ours", _IN_ORDER, partial(ours.opened, ordered=True)),
    RELEASED: Entry("ours", _ALL, ours.released),
    ON_AIOHTTP: Entry("ours", _ALL, partial(ours.opened, transport="aiohttp")),
    AIOHTTP: _client("python", libraries.aiohttp),
    "httpx": _client("python", libraries.httpx),
    "niquests": _client("python", libraries.niquests),
    "requests, threads": _client("python", libraries.requests, by=by_threads),
    "veeam-em, threads": _client("python", libraries.veeam_em, "dicts", by_threads),
    "aiosonic": _client("python", libraries.aiosonic),
    "pycurl": Entry("native", "bytes", _pycurl, "pycurl"),
    PYCURL_DECODED: Entry("native", "dicts", _pycurl, "pycurl", "parsed"),
    "pyreqwest": _client("native", libraries.pyreqwest),
    "wreq": _client("native", libraries.wreq),
    WREQ_DECODED: _client("native", libraries.wreq, "parsed"),
    PLAIN: Entry("floor", _FLOOR, partial(floor.opened, floor.Plain)),
    BUFFERED: Entry("floor", _FLOOR, partial(floor.opened, floor.Buffered)),
}


def absent() -> dict[str, str]:
    """Give the clients that cannot take part, and why."""
    missing = {
        name: f"{entry.package} could not be installed here"
        for name, entry in ROSTER.items()
        if entry.package and find_spec(entry.package) is None
    }
    if not (peers.PLACE / "veeam_async").is_dir():
        missing[RELEASED] = "the history here does not reach back to it"
    return missing
