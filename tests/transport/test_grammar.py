"""What an answer may look like, over both transports: lengths, heads and chunks.

Whether TLS or another loop brings the bytes is all one to those who read them.
"""

from __future__ import annotations

import pytest

from tests.support.fault_server import Pieces, Raw
from tests.support.transports import CHUNKED, GOOD, TRANSPORTS, answer, failure


@pytest.fixture(params=TRANSPORTS)
def kind(request: pytest.FixtureRequest) -> str:
    """Each transport in turn, by its name."""
    return str(request.param)


@pytest.mark.parametrize("digits", [b"0" * 4300 + b"2", b"0" * 30 + b"2", b"02"])
@pytest.mark.parametrize("is_whole", [True, False])
async def test_a_length_may_have_thousands_of_zeros_in_front(
    kind: str,
    digits: bytes,
    is_whole: bool,  # noqa: FBT001 - a parameter
) -> None:
    """Python alone would refuse to read it, with an error of its own."""
    text = b"HTTP/1.1 200 OK\r\nContent-Length: %b\r\n\r\n{}" % digits
    parts = [text] if is_whole else [text[:-1], text[-1:]]

    assert (await answer(kind, [Pieces(parts=parts, pause=0.01)])).body == b"{}"


@pytest.mark.parametrize("digits", [b"9" * 4301, b"9" * 20, b"-2", b"+2", b"0x2", b""])
async def test_a_length_that_is_none_is_refused(kind: str, digits: bytes) -> None:
    """Too long for 64 bits, or no number at all."""
    text = b"HTTP/1.1 200 OK\r\nContent-Length: %b\r\n\r\n{}" % digits

    assert "no HTTP" in str(await failure(kind, [Raw(text)]))


@pytest.mark.parametrize("name", ["content-length", "Content-Length"])
@pytest.mark.parametrize(
    "second", [b"Content-Length: 3", b"Transfer-Encoding: chunked"]
)
async def test_an_answer_with_two_lengths_is_refused(
    kind: str, name: str, second: bytes
) -> None:
    """Nobody knows which of them says where it ends."""
    text = b"HTTP/1.1 200 OK\r\n%b: 2\r\n%b\r\n\r\n{}" % (name.encode(), second)
    error = await failure(kind, [Pieces(parts=[text], keep=True)])

    assert "no HTTP" in str(error)


async def test_of_equal_headers_the_first_counts(kind: str) -> None:
    """A byte beyond ASCII in a value does no harm."""
    text = GOOD.replace(b"Content-L", b"X: \xe9\r\nx: b\r\nContent-L")
    response = await answer(kind, [Raw(text)])

    assert response.headers["x"] == "\xe9"
    assert list(response.headers) == ["content-type", "x", "content-length"]
    assert len(response.headers) == 3


ODD_HEADS = {
    "lf": GOOD.replace(b"\r\n", b"\n"),
    "lf after the status": GOOD.replace(b"\r\n", b"\n", 1),
    "lf in front": GOOD.replace(b"Content-L", b"X: a\nContent-L"),
    "lf at the end": GOOD.replace(b"\r\n\r\n", b"\r\n\n"),
    "cr": GOOD.replace(b"Content-L", b"X: a\rContent-L"),
    "cr before a value": GOOD.replace(b"h: 2", b"h:\r 2"),
    "space before the colon": GOOD.replace(b"h: 2", b"h : 2"),
    "tab in a name": GOOD.replace(b"Content-L", b"X\t: a\r\nContent-L"),
    "folded": GOOD.replace(b"Content-L", b"X: a\r\n  b\r\nContent-L"),
    "folded by a tab": GOOD.replace(b"Content-L", b"X: a\r\n\tb\r\nContent-L"),
    "folded at once": GOOD.replace(b"Content-T", b" X: a\r\nContent-T"),
    "folded length": GOOD.replace(b"h: 2", b"h:\r\n 2"),
    "folded coding": CHUNKED.replace(b"g: c", b"g:\r\n c") + b"2\r\n{}\r\n0\r\n\r\n",
    "control": GOOD.replace(b"a/b", b"a\x01b"),
    "delete": GOOD.replace(b"a/b", b"a\x7fb"),
    "after 100": b"HTTP/1.1 100 Go\r\n\r\n" + GOOD.replace(b"\r\n", b"\n"),
    "in 103": b"HTTP/1.1 103 Hint\r\nX: a\r\n b\r\n\r\n" + GOOD,
    "129 headers": GOOD.replace(b"\r\n\r", b"\r\nX: y" * 127 + b"\r\n\r"),
    "200 headers": GOOD.replace(b"\r\n\r", b"\r\nX: y" * 198 + b"\r\n\r"),
    "status 000": GOOD.replace(b"200", b"000"),
    "status 099": GOOD.replace(b"200", b"099"),
    "status 099 to the end": b"HTTP/1.1 099 X\r\n\r\n{}",
    "status of four digits": GOOD.replace(b"200", b"2000"),
}


@pytest.mark.parametrize("name", ODD_HEADS)
@pytest.mark.parametrize("is_cut", [False, True], ids=["whole", "bytes"])
async def test_a_head_that_can_be_read_in_two_ways_is_refused(
    kind: str,
    name: str,
    is_cut: bool,  # noqa: FBT001 - a parameter
) -> None:
    """What stands between may have seen another answer in it."""
    text = ODD_HEADS[name]
    parts = [text[at : at + 1] for at in range(len(text))] if is_cut else [text]
    error = await failure(kind, [Pieces(parts=parts)])

    assert error.sent
    # What ends before it is whole has no fault of its own.
    assert "no HTTP" in str(error) or name == "status 099 to the end"


async def test_the_largest_number_of_headers_is_exactly_that(kind: str) -> None:
    """Up to 128 are none of the transport's business."""
    text = GOOD.replace(b"\r\n\r", b"\r\nX: y" * 126 + b"\r\n\r")

    assert (await answer(kind, [Raw(text)])).headers["x"] == "y"


BODY = b"a\n b\x01\r\n c\n\n\x00"


@pytest.mark.parametrize("framing", [b"Content-Length: %d" % len(BODY), b"X: y"])
@pytest.mark.parametrize("is_cut", [False, True], ids=["whole", "bytes"])
async def test_a_body_may_hold_what_a_head_may_not(
    kind: str,
    framing: bytes,
    is_cut: bool,  # noqa: FBT001 - a parameter
) -> None:
    """It begins where the head ends, also within one read."""
    text = b"\r\nHTTP/1.1 102 P\r\n\r\nHTTP/1.1 200 OK\r\n%b\r\n\r\n%b" % (
        framing,
        BODY,
    )
    parts = [bytes([byte]) for byte in text] if is_cut else [text]

    assert (await answer(kind, [Pieces(parts=parts)])).body == BODY


@pytest.mark.parametrize(
    "body",
    [
        *(b"2  \r\n{}\r\n0\r\n\r\n", b"2 ;a\r\n{}\r\n0\r\n\r\n"),
        *(b"2\n{}\r\n0\r\n\r\n", b"2\r\n{}\n0\r\n\r\n", b"2\r\n{}\r\n0\r\nX: 5\n\r\n"),
        *(b"2;" + b"x" * 70_000, b"2\r\n{}\r\n0\r\nX\x01: 5\r\n\r\n", b"zz\r\n"),
    ],
    ids=["spaces", "space", "size", "chunk", "line", "without end", "trailer", "word"],
)
@pytest.mark.parametrize("pause", [0.0, 0.02], ids=["with the head", "later"])
async def test_lines_of_chunks_that_no_grammar_has(
    kind: str, body: bytes, pause: float
) -> None:
    """Some parsers would see another size, or another end; nor is more waited for."""
    parts = [CHUNKED, body] if pause else [CHUNKED + body]

    assert "no HTTP" in str(await failure(kind, [Pieces(parts=parts, pause=pause)]))
