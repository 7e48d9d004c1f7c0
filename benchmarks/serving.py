"""Start the server of prepared answers, and ask it how busy it has been."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs

from benchmarks.affinity import pin


@attrs.frozen(kw_only=True)
class Serving:
    """A server under way: where it answers, and where it tells of itself."""

    url: str
    control: int


@contextmanager
def server(
    *, size: int, latency: float, certificate: Path | None, core: int | None
) -> Iterator[Serving]:
    """Serve from a process of its own, kept on *core*."""
    command = [sys.executable, "-m", "benchmarks.server"]
    command += ["--size", str(size), "--latency", str(latency)]
    if certificate is not None:
        command += ["--certificate", str(certificate)]
    with subprocess.Popen(  # noqa: S603 - our own module
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None  # noqa: S101 - both are pipes
        assert process.stdout is not None  # noqa: S101
        pin(core, process.pid)
        port, control = (int(process.stdout.readline()) for _ in range(2))
        scheme = "http" if certificate is None else "https"
        try:
            yield Serving(url=f"{scheme}://127.0.0.1:{port}", control=control)
        finally:
            process.stdin.close()


def busy(control: int) -> float:
    """Give how many seconds of processor a server has used."""
    with socket.create_connection(("127.0.0.1", control), timeout=10) as connection:
        return float(connection.makefile("rb").read())
