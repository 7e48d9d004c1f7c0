"""What a certificate says of itself, read without trusting it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from veeam_async.transport.certificate import Certificate, read_certificate

BEGINS = datetime(2026, 3, 2, 12, tzinfo=UTC)
ENDS = datetime(2055, 3, 2, 12, tzinfo=UTC)
NAMES = ["em.corp", "*.corp"]


def named(name: str, kind: x509.ObjectIdentifier = NameOID.COMMON_NAME) -> x509.Name:
    """A name of one part."""
    return x509.Name([x509.NameAttribute(kind, name)])


def der(
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey,
    *,
    names: list[str] | None = None,
    subject: x509.Name | None = None,
) -> bytes:
    """A certificate that *key* signed for itself, as it goes over the wire."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject or named("em.corp"))
        .issuer_name(named("Büro CA"))
        .not_valid_before(BEGINS)
        .not_valid_after(ENDS)
        .serial_number(7)
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    )
    if names is not None:
        listed = [x509.DNSName(name) for name in names]
        builder = builder.add_extension(
            x509.SubjectAlternativeName(listed), critical=False
        )
    is_modern = isinstance(key, ed25519.Ed25519PrivateKey)
    made = builder.sign(key, None if is_modern else hashes.SHA256())
    return made.public_bytes(Encoding.DER)


def read(data: bytes) -> Certificate:
    """Read what can be read."""
    found = read_certificate(data)
    assert found is not None
    return found


RSA = rsa.generate_private_key(65537, 1024)  # noqa: S505 - weak on purpose
GOOD = der(RSA, names=NAMES)


def test_names_dates_and_issuer_are_read() -> None:
    """With years on both sides of 2050, where the form of the time changes."""
    found = read(GOOD)

    assert (found.subject, found.issuer) == ("em.corp", "Büro CA")
    assert found.names == ("em.corp", "*.corp")
    assert (found.begins, found.ends) == (BEGINS, ENDS)


@pytest.mark.parametrize(
    ("key", "words"),
    [
        (RSA, "RSA of 1024 bits"),
        (ec.generate_private_key(ec.SECP256R1()), "EC of 256 bits"),
        (ed25519.Ed25519PrivateKey.generate(), "of another kind"),
    ],
    ids=["rsa", "ec", "other"],
)
def test_the_key_is_told_with_its_size(
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey,
    words: str,
) -> None:
    """A short one is why many an old server is not trusted."""
    assert read(der(key)).key == words


def test_without_alternative_names_the_common_name_stands() -> None:
    """And without a common name the organization."""
    assert read(der(RSA)).names == ("em.corp",)
    organization = named("Corp", NameOID.ORGANIZATION_NAME)
    assert read(der(RSA, subject=organization)).subject == "Corp"


@given(st.binary(max_size=300))
def test_what_is_no_certificate_is_none(data: bytes) -> None:
    """A hostile server shows what it likes."""
    assert read_certificate(data) is None


@given(st.integers(0, len(GOOD) - 1), st.integers(0, 255), st.booleans())
def test_a_certificate_that_is_cut_or_changed_raises_nothing(
    at: int,
    byte: int,
    is_cut: bool,  # noqa: FBT001 - a parameter
) -> None:
    """It is read, or it is none."""
    data = GOOD[:at] if is_cut else GOOD[:at] + bytes([byte]) + GOOD[at + 1 :]
    found = read_certificate(data)

    assert found is None or found.begins - found.ends < timedelta.max
