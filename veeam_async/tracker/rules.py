"""How sessions are watched: how often, how long in vain, how much is told."""

from __future__ import annotations

from math import floor, inf

import attrs
from attrs.validators import ge, gt, lt

_NEAR = 0.05
"""The part of an interval before a tick in which a look counts as that tick's own."""


@attrs.frozen(kw_only=True)
class Rules:
    """How sessions are watched; all times in seconds.

    *interval* lies between two looks; *progress* asks for events about progress;
    a session that was never seen may be missing for *appear_within*; looks may fail for
    *patience* before that is told. With a *phase*, a fraction of the interval, looks
    come at ticks that all watches of this interval and phase share.
    """

    interval: float = attrs.field(default=5.0, validator=[gt(0), lt(inf)])
    progress: bool = False
    appear_within: float = attrs.field(default=300.0, validator=ge(0))
    patience: float = attrs.field(default=60.0, validator=ge(0))
    phase: float | None = None

    def next_look(self, asked_at: float, at: float) -> float:
        """Give when to look again after an answer that came *at*."""
        if self.phase is None:
            return max(asked_at + self.interval, at)
        offset = self.phase * self.interval
        ticks = floor((at - offset) / self.interval + _NEAR) + 1
        return ticks * self.interval + offset
