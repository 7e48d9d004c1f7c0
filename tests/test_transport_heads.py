"""The check of heads for aiohttp: the same however the head comes in."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from veeam_async.transport.heads import HeadCheck

PIECES = st.lists(
    st.sampled_from([b"\r\n", b"\n", b" ", b"\t", b"\x01", b"X: a", b"HTTP/1.1 "]),
    max_size=12,
).map(b"".join)
INTERIM = b"HTTP/1.1 103 Hint\r\nX: y\r\n\r\n"
HEADS = st.builds(
    lambda interim, piece, body: (
        INTERIM * interim + b"HTTP/1.1 200 OK\r\nX: y" + piece + b"\r\n\r\n" + body
    ),
    st.integers(0, 2),
    PIECES,
    st.binary(max_size=20),
)


def fault_in(parts: list[bytes]) -> str | None:
    """The first fault that the check finds in an answer that comes in *parts*."""
    check = HeadCheck()
    return next((fault for part in parts if (fault := check.fault_in(part))), None)


@given(HEADS, st.data())
def test_a_fault_is_found_wherever_the_head_is_cut(
    text: bytes, data: st.DataObject
) -> None:
    """At once, a byte at a time, or in two."""
    at = data.draw(st.integers(0, len(text)))
    whole = fault_in([text])

    assert fault_in([text[:at], text[at:]]) == whole
    assert fault_in([bytes([byte]) for byte in text]) == whole


def test_a_head_of_64_kib_is_looked_at_once_however_it_comes() -> None:
    """A byte at a time it is not gone over again for each."""
    head = b"HTTP/1.1 200 OK\r\nX: " + b"x" * 65_000

    assert fault_in([bytes([byte]) for byte in head]) is None
    assert fault_in([head, b"x" * 1000]) == "its head is over 64 KiB"
    assert fault_in([head, b"\n"]) == (
        "a line of its head is folded, or does not end with CR and LF"
    )
