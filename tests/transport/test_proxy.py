"""Through a proxy: by CONNECT to TLS, and by forwarding to plain HTTP."""

from __future__ import annotations

import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from traceback import walk_tb
from typing import Any
from urllib.parse import unquote

import pytest
import trustme
from yarl import URL

from tests.support.bodies import behind_logon, session, uuid_of
from tests.support.fault_server import Answer, FaultServer
from tests.support.proxy import Proxy
from veeam_async import (
    CertificateError,
    ConnectionFailed,
    EnterpriseManager,
    Fingerprint,
    Retry,
)
from veeam_async.transport.tls import fingerprint_of

SESSION_ID = uuid_of(1)
PASSWORD = "pr0xy-s3cret"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """A certificate authority."""
    return trustme.CA()


@pytest.fixture(scope="module")
def certificate(authority: trustme.CA) -> trustme.LeafCert:
    """The certificate of the server."""
    return authority.issue_cert("127.0.0.1", "localhost")


@asynccontextmanager
async def server(
    certificate: trustme.LeafCert | None = None,
) -> AsyncIterator[FaultServer]:
    """Serve one session behind a logon, over TLS where there is a certificate."""
    context = None
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
    script = behind_logon(lambda _: Answer(body=session(1)))
    async with FaultServer(script, context=context) as running:
        yield running


def open_em(url: str, proxy: str, **settings: Any) -> EnterpriseManager:
    """A client behind *proxy* that tries once."""
    defaults: dict[str, Any] = {"username": "u", "password": "p"}
    defaults["retry"] = Retry(attempts=1)
    return EnterpriseManager(url, proxy=proxy, **(defaults | settings))


async def refusal(url: str, proxy: str, **settings: Any) -> ConnectionFailed:
    """The error of entering, which shows no password, nor do its causes."""
    em = open_em(url, proxy, **settings)
    with pytest.raises(ConnectionFailed) as caught:
        async with em:
            pass
    met: BaseException | None = caught.value
    while met is not None:
        assert PASSWORD not in repr(met) + str(met)
        met = met.__cause__ or met.__context__
    # The pool as well: tools that print local variables show what hangs on them.
    assert PASSWORD not in repr(em) + repr(vars(em)) + repr(vars(em._pool))
    return caught.value


@pytest.mark.parametrize("credentials", [None, f"user:{PASSWORD}"])
async def test_plain_requests_are_forwarded(credentials: str | None) -> None:
    """The proxy sees whole URLs, the server sees what it always sees."""
    async with server() as em_server, Proxy(credentials=credentials) as proxy:
        async with open_em(em_server.url, proxy.url) as em:
            assert (await em.backup_sessions.get(SESSION_ID)).id == SESSION_ID

    assert proxy.lines[1] == (
        f"GET {em_server.url}/api/backupSessions/{SESSION_ID}?format=Entity HTTP/1.1"
    )
    assert len(proxy.lines) == len(em_server.asked) == 3


@pytest.mark.parametrize("credentials", [None, f"user:{PASSWORD}"])
async def test_tls_goes_through_a_tunnel(
    authority: trustme.CA, certificate: trustme.LeafCert, credentials: str | None
) -> None:
    """The proxy sees a host and a port, and nothing else."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    async with (
        server(certificate) as em_server,
        Proxy(credentials=credentials) as proxy,
        open_em(em_server.url, proxy.url, tls=context) as em,
    ):
        assert (await em.backup_sessions.get(SESSION_ID)).id == SESSION_ID

    assert proxy.lines == [f"CONNECT 127.0.0.1:{em_server.port} HTTP/1.1"]
    assert all("proxy-authorization" not in a.headers for a in em_server.asked)


async def test_a_fingerprint_is_checked_through_a_tunnel(
    certificate: trustme.LeafCert,
) -> None:
    """The right one is let through, and of a wrong one nothing was sent."""
    pem = certificate.cert_chain_pems[0].bytes().decode()
    seen = fingerprint_of(ssl.PEM_cert_to_DER_cert(pem))
    async with server(certificate) as em_server, Proxy() as proxy:
        async with open_em(em_server.url, proxy.url, tls=Fingerprint(seen)) as em:
            await em.backup_sessions.get(SESSION_ID)
        before = len(em_server.asked)
        wrong = Fingerprint("0" * 64)
        error = await refusal(em_server.url, proxy.url, tls=wrong)

        assert isinstance(error, CertificateError)
        assert error.fingerprint == seen
        assert len(em_server.asked) == before


async def test_an_untrusted_server_behind_a_proxy(
    certificate: trustme.LeafCert,
) -> None:
    """It cannot be asked for its fingerprint beside the proxy, so none is shown."""
    credentials = f"user:{PASSWORD}"
    async with server(certificate) as em_server:
        async with Proxy(credentials=credentials) as proxy:
            error = await refusal(em_server.url, proxy.url)

        assert isinstance(error, CertificateError)
        assert error.fingerprint is None
        assert 'trust it by tls="path/to/ca.pem"' in str(error)
        assert em_server.asked == []
        assert len(proxy.lines) == 1


# ---------------------------------------------------------------- refused


@pytest.mark.parametrize("url", ["http://em.invalid:9399", "https://em.invalid:9398"])
async def test_a_proxy_that_wants_a_password(url: str) -> None:
    """The error says where it goes, and does not show the wrong one."""
    async with Proxy(credentials="user:right") as proxy:
        wrong = f"http://user:{PASSWORD}@127.0.0.1:{proxy.port}"
        error = await refusal(url, wrong)

    assert str(error) == (
        "the proxy refused with 407; give it user and password in its URL"
    )
    assert not error.sent


@pytest.mark.parametrize("status", [403, 502, 503])
async def test_a_proxy_that_makes_no_tunnel(status: int) -> None:
    """Its status is told as the proxy's, not as the server's."""
    async with Proxy(refusal=status) as proxy:
        error = await refusal("https://em.invalid:9398", proxy.url)

    assert str(error) == f"the proxy refused with {status}"


@pytest.mark.parametrize("url", ["http://em.invalid:9399", "https://em.invalid:9398"])
async def test_a_proxy_that_is_not_there(url: str) -> None:
    """The error names the proxy, not the server."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        error = await refusal(url, f"http://user:{PASSWORD}@127.0.0.1:{port}")

    assert f"no connection to the proxy 127.0.0.1:{port} (refused)" in str(error)


@pytest.mark.parametrize(
    "proxy",
    [
        "proxy.example.com:3128",
        "nonsense",
        "",
        f"socks5://user:{PASSWORD}@127.0.0.1:1080",
        f"http://user:{PASSWORD}@127.0.0.1:99999",
    ],
)
async def test_what_is_no_url_of_a_proxy_is_refused_without_being_shown(
    proxy: str,
) -> None:
    """It may hold a password."""
    with pytest.raises(ValueError, match=r"such as http://proxy\.example") as caught:
        async with open_em("http://em.invalid", proxy):
            pass
    assert PASSWORD not in repr(caught.value)


async def test_the_environment_sets_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is asked for goes where the caller said."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with server() as em_server:
        em = EnterpriseManager(em_server.url, username="u", password="p")
        async with em:
            assert (await em.backup_sessions.get(SESSION_ID)).id == SESSION_ID


@pytest.mark.parametrize(
    "password", ["p%C3%A4ss", "%E2%82%AC%F0%9F%94%91", "a%3Ab%40c"]
)
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_no_error_holds_the_password(scheme: str, password: str) -> None:
    """In whatever characters; nor does what aiohttp's own errors hold and show."""
    async with Proxy(credentials="other:right") as proxy:
        plain = unquote(password)
        secret = f"http://user:{password}@127.0.0.1:{proxy.port}"
        em = open_em(f"{scheme}://em.invalid:9398", secret)
        with pytest.raises(ConnectionFailed, match="407") as caught:
            await em.__aenter__()
        shown = [text for each in chain_of(caught.value) for text in locals_of(each)]
    await em.__aexit__(None, None, None)

    assert not any(plain in text or password in text for text in shown)


def chain_of(error: BaseException | None) -> Iterator[BaseException]:
    """The error, its causes and its contexts."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def locals_of(error: BaseException) -> Iterator[str]:
    """The error itself, and what aiohttp's frames hold of URLs and of keys."""
    yield repr(error) + str(error)
    for frame, _ in walk_tb(error.__traceback__):
        for value in frame.f_locals.values():
            if isinstance(value, BaseException | URL):
                yield repr(value)


async def test_a_user_with_a_colon_is_refused() -> None:
    """Basic authentication could not tell where it ends."""
    with pytest.raises(ValueError, match="the proxy is a URL"):
        open_em("http://em.invalid", f"http://a%3Ab:{PASSWORD}@127.0.0.1:3128")
