import pytest

from tests.cli.command import Invoke, end, environment, start
from veeam_async import __version__

COMMANDS = (
    *("demo", "doctor", "check", "jobs", "simulate", "get", "references"),
    *(
        "query",
        "fetch",
        "watch",
        "wait",
        "run",
        "replay",
        "stop",
        "tasks",
        "bench",
        "completion",
    ),
)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_teaches_by_an_example(invoke: Invoke, command: str) -> None:
    """The help of each has an example, fits 60 columns, and shows no Python."""
    shown = invoke(command, "--help", COLUMNS="60")

    assert (shown.code, shown.err) == (0, "")
    assert f"Example: veeam-async {command}" in shown.out
    assert all(len(line) <= 60 for line in shown.out.splitlines())
    assert "default: ()" not in shown.out


def test_the_help_of_all(invoke: Invoke) -> None:
    """Without a command the help comes: all their names and the exit codes."""
    shown = invoke(COLUMNS="60")

    assert (shown.code, shown.err) == (0, "")
    assert all(f"│ {name} " in shown.out for name in COMMANDS)
    assert "130 Ctrl-C" in shown.out


async def test_the_version() -> None:
    """--version tells name and version."""
    shown = await end(await start("--version", env=environment()))

    assert (0, f"veeam-async {__version__}\n") == (shown.code, shown.out)
