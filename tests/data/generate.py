"""Write what this release gives, for `tests/test_compatibility.py` to compare with.

It runs once for each release, before its tag, and fills the folder that is named as the
version:

    python -m tests.data.generate

It writes the same files each time: the server's sessions come from a seed and its time
stands still but for what a scenario lets pass, the watch's time is that of the
scenario, one request is sent after the other, and jitter comes from a seed. The
links of sessions, which are many and all alike, are left out; restores keep the first.

The files of 0.1.0 were written on that release, by this program as it was then.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import re
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock
from uuid import UUID

from tests.support import released
from veeam_async import DeadlineExceeded, F, VeeamError, to_dict
from veeam_async.clock import Clock
from veeam_async.simulator import Faults
from veeam_async.version import __version__

HERE = Path(__file__).parent / __version__

INTERVAL = 5.0


# ---------------------------------------------------------------- time


class Time:
    """Time on both clocks, which passes by `advance` alone."""

    def __init__(self) -> None:
        self.now = 1000.0
        self._sleeping: list[tuple[float, asyncio.Future[None]]] = []

    def monotonic(self) -> float:
        """Seconds."""
        return self.now

    def wall(self) -> datetime:
        """The time of day."""
        return released.START + timedelta(seconds=self.now - 1000.0)

    async def sleep(self, seconds: float) -> None:
        """Sleep until it has passed."""
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleeping.append((self.now + seconds, woken))
        await woken

    def advance(self, seconds: float) -> None:
        """Let it pass."""
        self.now += seconds
        for due, woken in self._sleeping:
            if due <= self.now and not woken.done():
                woken.set_result(None)
        self._sleeping = [each for each in self._sleeping if not each[1].done()]


# ---------------------------------------------------------------- a scenario


class Stage:
    """A server, a client, and the time of both."""

    def __init__(self, simulator: Any, em: Any, time: Time) -> None:
        self.simulator = simulator
        self.em = em
        self.time = time
        self.watch: Any = None
        self.kind = "BackupJobSession"
        self.lines: list[Any] = []
        self.events: list[Any] = []
        self.settings: dict[str, Any] = {}
        self.checkpoints: list[Any] = []
        self.ended: str | None = None
        self._next: asyncio.Task[Any] | None = None

    def begin(self, ids: Any = None, *, kind: str | None = None, **more: Any) -> None:
        """Begin to watch."""
        self.kind = kind or self.kind
        resource = released.sessions_of(self.em, self.kind)
        self.settings = {"interval": INTERVAL, **more}
        self.watch = resource.watch(ids, record=self.lines.append, **self.settings)

    def resume(self, checkpoint: Any) -> None:
        """Go on with another watch, from a checkpoint."""
        resource = released.sessions_of(self.em, self.kind)
        names = ("interval", "progress", "appear_within", "patience", "strategy")
        kept = {k: v for k, v in self.settings.items() if k in names}
        self.lines, self.events = [], []
        self.watch = resource.watch(resume=checkpoint, record=self.lines.append, **kept)

    async def settle(self) -> None:
        """Wait until nothing is under way."""
        quiet, before = 0, -1
        while quiet < 4:
            await asyncio.sleep(0.02)
            now = self.simulator.stats.requests + len(self.lines)
            quiet = quiet + 1 if now == before else 0
            before = now

    async def drain(self, most: int = 1000) -> None:
        """Take up to *most* events."""
        while self.ended is None and len(self.events) < most:
            if self._next is None:
                self._next = asyncio.ensure_future(anext(self.watch))
            await self.settle()
            if not self._next.done():
                return
            self._take(self._next)

    def _take(self, task: asyncio.Task[Any]) -> None:
        self._next = None
        try:
            self.events.append(to_dict(task.result()))
        except StopAsyncIteration:
            self.ended = "over"
        except VeeamError as error:
            self.ended = f"{type(error).__name__}: {error}"
            if isinstance(error, DeadlineExceeded):
                self.checkpoints.append(error.checkpoint)

    async def pass_time(self, seconds: float, *, most: int = 1000) -> None:
        """Let time pass on both sides, and take the events."""
        self.simulator.advance(seconds)
        self.time.advance(seconds)
        await self.drain(most)

    async def close(self) -> None:
        """Leave the watch."""
        if self._next is not None:
            self._next.cancel()
            await asyncio.wait([self._next])
            self._next = None
        await self.watch.aclose()


@asynccontextmanager
async def stage(**settings: Any) -> AsyncIterator[Stage]:
    """Everything anew, by the same seeds."""
    random.seed(5)
    time = Time()
    clock = Clock(monotonic=time.monotonic, wall=time.wall, sleep=time.sleep)
    given = {"sessions": 3, "running": 0} | settings
    run_ids = (UUID(int=number) for number in itertools.count(1))
    with (
        mock.patch("veeam_async.manager.Clock", return_value=clock),
        mock.patch("veeam_async.jobs.jobs.uuid4", side_effect=run_ids),
    ):
        async with (
            released.server(**given) as simulator,
            released.client(simulator) as em,
        ):
            yield Stage(simulator, em, time)


Step = Callable[[Stage], Awaitable[None]]
Scenario = tuple[Callable[[Stage], Any], list[Step]]


def after(seconds: float, *, most: int = 1000, faults: Faults | None = None) -> Step:
    """A step in which time passes; the server fails by *faults* from then on."""

    async def step(on: Stage) -> None:
        if faults is not None:
            on.simulator.faults = faults
        await on.pass_time(seconds, most=most)

    return step


def doing(call: Callable[[Stage], object]) -> Step:
    """A step in which something is done at once."""

    async def step(on: Stage) -> None:
        call(on)
        await on.drain()

    return step


GOOD, DOWN, HALF = Faults(), Faults(unavailable=1.0), released.SPOILED


FATES = [after(0), after(5), after(5, most=9), after(5), after(1), after(9), after(30)]
OUTAGE = [
    *(after(0), after(5), after(5, faults=HALF), after(5), after(5), after(5)),
    *(after(5, faults=DOWN), after(20), after(40), after(40, faults=GOOD), after(40)),
]


def _everything(on: Stage, *, kind: str = "BackupJobSession", **more: Any) -> None:
    released.many_fates(on.simulator, kind=kind)
    on.begin(None, kind=kind, **more)


def _arriving(on: Stage) -> None:
    for created in (3.0, 14.0):
        on.simulator.add_session(
            script=[("Working", 20.0)], created_in=created, appears_in=created + 6.0
        )


def _deadline(on: Stage) -> None:
    released.many_fates(on.simulator)
    end = released.START + timedelta(seconds=22)
    on.begin(None, deadline=end)


SCENARIOS: dict[str, Scenario] = {
    "ids": (
        lambda on: on.begin(released.many_fates(on.simulator)),
        [*FATES, after(60)],
    ),
    "ids-progress": (
        lambda on: on.begin(
            released.many_fates(on.simulator), progress=True, appear_within=20.0
        ),
        [*FATES],
    ),
    "ids-query": (
        lambda on: on.begin(released.many_fates(on.simulator), strategy="query"),
        [*FATES],
    ),
    "ids-outage": (
        lambda on: on.begin(
            released.many_fates(on.simulator), strategy="get", patience=6.0
        ),
        OUTAGE,
    ),
    "ids-changed": (
        lambda on: on.begin(released.many_fates(on.simulator)[:3]),
        [
            after(0),
            doing(lambda on: on.watch.add(released.TWO)),
            doing(lambda on: on.watch.add(on.simulator.session_ids[-1])),
            after(5),
            doing(lambda on: on.watch.discard(on.watch.active[0])),
            after(5),
            doing(lambda on: on.watch.stop()),
        ],
    ),
    "everything": (
        lambda on: _everything(on, patience=10.0, strategy="query"),
        [
            *(after(0), doing(_arriving), *FATES[1:], after(60)),
            *(after(5, faults=DOWN), after(20), after(30)),
            *(after(30, faults=GOOD), after(30)),
        ],
    ),
    "everything-where": (
        lambda on: _everything(on, where=F.name != "x", lookback=30.0, progress=True),
        [after(0), doing(_arriving), *FATES[1:], after(60), after(900)],
    ),
    "everything-references": (
        lambda on: _everything(on, strategy="get", patience=6.0),
        [
            *(after(0), doing(_arriving), *FATES[1:]),
            *(after(5, faults=HALF), after(10), after(10)),
            *(after(20, faults=GOOD), after(30)),
        ],
    ),
    "everything-quiet": (
        lambda on: _everything(on, strategy="get", patience=6.0),
        [after(0, faults=HALF), after(5), after(5), after(5, faults=GOOD), after(30)],
    ),
    "everything-deadline": (_deadline, [after(0), after(5), after(10), after(10)]),
    "everything-refused": (
        lambda on: _everything(on, where="nonsense", strategy="query"),
        [after(0)],
    ),
    "replicas": (
        lambda on: on.begin(
            released.many_fates(on.simulator, kind="ReplicaJobSession"),
            kind="ReplicaJobSession",
        ),
        FATES,
    ),
    "restores": (
        lambda on: _everything(on, kind="RestoreSession"),
        FATES,
    ),
}
TAKEN_AT = {
    "ids": (0, 3, 4, 5),
    "ids-progress": (2,),
    "ids-outage": (4, 6, 9),
    "ids-changed": (5,),
    "everything": (4, 12),
    "everything-where": (3,),
    "everything-references": (2,),
    "everything-quiet": (1,),
    "everything-deadline": (3,),
    "replicas": (3,),
    "restores": (4,),
}
"""After how many steps a scenario's watch is left and resumed in another process."""


async def play(on: Stage, steps: list[Step]) -> None:
    """Go through *steps*, until the watch ends."""
    for step in steps:
        if on.ended is None:
            await step(on)


# ---------------------------------------------------------------- what is kept


def write(name: str, data: Any) -> None:
    """Keep *data* as JSON that can be compared line by line."""
    text = json.dumps(data, indent=1, ensure_ascii=False)
    path = HERE / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"{text}\n", "utf-8")


def short(data: Any, links: int) -> Any:
    """The same with a few *links* only, and with one port for every server."""
    if isinstance(data, str):
        return _PORT.sub("http://127.0.0.1:9399", data)
    if isinstance(data, list):
        return [short(each, links) for each in data]
    if not isinstance(data, dict):
        return data
    return {k: short(v[:links] if k == "links" else v, links) for k, v in data.items()}


_PORT = re.compile(r"http://127\.0\.0\.1:\d+")


def keep_recording(name: str, lines: list[Any], events: list[Any]) -> None:
    """Keep the lines of a recording, and what is told from them."""
    links = name.startswith("restores")
    lines, events = short(lines, links), short(events, links)
    path = HERE / "recordings" / f"{name}.rec"
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines), "utf-8")
    told = released.replayed(path)
    again = [json.loads(row) for row in told["rows"]]
    assert again == events, name
    write(f"recordings/{name}", told)


def keep_checkpoint(name: str, checkpoint: Any) -> None:
    """Keep a checkpoint, and what is saved when it has been resumed."""
    saved = short(checkpoint, name.startswith("restores"))
    again = released.resaved(saved)
    kept = "the same" if again == saved else again
    write(f"checkpoints/{name}", {"saved": saved, "again": kept})


Recorded = tuple[str, list[Any], list[Any]]


async def watches() -> list[Recorded]:
    """Keep the checkpoints of every scenario, and give the recordings."""
    recorded: list[Recorded] = []
    for name, (begin, steps) in SCENARIOS.items():
        async with stage() as on:
            begin(on)
            await play(on, steps)
            await on.close()
            recorded.append((name, on.lines, on.events))
            for checkpoint in on.checkpoints:
                keep_checkpoint(f"{name}-late", checkpoint)
        places = TAKEN_AT.get(name, ())
        recorded += [await taken_up(name, place) for place in places]
    return recorded


async def taken_up(name: str, place: int) -> Recorded:
    """Keep the checkpoint after some steps; give what a watch resumed from it does."""
    begin, steps = SCENARIOS[name]
    async with stage() as on:
        begin(on)
        await play(on, steps[:place])
        assert on.ended is None, (name, place, on.ended)
        checkpoint = on.watch.checkpoint()
        await on.close()
        on.resume(checkpoint)
        await on.drain()
        await play(on, steps[place:])
        await on.close()
    keep_checkpoint(f"{name}-{place}", checkpoint)
    return (f"{name}-{place}-resumed", on.lines, on.events)


async def runs() -> None:
    """Keep saved runs: before, while and after their sessions are known."""
    saved: dict[str, Any] = {}
    plans: dict[str, dict[str, Any]] = {
        "named by its task": {"result": "Success"},
        "not named": {"result": "Warning", "links": False},
        "failed": {"result": "Failed", "retries": ("Success",), "retry_in": 60},
        "refused": {"refusal": "no licence"},
    }
    async with stage(sessions=30) as on:
        jobs = [job async for job in on.em.jobs.query()]
        replica = next(job.id for job in jobs if job.job_type == "Replica")
        others = [job.id for job in jobs if job.job_type == "Backup"]
        for (name, plan), job in zip(plans.items(), others, strict=False):
            saved |= {f"{name}, {k}": v for k, v in (await ran(on, job, plan)).items()}
        run = await ran(on, replica, {"result": "Success"})
        saved |= {f"of a replication, {k}": v for k, v in run.items()}
    good = {k: v for k, v in saved.items() if "version" in v}
    resumed = {name: released.resumed_run(data) for name, data in good.items()}
    write("runs", {"saved": saved, "again": resumed})


async def ran(on: Stage, job: Any, plan: dict[str, Any]) -> dict[str, Any]:
    """What is saved of a run of *job*, from its start to its end."""
    on.simulator.next_run(job, script=[("Working", 20.0)], **plan)
    run = await on.em.jobs.start(job)
    saved = {"started": run.to_dict()}
    on.simulator.advance(300)
    on.time.advance(300)
    try:
        await run.session(interval=0.01)
        saved["seen"] = run.to_dict()
        ended = await run.wait(interval=0.01)
        saved[f"ended {ended.result}"] = run.to_dict()
        ended = await run.wait(interval=0.01, retries=True, retry_within=0.0)
        saved[f"ended {ended.result} at last"] = run.to_dict()
    except VeeamError as error:
        saved["error"] = {"text": str(error)}
    return saved


async def made() -> None:
    """Keep everything that is made from nothing."""
    for name in ("refusals", "requests", "bodies", "first_looks"):
        write(name, await getattr(released, name)())


async def damaged() -> None:
    """Keep what is said about what was saved and is damaged."""
    checkpoint = json.loads((HERE / "checkpoints" / "ids-3.json").read_text("utf-8"))
    run = json.loads((HERE / "runs.json").read_text("utf-8"))["saved"]
    one = next(data for data in run.values() if "version" in data)
    write(
        "damages",
        {
            "checkpoint": released.damages(checkpoint["saved"], released.resaved),
            "run": released.damages(one, released.resumed_run),
        },
    )


def main() -> None:
    """Write all files anew."""
    HERE.mkdir(exist_ok=True)
    for folder in ("checkpoints", "recordings"):
        shutil.rmtree(HERE / folder, ignore_errors=True)
    for name in ("models", "events", "errors", "filters", "helps"):
        write(name, getattr(released, name)())
    asyncio.run(made())
    # The command that replays them takes signals, as the main thread alone can.
    for each in asyncio.run(watches()):
        keep_recording(*each)
    asyncio.run(runs())
    asyncio.run(damaged())


if __name__ == "__main__":
    main()
