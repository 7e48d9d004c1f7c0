"""Fresh processes: what is measured begins in one, on a processor of its own."""

from __future__ import annotations

import asyncio
import os
import pickle
import subprocess
import sys
from base64 import b64decode, b64encode
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from functools import partial, wraps
from math import nan
from pathlib import Path
from typing import IO, Any, Literal, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

_LIMIT = 300.0
_STATUS = Path("/proc/self/status")
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


class FailedError(Exception):
    """A process ended with an error; the text is its last line."""


def _cores() -> tuple[int | None, int | None]:
    """Choose one for the clients and one for the server, None without a choice."""
    allowed = sorted(os.sched_getaffinity(0)) if sys.platform == "linux" else []
    return (allowed[0], allowed[1]) if len(allowed) > 1 else (None, None)


CLIENT_CORE, SERVER_CORE = _cores()
"""As this process began: before it keeps to one of them."""


def pin(core: int | None, process: int = 0) -> None:
    """Keep a process, this one unless another is named, on *core*."""
    if core is not None and sys.platform == "linux":
        os.sched_setaffinity(process, {core})


def call(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Call a function in a fresh process, without proxies in its environment."""
    given = {n: v for n, v in os.environ.items() if n.lower() not in _PROXIES}
    run = partial(subprocess.run, capture_output=True, text=True, check=True, env=given)
    try:
        done = run(_command(function, args, kwargs), timeout=_LIMIT)
    except subprocess.TimeoutExpired as error:
        raise FailedError(f"no result within {_LIMIT:.0f} s") from error
    except subprocess.CalledProcessError as error:
        lines = error.stderr.strip().splitlines() or [f"exit code {error.returncode}"]
        raise FailedError(lines[-1]) from error
    found: R = _unpacked(done.stdout.splitlines()[-1])
    return found


def attempt(
    failed: dict[str, str],
    name: str,
    function: Callable[P, R],
    *args: P.args,
    **kwargs: P.kwargs,
) -> R | None:
    """Call it and say so; where it fails, *failed* tells why by the *name*."""
    print(name, file=sys.stderr, flush=True)
    try:
        return call(function, *args, **kwargs)
    except FailedError as error:
        failed[name] = str(error)
        print(f"{name} failed: {error}", file=sys.stderr, flush=True)
        return None


@contextmanager
def beside(
    core: int | None, function: Callable[P, None], *args: P.args, **kwargs: P.kwargs
) -> Iterator[IO[str]]:
    """Call a function on *core*, for as long as this lasts; lends what it prints.

    It sees the end of its standard input when it should end.
    """
    with subprocess.Popen(  # noqa: S603 - our own function
        _command(function, args, kwargs),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None  # noqa: S101 - both are pipes
        assert process.stdout is not None  # noqa: S101
        pin(core, process.pid)
        try:
            yield process.stdout
        finally:
            process.stdin.close()


def child() -> None:
    """Call, in the fresh process, the function that its command line holds."""
    function, args, kwargs = _unpacked(sys.argv[1])
    found = function(*args, **kwargs)
    if found is not None:
        print(_packed(found))


def in_loop(
    factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
) -> Callable[[Callable[P, Coroutine[Any, Any, R]]], Callable[P, R]]:
    """Let a coroutine function be called as any other, in a loop of its own."""

    def decorate(function: Callable[P, Coroutine[Any, Any, R]]) -> Callable[P, R]:
        @wraps(function)
        def called(*args: P.args, **kwargs: P.kwargs) -> R:
            with asyncio.Runner(loop_factory=factory) as runner:
                return runner.run(function(*args, **kwargs))

        return called

    return decorate


def _command(
    function: Callable[..., object], args: object, kwargs: object
) -> list[str]:
    begin = "from benchmarks.process import child; child()"
    return [sys.executable, "-c", begin, _packed((function, args, kwargs))]


def _packed(value: object) -> str:
    return b64encode(pickle.dumps(value)).decode()


def _unpacked(text: str) -> Any:
    return pickle.loads(b64decode(text))  # noqa: S301 - what we packed ourselves


def memory(of: Literal["VmHWM", "VmRSS"]) -> float:
    """Give the bytes that are resident in this process, at the peak or now.

    Linux tells them; elsewhere they are no number, and not measured.
    """
    if not _STATUS.exists():
        return nan
    lines = _STATUS.read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(of))
