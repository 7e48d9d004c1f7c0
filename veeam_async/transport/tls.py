"""Whom to trust: contexts and fingerprints from what a caller says of TLS."""

from __future__ import annotations

import asyncio
import hashlib
import os
import ssl
import warnings
from pathlib import Path
from typing import TypeAlias

import attrs

from veeam_async.errors import CertificateError
from veeam_async.transport.exchange import Fingerprint

Tls: TypeAlias = bool | str | os.PathLike[str] | ssl.SSLContext | Fingerprint
"""True (the system's CAs), a CA file, a context, a fingerprint, or False (off)."""


@attrs.frozen
class Trust:
    """A context, and the SHA-256 of the one certificate to accept.

    Without the latter the context's own checks decide.
    """

    context: ssl.SSLContext
    fingerprint: str | None = None


def trust_of(tls: Tls) -> Trust:
    """Read what to trust; ValueError for a CA file that cannot be read.

    Each call with False warns: anybody on the way can then read the password.
    """
    if isinstance(tls, ssl.SSLContext):
        return Trust(tls)
    if isinstance(tls, Fingerprint):
        return Trust(_unverified(), tls.sha256)
    if tls is True:
        return Trust(ssl.create_default_context())
    if tls is False:
        warnings.warn(
            "TLS verification is off: anybody between here and the server can read "
            "the password; give a CA file or a Fingerprint instead",
            stacklevel=3,  # the caller's own line
        )
        return Trust(_unverified())
    if isinstance(tls, str | os.PathLike):
        return Trust(_context_of(Path(tls)))
    raise ValueError("tls is a bool, a CA file, an SSLContext or a Fingerprint")


def fingerprint_of(certificate: bytes) -> str:
    """SHA-256 of a certificate (DER), in hexadecimal."""
    return hashlib.sha256(certificate).hexdigest()


def mismatch(seen: str, pinned: str) -> CertificateError:
    """The error for a certificate that is not the pinned one."""
    return CertificateError(
        f"the server's certificate has the fingerprint {seen}, not the pinned {pinned}",
        fingerprint=seen,
        advice="it was renewed, or another server answered",
    )


async def untrusted(
    host: str, port: int, *, reason: str, limit: float
) -> CertificateError:
    """The error for a server that is not trusted, with the fingerprint it showed.

    Finding that out may take *limit* seconds.
    """
    # A handshake that fails tells nothing of the certificate, so that a second
    # connection, over which nothing is sent, has to.
    seen = await _seen(host, port, limit)
    how = (
        f'tls=Fingerprint("{seen}") after comparing it with the server\'s, or '
        if seen
        else ""
    )
    return CertificateError(
        f"the certificate of {host}:{port} is not trusted ({reason})",
        fingerprint=seen,
        advice=f'trust it by {how}tls="path/to/ca.pem"',
    )


async def _seen(host: str, port: int, limit: float) -> str | None:
    try:
        async with asyncio.timeout(limit):
            _, writer = await asyncio.open_connection(host, port, ssl=_unverified())
    except (OSError, TimeoutError):
        return None
    certificate = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.transport.abort()  # a goodbye in TLS would wait for the server's
    return fingerprint_of(certificate) if certificate else None


def _context_of(ca_file: Path) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise ValueError(f"{ca_file} is no usable CA file: {error}") from error


def _unverified() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
