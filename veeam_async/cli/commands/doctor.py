"""Find out, step by step, why a server cannot be used, or how well it can."""

from __future__ import annotations

import shutil
import sys
import textwrap
import warnings
from collections.abc import Callable, Iterator
from contextlib import aclosing, contextmanager
from typing import TypeAlias

from veeam_async.cli.diagnosis.diagnosis import diagnose
from veeam_async.cli.diagnosis.steps import Status, Step
from veeam_async.cli.exits import Exit, Refusal
from veeam_async.cli.interrupts import run_async
from veeam_async.cli.options import NO_CONNECTION, Connection, Output, Server
from veeam_async.cli.render.called import as_called
from veeam_async.cli.render.output import Format, row_writer
from veeam_async.cli.render.streams import say, with_stand_ins
from veeam_async.cli.render.words import count, printable

_WIDTH = 10
_INDENT = " " * 2 * (_WIDTH + 1)
_NARROWEST = 2 * len(_INDENT)

Write: TypeAlias = Callable[[Step], object]


def doctor(*, output: Output = None, connection: Connection = NO_CONNECTION) -> Exit:
    """Find out, step by step, why a server cannot be used, or how well it can.

    The steps: the URL, the host's name, its port, the certificate and how to trust it,
    whether Enterprise Manager answers and which version, its clock, the logon, how
    fast a page of sessions comes, which jobs are shown, the role. What depends on a
    step that failed is not tried. The password is sent once at most, since accounts
    lock, and shown nowhere: what is printed can be handed on.

    Exit code 0: all works, though there may be warnings; 1: something does not.

    Example: `veeam-async doctor`

    Example: `veeam-async doctor -o json`

    Args:
        output: A line for each step unless another form is given.
        connection: How to reach the server.
    """
    server = _server(connection)
    with warnings.catch_warnings():
        # That any certificate is trusted is one of the steps.
        warnings.simplefilter("ignore", UserWarning)
        return run_async(_doctor(connection, server, output))


def _server(connection: Connection) -> Server | Refusal:
    """The server, or what is missing: without a password much can be looked at."""
    try:
        return connection.server()
    except Refusal as refusal:
        return refusal


async def _doctor(
    connection: Connection, server: Server | Refusal, output: Format | None
) -> Exit:
    known = connection.known() if isinstance(server, Refusal) else server.connection
    counts = dict.fromkeys(Status, 0)
    with _writer(output) as write:
        async with aclosing(diagnose(known, server)) as steps:
            async for step in steps:
                counts[step.status] += 1
                write(step)
    say(_conclusion(counts[Status.FAILED], counts[Status.WARNING]))
    return Exit.ERROR if counts[Status.FAILED] else Exit.DONE


def _conclusion(failed: int, warned: int) -> str:
    if failed:
        return f"{count(failed, 'step')} failed: see what to do there"
    warning = f", with {count(warned, 'warning')}" if warned else ""
    return f"all works{warning}; next: {as_called('query', '--since', '24h')}"


@contextmanager
def _writer(output: Format | None) -> Iterator[Write]:
    """Write steps in the form asked for, each as soon as it was taken."""
    # In a pipe too a line is for people: whoever asks for help pastes it.
    if output in (None, "table"):
        yield _write_lines
        return
    with row_writer(output) as write:
        yield write


def _write_lines(step: Step) -> None:
    head = f"{step.status:<{_WIDTH}} {step.step:<{_WIDTH}} "
    lines = _folded(printable(step.found), head)
    if step.do is not None:
        lines += _folded(printable(step.do), f"{_INDENT[:-3]}-> ")
    for line in lines:
        shown = with_stand_ins(line, sys.stdout.encoding or "utf-8")
        sys.stdout.write(f"{shown}\n")
    sys.stdout.flush()


def _folded(text: str, head: str) -> list[str]:
    """*text* after its *head*, folded where a terminal would break it."""
    if not sys.stdout.isatty():
        return [head + text]
    width = max(_NARROWEST, shutil.get_terminal_size().columns)
    return textwrap.wrap(
        text,
        width,
        initial_indent=head,
        subsequent_indent=_INDENT,
        break_long_words=False,
        break_on_hyphens=False,
    )
