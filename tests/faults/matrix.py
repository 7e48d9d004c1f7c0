"""Running many cells at once in one loop, and judging what came of each."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache

import attrs

from tests.faults.catalogue import all_cells
from tests.faults.operations import Operation
from tests.faults.rules import Expected, expected
from tests.faults.runner import Cell, Certificates, Outcome, run, track_tasks
from tests.faults.table import Fault, Nature
from tests.faults.virtual_time import VirtualTimeLoop

AT_ONCE = 96

_NONE = Fault(name="none", kind="", says="nothing", nature=Nature.HARMLESS)


@attrs.frozen(kw_only=True)
class Verdict:
    """A cell's outcome beside what was stated, and what is wrong with it.

    It may come to one of *outcomes* in *most* requests; it did in so many *requests*.
    *may_leave* tells that a logon session may stay at the server.
    """

    name: str
    fault: str
    operation: str
    outcomes: frozenset[str]
    most: int
    may_leave: bool
    requests: int
    wrong: tuple[str, ...]


def run_cells(
    cells: Iterable[Cell],
    seed: int,
    told: Callable[[Verdict], object],
    *,
    loop_factory: Callable[[], asyncio.AbstractEventLoop] = VirtualTimeLoop,
) -> None:
    """Run *cells* on virtual time; *told* is called with each verdict.

    On the loop of another *loop_factory* time is real, and so are the waits.
    """
    with _mute(), asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(_run_all(list(cells), seed, told))


@contextmanager
def _mute() -> Iterator[None]:
    """What the library logs of a fault is no news here."""
    logger = logging.getLogger("veeam_async")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)


@cache
def _certificates() -> Certificates:
    return Certificates()


_TRUTHS: dict[str, Outcome] = {}
"""What each operation comes to where nothing is wrong, once for a process."""


def run_share(share: tuple[list[str], int]) -> list[Verdict]:
    """The verdicts of the cells of these names, by a seed: a process's work."""
    names, seed = share
    wanted = set(names)
    told: list[Verdict] = []
    run_cells((each for each in all_cells() if each.name in wanted), seed, told.append)
    return told


async def _run_all(
    cells: list[Cell], seed: int, told: Callable[[Verdict], object]
) -> None:
    loop = asyncio.get_running_loop()
    track_tasks(loop)
    certificates = _certificates()
    room = asyncio.Semaphore(AT_ONCE)

    async def one(cell: Cell) -> None:
        async with room:
            outcome = await run(cell, certificates, seed)
            told(judged(cell, _TRUTHS[cell.operation.name], outcome))

    for operation in {cell.operation for cell in cells}:
        await _learn(operation)
    await asyncio.gather(*(one(cell) for cell in cells))


async def _learn(operation: Operation) -> None:
    if operation.name not in _TRUTHS:
        plain = Cell(_NONE, operation, False, "direct")
        _TRUTHS[operation.name] = await run(plain, _certificates(), 0)


def judged(cell: Cell, truth: Outcome, outcome: Outcome) -> Verdict:
    """Compare an *outcome* with what is stated, and with the *truth*."""
    stated = expected(
        cell.fault,
        cell.operation,
        is_tls=cell.is_tls,
        transport=cell.transport,
        plain_requests=truth.requests,
    )
    return Verdict(
        name=cell.name,
        fault=cell.fault.name,
        operation=cell.operation.name,
        outcomes=stated.outcomes,
        most=stated.requests,
        may_leave=stated.logons_left > 0,
        requests=outcome.requests,
        wrong=(*_wrong(stated, truth, outcome), *_left_behind(cell, outcome)),
    )


def _wrong(stated: Expected, truth: Outcome, outcome: Outcome) -> Iterable[str]:
    if outcome.word not in stated.outcomes:
        yield f"{outcome.word} ({outcome.error}), not {_or(stated.outcomes)}"
    elif outcome.error is None and outcome.value != truth.value:
        yield f"another result: {outcome.value!r}, not {truth.value!r}"
    if outcome.requests > stated.requests:
        yield f"{outcome.requests} requests, not {stated.requests} at most"
    if stated.logons is not None and outcome.logons > stated.logons:
        yield f"{outcome.logons} logons, not {stated.logons} at most"
    if outcome.logons_left > stated.logons_left:
        yield f"{outcome.logons_left} logon sessions left, not {stated.logons_left}"


def _left_behind(cell: Cell, outcome: Outcome) -> Iterator[str]:
    yield from (f"left {each}" for each in outcome.left)
    if outcome.after is not None:
        yield f"afterwards {outcome.after!r}"
    if not outcome.struck and not cell.fault.idle:
        yield "the fault did not strike"


def _or(words: Iterable[str]) -> str:
    return " or ".join(sorted(words))
