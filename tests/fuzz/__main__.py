"""Fuzz the package: `python -m tests.fuzz`, or `make fuzz`."""

from __future__ import annotations

import argparse
import multiprocessing
import secrets
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.fuzz.batch import Batch, Tally, digest, run_batch
from tests.fuzz.measure import memory_of, try_input
from tests.fuzz.page import PAGE, write
from tests.fuzz.registry import TARGETS

_BATCH = 2000
_PROCESSES = 2
_FOUND = Path("fuzz-found")
_MIB = 1024 * 1024


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument(
        "--inputs", type=int, default=100_000, help="how many for each target"
    )
    parser.add_argument("--seed", type=int, help="the seed of an earlier run")
    parser.add_argument("--target", choices=TARGETS, action="append")
    parser.add_argument("--processes", type=int, default=_PROCESSES)
    parser.add_argument(
        "--page", action="store_true", help=f"write {PAGE.name} about the run"
    )
    parser.add_argument("--input", type=Path, help="feed one file, to one target")
    return parser.parse_args()


def main() -> int:
    """Run what was asked for; 1 where there was a fault."""
    options = _options()
    names = options.target or list(TARGETS)
    if options.input is not None:
        return _one(names[0], options.input)
    seed = secrets.randbelow(2**32) if options.seed is None else options.seed
    _say(f"seed {seed}; the same inputs again: --seed {seed}")
    tallies = {name: Tally(name) for name in names}
    batches = list(_batches(names, seed, options.inputs))
    _run(batches, tallies, options.processes)
    if options.page:
        write(tallies.values(), seed=seed)
    return _report(tallies.values(), seed)


def _one(name: str, path: Path) -> int:
    """Feed one input, as it was found, and tell what comes of it."""
    data, target = path.read_bytes(), TARGETS[name]
    result = try_input(target, data)
    _say(f"{len(data):,} bytes, {result.seconds * 1000:.1f} ms of CPU")
    _say(f"{memory_of(target, data) / _MIB:.1f} MiB")
    if result.fault is not None:
        _say(f"{result.fault.key}\n{result.fault.text}")
    return 1 if result.fault is not None else 0


def _batches(names: Iterable[str], seed: int, inputs: int) -> Iterator[Batch]:
    for name in names:
        wanted = -(-inputs // TARGETS[name].one_in)
        for number, start in enumerate(range(0, wanted, _BATCH)):
            yield Batch(name, seed, number, min(_BATCH, wanted - start))


def _run(batches: list[Batch], tallies: dict[str, Tally], processes: int) -> None:
    total = sum(batch.size for batch in batches)
    begun, shown = time.monotonic(), 0.0
    # Not forked, so that each process begins with no more memory than it needs.
    context = multiprocessing.get_context("spawn")
    with context.Pool(processes) as pool:
        for tally in pool.imap_unordered(run_batch, batches):
            tallies[tally.name].add(tally)
            now = time.monotonic() - begun
            if now - shown > _SHOWN_EACH:
                shown = now
                _progress(tallies, tally.name, total, now)


_SHOWN_EACH = 5.0


def _progress(tallies: dict[str, Tally], name: str, total: int, now: float) -> None:
    done = sum(each.inputs for each in tallies.values())
    faults = sum(sum(each.faults.values()) for each in tallies.values())
    _say(f"{now:6.0f} s  {done:,} of {total:,} inputs, {faults:,} faults, at {name}")


def _report(tallies: Iterable[Tally], seed: int) -> int:
    """Tell what was found, and keep the inputs that bring faults about."""
    found = False
    for tally in tallies:
        _say(
            f"{tally.name:12} {tally.inputs:10,} inputs  "
            f"{tally.taken / max(1, tally.inputs):6.1%} taken  "
            f"slowest {tally.slowest * 1000:5.1f} ms ({tally.slowest_input})  "
            f"largest {tally.memory / _MIB:5.1f} MiB  "
            f"peak grew {tally.growth / _MIB:5.1f} MiB"
        )
        for key, number in tally.faults.most_common():
            found = True
            _say(f"FAULT, {number:,} times: {key}")
            for text, data in tally.kept[key]:
                path = _kept(tally.name, seed, data)
                _say(f"  {text.strip().splitlines()[-1]}")
                _say(f"  python -m tests.fuzz --target {tally.name} --input {path}")
    return 1 if found else 0


def _kept(name: str, seed: int, data: bytes) -> Path:
    _FOUND.mkdir(exist_ok=True)
    path = _FOUND / f"{name}-{seed}-{digest(data)}"
    path.write_bytes(data)
    return path


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
