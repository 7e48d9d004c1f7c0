"""Draw docs/watch.svg, the live table of README: `python .ci/picture.py`.

It runs the real command on a pseudo-terminal, against a simulated server, and has rich
draw a frame of what the command showed. Needs Linux or macOS.
"""

import asyncio
import fcntl
import io
import os
import pty
import re
import struct
import sys
import termios
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

from veeam_async.simulator import Simulator

PICTURE = Path(__file__).parents[1] / "docs" / "watch.svg"
COLUMNS, ROWS = 92, 16
SECONDS = 12
COMMAND = f"watch --interval 0.5 --timeout {SECONDS}"

_FRAME = re.compile(r"\r\x1b\[2K(?:\x1b\[1A\x1b\[2K)*")
"""What rich writes between two frames of a table that is kept up to date."""
_OUTCOME = re.compile("Starting|Working|Stopping|Success|Warning|Failed")
_FORMAT = """\
<svg class="{unique_id}" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<title>veeam-async watch: the live table of running sessions</title>
<style>
.{unique_id}-title {{ font: bold 18px sans-serif }}
.{unique_id}-matrix {{ font: 20px Consolas, Menlo, "DejaVu Sans Mono", monospace; \
white-space: pre; font-variant-east-asian: full-width; line-height: {line_height}px }}
{styles}
</style>
<defs><clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/></clipPath>
{lines}</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" \
clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g></g>
</svg>
"""
"""rich's own one asks a foreign host for a font."""


async def shown() -> str:
    """All that the command writes to its terminal."""
    main, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("4H", ROWS, COLUMNS, 0, 0))
    async with Simulator(sessions=60, running=11, speed=90, seed=3) as server:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "veeam_async", *COMMAND.split()),
            stdout=terminal,
            env={
                **{k: v for k, v in os.environ.items() if k != "NO_COLOR"},
                "VEEAM_URL": server.url,
                "VEEAM_USERNAME": server.username,
                "VEEAM_PASSWORD": server.password,
                "TERM": "xterm-256color",
                "TZ": "UTC",
            },
        )
        os.close(terminal)
        reading = asyncio.create_task(asyncio.to_thread(_read, main))
        await process.wait()
        return await reading


def _read(terminal: int) -> str:
    """What is written to *terminal* until its last writer has gone."""
    written = b""
    while True:
        try:
            part = os.read(terminal, 65_536)
        except OSError:  # so Linux says that nobody writes any more
            part = b""
        if not part:
            return written.decode()
        written += part


def chosen(written: str) -> str:
    """The frame that shows most: sessions that run beside some that have ended."""
    tables = [each for each in _FRAME.split(written) if "Progress" in each]
    return max(tables, key=variety).replace("\r", "").rstrip()


def variety(table: str) -> tuple[int, int]:
    """How many outcomes a table shows, and then how many sessions that run."""
    return len(set(_OUTCOME.findall(table))), table.count("Working")


def main() -> None:
    """Run the command and write the picture."""
    console = Console(
        record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True
    )
    console.print(Text("$ veeam-async watch", style="bold"))
    console.print(Text.from_ansi(chosen(asyncio.run(shown()))))
    drawn = console.export_svg(
        title="veeam-async", theme=MONOKAI, code_format=_FORMAT, unique_id="watch"
    )
    PICTURE.write_text(drawn, encoding="utf-8")
    sys.stdout.write(f"{PICTURE}: {len(drawn)} bytes\n")


if __name__ == "__main__":
    main()
