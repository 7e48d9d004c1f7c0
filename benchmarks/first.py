"""How soon the first result comes, in a fresh process: `first '<its case as JSON>'`."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from contextlib import suppress

from benchmarks.affinity import pin
from benchmarks.roster import ROSTER
from benchmarks.work import Check, Work, ids_of


class _EnoughError(Exception):
    """The first answer has come."""


def main() -> None:
    """Print seconds from the opening of the client to its first checked answer."""
    given = json.loads(sys.argv[1])
    pin(given["core"])
    client = ROSTER[given["client"]].load()  # its imports are not timed
    work = Work(
        url=given["url"],
        connections=32,
        accept="json",
        ca_file=given["ca_file"],
        check=_First(),
    )

    async def fetch() -> None:
        async with client(work) as ask:
            await ask(ids_of(given["count"]))

    began = time.perf_counter()
    with suppress(_EnoughError):
        asyncio.run(fetch())
    print(work.check.first - began)


class _First(Check):
    """Ends a fetch with its first answer."""

    def __init__(self) -> None:
        super().__init__("json")

    def body(self, asked: str, body: bytes | bytearray | memoryview) -> None:
        """Check it, and end."""
        super().body(asked, body)
        raise _EnoughError

    def entity(self, asked: str, uid: str, state: str) -> None:
        """Check it, and end."""
        super().entity(asked, uid, state)
        raise _EnoughError


if __name__ == "__main__":
    main()
