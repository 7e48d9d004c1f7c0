"""What every test can ask for, and what none may leave behind."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator

import pytest
from hypothesis import settings

# A failing example is printed with the seed that brings it back, and nothing may
# fail for being slow on a busy machine.
settings.register_profile("here", deadline=None, print_blob=True, max_examples=50)
settings.load_profile("here")


@pytest.fixture(autouse=True)
async def _nothing_left() -> AsyncIterator[None]:
    """Fail a test that leaves a task running in its loop."""
    yield
    for _ in range(3):
        await asyncio.sleep(0)
    if _others():
        # What is in a cycle goes with the garbage, and its tasks with it.
        gc.collect()
        await asyncio.sleep(0)
    assert not _others()


def _others() -> set[asyncio.Task[object]]:
    return {task for task in asyncio.all_tasks() if task is not asyncio.current_task()}
