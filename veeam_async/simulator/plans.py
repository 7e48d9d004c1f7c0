"""What the next start of a job comes to, as a test has planned it."""

import math

import attrs

STARTED = (("Starting", 10.0), ("Working", 240.0))
"""What a started session goes through unless it is planned otherwise."""

APPEARING_SECONDS = 5.0
"""How late a started run is shown, in simulated seconds."""


def _ends(plan: "Plan", _field: object, retries: tuple[str, ...]) -> None:
    if retries and any(math.isinf(seconds) for _, seconds in plan.script):
        raise ValueError("a session that never ends is never tried again")


@attrs.frozen(kw_only=True)
class Plan:
    """A start to come; the fields are the arguments of `next_run`."""

    script: tuple[tuple[str, float], ...] = STARTED
    result: str = "Success"
    failure_message: str | None = None
    retries: tuple[str, ...] = attrs.field(default=(), validator=_ends)
    retry_in: float = 600.0
    appears_in: float = APPEARING_SECONDS
    links: bool = True
    refusal: str | None = None
