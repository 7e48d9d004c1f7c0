"""The command itself: find what was asked for, run it, give its exit code."""

from __future__ import annotations

import errno
import os
import signal
import sys
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from cyclopts import App, CycloptsError

from veeam_async import VeeamError, __version__
from veeam_async.cli.bench import bench
from veeam_async.cli.demo import demo
from veeam_async.cli.exits import Exit, Refusal, code_of, explain
from veeam_async.cli.fetching import fetch
from veeam_async.cli.reading import get, query, references, tasks
from veeam_async.cli.replaying import replay
from veeam_async.cli.running import run as run_job
from veeam_async.cli.screen import out, prepare, warn
from veeam_async.cli.simulate import simulate
from veeam_async.cli.stopping import stop
from veeam_async.cli.waiting import wait
from veeam_async.cli.watching import watch
from veeam_async.cli.words import one_line

_HELP = """\
Read, follow and wait for the sessions of a Veeam Backup Enterprise Manager.

Begin with: `veeam-async demo`"""

_MORE = """\
The server and the user come from VEEAM_URL, VEEAM_USERNAME and VEEAM_PASSWORD, or from
options: `veeam-async get --help` shows them. `veeam-async simulate` gives a server to
try.

Data goes to standard output: a table on a terminal, a line of JSON for each row in a
pipe (`--output`). Everything else goes to standard error.

Exit codes: 0 done, 1 error, 2 wrong usage, 3 a session failed, 4 the time was up,
130 Ctrl-C, 141 the reader of the output has gone, 143 SIGTERM.
"""

_COMMANDS: tuple[Callable[..., Exit], ...] = (
    demo,
    simulate,
    get,
    references,
    query,
    fetch,
    watch,
    wait,
    run_job,
    replay,
    stop,
    tasks,
    bench,
)


def run(arguments: Sequence[str]) -> int:
    """Run the command with *arguments* and give its exit code."""
    if sys.stdout is None or sys.stderr is None:  # closed by whoever started this
        return Exit.ERROR
    prepare()
    ending = _Ending()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always", UserWarning)
            warnings.showwarning = _show_warning
            code = _carry_out(arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return ending.code
    except (Refusal, VeeamError, ValueError, RuntimeError, OSError) as error:
        if _is_closed_pipe(error):
            _forget_stdout()
            return Exit.PIPE_CLOSED
        warn(explain(error))
        return code_of(error)
    return code


class _Ending:
    """Let SIGTERM, which a service manager sends, end a command as Ctrl-C does.

    *code* is the exit code of whichever of the two it was.
    """

    def __init__(self) -> None:
        self.code = Exit.INTERRUPTED
        with suppress(ValueError):  # not in the main thread: a test's own
            signal.signal(signal.SIGTERM, self._end)

    def _end(self, _number: int, _frame: object) -> None:
        self.code = Exit.TERMINATED
        if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
            raise KeyboardInterrupt  # a script's background job, deaf to Ctrl-C
        signal.raise_signal(signal.SIGINT)


def _carry_out(arguments: Sequence[str]) -> Exit:
    _refuse_password(arguments)
    try:
        command, bound, _ = _app().parse_args(
            arguments, exit_on_error=False, print_error=False
        )
    except CycloptsError as error:
        raise Refusal(f"{one_line(str(error))} (see --help)") from error
    code = command(*bound.args, **bound.kwargs)
    return code if isinstance(code, Exit) else Exit.DONE


def _app() -> App:
    app = App(
        name="veeam-async",
        help=_HELP,
        help_epilogue=_MORE,
        version=f"veeam-async {__version__}",
        help_format="markdown",
        console=out(),
    )
    for place, command in enumerate(_COMMANDS):
        app.command(command, sort_key=place, help_epilogue="")
    return app


def _refuse_password(arguments: Sequence[str]) -> None:
    """Say why there is no such option; what came after it is not repeated."""
    if any(each.partition("=")[0] == "--password" for each in arguments):
        raise Refusal(
            "a password on the command line can be read by everybody on this machine "
            "and stays in the shell's history: set VEEAM_PASSWORD, or give "
            "--password-file FILE (- reads it from standard input)"
        )


def _show_warning(message: Warning | str, *_more: Any, **_also: Any) -> None:
    warn(f"warning: {one_line(str(message))}")


def _is_closed_pipe(error: Exception) -> bool:
    """Tell whether whoever read the output has gone; Windows calls that EINVAL."""
    is_windows = sys.platform == "win32"
    return isinstance(error, BrokenPipeError) or (
        is_windows and isinstance(error, OSError) and error.errno == errno.EINVAL
    )


def _forget_stdout() -> None:
    """Give the interpreter another place to flush to: the reader has gone."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
