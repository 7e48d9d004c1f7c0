"""The two streams of the process: data goes to one, messages about it to the other."""

from __future__ import annotations

import sys
from typing import NoReturn, TextIO

from rich.console import Console

from veeam_async.cli.render.text import printable

_FALLBACK_WIDTH = 80
_ASCII_STAND_INS = {"·": "|", "…": "~"}
"""Our own punctuation, and what replaces it where the stream has but ASCII."""


class PlainConsole(Console):
    """Rich's console, showing texts as they are and leaving a closed pipe to `app`."""

    def __init__(self, stream: TextIO, *, width: int | None = None) -> None:
        # Markup, emoji and highlighting are off: `[red]` in a job's name is a name.
        super().__init__(
            file=stream, width=width, highlight=False, markup=False, emoji=False
        )
        if self.width < 1:
            # Some containers set COLUMNS=0, and rich makes no lines of no columns.
            self.width = _FALLBACK_WIDTH

    def on_broken_pipe(self) -> NoReturn:
        """Raise BrokenPipeError, since rich itself would end the process."""
        raise BrokenPipeError

    def encodable(self, text: str) -> str:
        """*text* in what this console's encoding has, character for character.

        A table must know its widths before it is written, so that the stream's own
        `backslashreplace`, which makes four columns of one, would come too late.
        """
        replaced = _with_stand_ins(text, self.encoding)
        return replaced.encode(self.encoding, "replace").decode(self.encoding)


def stdout_console() -> PlainConsole:
    """A console for data."""
    # Made anew each time: who captures the output replaces sys.stdout meanwhile.
    return PlainConsole(sys.stdout)


def stderr_console() -> PlainConsole:
    """A console for progress and messages."""
    return PlainConsole(sys.stderr)


def say(message: str) -> None:
    """Write a message as one line of standard error."""
    # Not through rich, which would break a long line at the width of the terminal.
    line = _with_stand_ins(printable(message), sys.stderr.encoding or "utf-8")
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def warn(message: str) -> None:
    """Say that something is wrong, under the command's name: a log then shows whose."""
    say(f"veeam-async: {message}")


def escape_unencodable() -> None:
    """Have both streams escape what their encoding lacks, instead of raising."""
    for stream in (sys.stdout, sys.stderr):
        # A stream that somebody put in its place need not be a TextIOWrapper.
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def is_utf8(encoding: str | None) -> bool:
    """Whether a stream of this *encoding* takes every character."""
    return (encoding or "").lower().startswith("utf")


def _with_stand_ins(text: str, encoding: str) -> str:
    for char, stand_in in _ASCII_STAND_INS.items():
        if char in text and not _can_encode(char, encoding):
            text = text.replace(char, stand_in)
    return text


def _can_encode(char: str, encoding: str) -> bool:
    try:
        char.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True
