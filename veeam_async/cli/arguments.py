"""The order of arguments: options may stand before the command too."""

from __future__ import annotations

from collections.abc import Container, Sequence

_FLAGS = frozenset(
    (
        *("--insecure", "--progress", "--until-failed", "--stop-on-interrupt"),
        *("--retries", "--wait", "--check", "--yes", "-y", "--json", "--tls"),
        "--running",
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
        following = arguments[place + 1 : place + 2]
        # A flag of one command may be an option of another: --running of demo.
        is_value = not (following and _is_next(following[0], commands))
        place += 1 + _takes_value(arguments[place], is_value=is_value)
    if place >= len(arguments) or arguments[place] not in commands:
        return list(arguments)
    return [arguments[place], *arguments[:place], *arguments[place + 1 :]]


def _is_next(word: str, commands: Container[str]) -> bool:
    """Whether *word* may well be the next option, or the command."""
    return word.startswith("-") or word in commands


def _takes_value(option: str, *, is_value: bool) -> bool:
    if option in _FLAGS:
        return is_value
    has_none = option.startswith("--no-") or option in ("--help", "-h", "--version")
    return not (has_none or "=" in option)
