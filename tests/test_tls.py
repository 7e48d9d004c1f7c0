"""Whom the client trusts, over real TLS."""

from __future__ import annotations

import asyncio
import re
import ssl
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.support.bodies import behind_logon, session, uuid_of
from tests.support.fault_server import Act, Answer, FaultServer, Raw
from veeam_async import (
    CertificateError,
    ConnectionFailed,
    EnterpriseManager,
    Fingerprint,
    RequestTimeout,
    Retry,
    Timeout,
)
from veeam_async.transport.tls import fingerprint_of

pytestmark = [pytest.mark.usefixtures("way"), pytest.mark.loops]

SESSION_ID = uuid_of(1)
EXPIRED = datetime.now(UTC) - timedelta(days=1)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """A certificate authority that nobody trusts yet."""
    return trustme.CA()


@pytest.fixture(scope="module")
def certificate(authority: trustme.CA) -> trustme.LeafCert:
    """A server's certificate for 127.0.0.1 and localhost."""
    return authority.issue_cert("127.0.0.1", "localhost")


@pytest.fixture(scope="module")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file that the authority's certificate lies in."""
    path = tmp_path_factory.mktemp("tls") / "ca file.pem"
    authority.cert_pem.write_to_path(path)
    return path


def sha256(certificate: trustme.LeafCert) -> str:
    """The fingerprint of a certificate."""
    pem = certificate.cert_chain_pems[0].bytes().decode()
    return fingerprint_of(ssl.PEM_cert_to_DER_cert(pem))


@asynccontextmanager
async def server(certificate: trustme.LeafCert) -> AsyncIterator[FaultServer]:
    """Serve one session behind a logon, over TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    script = behind_logon(lambda _: Answer(body=session(1)))
    async with FaultServer(script, context=context) as running:
        yield running


async def got(url: str, **settings: Any) -> bool:
    """Get one session, trying once."""
    defaults: dict[str, Any] = {"username": "u", "password": "p"}
    defaults["retry"] = Retry(attempts=1)
    async with EnterpriseManager(url, **(defaults | settings)) as em:
        return (await em.backup_sessions.get(SESSION_ID)).id == SESSION_ID


async def refused(running: FaultServer, url: str, **settings: Any) -> CertificateError:
    """The error of a server that is not trusted and was sent nothing."""
    with pytest.raises(CertificateError) as caught:
        await got(url, **settings)
    assert running.asked == []
    assert not caught.value.sent
    return caught.value


# ---------------------------------------------------------------- trusted


@pytest.mark.parametrize("kind", [str, Path])
async def test_a_ca_file(
    certificate: trustme.LeafCert, ca_file: Path, kind: type[str | Path]
) -> None:
    """As text or as a path, by address and by name."""
    async with server(certificate) as running:
        assert await got(running.url, tls=kind(ca_file))
        assert await got(f"https://localhost:{running.port}", tls=kind(ca_file))


async def test_a_context_of_the_callers_own(
    certificate: trustme.LeafCert, authority: trustme.CA
) -> None:
    """The caller's own CA is trusted through it."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    async with server(certificate) as running:
        assert await got(running.url, tls=context)


async def test_a_fingerprint(certificate: trustme.LeafCert) -> None:
    """Of a self-signed certificate for another name even; in any spelling."""
    seen = sha256(certificate)
    spelt = ":".join(re.findall("..", seen.upper()))
    async with server(certificate) as running:
        assert await got(running.url, tls=Fingerprint(seen))
        assert await got(running.url, tls=Fingerprint(f" {spelt}\n"))


async def test_a_pinned_server_is_asked_over_the_connections_that_are_open(
    certificate: trustme.LeafCert,
) -> None:
    """Logon, request and logout need no more than one handshake."""
    async with server(certificate) as running:
        assert await got(running.url, tls=Fingerprint(sha256(certificate)))

    assert (len(running.asked), running.connections) == (3, 1)


async def test_off_is_one_warning_and_works(certificate: trustme.LeafCert) -> None:
    """The warning points at the caller's own line."""
    async with server(certificate) as running:
        with pytest.warns(UserWarning, match="TLS verification is off") as warned:
            em = EnterpriseManager(running.url, username="u", password="p", tls=False)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            async with em:
                assert (await em.backup_sessions.get(SESSION_ID)).id == SESSION_ID

    assert [warning.filename for warning in warned] == [__file__]


# ---------------------------------------------------------------- not trusted


@pytest.mark.parametrize("tls", [True, ssl.create_default_context()])
async def test_an_untrusted_certificate_says_how_to_trust_it(
    certificate: trustme.LeafCert,
    tls: bool | ssl.SSLContext,  # noqa: FBT001 - a parameter
) -> None:
    """With the fingerprint seen, fit to be copied; not a byte of a request was sent."""
    async with server(certificate) as running:
        error = await refused(running, running.url, tls=tls)

        seen = sha256(certificate)
        assert error.fingerprint == seen
        assert f"the certificate of 127.0.0.1:{running.port}" in str(error)
        assert f'tls=Fingerprint("{seen}")' in str(error)
        assert 'tls="path/to/ca.pem"' in str(error)
        assert "local issuer" in str(error)
        assert isinstance(error.__cause__, ssl.SSLCertVerificationError)


async def test_a_wrong_fingerprint_shows_both(certificate: trustme.LeafCert) -> None:
    """The error shows what was seen, and what was pinned."""
    async with server(certificate) as running:
        error = await refused(running, running.url, tls=Fingerprint("ab" * 32))

    assert sha256(certificate) in str(error)
    assert "ab" * 32 in str(error)
    assert error.fingerprint == sha256(certificate)


async def test_a_certificate_for_another_name(
    authority: trustme.CA, ca_file: Path
) -> None:
    """The reason names the host that was asked for."""
    other = authority.issue_cert("elsewhere.example")
    async with server(other) as running:
        url = f"https://localhost:{running.port}"
        error = await refused(running, url, tls=ca_file)

    assert "Hostname mismatch" in str(error)
    assert "localhost" in str(error)


async def test_an_expired_certificate(authority: trustme.CA, ca_file: Path) -> None:
    """The reason says that it has expired."""
    old = authority.issue_cert("127.0.0.1", not_after=EXPIRED)
    async with server(old) as running:
        error = await refused(running, running.url, tls=ca_file)

    assert "certificate has expired" in str(error)


async def test_an_untrusted_certificate_is_not_tried_again(
    certificate: trustme.LeafCert,
) -> None:
    """Two connections: the one that failed, and the one that looks."""
    async with server(certificate) as running:
        await refused(running, running.url, retry=Retry(attempts=5))

        # Of a handshake that fails the server makes no connection.
        assert running.connections <= 2


# ---------------------------------------------------------------- no TLS at all


async def test_https_to_a_port_that_speaks_http() -> None:
    """The error asks whether it is http:// there."""
    async with plain_server() as port:
        with pytest.raises(ConnectionFailed, match="does it speak http://") as caught:
            await got(f"https://127.0.0.1:{port}")

    assert type(caught.value) is ConnectionFailed
    assert not caught.value.sent


async def test_http_to_a_port_that_speaks_https(certificate: trustme.LeafCert) -> None:
    """The error asks whether it is https:// there."""
    async with server(certificate) as running:
        url = running.url.replace("https:", "http:")
        with pytest.raises(ConnectionFailed, match="does the server speak https://"):
            await got(url)


async def test_a_handshake_that_never_ends_is_a_connect_time_out() -> None:
    """The time for connecting covers TLS; nothing was sent."""
    script: list[Act] = [Raw(b"")]
    async with FaultServer(script) as running:
        url = running.url.replace("http:", "https:")
        timeout = Timeout(connect=0.05, request=5)
        with pytest.raises(RequestTimeout, match=r"within 0\.05 s") as late:
            await got(url, timeout=timeout)

    assert not late.value.sent


@asynccontextmanager
async def plain_server() -> AsyncIterator[int]:
    """Answer the first bytes of whatever comes in plain HTTP, as http.sys does."""

    async def answer(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    running = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with running:
        yield running.sockets[0].getsockname()[1]


# ---------------------------------------------------------------- misuse


@pytest.mark.parametrize("content", [None, "", "no certificate", "folder"])
async def test_a_ca_file_that_is_none_is_refused_at_once(
    content: str | None, tmp_path: Path
) -> None:
    """Missing, empty, of another kind or a folder: the constructor says so."""
    path = tmp_path / "ca.pem"
    if content == "folder":
        path.mkdir()
    elif content is not None:
        path.write_text(content)

    with pytest.raises(ValueError, match=r"ca\.pem is no usable CA file"):
        EnterpriseManager("https://em", username="u", password="p", tls=path)


@pytest.mark.parametrize(
    "text", ["", "ab", "g" * 64, "a" * 63, "a" * 65, "é" * 64, None, b"a" * 64]
)
def test_a_fingerprint_is_64_hexadecimal_digits(text: Any) -> None:
    """Anything shorter, a SHA-1 for example, would be no check at all."""
    with pytest.raises(ValueError, match="64 hexadecimal digits"):
        Fingerprint(text)
