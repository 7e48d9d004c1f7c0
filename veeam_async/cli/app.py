"""The command itself: find what was asked for, run it, return its exit code."""

from __future__ import annotations

import errno
import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from veeam_async.cli import plugin
from veeam_async.cli.exits import Exit, Refusal, exit_code_of, explain
from veeam_async.cli.interrupts import Interrupts
from veeam_async.cli.passwords import refuse_passwords
from veeam_async.cli.render.streams import (
    discard_stdout,
    escape_unencodable,
    replace_closed_stderr,
    say,
    warn,
)
from veeam_async.cli.render.words import one_line
from veeam_async.errors import VeeamError
from veeam_async.version import __version__


def run(arguments: Sequence[str]) -> int:
    """Run the command with *arguments* to its end, whatever that is; its exit code."""
    replace_closed_stderr()
    if sys.stdout is None:  # closed by whoever started this
        return _unheard(arguments)
    escape_unencodable()
    with Interrupts() as interrupts:
        try:
            return _to_its_end(arguments, interrupts.unless_came(_show_warning))
        except KeyboardInterrupt:
            if plugin.is_called(arguments):
                return plugin.unknown("interrupted")
            _flush_stdout()
            return interrupts.exit_code
        except ModuleNotFoundError:
            raise  # an extra is missing: whoever called this knows what to say
        except Exception as error:
            # A monitoring system would read the exit code of a traceback as a warning.
            if plugin.is_called(arguments):
                return plugin.fault(error)
            raise


def _unheard(arguments: Sequence[str]) -> int:
    """Say that nothing can be written; the exit code."""
    reason = "standard output is closed"
    if plugin.is_called(arguments):
        plugin.unwritten(reason)
        return plugin.State.UNKNOWN
    warn(reason)
    return Exit.ERROR


def _to_its_end(arguments: Sequence[str], show_warning: Callable[..., Any]) -> int:
    try:
        with warnings.catch_warnings():
            # The library's UserWarnings are for this user, each time: TLS is off.
            warnings.simplefilter("always", UserWarning)
            warnings.showwarning = show_warning
            code = _dispatch(arguments)
        # The interpreter does so too at its exit, but prints what fails then.
        sys.stdout.flush()
    except (Refusal, VeeamError, ValueError, RuntimeError, OSError) as error:
        if _is_closed_pipe(error):
            discard_stdout()
            return Exit.PIPE_CLOSED
        return _tell(error, arguments)
    return code


def _tell(error: Exception, arguments: Sequence[str]) -> int:
    """Say what ended the command, in the way that suits it; its exit code."""
    more = error.more if isinstance(error, Refusal) else ()
    if plugin.is_called(arguments):
        return plugin.unknown(explain(error), more)
    warn(explain(error))
    for line in more:
        say(line)
    return exit_code_of(error)


def _dispatch(arguments: Sequence[str]) -> int:
    # Before cyclopts sees them, whose errors would repeat the password.
    refuse_passwords(arguments)
    if list(arguments) == ["--version"]:
        sys.stdout.write(f"veeam-async {__version__}\n")
        return Exit.DONE
    # Here, since a version needs no commands, and whoever lacks cyclopts is told so.
    from veeam_async.cli.dispatch import dispatch  # noqa: PLC0415 - see above
    from veeam_async.cli.logs import shown  # noqa: PLC0415 - the same

    with shown():
        return dispatch(arguments)


def _show_warning(message: Warning | str, *_more: Any, **_also: Any) -> None:
    warn(f"warning: {one_line(str(message))}")


def _is_closed_pipe(error: Exception) -> bool:
    """Whether the reader of the output has gone; Windows calls that EINVAL."""
    is_windows = sys.platform == "win32"
    return isinstance(error, BrokenPipeError) or (
        is_windows and isinstance(error, OSError) and error.errno == errno.EINVAL
    )


def _flush_stdout() -> None:
    """Write what is still buffered; a signal may end the process before it does so."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        discard_stdout()
