"""Simulators that a test comes late to, as it does now and then on a busy machine."""

from __future__ import annotations

from pathlib import Path

from veeam_async.simulator import Simulator

_HERE = Path(__file__).parent

LATE_PROCESS = (_HERE / "late_process", _HERE.parents[1])
"""The path by which a Python that is started has its simulator come late too."""


def come_late(seconds: float) -> None:
    """Let so many real seconds pass in each simulator before its test sees it.

    Where time stands still none passes, nor where the test says when it starts and so
    reckons with it. What fails then has taken for granted that it comes before a
    session ends.
    """
    enter = Simulator.__aenter__

    async def enter_late(self: Simulator) -> Simulator:
        await enter(self)
        if self._start is None:
            Simulator.advance(self, seconds * self._speed)
        return self

    setattr(Simulator, "__aenter__", enter_late)  # noqa: B010 - no type checker minds
