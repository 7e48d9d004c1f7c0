"""A watch in a file: record one, and tell a recorded one again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

from veeam_async import from_dict
from veeam_async.cli.board import Board, Event
from veeam_async.cli.exits import Exit
from veeam_async.cli.following import follow_rows
from veeam_async.cli.live import line
from veeam_async.cli.output import Format, Output, chosen, rows
from veeam_async.cli.resource import KINDS
from veeam_async.cli.screen import out
from veeam_async.cli.status import AnySession
from veeam_async.cli.verdict import verdict
from veeam_async.errors import Json
from veeam_async.watch.persist.replay import replay as events_of

Record: TypeAlias = Callable[[Json], object] | None
"""Takes the lines of a recording."""

_KINDS = {kind.__name__: kind for kind in KINDS.values()}


def replay(file: Path, /, *, output: Output = None) -> Exit:
    """Tell again, without a server, what a watch told that was recorded.

    Shows the events of `veeam-async watch --record FILE`, and ends with the exit code
    that they call for: 3 where a session failed, 1 where one is gone.

    Example: `veeam-async replay watch.rec`

    Args:
        file: What --record has written.
        output: A line per event on a terminal, ndjson in a pipe.
    """
    return verdict(asyncio.run(_replay(file, output)))


async def _replay(file: Path, output: Format | None) -> Board:
    events = _events(file)
    if chosen(output) == "table":
        screen = out()
        return await follow_rows(
            events, lambda event: screen.print(line(event), soft_wrap=True)
        )
    with rows(output) as put:
        return await follow_rows(events, put)


async def _events(file: Path) -> AsyncIterator[Event]:
    for event in events_of(_lines(file), _load):
        yield event


def _lines(file: Path) -> Iterator[Json]:
    """Give each line; a last one that was cut off, as its writer was, is left out."""
    with file.open(encoding="utf-8") as text:
        for number, each in enumerate(text, start=1):
            if not each.endswith("\n"):
                return
            try:
                yield json.loads(each)
            except ValueError as error:
                raise ValueError(
                    f"line {number} of {file} is no JSON: {error}"
                ) from error


def _load(kind: str, data: Json) -> AnySession:
    if kind not in _KINDS:
        raise ValueError(f"there are no sessions of the kind {kind!r}")
    return from_dict(_KINDS[kind], data)


@contextmanager
def recorded(file: Path | None) -> Iterator[Record]:
    """Give what writes lines into a new *file*, None where there is none to write."""
    if file is None:
        yield None
        return
    with file.open("w", encoding="utf-8", newline="\n") as text:
        yield lambda each: text.write(f"{json.dumps(each)}\n")
