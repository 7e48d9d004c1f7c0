"""Whom the client trusts, over real TLS."""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

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
    assert "it is for elsewhere.example; use a name that it is for" in str(error)
    assert "ca.pem" not in str(error)
    assert str(ca_file) not in str(error)


async def test_an_expired_certificate(authority: trustme.CA, ca_file: Path) -> None:
    """The reason says that it has expired."""
    old = authority.issue_cert("127.0.0.1", not_after=EXPIRED)
    async with server(old) as running:
        error = await refused(running, running.url, tls=ca_file)

    assert "certificate has expired" in str(error)
    assert f" to {EXPIRED:%Y-%m-%d %H:%M} UTC, and here it is 2" in str(error)
    assert "renew it" in str(error)
    assert "ca.pem" not in str(error)


async def test_a_ca_file_of_another_authority(
    certificate: trustme.LeafCert, tmp_path: Path
) -> None:
    """It names who issued the certificate; to give a CA file is no advice any more."""
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(other)
    async with server(certificate) as running:
        error = await refused(running, running.url, tls=other)

    assert "it was issued by 'trustme" in str(error)
    assert f"{other} does not hold who signed it" in str(error)
    assert f'tls=Fingerprint("{sha256(certificate)}")' in str(error)
    assert "path/to" not in str(error)


async def test_a_certificate_with_a_key_that_is_too_short(tmp_path: Path) -> None:
    """Its size is told, and no CA file is advised: none would help."""
    key = rsa.generate_private_key(65537, 1024)  # noqa: S505 - weak on purpose
    pem = tmp_path / "weak.pem"
    pem.write_bytes(self_signed(key))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.load_cert_chain(pem)
    async with FaultServer([Answer()], context=context) as running:
        error = await refused(running, running.url, tls=pem)

    assert "key too weak" in str(error)
    assert "its key is RSA of 1024 bits; give the server one with" in str(error)
    assert ".pem" not in str(error)


def self_signed(key: rsa.RSAPrivateKey) -> bytes:
    """A key and a certificate of its own for 127.0.0.1, as PEM."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "em.corp")])
    names = [x509.IPAddress(IPv4Address("127.0.0.1"))]
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .serial_number(7)
        .public_key(key.public_key())
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()
    )
    return private + made.public_bytes(Encoding.PEM)


async def test_an_untrusted_certificate_is_not_tried_again(
    certificate: trustme.LeafCert,
) -> None:
    """Two connections: the one that failed, and the one that looks."""
    async with server(certificate) as running:
        await refused(running, running.url, retry=Retry(attempts=5))

        # Of a handshake that fails the server makes no connection.
        assert running.connections <= 2


# ---------------------------------------------------------------- TLS that fails


@contextmanager
def alerting(context: ssl.SSLContext) -> Iterator[int]:
    """Serve TLS from a thread, which unlike asyncio says why a handshake fails."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connected, _ = listener.accept()
                except OSError:
                    return
                connected.settimeout(5)
                plain = connected.dup()
                with suppress(OSError), context.wrap_socket(connected, True) as tls:
                    tls.recv(1)
                # What comes is read, else the close would be a RST before the alert.
                plain.settimeout(5)
                with suppress(OSError), plain:
                    while plain.recv(1000):
                        pass

        thread = Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
    thread.join(10)


ALERTS = {
    "version": ('alert "protocol version"', "no version of TLS in common"),
    "ciphers": ('alert "handshake failure"', "no cipher in common"),
    "client 1.2": ('alert "handshake failure"', "a certificate of the client"),
    "client 1.3": ('alert "certificate required"', "wants a certificate of the client"),
    "name": ("unrecognized name", "use the one of its certificate in the URL"),
}


def contexts(
    name: str, certificate: trustme.LeafCert, ca_file: Path
) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context and a client's that do not fit each other."""
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(serving)
    asking = ssl.create_default_context(cafile=ca_file)
    if name == "version":
        serving.maximum_version = ssl.TLSVersion.TLSv1_2
        asking.minimum_version = ssl.TLSVersion.TLSv1_3
    elif name == "ciphers":
        serving.maximum_version = ssl.TLSVersion.TLSv1_2
        serving.set_ciphers("ECDHE+AES128")
        asking.set_ciphers("ECDHE+AES256")
    elif name == "name":
        unknown = ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
        serving.sni_callback = lambda *_: unknown
    else:
        serving.verify_mode = ssl.CERT_REQUIRED
        is_new = name == "client 1.3"
        serving.maximum_version = ssl.TLSVersion[f"TLSv1_{3 if is_new else 2}"]
    return serving, asking


@pytest.mark.parametrize("name", ALERTS)
async def test_an_alert_of_the_server_is_told_with_a_hint(
    name: str, certificate: trustme.LeafCert, ca_file: Path
) -> None:
    """The server's own word for what it does not take."""
    serving, asking = contexts(name, certificate, ca_file)
    alert, hint = ALERTS[name]
    with alerting(serving) as port:
        with pytest.raises(ConnectionFailed, match=alert) as caught:
            await got(f"https://localhost:{port}", tls=asking)

    assert hint in str(caught.value)
    assert "http://" not in str(caught.value)


async def test_a_handshake_that_is_broken_off_is_told_as_one() -> None:
    """The host is there, and listens: something between may want no TLS."""
    listener = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    async with listener:
        port = listener.sockets[0].getsockname()[1]
        with pytest.raises(ConnectionFailed, match="middle of the handshake") as caught:
            await got(f"https://127.0.0.1:{port}")

    assert not caught.value.sent


async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Close as soon as anything has come."""
    await reader.read(1)
    writer.close()


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
