"""What the clients were told, line by line in a file, so that memory holds none of it.

A line is `[time, actor, what, details]`; the time is in seconds since 1970.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import attrs


@attrs.frozen
class Line:
    """Something that an *actor* was told, or did."""

    at: float
    actor: str
    what: str
    details: dict[str, Any]


class Journal:
    """A file of lines at *path*, and how many there are of each sort."""

    def __init__(self, path: Path, now: Callable[[], float]) -> None:
        self._path = path
        self._now = now
        self.counts: Counter[str] = Counter()

    def __enter__(self) -> Self:
        self._file = self._path.open("w", encoding="utf-8")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def note(self, actor: str, what: str, **details: Any) -> None:
        """Write a line."""
        self.counts[what] += 1
        line = [self._now(), actor, what, details]
        self._file.write(f"{json.dumps(line)}\n")

    def count(self, what: str, number: int = 1) -> None:
        """Count what no line is needed for."""
        self.counts[what] += number

    def lines(self) -> Iterator[Line]:
        """All lines so far."""
        self._file.flush()
        with self._path.open(encoding="utf-8") as file:
            for line in file:
                yield Line(*json.loads(line))
