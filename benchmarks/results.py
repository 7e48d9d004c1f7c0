"""All that one run came to, to write down and to compare."""

from __future__ import annotations

import json
from pathlib import Path

import attrs
from cattrs import structure

from benchmarks.extras import Extras
from benchmarks.roster import BUFFERED, OURS
from benchmarks.rounds import Outcome
from benchmarks.summary import Summary

_QUIET = 0.9


@attrs.frozen(kw_only=True)
class Results:
    """Outcomes by the key of their subject, and what else was measured."""

    machine: dict[str, str]
    outcomes: dict[str, Outcome]
    extras: Extras
    minutes: float
    quick: bool

    def summary(self, subject: str, client: str) -> Summary | None:
        """Give what a client came to, None where it is absent."""
        outcome = self.outcomes.get(subject)
        return None if outcome is None else outcome.summaries.get(client)

    @property
    def ceilings(self) -> dict[str, float]:
        """Requests a second that the server's processor could answer, by subject."""
        floors = {key: self.summary(key, BUFFERED) for key in ("base", "plain")}
        return {key: 1e6 / one.server.median for key, one in floors.items() if one}

    def quiet(self, subject: str, *clients: str) -> float:
        """The share of the time that the clients of a subject had their processor.

        They never wait where a target is taken, so what is missing from the least share
        was taken by something else, or by a server that could not keep up.
        """
        found = [self.summary(subject, client) for client in clients or (OURS,)]
        shares = [one.cpu.median / one.wall.median for one in found if one]
        return min(shares, default=1.0)

    def is_disturbed(self, subject: str, *clients: str) -> bool:
        """Whether rates say more about the neighbours than about the clients."""
        return self.quiet(subject, *clients) < _QUIET

    def write(self, path: Path) -> None:
        """Write everything as JSON."""
        data = {**attrs.asdict(self), "ceilings": self.ceilings}
        path.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Results:
        """Read what `write` wrote."""
        return structure(json.loads(path.read_text(encoding="utf-8")), cls)
