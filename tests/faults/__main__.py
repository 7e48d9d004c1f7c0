"""`python -m tests.faults`: run every cell, and write down what came of them.

Options:
    --only FAULT,OPERATION,tls|plain,direct|aiohttp  these cells; a part may be empty
    --seed N                                         what is left to chance
    --processes N                                    how many run side by side
    --page FILE                                      where the page is written
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.faults.catalogue import all_cells, cells_named
from tests.faults.matrix import Verdict, run_share
from tests.faults.page import page_of
from tests.faults.runner import Cell

_SHARE = 400
"""Cells that a process is handed at a time."""


def main() -> int:
    """Give the exit status: 1 where a cell came out otherwise than stated."""
    options = _options()
    seed = random.randrange(1 << 32) if options.seed is None else options.seed
    print(f"seed {seed}", flush=True)
    cells = cells_named(options.only) if options.only else list(all_cells())
    verdicts = []
    wrong = 0
    for verdict in _verdicts(cells, seed, options):
        verdicts.append(verdict)
        for each in verdict.wrong:
            wrong += 1
            print(f"\r{verdict.name}: {each}", flush=True)
        _progress(len(verdicts), len(cells), wrong)
    print()
    if options.page and not options.only:
        text = page_of(verdicts)
        options.page.parent.mkdir(parents=True, exist_ok=True)
        options.page.write_text(text, encoding="utf-8")
    longest = max(verdicts, key=lambda each: each.requests)
    print(f"most requests: {longest.requests}, in {longest.name}")
    print(f"{len(verdicts)} cells run, 0 skipped, {wrong} unexplained (seed {seed})")
    return 1 if wrong or len(verdicts) != len(cells) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults")
    parser.add_argument("--only", default="")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--page", type=Path)
    return parser.parse_args()


def _verdicts(
    cells: list[Cell], seed: int, options: argparse.Namespace
) -> Iterator[Verdict]:
    """Run in processes, and give verdicts as shares of the cells are done."""
    names = [cell.name for cell in cells]
    parts = -(-len(names) // _SHARE)
    shares = [(names[part::parts], seed) for part in range(parts)]
    if options.processes == 1 or len(shares) < options.processes:
        for share in shares:
            yield from run_share(share)
        return
    context = multiprocessing.get_context("spawn")
    with context.Pool(options.processes) as pool:
        for verdicts in pool.imap_unordered(run_share, shares):
            yield from verdicts


def _progress(done: int, of: int, wrong: int) -> None:
    if sys.stdout.isatty() or done % 500 == 0 or done == of:
        end = "" if sys.stdout.isatty() else "\n"
        print(f"\r{done} of {of} cells, {wrong} unexplained", end=end, flush=True)


if __name__ == "__main__":
    sys.exit(main())
