import io
import sys

import pytest

from veeam_async.cli.render.console import PlainConsole
from veeam_async.cli.render.streams import say


@pytest.mark.parametrize(
    ("encoding", "shown"), [("ascii", b"1 | 2 \\xfc~"), ("latin-1", b"1 \xb7 2 \xfc~")]
)
def test_a_message_to_a_stream_without_our_punctuation(
    monkeypatch: pytest.MonkeyPatch, encoding: str, shown: bytes
) -> None:
    """Our signs have a stand-in; of a name nothing is lost."""
    stream = io.BytesIO()
    text = io.TextIOWrapper(stream, encoding=encoding, errors="backslashreplace")
    monkeypatch.setattr(sys, "stderr", text)
    say("1 · 2 ü…")

    assert stream.getvalue().rstrip(b"\r\n") == shown


def test_what_fits_has_as_many_characters() -> None:
    """So that a table knows its widths before it is written."""
    console = PlainConsole(io.TextIOWrapper(io.BytesIO(), encoding="ascii"))

    assert console.encodable("1 · 2 ü…") == "1 | 2 ?~"


def test_a_terminal_that_says_it_has_no_columns_is_written_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Some container's COLUMNS=0 would swallow every line."""
    monkeypatch.setenv("COLUMNS", "0")
    stream = io.StringIO()
    PlainConsole(stream).print("1 session")

    assert stream.getvalue() == "1 session\n"
