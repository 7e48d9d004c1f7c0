"""How much of the package one id passes through: its modules and its functions.

Run as `python benchmarks/trace.py [--list]`. Counted is what the client enters, not
what it imports, on three ways through the public API, each gone once before so that
it is warm: a fetch of one id, a watch of one id to its STOPPED, and a run of a job from
its start to the end of its session. The server is the embedded simulator, in a thread
of its own: a profiler sees but the thread that set it.

A function is what Python calls in a file of the package: generators and lambdas too,
and comprehensions before Python 3.12, which calls them no more. What is generated while
it runs, as the methods that attrs writes, is in no file and not counted.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import sys
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from pathlib import Path
from types import CodeType, FrameType, TracebackType
from typing import Self
from uuid import UUID

import attrs

import veeam_async
from veeam_async import EnterpriseManager
from veeam_async.simulator import Simulator

PACKAGE = Path(str(veeam_async.__file__)).parent
SERVER = PACKAGE / "simulator"

INTERVAL = 0.05
"""Real seconds between two looks."""

SPEED = 60.0
"""Simulated seconds in a real one."""

LASTING = 30.0
"""Simulated seconds that a session takes; several looks see it at work."""


class Server:
    """A simulator in a thread of its own; enter it with `with`."""

    def __init__(self) -> None:
        self.simulator = Simulator(sessions=1, running=0, speed=SPEED)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._loop = asyncio.new_event_loop()
        self._open: Future[None] = Future()
        self._left = asyncio.Event()

    def __enter__(self) -> Self:
        self._thread.start()
        self._open.result()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._left.set)
        self._thread.join()

    def begin(self) -> UUID:
        """A new session that is at work, and ends by itself."""

        async def add() -> UUID:
            return self.simulator.add_session(script=[("Working", LASTING)])

        return asyncio.run_coroutine_threadsafe(add(), self._loop).result()

    def prepare(self, job: UUID) -> None:
        """Let the next run of *job* end by itself, soon."""

        async def plan() -> None:
            script = [("Working", LASTING)]
            self.simulator.next_run(job, script=script, appears_in=0.0)

        asyncio.run_coroutine_threadsafe(plan(), self._loop).result()

    def _serve(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._live())

    async def _live(self) -> None:
        async with self.simulator:
            self._open.set_result(None)
            await self._left.wait()


@attrs.define
class Trace:
    """What this thread enters of the client, in order of the first time."""

    entered: dict[CodeType, None] = attrs.field(factory=dict)

    def __enter__(self) -> Self:
        sys.setprofile(self._note)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)

    def _note(self, frame: FrameType, event: str, _argument: object) -> None:
        if event == "call":
            self.entered[frame.f_code] = None

    @property
    def functions(self) -> list[CodeType]:
        """The functions of the client."""
        return [code for code in self.entered if _is_counted(code)]

    @property
    def modules(self) -> list[str]:
        """The modules of the client, by their paths below it."""
        paths = (Path(code.co_filename) for code in self.functions)
        names = (path.relative_to(PACKAGE).with_suffix("") for path in paths)
        return list(dict.fromkeys(name.as_posix() for name in names))


def _is_counted(code: CodeType) -> bool:
    path = Path(code.co_filename)
    is_ours = path.is_relative_to(PACKAGE) and not path.is_relative_to(SERVER)
    return is_ours and code.co_name != "<module>"


# ---------------------------------------------------------------- three ways


async def fetch_one(em: EnterpriseManager, server: Server) -> Trace:
    """A fetch of one id."""
    one = server.begin()
    with Trace() as trace:
        async for fetched in em.backup_sessions.fetch([one]):
            fetched.result()
    return trace


async def watch_one(em: EnterpriseManager, server: Server) -> Trace:
    """A watch of one id, to its STOPPED."""
    one = server.begin()
    with Trace() as trace:
        async for _ in em.backup_sessions.watch([one], interval=INTERVAL):
            pass
    return trace


async def run_one(em: EnterpriseManager, server: Server) -> Trace:
    """A run of a job, from its start to the end of its session."""
    job = server.simulator.job_ids[0]
    server.prepare(job)
    with Trace() as trace:
        run = await em.jobs.start(job)
        await run.wait(interval=INTERVAL, timeout=math.inf)
    return trace


WAYS: dict[str, Callable[[EnterpriseManager, Server], Awaitable[Trace]]] = {
    "fetch of one id": fetch_one,
    "watch of one id": watch_one,
    "run of one job": run_one,
}


async def traces() -> dict[str, Trace]:
    """What each way enters, once it is warm."""
    found = {}
    with Server() as server:
        simulator = server.simulator
        async with EnterpriseManager(
            simulator.url, username=simulator.username, password=simulator.password
        ) as em:
            for name, way in WAYS.items():
                await way(em, server)
                found[name] = await way(em, server)
    return found


def main() -> None:
    """Print a table of the ways, and with `--list` what is on each."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--list", action="store_true", help="name the modules")
    options = parser.parse_args()
    found = asyncio.run(traces())
    print(f"{'':18}{'modules':>8}{'functions':>11}")
    for name, trace in found.items():
        print(f"{name:18}{len(trace.modules):8}{len(trace.functions):11}")
    for name, trace in found.items() if options.list else ():
        print(f"\n{name}")
        for module in trace.modules:
            path = PACKAGE / f"{module}.py"
            entered = [c for c in trace.functions if Path(c.co_filename) == path]
            print(f"  {module} ({len(entered)})")


if __name__ == "__main__":
    main()
