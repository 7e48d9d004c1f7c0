"""Probabilities in, one draw for each request out: which fault strikes next."""

import random
from typing import Any

import attrs

KINDS = (
    *("unavailable", "server_error", "expired", "html"),
    *("reset", "reset_body", "truncated", "malformed", "slow", "close"),
)
"""The faults in the order in which they are drawn: the first that strikes is it."""


def _probability(default: float = 0.0) -> Any:
    return attrs.field(
        default=default, validator=[attrs.validators.ge(0), attrs.validators.le(1)]
    )


@attrs.frozen(kw_only=True)
class Faults:
    """How often which fault strikes a request; all zero: never.

    Each number between 0 and 1 is the probability for one request. At most one
    fault strikes a request (latency may come on top); they are drawn in the
    order in which the fields stand here. `unavailable`, `server_error`,
    `expired` and `html` come in place of the work, all others only spoil its
    answer: an action has then been carried out although nobody was told.
    """

    latency: float = _probability()
    """The request waits for `latency_seconds` before anything else."""
    latency_seconds: float = 0.1
    """How long, in real seconds."""
    unavailable: float = _probability()
    """503, for this request and the `unavailable_burst - 1` that follow."""
    unavailable_burst: int = attrs.field(default=1, validator=attrs.validators.ge(1))
    """How many requests in a row get a 503 once it strikes."""
    retry_after: float | None = None
    """Seconds for the Retry-After header of these; None: no such header."""
    server_error: float = _probability()
    """500 with Enterprise Manager's best known sentence."""
    expired: float = _probability()
    """401, and the token that was sent is dead from then on."""
    html: float = _probability()
    """200 with an HTML page, as a proxy or the wrong port gives."""
    reset: float = _probability()
    """The connection is reset before a byte of the answer."""
    reset_body: float = _probability()
    """The connection is reset in the middle of the body."""
    truncated: float = _probability()
    """The body is cut short of its Content-Length, then the connection is closed."""
    malformed: float = _probability()
    """The body ends in the middle of its grammar, with a fitting Content-Length."""
    slow: float = _probability()
    """The body comes in ten drips over `slow_seconds`."""
    slow_seconds: float = 0.5
    """How long a slow body takes, in real seconds."""
    close: float = _probability()
    """A whole answer, then the connection is closed without having said so."""
    logon: bool = False
    """Whether logging on and logging out are struck too."""


@attrs.frozen
class Strike:
    """What strikes one request: the name of a fault or None, and seconds to wait."""

    kind: str | None = None
    latency: float = 0.0


class Dice:
    """Draws the faults of one simulator, from its seed."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(f"{seed} faults")
        self._burst = 0

    def roll(self, faults: Faults, *, is_logon: bool) -> Strike:
        """Draw what strikes the next request."""
        if is_logon and not faults.logon:
            return Strike()
        is_late = self._hits(faults.latency)
        return Strike(self._kind(faults), faults.latency_seconds if is_late else 0.0)

    def _kind(self, faults: Faults) -> str | None:
        if self._burst:
            self._burst -= 1
            return "unavailable"
        for kind in KINDS:
            if self._hits(getattr(faults, kind)):
                if kind == "unavailable":
                    self._burst = faults.unavailable_burst - 1
                return kind
        return None

    def _hits(self, probability: float) -> bool:
        return probability > 0 and self._rng.random() < probability
