"""A small part of `make fuzz`, with a seed that is printed; nothing here is timed."""

from __future__ import annotations

import secrets
from random import Random

import pytest

from tests.fuzz.batch import Batch, digest, random_of
from tests.fuzz.registry import TARGETS
from tests.fuzz.target import Target, Unreached

INPUTS = 300


@pytest.mark.parametrize("name", TARGETS)
def test_only_errors_of_the_library_come_of_what_is_fed(name: str) -> None:
    """Whatever the input, it is taken or refused in the library's own words."""
    target, seed = TARGETS[name], secrets.randbelow(2**32)
    random = random_of(Batch(name, seed, 0, INPUTS))
    reached = 0
    for number in range(INPUTS // target.one_in):
        data = target.make(random)
        try:
            reached += is_own(target, data)
        except BaseException as error:
            error.add_note(f"seed {seed}, input {number}: {data!r}"[:2000])
            raise
    assert reached


def is_own(target: Target, data: bytes) -> bool:
    """Whether *data* reached the target, which raised nothing but its own errors."""
    try:
        target.feed(data)
    except Unreached:
        return False
    except Exception as error:
        if not (target.own(error) and str(error) and repr(error)):
            raise
    return True


@pytest.mark.parametrize("name", TARGETS)
def test_a_seed_gives_the_same_inputs_again(name: str) -> None:
    """So that whatever is found can be found again."""
    batch, make = Batch(name, 7, 3, 50), TARGETS[name].make

    def names(random: Random) -> list[str]:
        return [digest(make(random)) for _ in range(batch.size)]

    assert names(random_of(batch)) == names(random_of(batch))
    assert names(random_of(batch)) != names(random_of(Batch(name, 8, 3, 50)))
