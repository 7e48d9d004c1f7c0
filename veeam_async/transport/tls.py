"""Whom to trust: contexts and fingerprints from what a caller says of TLS."""

from __future__ import annotations

import asyncio
import os
import ssl
import sys
import warnings
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias
from weakref import WeakValueDictionary

import attrs

from veeam_async.errors import CertificateError, one_line
from veeam_async.transport.exchange import Fingerprint

if TYPE_CHECKING:
    from veeam_async.transport.certificate import Certificate

Tls: TypeAlias = bool | str | os.PathLike[str] | ssl.SSLContext | Fingerprint
"""True (the system's CAs), a CA file, a context, a fingerprint, or False (off)."""

_MOST_NAMES = 5
"""Names of a certificate that an error shows: some have a hundred."""


@attrs.frozen
class Trust:
    """A context, and the SHA-256 of the one certificate to accept.

    Without the latter the context's own checks decide. *ca_file* is the file that its
    only authorities come from, None where they come from elsewhere.
    """

    context: ssl.SSLContext
    fingerprint: str | None = None
    ca_file: Path | None = None


def trust_of(tls: Tls) -> Trust:
    """Read what to trust; ValueError for a CA file that cannot be read.

    Each call with False warns: anybody on the way can then read the password.
    """
    if isinstance(tls, ssl.SSLContext):
        return Trust(tls)
    if isinstance(tls, Fingerprint):
        return Trust(_unverified(), tls.sha256)
    if tls is True:
        return Trust(_system_context())
    if tls is False:
        warnings.warn(
            "TLS verification is off: anybody between here and the server can read "
            "the password; give a CA file or a Fingerprint instead",
            stacklevel=3,  # the caller's own line
        )
        return Trust(_unverified())
    if isinstance(tls, str | os.PathLike):
        return Trust(_context_of(Path(tls)), ca_file=Path(tls))
    raise ValueError("tls is a bool, a CA file, an SSLContext or a Fingerprint")


def fingerprint_of(certificate: bytes) -> str:
    """SHA-256 of a certificate (DER), in hexadecimal."""
    import hashlib  # noqa: PLC0415 - most servers have no pinned one

    return hashlib.sha256(certificate).hexdigest()


def mismatch(seen: str, pinned: str) -> CertificateError:
    """The error for a certificate that is not the pinned one."""
    return CertificateError(
        f"the server's certificate has the fingerprint {seen}, not the pinned {pinned}",
        fingerprint=seen,
        advice="it was renewed, or another server answered",
    )


async def untrusted(
    host: str, port: int, *, error: object, trust: Trust | None, limit: float
) -> CertificateError:
    """The error for a server that *trust* does not trust, with what is wrong.

    *error* is that of the handshake. To learn what the server showed may take *limit*
    seconds.
    """
    # Here, since nothing reads a certificate that is trusted.
    from veeam_async.transport.certificate import (  # noqa: PLC0415 - see above
        read_certificate,
    )

    # A handshake that fails tells nothing of the certificate, so that a second
    # connection, over which nothing is sent, has to.
    der = await shown_certificate(host, port, limit)
    shown = None if der is None else read_certificate(der)
    seen = None if der is None else fingerprint_of(der)
    code = getattr(error, "verify_code", 0)
    reason = getattr(error, "verify_message", "").rstrip(".") or "no reason given"
    fact = "" if shown is None else f": {_fact(code, shown)}"
    return CertificateError(
        f"the certificate of {host}:{port} is not trusted ({reason}){fact}",
        fingerprint=seen,
        advice=_advice(code, seen, None if trust is None else trust.ca_file),
    )


# The codes of OpenSSL's X509_verify_cert_error_string, by what they are about.
_DATE_CODES = (9, 10)
_NAME_CODES = (62, 64)
_WEAK_CODES = (66, 67, 68)
_SELF_SIGNED_CODE = 18
_ISSUER_CODES = (2, _SELF_SIGNED_CODE, 19, 20, 21)


def _fact(code: int, shown: Certificate) -> str:
    """What the certificate itself says about the fault."""
    if code in _DATE_CODES:
        times = (shown.begins, shown.ends, datetime.now(UTC))
        begins, ends, now = (f"{time:%Y-%m-%d %H:%M}" for time in times)
        return f"it is valid from {begins} to {ends} UTC, and here it is {now}"
    if code in _NAME_CODES:
        names = [one_line(name) for name in shown.names[:_MOST_NAMES]]
        more = " and others" if shown.names[_MOST_NAMES:] else ""
        return f"it is for {', '.join(names)}{more}"
    if code in _WEAK_CODES:
        return f"its key is {shown.key}"
    if code == _SELF_SIGNED_CODE:
        return f"{one_line(shown.subject)!r} signed it itself"
    return f"it was issued by {one_line(shown.issuer)!r}"


def _advice(code: int, seen: str | None, ca_file: Path | None) -> str:
    """What can be done about the fault, but for what was done already."""
    pin = (
        f'tls=Fingerprint("{seen}") after comparing it with the server\'s'
        if seen
        else "tls=Fingerprint of the server's own certificate"
    )
    if code in _DATE_CODES:
        return f"renew it, set this machine's clock right, or trust it by {pin}"
    if code in _NAME_CODES:
        return f"use a name that it is for in the URL, or trust it by {pin}"
    if code in _WEAK_CODES:
        return f"give the server one with a longer key, or trust it by {pin}"
    if code not in _ISSUER_CODES:
        return f"give the server another one, or trust it by {pin}"
    if ca_file is None:
        # Nobody can compare what was not seen.
        first = f"{pin}, or " if seen else ""
        return f'trust it by {first}tls="path/to/ca.pem"'
    return f"{ca_file} does not hold who signed it: add that, or trust it by {pin}"


async def shown_certificate(host: str, port: int, limit: float) -> bytes | None:
    """The certificate that the server shows (DER), None where that is unknown.

    It is not checked, and nothing is sent. It may take *limit* seconds.
    """
    try:
        async with asyncio.timeout(limit):
            _, writer = await asyncio.open_connection(host, port, ssl=_unverified())
    except (OSError, TimeoutError):
        return None
    tls: ssl.SSLObject = writer.get_extra_info("ssl_object")
    writer.transport.abort()  # a goodbye in TLS would wait for the server's
    return tls.getpeercert(binary_form=True)


def _context_of(ca_file: Path) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise ValueError(f"{ca_file} is no usable CA file: {error}") from error


def _unverified() -> ssl.SSLContext:
    """A context like a default one, but that it checks nothing and knows no CA."""
    # To load the system's, only for them to be ignored, takes a hundred times as long.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if sys.version_info >= (3, 13):  # as in ssl.create_default_context, from here on
        strict = ssl.VERIFY_X509_PARTIAL_CHAIN | ssl.VERIFY_X509_STRICT
        context.verify_flags |= strict
    key_log = os.environ.get(_KEY_LOG)
    if key_log and not sys.flags.ignore_environment:
        context.keylog_filename = key_log
    return context


# ---------------------------------------------------------------- the system's CAs

_KEY_LOG = "SSLKEYLOGFILE"
_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR", _KEY_LOG)

# Weak: it goes with the last manager that uses it. Nothing here changes a context, so
# that those who share one cannot get in each other's way.
_shared: WeakValueDictionary[tuple[object, ...], ssl.SSLContext] = WeakValueDictionary()


def _system_context() -> ssl.SSLContext:
    """The context that trusts the system's CAs, one for all who ask meanwhile."""
    try:
        origin = _origin()
        if (shared := _shared.get(origin)) is None:
            shared = _shared[origin] = ssl.create_default_context()
    except TypeError:  # whoever replaced the factory may have used what is not hashable
        return ssl.create_default_context()
    return shared


def _origin() -> tuple[object, ...]:
    """All that a default context is made from, as it is now."""
    # Some, such as truststore, replace one of these two to bring CAs of their own.
    factory = (ssl.create_default_context, ssl.SSLContext)
    names = map(os.environ.get, _VARIABLES)
    return (*factory, *names, _stamp(ssl.get_default_verify_paths().cafile))


def _stamp(file: str | None) -> tuple[int, ...]:
    """What differs once *file* was replaced: a CA was added to it, say."""
    if file is None:
        return ()
    try:
        found = Path(file).stat()
    except OSError:  # removed just now
        return ()
    return found.st_ino, found.st_size, found.st_mtime_ns
