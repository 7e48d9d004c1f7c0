"""The command itself: find what was asked for, run it, return its exit code."""

from __future__ import annotations

import errno
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import zip_longest
from typing import Any

from cyclopts import App, CycloptsError

from veeam_async import VeeamError, __version__
from veeam_async.cli.commands.bench import bench
from veeam_async.cli.commands.demo import demo
from veeam_async.cli.commands.fetch import fetch
from veeam_async.cli.commands.read import get, query, references, tasks
from veeam_async.cli.commands.replay import replay
from veeam_async.cli.commands.run import run as run_job
from veeam_async.cli.commands.simulate import simulate
from veeam_async.cli.commands.stop import stop
from veeam_async.cli.commands.wait import wait
from veeam_async.cli.commands.watch import watch
from veeam_async.cli.exits import Exit, Refusal, exit_code_of, explain
from veeam_async.cli.interrupts import Interrupts
from veeam_async.cli.options import holds_password
from veeam_async.cli.render.console import escape_unencodable, stdout_console, warn
from veeam_async.cli.render.text import one_line

_HELP = """\
Read, follow and wait for the sessions of a Veeam Backup Enterprise Manager.

Begin with: `veeam-async demo`"""

_EPILOGUE = """\
The server and the user come from VEEAM_URL, VEEAM_USERNAME and VEEAM_PASSWORD, or from
options: `veeam-async get --help` shows them. `veeam-async simulate` gives a server to
try.

Data goes to standard output: a table on a terminal, a line of JSON for each row in a
pipe (`--output`). Everything else goes to standard error.

Exit codes: 0 done, 1 error, 2 wrong usage, 3 a session failed, 4 the time was up,
130 Ctrl-C, 141 the reader of the output has gone, 143 SIGTERM.
"""

_EXPOSED = (
    "on the command line can be read by everybody on this machine and stays in the "
    "shell's history"
)
_WITH_URL = {
    "--proxy": "set VEEAM_PROXY to the whole URL, in the environment or in a file that "
    "is read into it",
    "--url": "give --username, and set VEEAM_PASSWORD or give --password-file FILE",
}
"""The options that take a URL, and where its password goes instead."""

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
"""In the order of the help: what a newcomer needs first."""


def run(arguments: Sequence[str]) -> int:
    """Run the command with *arguments* to its end, whatever that is; its exit code."""
    if sys.stdout is None or sys.stderr is None:  # closed by whoever started this
        return Exit.ERROR
    escape_unencodable()
    with Interrupts() as interrupts:
        try:
            return _to_its_end(arguments)
        except KeyboardInterrupt:
            _flush_stdout()
            return interrupts.exit_code


def _to_its_end(arguments: Sequence[str]) -> int:
    try:
        with warnings.catch_warnings():
            # The library's UserWarnings are for this user, each time: TLS is off.
            warnings.simplefilter("always", UserWarning)
            warnings.showwarning = _show_warning
            code = _dispatch(arguments)
        # The interpreter does so too at its exit, but prints what fails then.
        sys.stdout.flush()
    except (Refusal, VeeamError, ValueError, RuntimeError, OSError) as error:
        if _is_closed_pipe(error):
            _discard_stdout()
            return Exit.PIPE_CLOSED
        warn(explain(error))
        return exit_code_of(error)
    return code


def _dispatch(arguments: Sequence[str]) -> Exit:
    _refuse_passwords(arguments)
    try:
        command, bound, _ = _app().parse_args(
            arguments, exit_on_error=False, print_error=False
        )
    except CycloptsError as error:
        raise Refusal(f"{one_line(str(error))} (see --help)") from error
    # What --help and --version call is cyclopts' own, and returns no exit code.
    code = command(*bound.args, **bound.kwargs)
    return code if isinstance(code, Exit) else Exit.DONE


def _app() -> App:
    app = App(
        name="veeam-async",
        help=_HELP,
        help_epilogue=_EPILOGUE,
        version=f"veeam-async {__version__}",
        help_format="markdown",
        console=stdout_console(),
    )
    for place, command in enumerate(_COMMANDS):
        app.command(command, sort_key=place, help_epilogue="")
    return app


def _refuse_passwords(arguments: Sequence[str]) -> None:
    # Before cyclopts sees them, whose errors would repeat the password.
    for argument, following in zip_longest(arguments, arguments[1:], fillvalue=""):
        option, _, value = argument.partition("=")
        if option == "--password":
            raise Refusal(
                f"a password {_EXPOSED}: set VEEAM_PASSWORD, or give "
                "--password-file FILE (- reads it from standard input)"
            )
        if option in _WITH_URL and holds_password(value or following):
            raise Refusal(f"a password in {option} {_EXPOSED}: {_WITH_URL[option]}")


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
        _discard_stdout()


def _discard_stdout() -> None:
    """Lead standard output to nowhere."""
    # The interpreter flushes it once more at its exit, and would fail again.
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
