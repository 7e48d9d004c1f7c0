"""How often, and after how long, a request is tried again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

from veeam_async.errors import VeeamError, attempts_worth

MAX_RETRY_AFTER = 60.0
"""Seconds: a longer Retry-After is cut to this."""


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

    *attempts* (5) includes the first one; 1 means never again. The wait before attempt
    n+1 is random: at most *wait_initial* (0.2) x 2^(n-1) seconds and at most *wait_max*
    (10), but never less than the server asked for (Retry-After, cut to 60 s). Tried
    again are connection errors that may pass, time-outs, 408, 425, 429, 502 to 504 and
    520 to 524 (gateways' own); a 500 at most twice. A number that is too small raises
    ValueError.
    """

    attempts: int = attrs.field(default=5, validator=_at_least(1))
    wait_initial: float = attrs.field(default=0.2, validator=_at_least(0))
    wait_max: float = attrs.field(default=10.0, validator=_at_least(0))

    def wait(
        self, error: VeeamError, attempt: int, random: Callable[[], float]
    ) -> float | None:
        """Give the seconds until the next attempt, None where there is none.

        *attempt* is the number, from 1, of the one that failed with *error*; *random*
        draws from [0, 1).
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

    *first* is doubled *doublings* times, cut to *longest* and multiplied by *random*,
    in [0, 1). The wait is never less than the server asked for.
    """
    # Bounded before the power: 2.0 ** 1024, after a day of failures, would overflow.
    most = min(longest, first * 2.0 ** min(doublings, 62))
    return max(random * most, asked(error))


def asked(error: BaseException | None) -> float:
    """Seconds of the server's Retry-After, cut to the longest; 0 without one."""
    after = getattr(error, "retry_after", None) or 0.0
    return min(after, MAX_RETRY_AFTER)


NEVER = Retry(attempts=1)
"""One attempt, for callers that decide themselves when to ask again."""
