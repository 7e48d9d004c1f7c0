"""How often, and after how long, a request is tried again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

from veeam_async.errors import VeeamError, attempts_worth

MAX_RETRY_AFTER = 60.0
"""Seconds: the longest wait that a server's Retry-After is believed."""


def _at_least(
    least: int,
) -> Callable[[object, attrs.Attribute[Any], object], None]:
    def check(_retry: object, field: attrs.Attribute[Any], value: object) -> None:
        if not isinstance(value, int | float) or not value >= least:
            raise ValueError(f"{field.name} must be a number, at least {least}")

    return check


@attrs.frozen(kw_only=True)
class Retry:
    """How failed requests are tried again: GET, DELETE, the logon, what was not sent.

    *attempts* counts the first one; 1 means never again. Before attempt n+1 passes a
    random time of up to *wait_initial* x 2^(n-1) seconds, never above *wait_max*, and
    never less than the server asked for (Retry-After, believed up to 60 s). Tried again
    are connection errors, time-outs, 429, 502, 503, 504, and 500 at most twice.
    """

    attempts: int = attrs.field(default=5, validator=_at_least(1))
    wait_initial: float = attrs.field(default=0.2, validator=_at_least(0))
    wait_max: float = attrs.field(default=10.0, validator=_at_least(0))

    def wait(
        self, error: VeeamError, attempt: int, random: Callable[[], float]
    ) -> float | None:
        """Give the seconds until the next attempt, None where there is none.

        *attempt* is the number of the one that failed with *error*, from 1.
        """
        if attempt >= min(self.attempts, attempts_worth(error)):
            return None
        return jittered(
            error,
            attempt - 1,
            random(),
            first=self.wait_initial,
            longest=self.wait_max,
        )


def jittered(
    error: VeeamError, doublings: int, random: float, *, first: float, longest: float
) -> float:
    """Seconds to wait after *error*, with full jitter.

    They are the part *random* of *first*, doubled so often but never above *longest*,
    and no less than the server asked for.
    """
    # Bounded before the power: 2.0 ** 1024, after a day of failures, would overflow.
    most = min(longest, first * 2.0 ** min(doublings, 62))
    return max(random * most, asked(error))


def asked(error: BaseException | None) -> float:
    """Seconds that the server asked to wait, as far as they are believed."""
    after = getattr(error, "retry_after", None) or 0.0
    return min(after, MAX_RETRY_AFTER)


NEVER = Retry(attempts=1)
"""One attempt: for what decides itself when to ask again."""
