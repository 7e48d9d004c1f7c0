"""For how long the lists of one watch have failed, whatever others come to.

GETs stand in for lists by that: where lists that ask for less work, they would hide for
ever that those which look further back do not.
"""

from __future__ import annotations

from math import inf

import attrs


@attrs.define
class ListStreak:
    """Since when the lists that one watch needs have failed, in monotonic seconds.

    *of_ids* are those of its own sessions, *of_everything* those that show new ones
    too; infinite while they work. Another list may work meanwhile that asks for less:
    for fewer pages, or for none that lie so far back.
    """

    of_ids: float = inf
    of_everything: float = inf

    def fail(self, asked_at: float, *, is_whole: bool) -> float:
        """Note a list that failed; since when such lists have."""
        if is_whole:
            self.of_everything = min(self.of_everything, asked_at)
            return self.of_everything
        self.of_ids = min(self.of_ids, asked_at)
        return self.of_ids

    def work(self, *, is_whole: bool) -> bool:
        """Note a list that worked; tell whether all do, as far as is known."""
        self.of_ids = inf
        if is_whole:
            self.of_everything = inf
        return self.of_everything == inf
