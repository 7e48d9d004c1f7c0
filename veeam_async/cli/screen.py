"""The two streams of the process: data goes to one, words about it to the other."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext
from typing import NoReturn, TextIO

from rich.console import Console

_WIDTH = 80
_NEAREST = {"·": "|", "…": "~"}
"""Our own punctuation, and what stands for it where there is but ASCII."""


class Screen(Console):
    """A console that shows texts as they are, and leaves a closed pipe to `app`."""

    def __init__(self, stream: TextIO, *, width: int | None = None) -> None:
        super().__init__(
            file=stream, width=width, highlight=False, markup=False, emoji=False
        )
        if self.width < 1:
            self.width = _WIDTH  # of no columns rich makes no lines

    def on_broken_pipe(self) -> NoReturn:
        """Raise it: rich itself would end the process."""
        raise BrokenPipeError

    def fitting(self, text: str) -> str:
        """Give *text* as this screen can show it: a character for each of them."""
        plainer = _plainer(text, self.encoding)
        return plainer.encode(self.encoding, "replace").decode(self.encoding)


def out() -> Screen:
    """Give the screen that data goes to."""
    return Screen(sys.stdout)


def err() -> Screen:
    """Give the screen that progress and messages go to."""
    return Screen(sys.stderr)


def say(text: str) -> None:
    """Tell the user something, on one line of standard error."""
    shown = _plainer(text, sys.stderr.encoding or "utf-8")
    sys.stderr.write(f"{shown}\n")
    sys.stderr.flush()


def warn(text: str) -> None:
    """Tell the user that something is wrong, so that a log shows who said it."""
    say(f"veeam-async: {text}")


def spinner(text: str) -> AbstractContextManager[object]:
    """Show on a terminal that something goes on."""
    screen = err()
    return screen.status(text) if screen.is_interactive else nullcontext()


def prepare() -> None:
    """Let no character that a stream cannot encode end the command."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def _plainer(text: str, encoding: str) -> str:
    for char, nearest in _NEAREST.items():
        if char in text and not _is_known(char, encoding):
            text = text.replace(char, nearest)
    return text


def _is_known(char: str, encoding: str) -> bool:
    try:
        char.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True
