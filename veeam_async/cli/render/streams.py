"""The two streams of the process: data goes to one, messages about it to the other.

What is no more than a line of text needs no console, and so not the time to load one.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from veeam_async.cli.render.words import printable

_ASCII_STAND_INS = {"·": "|", "…": "~"}
"""Our own punctuation, and what replaces it where the stream has but ASCII."""
_FORCES = ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE")
"""Variables by which rich takes what is no terminal for one."""


def say(message: str, stream: TextIO | None = None) -> None:
    """Write a message as one line of standard error, or of another *stream*."""
    # Not through rich, which would break a long line at the width of the terminal.
    stream = stream or sys.stderr
    line = with_stand_ins(printable(message), stream.encoding or "utf-8")
    stream.write(f"{line}\n")
    stream.flush()


def warn(message: str) -> None:
    """Say that something is wrong, under the command's name: a log then shows whose."""
    say(f"veeam-async: {message}")


def discard_stdout() -> None:
    """Lead standard output to nowhere."""
    # The interpreter flushes it once more at its exit, and would fail again.
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def replace_closed_stderr() -> None:
    """Lead messages to nowhere where whoever started this wants none."""
    # Left closed, its number would become that of a socket.
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - for good


def is_asked_at_terminal() -> bool:
    """Whether somebody can be asked; standard input may be closed too."""
    return sys.stdin is not None and sys.stdin.isatty()


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


def with_stand_ins(text: str, encoding: str) -> str:
    """*text* with other punctuation where *encoding* lacks ours."""
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


def may_be_drawn_on(stream: TextIO) -> bool:
    """Whether *stream* may be a terminal; rich, once loaded, knows for sure."""
    return stream.isatty() or any(os.environ.get(name) for name in _FORCES)
