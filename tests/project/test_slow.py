"""What `make quick` leaves out falls under that by itself."""

import asyncio
import sys
from pathlib import Path

import pytest

from tests.support.slow import DEAR, starts

SHOUT = (sys.executable, "-c", "print('!')")


async def starter() -> None:
    """Start a process."""
    await asyncio.create_subprocess_exec(*SHOUT)


async def caller() -> None:
    """Start one by way of another function, within one of its own."""

    async def within() -> None:
        await starter()

    await within()


@pytest.fixture
async def started() -> None:
    """Start one for a test."""
    await caller()


async def bystander() -> None:
    """Start none, and call itself."""
    await bystander()


@pytest.mark.parametrize("thing", [starter, caller, started])
def test_what_starts_a_process_is_found(thing: object) -> None:
    """Be it a test, a helper or a fixture, however far away the start is."""
    assert starts(thing)


@pytest.mark.parametrize("thing", [bystander, asyncio.run, SHOUT, None])
def test_what_starts_none_is_not(thing: object) -> None:
    """Neither what calls itself, nor what is not the tests' own."""
    assert not starts(thing)


@pytest.mark.parametrize("path", sorted(DEAR), ids=lambda path: path.name)
def test_each_file_that_is_called_dear_is_there(path: Path) -> None:
    """One that has another name now would come back unseen."""
    assert path.is_file()
