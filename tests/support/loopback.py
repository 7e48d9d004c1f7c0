"""No test reaches another machine: whatever is not loopback is refused, and told."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

_NO_SUCH_NAME = socket.gaierror(socket.EAI_NONAME, "Name or service not known")


class ElsewhereError(Exception):
    """Something was about to be sent to another machine."""


def is_here(address: object) -> bool:
    """Whether *address*, as a socket takes it, is on this machine."""
    if not isinstance(address, tuple):
        return True  # a path, of a Unix socket
    return _is_local(address[0])


def _is_local(host: object) -> bool:
    name = host.decode() if isinstance(host, bytes) else host
    if not isinstance(name, str) or name in ("", "localhost"):
        return name is None or name in ("", "localhost")
    try:
        return ipaddress.ip_address(name.partition("%")[0]).is_loopback
    except ValueError:
        return False


@contextmanager
def loopback_only(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Refuse every other address during the block; what was refused is given."""
    refused: list[str] = []

    def check(address: object) -> None:
        if not is_here(address):
            refused.append(f"{address} is not on loopback")
            raise ElsewhereError(refused[-1])

    def guarded(call: Callable[..., Any], place: int) -> Callable[..., Any]:
        def ask(*args: Any, **kwargs: Any) -> Any:
            check(args[place])
            return call(*args, **kwargs)

        return ask

    for name in ("connect", "connect_ex"):
        monkeypatch.setattr(
            socket.socket, name, guarded(getattr(socket.socket, name), 1)
        )
    # The address comes last, behind the flags where there are some.
    monkeypatch.setattr(socket.socket, "sendto", guarded(socket.socket.sendto, -1))
    monkeypatch.setattr(socket, "getaddrinfo", _resolver(check))
    _guard_uvloop(monkeypatch, check)
    yield refused


def _resolver(check: Callable[[object], None]) -> Callable[..., Any]:
    """A `getaddrinfo` that asks no name server."""
    resolve = socket.getaddrinfo

    def getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        if _is_reserved(host):
            raise _NO_SUCH_NAME
        check((host,))
        return resolve(host, *args, **kwargs)

    return getaddrinfo


def _is_reserved(host: object) -> bool:
    """Whether RFC 6761 says of *host* that it never exists."""
    name = host.decode() if isinstance(host, bytes) else str(host)
    return name.endswith(".invalid")


def _guard_uvloop(
    monkeypatch: pytest.MonkeyPatch, check: Callable[[object], None]
) -> None:
    """Guard the loop that has sockets of its own, where it is installed."""
    try:
        from uvloop import Loop  # noqa: PLC0415 - not on Windows
    except ImportError:
        return
    resolve, connect, sock_connect = (
        Loop.getaddrinfo,
        Loop.create_connection,
        Loop.sock_connect,
    )

    async def getaddrinfo(self: Any, host: Any, *args: Any, **kwargs: Any) -> Any:
        if _is_reserved(host):
            raise _NO_SUCH_NAME
        check((host,))
        return await resolve(self, host, *args, **kwargs)

    async def create_connection(
        self: Any, factory: Any, host: Any = None, *args: Any, **kwargs: Any
    ) -> Any:
        if host is not None and not _is_reserved(host):
            check((host,))
        return await connect(self, factory, host, *args, **kwargs)

    async def connect_socket(self: Any, sock: Any, address: Any) -> Any:
        check(address)
        return await sock_connect(self, sock, address)

    monkeypatch.setattr(Loop, "getaddrinfo", getaddrinfo)
    monkeypatch.setattr(Loop, "create_connection", create_connection)
    monkeypatch.setattr(Loop, "sock_connect", connect_socket)
