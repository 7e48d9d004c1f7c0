"""The protocol of monitoring plugins: how `check` speaks to Icinga, Nagios, Checkmk.

The first line of standard output is what a monitoring system shows: the state, a
sentence, and after a `|` the performance data. Lines below it are details. The exit
code is the state. See the Monitoring Plugins' development guidelines.

Nothing is loaded here that may be missing: without its extra, too, the command has to
answer in this way.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress
from enum import IntEnum

from veeam_async.cli.render.streams import discard_stdout, warn
from veeam_async.cli.render.words import one_line

COMMAND = "check"
_NAME = "VEEAM"
_BAR = "\u00a6"


class State(IntEnum):
    """The exit codes of a plugin."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3


def is_called(arguments: Sequence[str]) -> bool:
    """Whether *arguments* call the plugin; options may stand before its name."""
    if COMMAND not in arguments:
        return False
    before = arguments[: arguments.index(COMMAND)]
    # What stands before it is an option, or the value of the option before that.
    follows = zip(before, ("", *before), strict=False)
    return all("-" in (each[:1], previous[:1]) for each, previous in follows)


def without_bars(words: str) -> str:
    """*words* on one line, without a bar: that would begin the performance data."""
    return one_line(words).replace("|", _BAR)


def tell(
    state: State, summary: str, data: Sequence[str] = (), details: Sequence[str] = ()
) -> State:
    """Write a plugin's answer to standard output, and give its exit code.

    An answer that cannot be written is none: whatever it was, nothing is known.
    """
    line = f"{_NAME} {state.name} - {without_bars(summary)}"
    if data:
        line = f"{line} | {' '.join(data)}"
    try:
        for each in (line, *map(without_bars, details)):
            sys.stdout.write(f"{each}\n")
        sys.stdout.flush()
    except OSError as error:
        discard_stdout()
        unwritten(error.strerror or str(error))
        return State.UNKNOWN
    return state


def unwritten(reason: str) -> None:
    """Say on standard error why there is no answer."""
    with suppress(OSError):
        warn(f"the answer could not be written: {reason}")


def unknown(reason: str, details: Sequence[str] = ()) -> State:
    """Tell that nothing is known, and why."""
    return tell(State.UNKNOWN, reason, details=details)


def fault(error: Exception) -> State:
    """Tell of an *error* that nobody foresaw; where it was goes to standard error."""
    # Here, since it is rare, and takes a while to load.
    import traceback  # noqa: PLC0415 - see above

    state = unknown(f"a fault of this command: {type(error).__name__}: {error}")
    sys.stderr.write("".join(traceback.format_exception(error)))
    return state
