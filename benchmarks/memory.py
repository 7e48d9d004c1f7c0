"""How much memory a fetch needs, in a fresh process: `memory '<its case as JSON>'`."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from benchmarks.affinity import pin
from benchmarks.clients import ours
from benchmarks.work import Check, Work, ids_of

_STATUS = Path("/proc/self/status")


def main() -> None:
    """Fetch so many ids, and print the peak of resident memory in bytes."""
    given = json.loads(sys.argv[1])
    pin(given["core"])
    count = asyncio.run(_fetch(given["url"], given["ca_file"], given["count"]))
    if count != given["count"]:
        raise RuntimeError(f"{count} answers for {given['count']} ids")
    print(peak())


async def _fetch(url: str, ca_file: str, count: int) -> int:
    work = Work(
        url=url, connections=32, accept="json", ca_file=ca_file, check=Check("json")
    )
    async with ours.opened(work) as fetch:
        return await fetch(ids_of(count))


def peak() -> int:
    """Give the peak of this process' resident memory in bytes.

    Linux counts the parent's memory in `ru_maxrss` too, so its own page is read there.
    """
    if _STATUS.exists():
        lines = _STATUS.read_text().splitlines()
        return next(int(x.split()[1]) * 1024 for x in lines if x.startswith("VmHWM"))
    import resource  # noqa: PLC0415 - not on Windows

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


if __name__ == "__main__":
    main()
