"""Passwords where others can read them: on a command line, or in a URL on it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

from veeam_async.cli.exits import Refusal

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

SECRET_VARIABLES = {"VEEAM_PASSWORD"}
"""Variables that hold a password: whatever reads one of another name adds it."""


def refuse_passwords(arguments: Sequence[str]) -> None:
    """Raise Refusal for a password among *arguments*."""
    for argument, following in zip_longest(arguments, arguments[1:], fillvalue=""):
        option, _, value = argument.partition("=")
        if option == "--password":
            raise Refusal(
                f"a password {_EXPOSED}: set VEEAM_PASSWORD, or give "
                "--password-file FILE (- reads it from standard input)"
            )
        if option in _WITH_URL and holds_password(value or following):
            raise Refusal(f"a password in {option} {_EXPOSED}: {_WITH_URL[option]}")


def holds_password(url: str) -> bool:
    """Whether *url*, be it whole or not, has a password before its host."""
    place = url.partition("://")[2] or url
    user = place.rpartition("@")[0]
    return ":" in user or "%3a" in user.lower()
