"""Rich's consoles for the two streams of the process; `streams` needs none."""

from __future__ import annotations

import shutil
import sys
from typing import NoReturn, TextIO

from rich.console import Console, ConsoleDimensions

from veeam_async.cli.render.streams import with_stand_ins

_FALLBACK_WIDTH = 80


class PlainConsole(Console):
    """Rich's console, showing texts as they are and leaving a closed pipe to `app`."""

    def __init__(self, stream: TextIO, *, width: int | None = None) -> None:
        # Markup, emoji and highlighting are off: `[red]` in a job's name is a name.
        super().__init__(
            file=stream, width=width, highlight=False, markup=False, emoji=False
        )
        if width is None and self.is_dumb_terminal:
            # Rich takes each of them for one of 80 columns, an editor's of 60 too.
            self.size = ConsoleDimensions(*shutil.get_terminal_size())
        if self.width < 1:
            # Some containers set COLUMNS=0, and rich makes no lines of no columns.
            self.width = _FALLBACK_WIDTH

    def on_broken_pipe(self) -> NoReturn:
        """Raise BrokenPipeError, since rich itself would end the process."""
        raise BrokenPipeError

    def encodable(self, text: str) -> str:
        """*text* in what this console's encoding has, character for character.

        For what is drawn again and again, where there is no room for an escape.
        """
        replaced = with_stand_ins(text, self.encoding)
        return replaced.encode(self.encoding, "replace").decode(self.encoding)

    def as_written(self, text: str) -> str:
        """*text* as the stream will write it: what its encoding lacks is escaped.

        A table must know its widths before it is written, so that the stream's own
        `backslashreplace`, which makes four columns of one, would come too late.
        """
        replaced = with_stand_ins(text, self.encoding)
        escaped = replaced.encode(self.encoding, "backslashreplace")
        return escaped.decode(self.encoding)


def stdout_console() -> PlainConsole:
    """A console for data."""
    # Made anew each time: who captures the output replaces sys.stdout meanwhile.
    return PlainConsole(sys.stdout)


def stderr_console() -> PlainConsole:
    """A console for progress and messages."""
    return PlainConsole(sys.stderr)
