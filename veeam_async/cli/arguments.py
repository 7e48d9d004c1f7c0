"""The order of arguments: options may stand before the command too."""

from __future__ import annotations

from collections.abc import Container, Sequence

_FLAGS = frozenset(
    (
        *("--insecure", "--progress", "--until-failed", "--stop-on-interrupt"),
        *("--retries", "--wait", "--check", "--yes", "-y", "--json", "--tls"),
        *("--verbose", "-v", "-vv", "-vvv"),
    )
)
"""The options that take no value, beside those that begin with --no-."""


def command_first(arguments: Sequence[str], commands: Container[str]) -> list[str]:
    """*arguments* with the options before the first of the *commands* behind it.

    As they are where no command comes after options, as before a --help of all.
    """
    place = 0
    while place < len(arguments) and arguments[place].startswith("-"):
        place += 1 + _takes_value(arguments[place])
    if place >= len(arguments) or arguments[place] not in commands:
        return list(arguments)
    return [arguments[place], *arguments[:place], *arguments[place + 1 :]]


def _takes_value(option: str) -> bool:
    is_flag = option in _FLAGS or option.startswith("--no-")
    return not (is_flag or "=" in option or option in ("--help", "-h", "--version"))
