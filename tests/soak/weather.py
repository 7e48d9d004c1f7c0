"""What goes wrong when: spells of weather, drawn from a seed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import attrs

from veeam_async.simulator import Faults
from veeam_async.simulator.refused import QUERY_FAULTS
from veeam_async.simulator.substitutes import SUBSTITUTES, Substitute

BAD_MINUTE = 66.0
"""Seconds of 404 for everything, once in a run that is long enough."""

LARGE = 5 << 20
"""Bytes of an answer that is too large: more than the clients take."""

DRIZZLE: dict[str, Any] = {
    "latency": 0.02,
    "latency_seconds": 0.4,
    "unavailable": 0.01,
    "server_error": 0.01,
    "html": 0.005,
    "reset": 0.01,
    "reset_body": 0.005,
    "truncated": 0.005,
    "malformed": 0.005,
    "close": 0.01,
    "bad_characters": 0.01,
    "null_rows": 0.01,
    "large_bytes": LARGE,
}
"""What goes wrong all the time, whatever the spell."""

SPELLS: dict[str, dict[str, Any]] = {
    "resets": {"reset": 0.12, "reset_body": 0.08, "close": 0.1},
    "cut bodies": {"truncated": 0.12, "malformed": 0.12},
    "pages of HTML": {"html": 0.25},
    "bursts of 503": {"unavailable": 0.04, "unavailable_burst": 8, "retry_after": 0.2},
    "errors": {"server_error": 0.2},
    "late answers": {"latency": 0.3, "latency_seconds": 2.0, "slow": 0.1},
    "bad characters": {"bad_characters": 0.3, "null_rows": 0.3},
    "other questions": {"other_session": 0.15, "other_page": 0.2, "other_task": 0.3},
    "lost tokens": {"expired": 0.03},
    "all at once": {
        **dict.fromkeys(("reset", "reset_body", "truncated", "malformed"), 0.03),
        **dict.fromkeys(("html", "unavailable", "server_error", "expired"), 0.03),
        **dict.fromkeys(("other_session", "other_page", "other_task"), 0.05),
    },
}
"""Faults that strike any request, by chance."""

_MOST_MINUTES = 0.3
"""The longest part of a run that the bad minute may be."""


@attrs.frozen(kw_only=True)
class Spell:
    """What goes wrong for so many *seconds*.

    *answer* is what a restarting service answers, *is_page* whether as HTML. With
    *expires* all tokens die at its beginning.
    """

    name: str
    seconds: float
    faults: Faults
    answer: Substitute | None = None
    is_page: bool = True
    expires: bool = False


def forecast(seed: str, seconds: float) -> list[Spell]:
    """Spells for so many *seconds*, each kind before any of them comes again."""
    rng = random.Random(f"{seed} weather")
    spells: list[Spell] = []
    left, coming = seconds, _kinds(rng, seconds)
    while left > 0:
        spell = next(coming)
        spells.append(spell)
        left -= spell.seconds
    return spells


def _kinds(rng: random.Random, seconds: float) -> Iterator[Spell]:
    is_first = True
    while True:
        kinds = [*_plain(rng), *_lists(rng), *_restarts(rng)]
        rng.shuffle(kinds)
        if is_first and seconds * _MOST_MINUTES > BAD_MINUTE:
            # Not at once, when there is nothing yet that could be lost.
            kinds.insert(rng.randrange(3, 9), _restart(rng, "404", BAD_MINUTE))
        is_first = False
        yield from kinds


def _plain(rng: random.Random) -> Iterator[Spell]:
    for name, faults in SPELLS.items():
        yield Spell(
            name=name,
            seconds=rng.uniform(6, 12),
            faults=Faults(**(DRIZZLE | faults)),
            expires=rng.random() < 1 / 3,
        )


def _lists(rng: random.Random) -> Iterator[Spell]:
    # A few in each round, so that no kind of fault waits for all the others.
    for way in rng.sample(QUERY_FAULTS, 4):
        faults = {"queries": {way: 1.0}, "stall_seconds": 8.0}
        yield Spell(
            name=f"lists: {way}",
            seconds=rng.uniform(8, 20),
            faults=Faults(**(DRIZZLE | faults)),
        )


def _restarts(rng: random.Random) -> Iterator[Spell]:
    for answer in SUBSTITUTES:
        yield _restart(rng, answer, rng.uniform(2, 5))


def _restart(rng: random.Random, answer: Substitute, seconds: float) -> Spell:
    return Spell(
        name=f"restart: {answer}",
        seconds=seconds,
        faults=Faults(**DRIZZLE),
        answer=answer,
        is_page=rng.random() < 1 / 2,
        expires=rng.random() < 1 / 2,
    )
