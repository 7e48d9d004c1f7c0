"""Fresh processes: what is measured begins in one, on a processor of its own."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

_LIMIT = 300.0
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
_STATUS = Path("/proc/self/status")


class FailedError(Exception):
    """A process ended with an error; the text is its last line."""


def _cores() -> tuple[int | None, int | None]:
    """Choose one for the clients and one for the server, None without a choice."""
    if sys.platform != "linux":
        return None, None
    allowed = sorted(os.sched_getaffinity(0))
    return (allowed[0], allowed[1]) if len(allowed) > 1 else (None, None)


CLIENT_CORE, SERVER_CORE = _cores()
"""As this process began: before it keeps to one of them."""


def pin(core: int | None, process: int = 0) -> None:
    """Keep a process, this one unless another is named, on *core*."""
    if core is not None and sys.platform == "linux":
        os.sched_setaffinity(process, {core})


def call(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Call a function in a fresh process."""
    return call_with({}, function, *args, **kwargs)


def call_with(
    more: dict[str, str], function: Callable[P, R], *args: P.args, **kwargs: P.kwargs
) -> R:
    """Call it with *more* in its environment, and without proxies."""
    given = {n: v for n, v in os.environ.items() if n.lower() not in _PROXIES}
    try:
        done = subprocess.run(  # noqa: S603 - our own function
            _command(function, args, kwargs),
            capture_output=True,
            text=True,
            check=False,
            timeout=_LIMIT,
            env={**given, **more},
        )
    except subprocess.TimeoutExpired as error:
        raise FailedError(f"no result within {_LIMIT:.0f} s") from error
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise FailedError(lines[-1])
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


def _command(
    function: Callable[..., object], args: object, kwargs: object
) -> list[str]:
    begin = "from benchmarks.process import child; child()"
    return [sys.executable, "-c", begin, _packed((function, args, kwargs))]


def _packed(value: object) -> str:
    return b64encode(pickle.dumps(value)).decode()


def _unpacked(text: str) -> Any:
    return pickle.loads(b64decode(text))  # noqa: S301 - what we packed ourselves


def peak() -> int:
    """Give the peak of this process' resident memory in bytes.

    Linux counts the parent's memory in `ru_maxrss` too, so its own page is read there.
    """
    if _STATUS.exists():
        return _status("VmHWM")
    import resource  # noqa: PLC0415 - not on Windows

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def resident() -> int:
    """Give the resident bytes of this process, 0 where the system does not tell."""
    return _status("VmRSS") if _STATUS.exists() else 0


def _status(field: str) -> int:
    lines = _STATUS.read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))
