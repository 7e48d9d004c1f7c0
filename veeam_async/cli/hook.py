"""A command of the user's own that is run for each event."""

from __future__ import annotations

import asyncio
import json
import shlex
import shutil
import sys
from typing import Any

import attrs

from veeam_async import to_dict
from veeam_async.cli.exits import Refusal
from veeam_async.cli.screen import warn
from veeam_async.cli.words import one_line

_STDERR = 2
"""What a command prints goes there: standard output is the watch's own."""


@attrs.frozen
class Hook:
    """The *words* of a command, which is started without a shell."""

    words: tuple[str, ...]

    async def run(self, event: Any) -> None:
        """Run it to its end with *event* as JSON on its standard input."""
        try:
            process = await asyncio.create_subprocess_exec(
                *self.words, stdin=asyncio.subprocess.PIPE, stdout=_STDERR
            )
        except OSError as error:
            self._complain(event, f"could not be started: {error.strerror or error}")
            return
        try:
            await process.communicate(f"{json.dumps(to_dict(event))}\n".encode())
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode:
            self._complain(event, f"ended with exit code {process.returncode}")

    def _complain(self, event: Any, what: str) -> None:
        name = one_line(self.words[0])
        warn(f"warning: {name} {what} at event {event.sequence} ({event.kind})")


def hook_of(command: str, *, is_windows: bool = sys.platform == "win32") -> Hook:
    """Split *command* as a shell does; Refusal where there is no such program."""
    lexer = shlex.shlex(command, posix=True, punctuation_chars=False)
    lexer.whitespace_split = True
    lexer.commenters = ""
    if is_windows:
        lexer.escape = ""  # a backslash separates folders there
    try:
        words = tuple(lexer)
    except ValueError as error:
        raise Refusal(f"--exec cannot be split into words: {error}") from error
    program = shutil.which(words[0]) if words else None
    if program is None:
        shown = one_line(words[0]) if words else "nothing"
        raise Refusal(f"--exec: there is no program {shown}")
    return Hook((program, *words[1:]))
