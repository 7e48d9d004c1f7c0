"""A watch in a file: `watch --record` writes one, and `replay` shows it again."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

from veeam_async import from_dict
from veeam_async.cli.exits import Exit, conclude
from veeam_async.cli.interrupts import run_async
from veeam_async.cli.options import SESSION_MODELS, ColumnNames, Output
from veeam_async.cli.own_files import create
from veeam_async.cli.render.events import event_columns, show_events
from veeam_async.cli.render.words import AnySession, Event
from veeam_async.errors import Json
from veeam_async.watch.persist.replay import replay as replay_lines

RecordLine: TypeAlias = Callable[[Json], object]
"""Writes one line of a recording."""

_MODELS_BY_NAME = {model.__name__: model for model in SESSION_MODELS.values()}


def replay(
    file: Path, /, *, output: Output = None, columns: ColumnNames = None
) -> Exit:
    """Tell again, without a server, what a watch told that was recorded.

    Shows the events of `veeam-async watch --record FILE`, and ends with the exit code
    that they call for: 3 where a session failed, 1 where one is gone.

    Example: `veeam-async replay watch.rec`

    Args:
        file: What --record has written.
        output: A line per event on a terminal, ndjson in a pipe.
        columns: The fields to show in JSON and CSV, as in "kind,id,job_name,state".
    """
    # Never live: the events of hours would rush by in a second.
    events = _events(file)
    named = event_columns(columns, output, *SESSION_MODELS.values())
    shown = show_events(events, output, progress=True, live=False, columns=named)
    return conclude(run_async(shown))


async def _events(file: Path) -> AsyncIterator[Event]:
    for event in replay_lines(_lines(file), _load_session):
        yield event


def _lines(file: Path) -> Iterator[Json]:
    """Each line of a recording, parsed; without a last one that was cut off."""
    with file.open(encoding="utf-8") as text:
        for number, line in enumerate(text, start=1):
            # Its writer was killed in the middle of it: what came before is whole.
            if not line.endswith("\n"):
                return
            try:
                yield json.loads(line)
            except (ValueError, RecursionError) as error:
                raise ValueError(
                    f"line {number} of {file} is no JSON: {error}"
                ) from error


def _load_session(kind: str, data: Json) -> AnySession:
    if kind not in _MODELS_BY_NAME:
        raise ValueError(f"there are no sessions of the kind {kind!r}")
    return from_dict(_MODELS_BY_NAME[kind], data)


@contextmanager
def recording_to(file: Path | None) -> Iterator[RecordLine | None]:
    """Open a recording in *file*, begun anew, or none where that is None."""
    if file is None:
        yield None
        return
    with create(file) as text:
        yield lambda line: text.write(f"{json.dumps(line)}\n")
