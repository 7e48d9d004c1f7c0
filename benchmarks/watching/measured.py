"""Run the parts of a plan, each in a process of its own, and keep what they found."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import attrs
from cattrs import structure

from benchmarks.fresh import FailedError, run
from benchmarks.watching.plan import Part

K = TypeVar("K")


@attrs.frozen
class Measured:
    """What each part *found*, by its name, and why one *failed*."""

    found: dict[str, Any]
    failed: dict[str, str]

    def get(self, name: str, kind: type[K]) -> K | None:
        """Give what a part found, None where it failed or did not run."""
        return structure(self.found[name], kind) if name in self.found else None


def measure(parts: Sequence[Part], *, timed_at_once: int, at_once: int) -> Measured:
    """Run the parts that tell times, then the others, so many of each at once.

    A line on stderr tells how far it is.
    """
    measured = Measured({}, {})
    for alone, many in ((True, timed_at_once), (False, at_once)):
        chosen = [part for part in parts if part.alone == alone]
        with ThreadPoolExecutor(max_workers=many) as threads:
            for _ in threads.map(lambda part: _run(part, measured), chosen):
                pass
    return measured


def _run(part: Part, measured: Measured) -> None:
    print(f"{part.name:24} {part.given}", file=sys.stderr, flush=True)
    try:
        found = run(f"watching.{part.module}", json.dumps(part.given))
        measured.found[part.name] = found
    except FailedError as error:
        measured.failed[part.name] = str(error)
        print(f"{part.name:24} failed: {error}", file=sys.stderr, flush=True)
