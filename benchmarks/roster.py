"""Who takes part: the names of the clients, and what each of them does."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Literal

import attrs

from benchmarks import released
from benchmarks.work import Client

Kind = Literal["ours", "python", "native", "floor"]


@attrs.frozen
class Entry:
    """A client: *way* is the function of its module that opens it."""

    module: str
    way: str
    kind: Kind
    does: str
    package: str | None = None

    @property
    def gives(self) -> str:
        """What it gives, in a word."""
        return "models" if self.kind == "ours" else self.does.partition(",")[0]

    def load(self) -> Client:
        """Give the client; ImportError where it is not installed."""
        client: Client = getattr(
            import_module(f"benchmarks.clients.{self.module}"), self.way
        )
        return client


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
_BYTES = "bytes"

ROSTER: dict[str, Entry] = {
    OURS: Entry("ours", "opened", "ours", _ALL),
    ORDERED: Entry("ours", "in_order", "ours", f"{_ALL}, in the order of the ids"),
    RELEASED: Entry("released", "opened", "ours", _ALL),
    ON_AIOHTTP: Entry("ours", "on_aiohttp", "ours", _ALL),
    AIOHTTP: Entry("bare_aiohttp", "opened", "python", _BYTES, "aiohttp"),
    "httpx": Entry("httpx", "opened", "python", _BYTES, "httpx"),
    "niquests": Entry("niquests", "opened", "python", _BYTES, "niquests"),
    "requests, threads": Entry("requests", "opened", "python", _BYTES, "requests"),
    "veeam-em, threads": Entry("veeam_em", "opened", "python", "dicts", "veeam-em"),
    "aiosonic": Entry("aiosonic", "opened", "python", _BYTES, "aiosonic"),
    PYCURL: Entry("pycurl", "opened", "native", _BYTES, "pycurl"),
    PYCURL_DECODED: Entry("pycurl", "decoded", "native", "dicts", "pycurl"),
    PYREQWEST: Entry("pyreqwest", "opened", "native", _BYTES, "pyreqwest"),
    WREQ: Entry("wreq", "opened", "native", _BYTES, "wreq"),
    WREQ_DECODED: Entry("wreq", "decoded", "native", "dicts", "wreq"),
    PLAIN: Entry("floor", "plain", "floor", "bytes, no HTTP parser"),
    BUFFERED: Entry("floor", "buffered", "floor", "bytes, no HTTP parser"),
}


def absent() -> dict[str, str]:
    """Give the clients that cannot take part, and why."""
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
