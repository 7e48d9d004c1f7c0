"""What a certificate says of itself: names, dates, issuer and key.

The `ssl` module tells it of trusted certificates alone, and an error is about another.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from ipaddress import ip_address

import attrs

_COMMON_NAME, _ORGANIZATION = bytes.fromhex("550403"), bytes.fromhex("55040a")
_ALTERNATIVE_NAMES = bytes.fromhex("551d11")
_RSA, _EC = bytes.fromhex("2a864886f70d010101"), bytes.fromhex("2a8648ce3d0201")
_SIGNATURES = {
    bytes.fromhex("2a864886f70d010104"): "MD5",
    bytes.fromhex("2a864886f70d010105"): "SHA-1",
    bytes.fromhex("2a8648ce3d0401"): "SHA-1",
}
"""The hashes of signatures that are too weak by now, by their object identifiers."""

_BIT_STRING, _UTC_TIME, _UTF_16 = 0x03, 0x17, 0x1E
_DNS_NAME, _ADDRESS, _VERSION, _EXTENSIONS = 0x82, 0x87, 0xA0, 0xA3


@attrs.frozen(kw_only=True)
class Certificate:
    """The *names* that it is for, from when to when it is valid, and so on.

    *key* is kind and size of the public key, with the hash of the signature where that
    is weak.
    """

    subject: str
    issuer: str
    names: tuple[str, ...]
    begins: datetime
    ends: datetime
    key: str


def read_certificate(der: bytes) -> Certificate | None:
    """Read a certificate (RFC 5280, section 4.1); None for what cannot be read."""
    try:
        return _certificate(der)
    except (ValueError, IndexError, OverflowError):
        return None


def _certificate(der: bytes) -> Certificate:
    signed, algorithm, *_ = _values(_first(der))
    parts = [part for part in _parts(signed) if part[0] != _VERSION]
    _serial, _algorithm, issuer, validity, subject, key, *rest = parts
    begins, ends = (_time(tag, text) for tag, text in _parts(validity[1]))
    is_for = [name for tag, value in rest if tag == _EXTENSIONS for name in _for(value)]
    return Certificate(
        subject=_name(subject[1]),
        issuer=_name(issuer[1]),
        names=tuple(is_for) or (_name(subject[1]),),
        begins=begins,
        ends=ends,
        key=_key(key[1]) + _weak_signature(algorithm),
    )


def _parts(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag and value of each element of *data*, in DER."""
    at = 0
    while at < len(data):
        tag, size, at = data[at], data[at + 1], at + 2
        if size > 0x7F:  # noqa: PLR2004 - so many bytes with the length follow
            width = size & 0x7F
            size, at = int.from_bytes(data[at : at + width]), at + width
        if at + size > len(data):
            raise ValueError("an element is longer than what it lies in")
        yield tag, data[at : at + size]
        at += size


def _values(data: bytes) -> list[bytes]:
    return [value for _, value in _parts(data)]


def _first(data: bytes) -> bytes:
    return _values(data)[0]


def _name(data: bytes) -> str:
    """The common name, else the organization, else nothing."""
    found: dict[bytes, str] = {}
    for group in _values(data):
        for pair in _values(group):
            (_, kind), (tag, text) = _parts(pair)
            encoding = "utf-16-be" if tag == _UTF_16 else "utf-8"
            found.setdefault(kind, text.decode(encoding, "replace"))
    return found.get(_COMMON_NAME) or found.get(_ORGANIZATION) or ""


def _time(tag: int, text: bytes) -> datetime:
    digits = text.decode("ascii").removesuffix("Z")
    if tag == _UTC_TIME:
        # RFC 5280, section 4.1.2.5.1: two digits for the years from 1950 to 2049.
        digits = ("19" if digits[:2] >= "50" else "20") + digits
    return datetime.strptime(digits, "%Y%m%d%H%M%S").replace(tzinfo=UTC)


def _for(data: bytes) -> Iterator[str]:
    """The alternative names among the extensions in *data*."""
    for extension in _values(_first(data)):
        kind, *_, value = _values(extension)
        if kind == _ALTERNATIVE_NAMES:
            for tag, name in _parts(_first(value)):
                if tag == _DNS_NAME:
                    yield name.decode("ascii", "replace")
                elif tag == _ADDRESS:
                    yield str(ip_address(name))


def _key(data: bytes) -> str:
    algorithm, bits = _values(data)
    kind = _first(algorithm)
    if kind == _RSA:
        modulus = _first(_first(bits[1:]))
        return f"RSA of {int.from_bytes(modulus).bit_length()} bits"
    # Behind the byte of its form, a point has two coordinates of that size.
    return f"EC of {(len(bits) - 2) * 4} bits" if kind == _EC else "of another kind"


def _weak_signature(algorithm: bytes) -> str:
    weak = _SIGNATURES.get(_first(algorithm))
    return f", signed with {weak}" if weak else ""
