"""Which tests are slow: `make quick` leaves them out.

Found by itself, so that a new test falls under it: what starts a process or opens a
terminal, laws that are tried on many examples, and the second way of what runs over TLS
or on another loop too. What is dear for other reasons lies in a file named here.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from functools import cache
from types import CodeType, FunctionType

import pytest
from hypothesis import is_hypothesis_test

from tests.support.paths import TESTS

STARTERS = {"create_subprocess_exec", "fork", "openpty", "subprocess"}
"""Names of what starts a process, or opens a terminal for one."""

OTHER_WAYS = {"https", "posting", "uvloop"}
"""What a test is called that ran over plain HTTP, or on asyncio's loop, before."""

DEAR = {
    TESTS / "cli" / "test_run.py",
    TESTS / "cli" / "test_secrets.py",
    TESTS / "jobs" / "test_bad_minutes.py",
    TESTS / "jobs" / "test_wait.py",
    TESTS / "jobs" / "test_watch.py",
    TESTS / "pool" / "test_half_answers.py",
    TESTS / "pool" / "test_limiter.py",
    TESTS / "pool" / "test_logon.py",
    TESTS / "pool" / "test_silence.py",
    TESTS / "project" / "test_benchmarks.py",
    TESTS / "project" / "test_faults.py",
    TESTS / "project" / "test_fuzz.py",
    TESTS / "project" / "test_pages.py",
    TESTS / "project" / "test_soak.py",
    TESTS / "resources" / "test_query_whole.py",
    TESTS / "test_secrets.py",
    TESTS / "test_secrets_echoed.py",
    TESTS / "watch" / "test_clocks.py",
    TESTS / "watch" / "test_clocks_simulated.py",
    TESTS / "watch" / "test_everything.py",
    TESTS / "watch" / "test_following.py",
    TESTS / "watch" / "test_lists.py",
    TESTS / "watch" / "test_missing.py",
}
"""Files whose tests take a tenth of a second each, or more."""


def is_slow(test: pytest.Function) -> bool:
    """Whether *test* is left out where an answer is wanted soon."""
    called = test.callspec.id.split("-") if hasattr(test, "callspec") else ()
    return (
        test.path in DEAR
        or not OTHER_WAYS.isdisjoint(called)
        or is_hypothesis_test(test.function)
        or starts_processes(test)
    )


def starts_processes(test: pytest.Function) -> bool:
    """Whether *test* does, or a fixture that it uses."""
    return _uses_starters(test.function, test.module.__name__, *test.fixturenames)


@cache  # asked once for all the cases of a test
def _uses_starters(function: object, module: str, *fixtures: str) -> bool:
    folder = module.rpartition(".")[0]
    places = [sys.modules.get(module), sys.modules.get(f"{folder}.conftest")]
    used = [getattr(place, name, 0) for name in fixtures for place in places]
    return any(map(starts, [function, *used]))


def starts(thing: object) -> bool:
    """Whether *thing*, a function of the tests, starts a process or calls such."""
    function = _unwrapped(thing)
    return function is not None and _starts(function)


@cache
def _starts(function: FunctionType) -> bool:
    seen = set()
    left = [function]
    while left:
        function = left.pop()
        seen.add(function)
        names = set(_names(function.__code__))
        if names & STARTERS:
            return True
        reached = map(_unwrapped, map(function.__globals__.get, names))
        left += [each for each in reached if each and each not in seen]
    return False


def _unwrapped(thing: object) -> FunctionType | None:
    """The function of a test, a fixture or a helper; None is anything else."""
    function = inspect.unwrap(thing) if callable(thing) else None
    is_ours = isinstance(function, FunctionType) and function.__module__.startswith(
        "tests."
    )
    return function if is_ours else None


def _names(code: CodeType) -> Iterator[str]:
    """All names that *code* uses, in the functions within it too."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)
