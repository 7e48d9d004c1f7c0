"""What only aiohttp does: the rest is in test_contract.py."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from aioresponses import aioresponses, core

from tests.support.transports import transport
from veeam_async import ConnectionFailed, RequestTimeout
from veeam_async.transport.exchange import Request

SECRET = "dG9rZW4"
GET = Request("GET", "/api/x?a=%2B%20b", {"X-RestSvcSessionId": SECRET})
POST = Request("POST", "/api/x", {"Content-Length": "0"})


# ---------------------------------------------------------------- by aioresponses


class _Response(aiohttp.ClientResponse):
    """A response with what aiohttp 3.14 wants and aioresponses 0.7.9 leaves out."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs, stream_writer=SimpleNamespace(output_size=0))  # type: ignore[arg-type]  # all that is asked of it


@pytest.fixture
def mocked(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Replace aiohttp's requests by scripted ones."""
    monkeypatch.setattr(core, "ClientResponse", _Response)
    with aioresponses() as mock:
        yield mock


@pytest.mark.parametrize("status", [200, 201, 204, 302, 401, 404, 500, 503])
async def test_every_status_is_a_response(mocked: Any, status: int) -> None:
    """What a status means is decided above."""
    mocked.get("http://em/api/x", status=status, body=b"{}")
    async with transport("aiohttp", "http://em") as made:
        response = await made.send(Request("GET", "/api/x"))

    assert (response.status, response.body) == (status, b"{}")


async def test_headers_of_an_answer_are_in_lower_case(mocked: Any) -> None:
    """However a proxy or HTTP/2 spelt them."""
    headers = {"X-RESTSVCSessionID": "T", "Retry-After": "5"}
    mocked.post("http://em/api/x", status=201, headers=headers)
    async with transport("aiohttp", "http://em") as made:
        response = await made.send(POST)

    assert response.headers["x-restsvcsessionid"] == "T"
    assert response.headers["retry-after"] == "5"


async def test_what_is_asked_of_aiohttp(mocked: Any) -> None:
    """The request's own headers, and no redirect."""
    mocked.get("http://em/api/x", body=b"")
    async with transport("aiohttp", "http://em") as made:
        await made.send(Request("GET", "/api/x", GET.headers))

    ((method, asked), (call,)) = next(iter(mocked.requests.items()))
    assert (method, str(asked)) == ("GET", "http://em/api/x")
    assert call.kwargs["headers"] == {"X-RestSvcSessionId": SECRET}
    assert call.kwargs["allow_redirects"] is False


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (aiohttp.ServerDisconnectedError(), ConnectionFailed),
        (aiohttp.ClientPayloadError("cut"), ConnectionFailed),
        (aiohttp.ConnectionTimeoutError("late"), RequestTimeout),
        (aiohttp.SocketTimeoutError("late"), RequestTimeout),
        (aiohttp.ClientOSError(104, "Connection reset by peer"), ConnectionFailed),
        (aiohttp.ClientConnectionResetError("gone"), ConnectionFailed),
        (ConnectionAbortedError(), ConnectionFailed),
        (TimeoutError(), RequestTimeout),
        (OSError(24, "Too many open files"), ConnectionFailed),
    ],
    ids=lambda value: getattr(value, "__name__", type(value).__name__),
)
async def test_no_error_of_aiohttp_gets_out(
    mocked: Any, error: Exception, kind: type[ConnectionFailed]
) -> None:
    """Each is one of the library's own."""
    mocked.get("http://em/api/x", exception=error)
    async with transport("aiohttp", "http://em") as made:
        with pytest.raises(ConnectionFailed) as caught:
            await made.send(Request("GET", "/api/x"))

    assert type(caught.value) is kind
    assert caught.value.sent is not isinstance(error, aiohttp.ConnectionTimeoutError)
