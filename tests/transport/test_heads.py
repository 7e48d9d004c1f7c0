"""The check of heads and the end of bodies for aiohttp, however an answer comes in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from veeam_async.transport.bodies import body_after
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


# ---------------------------------------------------------------- where a body ends

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, Chunked\r\n"
CHUNKS = st.builds(
    lambda chunks, extension, trailer: (
        b"".join(b"%x%b\r\n%b\r\n" % (len(chunk), extension, chunk) for chunk in chunks)
        + b"00%b\r\n%b\r\n" % (extension, trailer)
    ),
    st.lists(st.binary(min_size=1, max_size=40), max_size=4),
    st.sampled_from([b"", b";a=b", b";" + b"x" * 100]),
    st.sampled_from([b"", b"X: 5\r\n", b"X: 5\r\nY: 0\r\n"]),
)


def sized(body: bytes) -> tuple[bytes, bytes]:
    """A head with the length of a body, and that."""
    return b"HTTP/1.1 200 OK\r\ncontent-Length:00%d \r\n" % len(body), body


@given(
    st.one_of(
        CHUNKS.map(lambda body: (CHUNKED, body)),
        st.binary(max_size=60).map(sized),
        st.just((b"HTTP/1.1 204 No\r\nContent-Length: 5\r\n", b"")),
        st.just((b"HTTP/1.0 304 No\r\nTransfer-Encoding: chunked\r\n", b"")),
    ),
    st.binary(max_size=20),
    st.data(),
)
def test_what_lies_behind_a_body_is_counted_wherever_it_is_cut(
    answer: tuple[bytes, bytes], junk: bytes, data: st.DataObject
) -> None:
    """At once, a byte at a time, or in two: all of it and nothing else."""
    head, body = answer
    text = body + junk
    at = data.draw(st.integers(0, len(text)))

    for parts in ([text], [text[:at], text[at:]], [bytes([byte]) for byte in text]):
        end = body_after(head)
        assert sum(end.surplus(part) for part in parts) == len(junk)


@given(
    st.sampled_from([b"", b"Content-Length: x\r\n", b"Transfer-Encoding: gzip\r\n"]),
    st.binary(max_size=60),
)
def test_a_body_without_an_end_of_its_own_has_no_surplus(
    header: bytes, body: bytes
) -> None:
    """It ends with the connection, or is refused."""
    assert body_after(b"HTTP/1.1 200 OK\r\n" + header).surplus(body) == 0


def test_a_body_in_chunks_of_one_byte_is_gone_over_once() -> None:
    """A megabyte of them takes no time worth mention."""
    end = body_after(CHUNKED)

    assert end.surplus(b"1\r\nx\r\n" * 200_000) == 0
    assert end.surplus(b"1\r\ny\r\n0\r\n\r\n!") == 1
    assert end.fault is None


@pytest.mark.parametrize(
    "line",
    [
        *(b"2 \r\n", b"2 ;a\r\n", b"+2\r\n", b"2\n", b"\r\n", b"_2\r\n", b"0x2\r\n"),
        *(b"2\r\n{}\n", b"2\r\n{}0\r\n", b"0\r\nX: a\n", b"1;" + b"x" * 70_000),
    ],
)
def test_chunks_are_what_the_grammar_says(line: bytes) -> None:
    """Wherever they are cut, and without end as well."""
    for parts in ([line], [bytes([byte]) for byte in line]):
        end = body_after(CHUNKED)
        for part in parts:
            end.surplus(part)
        assert end.fault is not None
