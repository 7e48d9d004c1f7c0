"""Run a module of the suite in a fresh process and read its one line of JSON."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

_LIMIT = 300.0
_THRESHOLD = "MALLOC_MMAP_THRESHOLD_"
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


class FailedError(Exception):
    """A process ended with an error; the text is its last line."""


def run(module: str, argument: str, *, fixed: bool = False) -> Any:
    """Give what `python -m benchmarks.<module> <argument>` prints.

    *fixed* keeps glibc from adapting the size above which it maps memory anew.
    """
    command = [sys.executable, "-m", f"benchmarks.{module}", argument]
    try:
        done = subprocess.run(  # noqa: S603 - our own module
            command,
            capture_output=True,
            text=True,
            check=False,
            timeout=_LIMIT,
            env=_environment(fixed=fixed),
        )
    except subprocess.TimeoutExpired as error:
        raise FailedError(f"no result within {_LIMIT:.0f} s") from error
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise FailedError(lines[-1])
    return json.loads(done.stdout)


def _environment(*, fixed: bool) -> dict[str, str]:
    given = {n: value for n, value in os.environ.items() if n.lower() not in _PROXIES}
    return {**given, _THRESHOLD: str(128 * 1024)} if fixed else given
