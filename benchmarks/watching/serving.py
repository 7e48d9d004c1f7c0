"""Start the server of running sessions, and ask it what happened."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from typing import Any

import attrs

from benchmarks.affinity import pin
from benchmarks.watching.population import Change
from benchmarks.watching.server import Setting

_PATIENCE = 30.0


@attrs.frozen(kw_only=True)
class Counts:
    """What the server was asked so far, by route, and its seconds of processor."""

    requests: dict[str, int]
    bytes: dict[str, int]
    busy: float

    @property
    def total(self) -> int:
        """How many requests of a watch there were."""
        return sum(self.requests.values())


@attrs.frozen
class Service:
    """A server under way; its methods block, and count as no request.

    They need plain HTTP: where the *scheme* is another one, it only answers.
    """

    port: int
    scheme: str = "http"

    @property
    def url(self) -> str:
        """Where the API is."""
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def counts(self) -> Counts:
        """Give what it was asked."""
        return Counts(**self._json("counts"))

    def changes(self) -> list[Change]:
        """Give all that changed, in order."""
        return [Change(*one) for one in self._json("changes")]

    def ids(self) -> list[str]:
        """Give the ids of the sessions that run."""
        return list(self._json("ids"))

    def pages(self) -> list[bytes]:
        """Give the pages that it answered within the last interval."""
        return self._get("pages").split(b"\n")

    def _json(self, what: str) -> Any:
        return json.loads(self._get(what))

    def _get(self, what: str) -> bytes:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=_PATIENCE)
        with closing(connection):
            connection.request("GET", f"/bench/{what}")
            return connection.getresponse().read()


@contextmanager
def serving(setting: Setting, core: int | None = None) -> Iterator[Service]:
    """Serve from a process of its own, kept on *core*; it ends with this one."""
    told = json.dumps(attrs.asdict(setting))
    scheme = "http" if setting.certificate is None else "https"
    with subprocess.Popen(  # noqa: S603 - our own module
        [sys.executable, "-m", "benchmarks.watching.server", told],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None  # noqa: S101 - both are pipes
        assert process.stdout is not None  # noqa: S101
        pin(core, process.pid)
        try:
            yield Service(int(process.stdout.readline()), scheme)
        finally:
            process.stdin.close()
