"""What is measured: one client under one set of circumstances."""

from __future__ import annotations

import json
from typing import Literal

import attrs

Loop = Literal["asyncio", "uvloop"]


@attrs.frozen(kw_only=True)
class Case:
    """One client, and all that can be varied around it. The defaults are the base.

    *size* is in bytes, *latency* in seconds; *fixed_threshold* keeps glibc from
    adapting the size above which it maps memory anew.
    """

    client: str = "veeam_async"
    loop: Loop = "asyncio"
    tls: bool = True
    accept: str = "json"
    connections: int = 32
    size: int = 1400
    latency: float = 0.0
    fixed_threshold: bool = False


@attrs.frozen(kw_only=True)
class Errand:
    """A case with what a fresh process needs to run it: where, and for how long."""

    case: Case
    url: str
    control: int
    ca_file: str | None = None
    core: int | None = None
    seconds: float = 0.6
    count: int = 20_000

    def to_json(self) -> str:
        """Write it as an argument of a command line."""
        return json.dumps(attrs.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Errand:
        """Read what `to_json` wrote."""
        given = json.loads(text)
        return cls(**{**given, "case": Case(**given["case"])})


@attrs.frozen(kw_only=True)
class Round:
    """What one process measured: requests, seconds by the clock and of processors.

    *server* is how long the server's processor was busy meanwhile, *first* when the
    first answer had come.
    """

    count: int
    wall: float
    cpu: float
    server: float
    first: float
