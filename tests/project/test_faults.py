"""Some cells of the matrix of faults, chosen by a seed; `make faults` runs them all."""

from __future__ import annotations

import asyncio
import os
import random
import re
from collections.abc import Callable

import pytest

from tests.faults.catalogue import AGAIN, all_cells, cells_named
from tests.faults.matrix import Verdict, run_cells
from tests.faults.runner import Cell
from tests.faults.table import Nature
from tests.faults.virtual_time import VirtualTimeLoop
from tests.support.paths import ROOT

CELLS = 150
"""How many of the cells are run."""

SEED = int(os.environ.get("FAULTS_SEED") or random.randrange(1 << 32))
"""Set FAULTS_SEED to the number that a failure prints, to see it again."""


def verdicts(
    cells: list[Cell],
    seed: int = SEED,
    *,
    loop_factory: Callable[[], asyncio.AbstractEventLoop] = VirtualTimeLoop,
) -> list[Verdict]:
    """Run *cells* and give what is wrong with any."""
    told: list[Verdict] = []
    run_cells(cells, seed, told.append, loop_factory=loop_factory)
    assert len(told) == len(cells)
    return [each for each in told if each.wrong]


@pytest.mark.timeout(240)
def test_what_comes_of_a_fault_is_what_is_stated() -> None:
    """For cells that are others in each run; nothing is left behind by any."""
    print(f"FAULTS_SEED={SEED}")
    cells = random.Random(SEED).sample(list(all_cells()), CELLS)

    assert verdicts(cells) == []


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    "only",
    [
        # TLS would wait half a minute for an answer to its goodbye.
        "stall-before,get,tls,",
        "tls-inside-stall,stop,tls,",
        # The end of an answer comes in one piece with another answer.
        "stray,query,tls,",
        "stray,jobs,tls,",
        # Whoever answers about something else is not silent.
        "another+,run-session,plain,",
        # A logout that meets a busy server is sent again.
        "status-503,leave,plain,",
        # A token that came in a head is a logon, though its body is cut.
        "close-body+,open,,",
        "length-huge,renew,,",
        # A refused logon is not sent again because its answer is cut.
        "401-cut+,open,,",
        "403-digits+,renew,,",
    ],
)
def test_what_once_came_out_otherwise(only: str) -> None:
    """Cells that showed a fault of the client stay in every run."""
    cells = cells_named(only)

    assert cells
    assert verdicts(cells, seed=1) == []


@pytest.mark.timeout(120)
@pytest.mark.parametrize("operation", ["job", "stop", "open"])
def test_tls_breaks_on_uvloop_as_it_does_on_asyncio(operation: str) -> None:
    """Its own sockets end in other ways; what takes long is left out there."""
    uvloop = pytest.importorskip("uvloop")
    slow = (Nature.SILENT, Nature.SLOW_TO_CONNECT)
    cells = [
        cell
        for cell in cells_named(f",{operation},tls,direct")
        if cell.fault.kind in ("TLS", "cut", "connection", "bytes")
        and cell.fault.nature not in slow
        and not cell.fault.lasting
    ]

    print(f"FAULTS_SEED={SEED}")
    assert len(cells) > 50
    assert verdicts(cells, loop_factory=uvloop.new_event_loop) == []


def test_a_cell_comes_out_the_same_for_the_same_seed() -> None:
    """What is left to chance is decided by the seed alone."""
    cells = cells_named("reset-body,get,,") + cells_named("tls-cut-close+,wait,tls,")

    first: list[Verdict] = []
    second: list[Verdict] = []
    for told in (first, second):
        run_cells(cells, 7, told.append)

    assert sorted(map(str, first)) == sorted(map(str, second))


def test_the_page_tells_of_what_there_is() -> None:
    """Each fault and each operation has its row: `make faults` writes them anew."""
    page = (ROOT / "docs" / "development" / "faults.md").read_text("utf-8")
    rows = set(re.findall(r"^\| `([^`]+)` \|", page, re.MULTILINE))
    cells = list(all_cells())
    named = {cell.operation.name for cell in cells}
    named |= {cell.fault.name.removesuffix(AGAIN) for cell in cells}

    assert rows ^ named == set()
