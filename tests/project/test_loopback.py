"""The guard that keeps tests on this machine."""

import asyncio
import socket
from collections.abc import Awaitable, Callable

import pytest

from tests.support.loopback import ElsewhereError, is_here, loopback_only

pytestmark = pytest.mark.loops

ELSEWHERE = ("192.0.2.1", 9)


@pytest.mark.parametrize("name", ["connect", "connect_ex", "sendto"])
def test_sockets_are_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """By each call that takes an address, and noted, should somebody catch it."""
    with (
        loopback_only(monkeypatch) as refused,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock,
    ):
        before = (b"x",) if name == "sendto" else ()
        with pytest.raises(ElsewhereError):
            getattr(sock, name)(*before, ELSEWHERE)
    assert refused == ["('192.0.2.1', 9) is not on loopback"]
    refused.clear()


async def _open_connection() -> None:
    await asyncio.open_connection(*ELSEWHERE)


async def _sock_connect() -> None:
    with socket.socket() as sock:
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, ELSEWHERE)


async def _getaddrinfo() -> None:
    await asyncio.get_running_loop().getaddrinfo("em.example.com", 80)


@pytest.mark.parametrize("call", [_open_connection, _sock_connect, _getaddrinfo])
async def test_loops_are_refused(
    monkeypatch: pytest.MonkeyPatch, call: Callable[[], Awaitable[None]]
) -> None:
    """That of asyncio, and that of uvloop, which has sockets of its own."""
    with loopback_only(monkeypatch) as refused:
        with pytest.raises(ElsewhereError):
            await call()
        assert refused
        refused.clear()


def test_what_is_here() -> None:
    """Loopback in either family, its name, and paths; nothing else."""
    here = [("127.0.0.1", 1), ("127.8.8.8", 1), ("::1", 1, 0, 0), ("localhost", 1)]
    assert all(map(is_here, [*here, "/run/x.sock", b"/run/x.sock"]))
    assert not any(is_here((host, 1)) for host in ("10.0.0.1", "::", "em.example.com"))
