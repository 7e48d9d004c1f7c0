"""A step of a diagnosis, and how it went."""

from __future__ import annotations

from enum import StrEnum

import attrs


class Status(StrEnum):
    """How a step went."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    NOT_TRIED = "not tried"


@attrs.frozen(kw_only=True)
class Step:
    """A step: its *status*, what was *found*, and what to *do* about that."""

    step: str
    status: Status
    found: str
    do: str | None = None


@attrs.frozen
class Found:
    """What a step found; where there is something to *do* about it, as a warning."""

    text: str
    do: str | None = None


class Fault(Exception):  # noqa: N818 - of what is looked at, not of this program
    """The end of a step: what is wrong, and what to *do* about it."""

    def __init__(self, text: str, do: str) -> None:
        super().__init__(text)
        self.do = do
