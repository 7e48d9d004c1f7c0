"""The commands by name: which one is called, with what, and the page of them all.

Only the command that is called is imported; of the others a line is known here, which
the page of all shows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import IntEnum
from importlib import import_module
from typing import TYPE_CHECKING

from cyclopts import App, CycloptsError

from veeam_async.cli.arguments import command_first
from veeam_async.cli.exits import Exit, Refusal
from veeam_async.cli.render.words import one_line
from veeam_async.version import __version__

if TYPE_CHECKING:
    from veeam_async.cli.render.console import PlainConsole

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
129 SIGHUP, 130 Ctrl-C, 141 the reader of the output has gone, 143 SIGTERM. `check` has
those of a monitoring plugin: 0 OK, 1 warning, 2 critical, 3 unknown.
"""

COMMANDS = {
    "demo": (
        "Show it all against a simulated server: fetch, watch, summary. Needs nothing."
    ),
    "doctor": (
        "Find out, step by step, why a server cannot be used, or how well it can."
    ),
    "check": (
        "Judge the jobs for Icinga, Nagios or Checkmk: one line, performance data."
    ),
    "jobs": (
        "List the jobs: schedule, next run, last result, what runs. Sorted by name."
    ),
    "simulate": (
        "Run a simulated Enterprise Manager until Ctrl-C, and say how to reach it."
    ),
    "get": "Show one session.",
    "references": "List the sessions of the last 30 days, by id and name only.",
    "query": "Select sessions on the server, oldest first.",
    "fetch": "Fetch many sessions at once: the given ones, or all of the last 30 days.",
    "watch": "Watch sessions: those given, until each is Stopped, or else everything.",
    "wait": "Wait until a session is Stopped, and show it then.",
    "run": "Start a job, and follow its run to the end. Needs a Portal Administrator.",
    "replay": "Tell again, without a server, what a watch told that was recorded.",
    "stop": "Ask the server to stop a backup session. Needs a Portal Administrator.",
    "tasks": "List the task sessions of a backup session: one for each machine in it.",
    "bench": "Measure how fast the server gives backup sessions: rate, times, errors.",
    "profile": "Keep servers under names, for --profile: list, show, add, remove.",
    "completion": (
        "Print a script by which a shell completes commands, options and their values."
    ),
}
"""What each does, as its docstring begins. In the order of the help: what a newcomer
needs first."""

_MODULES = dict.fromkeys(("get", "references", "query", "tasks"), "read")
"""Where a command is that has no module of its own name."""

_PAGES = frozenset(("--help", "-h", "--version"))
"""What shows a page instead of calling a command."""


def dispatch(arguments: Sequence[str]) -> int:
    """Run the command that *arguments* call; Refusal where they make no sense."""
    arguments = command_first(arguments, COMMANDS)
    if arguments and arguments[0].startswith("-") and _PAGES.isdisjoint(arguments):
        given = one_line(arguments[0].partition("=")[0])
        raise Refusal(f"no command comes after {given} (see --help)")
    try:
        command, bound, _ = _app(arguments).parse_args(
            arguments, exit_on_error=False, print_error=False
        )
    except CycloptsError as error:
        raise Refusal(f"{one_line(str(error))} (see --help)") from error
    # What --help and --version call is cyclopts' own, and returns no exit code.
    code = command(*bound.args, **bound.kwargs)
    return code if isinstance(code, IntEnum) else Exit.DONE


def app_of_all() -> App:
    """The app with every command, for whoever looks into all of them."""
    return _app(())


def place_of(name: str) -> str:
    """Where a command's function is, as `module:function`."""
    return f"veeam_async.cli.commands.{_MODULES.get(name, name)}:{name}"


def function_of(name: str) -> Callable[..., IntEnum]:
    """A command's function, imported now."""
    module, _, function = place_of(name).partition(":")
    found: Callable[..., IntEnum] = getattr(import_module(module), function)
    return found


def _console_for(arguments: Sequence[str]) -> PlainConsole | None:
    """What a page of help is drawn on, None where there will be none."""
    if not COMMANDS.keys().isdisjoint(arguments) and _PAGES.isdisjoint(arguments):
        return None
    # Here, since most commands draw nothing where their output goes into a pipe.
    from veeam_async.cli.render.console import stdout_console  # noqa: PLC0415 - as said

    return stdout_console()


def _app(arguments: Sequence[str]) -> App:
    app = App(
        name="veeam-async",
        help=_HELP,
        help_epilogue=_EPILOGUE,
        version=f"veeam-async {__version__}",
        help_format="markdown",
        console=_console_for(arguments),
    )
    for place, (name, summary) in enumerate(COMMANDS.items()):
        # One that is named may be the one that is called, and has more help to show.
        if name in arguments:
            app.command(function_of(name), sort_key=place, help_epilogue="")
        else:
            app.command(place_of(name), help=summary, sort_key=place, help_epilogue="")
    return app
