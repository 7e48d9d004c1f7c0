"""An answer and a fault in, bytes on a connection out: the only place that writes."""

import asyncio
import socket
import struct
import sys
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeAlias

import attrs
from aiohttp import web

SERVER = "Microsoft-HTTPAPI/2.0"
PAGE = (
    b"<!DOCTYPE html>\n<html><head><title>Veeam Backup</title></head>"
    b"<body><p>Please enable JavaScript.</body></html>"
)
DRIPS = 10
"""Into how many pieces a slow body is cut."""


@attrs.frozen
class Parcel:
    """A rendered answer."""

    status: int
    body: bytes
    headers: Mapping[str, str]


Drip: TypeAlias = Callable[[], Coroutine[Any, Any, None]]
"""What is waited for before each piece of a slow body."""
Deliverer: TypeAlias = Callable[
    [web.BaseRequest, Parcel, Drip], Coroutine[Any, Any, web.StreamResponse]
]


async def deliver(
    request: web.BaseRequest, parcel: Parcel, kind: str | None, drip: Drip
) -> web.StreamResponse:
    """Send *parcel* as the answer to *request*, spoilt by the fault *kind*."""
    if kind is None or (kind != "reset" and not parcel.body):
        return web.Response(
            status=parcel.status, body=parcel.body or None, headers=parcel.headers
        )
    try:
        return await _SPOILT.get(kind, _whole)(request, parcel, drip)
    except ConnectionResetError:
        # The client did not wait for the end: there is nobody left to tell.
        return web.Response(status=parcel.status)


async def _whole(
    _request: web.BaseRequest, parcel: Parcel, _drip: Drip
) -> web.StreamResponse:
    return web.Response(status=parcel.status, body=parcel.body, headers=parcel.headers)


async def _reset(
    request: web.BaseRequest, parcel: Parcel, _drip: Drip
) -> web.StreamResponse:
    _abort(request)
    return web.Response(status=parcel.status)


async def _reset_body(
    request: web.BaseRequest, parcel: Parcel, _drip: Drip
) -> web.StreamResponse:
    response = await _begun(request, parcel)
    # What lies in the kernel is lost with a reset, so give it the time to go.
    await asyncio.sleep(0.01)
    _abort(request)
    return response


async def _truncated(
    request: web.BaseRequest, parcel: Parcel, _drip: Drip
) -> web.StreamResponse:
    response = await _begun(request, parcel)
    _close(request)
    return response


async def _malformed(
    _request: web.BaseRequest, parcel: Parcel, _drip: Drip
) -> web.StreamResponse:
    half = parcel.body[: len(parcel.body) // 2]
    return web.Response(status=parcel.status, body=half, headers=parcel.headers)


async def _slow(
    request: web.BaseRequest, parcel: Parcel, drip: Drip
) -> web.StreamResponse:
    response = _stream(parcel)
    await response.prepare(request)
    size = max(1, -(-len(parcel.body) // DRIPS))
    for start in range(0, len(parcel.body), size):
        await drip()
        await response.write(parcel.body[start : start + size])
    return response


async def _closed(
    request: web.BaseRequest, parcel: Parcel, _drip: Drip
) -> web.StreamResponse:
    response = _stream(parcel)
    await response.prepare(request)
    await response.write(parcel.body)
    await response.write_eof()
    _close(request)
    return response


_SPOILT: dict[str, Deliverer] = {
    "reset": _reset,
    "reset_body": _reset_body,
    "truncated": _truncated,
    "malformed": _malformed,
    "slow": _slow,
    "close": _closed,
}


def _stream(parcel: Parcel) -> web.StreamResponse:
    response = web.StreamResponse(status=parcel.status, headers=parcel.headers)
    response.content_length = len(parcel.body)
    return response


async def _begun(request: web.BaseRequest, parcel: Parcel) -> web.StreamResponse:
    response = _stream(parcel)
    await response.prepare(request)
    await response.write(parcel.body[: len(parcel.body) // 2])
    return response


def _close(request: web.BaseRequest) -> None:
    if request.transport is not None:
        request.transport.close()


def _abort(request: web.BaseRequest) -> None:
    transport = request.transport
    if transport is None:
        return
    connection = transport.get_extra_info("socket")
    # To linger for no time makes the kernel send a reset instead of an end.
    numbers = "hh" if sys.platform == "win32" else "ii"
    linger = struct.pack(numbers, 1, 0)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    transport.abort()
