"""Processors: the server on one, the clients on another, where the system lets us."""

from __future__ import annotations

import os
import sys
from functools import partial


def cores() -> tuple[int | None, int | None]:
    """Give a processor for the clients and one for the server, None without choice."""
    if sys.platform != "linux":
        return None, None
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < 2:
        return None, None
    return allowed[0], allowed[1]


def pin(core: int | None, process: int = 0) -> None:
    """Keep a process, this one unless another is named, on *core*."""
    if core is not None and sys.platform == "linux":
        os.sched_setaffinity(process, {core})


def loop_factory(name: str) -> object:
    """Give what makes an event loop of that name, None for asyncio's own."""
    if name == "asyncio":
        return None
    import uvloop  # noqa: PLC0415 - not on Windows

    return partial(uvloop.new_event_loop)
