"""Keep count of what was told of each session, in memory that does not grow."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from benchmarks.watching.world import number_of
from veeam_async.models import BackupJobSession
from veeam_async.watch.watch import Watch

_FOUND, _ENDED = "FOUND", ("STOPPED", "GONE")


class Ledger:
    """How often each of *count* sessions was told as found, and as ended."""

    def __init__(self, count: int) -> None:
        self._found = bytearray(count)
        self._ended = bytearray(count)

    async def keep(self, watch: Watch[BackupJobSession]) -> None:
        """Take in all that a watch tells, until it ends."""
        async for event in watch:
            if event.id is not None:
                self.note(event.id, event.kind)

    def note(self, one: UUID, kind: str) -> None:
        """Take in an event."""
        if kind == _FOUND:
            self._raise(self._found, number_of(one))
        elif kind in _ENDED:
            self._raise(self._ended, number_of(one))

    def once(self, numbers: Iterable[int]) -> int:
        """Count those of the sessions that were found once and ended once."""
        return sum(self._found[one] == 1 == self._ended[one] for one in numbers)

    @staticmethod
    def _raise(counts: bytearray, number: int) -> None:
        counts[number] = min(255, counts[number] + 1)
