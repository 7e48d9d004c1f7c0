"""A terminal for the command: a pseudo-terminal of a given size, POSIX only."""

import asyncio
import os
import re
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress

import attrs
import pytest

from tests.cli.command import COMMAND

needs_terminal = pytest.mark.skipif(
    sys.platform == "win32", reason="pseudo-terminals are POSIX's"
)
_PIECE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\r\n]|[^\r\n\x1b]+")
_CONTROLS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@attrs.define
class Terminal:
    """What a command wrote to its terminal, and its exit code."""

    code: int | None = None
    raw: str = ""

    @property
    def lines(self) -> list[str]:
        """All lines of that, without the sequences that steer the terminal."""
        return re.split(r"[\r\n]+", _CONTROLS.sub("", self.raw))

    @property
    def screen(self) -> list[str]:
        """The lines that are left of that on a terminal that is high enough."""
        shown, at = [""], 0
        for text in _PIECE.findall(self.raw):
            if text == "\n":
                at += 1
                shown += [""] * (at == len(shown))
            elif text.endswith("A") and text.startswith("\x1b"):
                at = max(0, at - int(text[2:-1] or "1"))
            elif text == "\x1b[2K":
                shown[at] = ""
            elif text[0] not in "\r\x1b":
                # Whatever is written on the command's lines is written after `\r` and
                # an erasure, or goes on where the last text ended.
                shown[at] += text
        return [line.rstrip() for line in shown]


async def on_terminal(
    *arguments: str,
    env: dict[str, str],
    columns: int = 80,
    rows: int = 24,
    answer: tuple[str, str] | None = None,
    terminal: Terminal | None = None,
    command: Sequence[str] = COMMAND,
) -> Terminal:
    """Run the command on a terminal; *answer* is what to type after which question.

    A *terminal* that is given can be read meanwhile.
    """
    import fcntl  # noqa: PLC0415 - POSIX only
    import pty  # noqa: PLC0415
    import termios  # noqa: PLC0415

    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, (rows, columns))
    process = await asyncio.create_subprocess_exec(
        *command,
        *arguments,
        env=env,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        # Ctrl-C is typed into it: only of a controlling terminal it makes a SIGINT.
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(slave)  # while it is open here, the reading would never end
    terminal = terminal or Terminal()
    done = asyncio.Event()
    _read(master, terminal, answer, done.set)
    await done.wait()
    os.close(master)
    terminal.code = await process.wait()
    return terminal


def _read(
    master: int,
    terminal: Terminal,
    answer: tuple[str, str] | None,
    finish: Callable[[], None],
) -> None:
    """Collect what the command writes until it has closed its terminal."""
    loop = asyncio.get_running_loop()
    written = bytearray()
    answers = [answer] if answer else []

    def take() -> None:
        data = b""
        with suppress(OSError):  # EIO: the other side is closed
            data = os.read(master, 65_536)
        if not data:
            loop.remove_reader(master)
            finish()
            return
        written.extend(data)
        # A read may end in the middle of a character: the next one completes it.
        terminal.raw = written.decode(errors="ignore")
        if answers and answers[0][0] in terminal.raw:
            os.write(master, answers.pop()[1].encode())

    loop.add_reader(master, take)
