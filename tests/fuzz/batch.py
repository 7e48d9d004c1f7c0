"""A batch of inputs: the smallest thing that a process is given to do."""

from __future__ import annotations

import hashlib
from collections import Counter
from random import Random

import attrs

from tests.fuzz.measure import (
    MOST_BYTES,
    Fault,
    memory_of,
    peak,
    try_input,
    watchdog,
)
from tests.fuzz.registry import TARGETS
from tests.fuzz.target import Target

MEMORY_EACH = 1000
"""One input of so many has its memory measured, which takes several times its time."""

_WOUND_UP_EACH = 20

_KEPT = 3
"""Inputs of one fault that are kept."""

_LARGE = 60 * 1024
LARGE_EACH = 30
"""Of the largest inputs, one of so many has its memory measured."""


@attrs.frozen
class Batch:
    """The *number*-th batch of the target *name* under a *seed*, of *size* inputs."""

    name: str
    seed: int
    number: int
    size: int


@attrs.define
class Tally:
    """What came of inputs: counts, the slowest, the largest, and the faults."""

    name: str
    inputs: int = 0
    taken: int = 0
    unreached: int = 0
    seconds: float = 0.0
    slowest: float = 0.0
    slowest_input: str = ""
    size: int = 0
    longest: int = 0
    measured: int = 0
    memory: int = 0
    growth: int = 0
    faults: Counter[str] = attrs.field(factory=Counter)
    kept: dict[str, list[tuple[str, bytes]]] = attrs.field(factory=dict)

    def add(self, other: Tally) -> None:
        """Count *other* too."""
        for name in ("inputs", "taken", "unreached", "seconds", "size", "measured"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in ("longest", "memory", "growth"):
            setattr(self, name, max(getattr(self, name), getattr(other, name)))
        if other.slowest > self.slowest:
            self.slowest, self.slowest_input = other.slowest, other.slowest_input
        self.faults.update(other.faults)
        for key, inputs in other.kept.items():
            mine = self.kept.setdefault(key, [])
            mine += inputs[: _KEPT - len(mine)]

    def note_fault(self, fault: Fault, data: bytes) -> None:
        """Count a fault, and keep some inputs that bring it about."""
        self.faults[fault.key] += 1
        kept = self.kept.setdefault(fault.key, [])
        if len(kept) < _KEPT:
            kept.append((fault.text, data))


def digest(data: bytes) -> str:
    """A short name for an input."""
    return hashlib.sha256(data).hexdigest()[:12]


def random_of(batch: Batch) -> Random:
    """The random numbers of a batch, the same in each run with its seed."""
    return Random(f"{batch.seed}/{batch.name}/{batch.number}")  # noqa: S311 - no secrets


def run_batch(batch: Batch) -> Tally:
    """Feed as many inputs as the batch has; those that reach nothing do not count."""
    target = TARGETS[batch.name]
    random, tally = random_of(batch), Tally(batch.name)
    before = peak()
    with watchdog() as wind_up:
        while tally.inputs < batch.size:
            if tally.inputs % _WOUND_UP_EACH == 0:
                wind_up()
            data = target.make(random)
            _take(target, data, tally)
    tally.growth = peak() - before
    return tally


def _take(target: Target, data: bytes, tally: Tally) -> None:
    result = try_input(target, data)
    if result.fault is not None:
        tally.note_fault(result.fault, data)
    elif not result.is_reached:
        tally.unreached += 1
        return
    tally.inputs += 1
    tally.taken += result.is_taken
    tally.seconds += result.seconds
    tally.size += len(data)
    tally.longest = max(tally.longest, len(data))
    if result.seconds > tally.slowest:
        tally.slowest, tally.slowest_input = result.seconds, digest(data)
    each = LARGE_EACH if len(data) >= _LARGE else MEMORY_EACH
    if tally.inputs % each == 0:
        _weigh(target, data, tally)


def _weigh(target: Target, data: bytes, tally: Tally) -> None:
    """Measure the memory of an input."""
    tally.measured += 1
    memory = memory_of(target, data)
    tally.memory = max(tally.memory, memory)
    if memory > MOST_BYTES:
        text = f"{memory / 1024 / 1024:.0f} MiB"
        tally.note_fault(Fault(f"{target.name}: too much memory", text), data)
