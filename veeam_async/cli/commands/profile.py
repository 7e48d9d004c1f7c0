"""Keep servers under names: what a profile says, and what to do with it next."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from cyclopts import Parameter

from veeam_async.cli.exits import Exit, Refusal
from veeam_async.cli.passwords import holds_password
from veeam_async.cli.profile_file import Values, add_profile, remove_profile
from veeam_async.cli.render.called import as_called
from veeam_async.cli.render.output import effective
from veeam_async.cli.render.streams import say
from veeam_async.cli.render.words import printable
from veeam_async.profiles import (
    ServerSettings,
    load,
    profiles_file,
    settings_of,
    tables_of,
)
from veeam_async.transport.exchange import Fingerprint

Action: TypeAlias = Literal["list", "show", "add", "remove"]

_Text: TypeAlias = str | None


def profile(
    action: Action = "list",
    name: str | None = None,
    /,
    *,
    url: Annotated[_Text, Parameter(env_var="VEEAM_URL")] = None,
    username: Annotated[_Text, Parameter(env_var="VEEAM_USERNAME")] = None,
    ca_file: Annotated[_Text, Parameter(env_var="VEEAM_CA_FILE")] = None,
    fingerprint: Annotated[_Text, Parameter(env_var="VEEAM_FINGERPRINT")] = None,
    password_env: _Text = None,
    password_file: _Text = None,
    password_keyring: _Text = None,
    password_command: _Text = None,
) -> Exit:
    r"""Keep servers under names, for --profile: list, show, add, remove.

    Example: `veeam-async profile list`

    Example: `veeam-async profile add prod --url https://em.example.com:9398
    --username backup@example.com --password-env EM_PASSWORD`

    A profile holds no password, but says where it is. Every command takes --profile
    prod, or VEEAM_PROFILE; options and the other variables go before a profile.

    Args:
        action: What to do: list them all, or show, add, remove one.
        name: The profile.
        url: For add: the server, such as https://em.example.com:9398.
        username: For add: DOMAIN\user or user@domain.
        ca_file: For add: a PEM file with the certificates to trust.
        fingerprint: For add: SHA-256 of the one certificate to trust.
        password_env: For add: the variable that holds the password.
        password_file: For add: the file whose first line is the password.
        password_keyring: For add: the service under which the keyring of this
            platform has the password of that user.
        password_command: For add: the program that prints the password, with its
            arguments.
    """
    file = profiles_file()
    if action == "list":
        return _list(file, name)
    if name is None:
        raise Refusal(f"which profile? veeam-async profile {action} NAME")
    if action == "show":
        return _show(file, name)
    if action == "remove":
        return _remove(file, name)
    places = {
        "env": password_env,
        "file": password_file and os.path.abspath(password_file),  # noqa: PTH100 - a link stays one
        "keyring": password_keyring,
        "command": password_command,
    }
    values = {
        "url": url,
        "username": username,
        "ca_file": ca_file and os.path.abspath(ca_file),  # noqa: PTH100 - the same
        "fingerprint": fingerprint,
    }
    return _add(file, name, values, places)


# ---------------------------------------------------------------- list and show


def _list(file: Path, name: str | None) -> Exit:
    if name is not None:
        raise Refusal(f"list takes no name: veeam-async profile show {name}")
    tables = tables_of(file)
    if not tables:
        say(f"no profile in {file}; {as_called('profile', 'add', 'NAME')} makes one")
        return Exit.DONE
    rows = [
        _row(each, settings_of(each, table, file)) for each, table in tables.items()
    ]
    if effective(None) == "table":
        columns = ("name", "url", "username")
        _print_table([[row[key] or "" for key in columns] for row in rows])
        say(f"{len(rows)} in {file}")
    else:
        sys.stdout.writelines(f"{json.dumps(row)}\n" for row in rows)
    return Exit.DONE


def _show(file: Path, name: str) -> Exit:
    row = _row(name, load(name, file))
    if effective(None) == "table":
        _print_table([[key, value] for key, value in row.items() if value])
    else:
        sys.stdout.write(f"{json.dumps(row)}\n")
    return Exit.DONE


def _row(name: str, settings: ServerSettings) -> dict[str, str | None]:
    """A profile, but for the password itself."""
    url = settings.url or ""
    return {
        "name": name,
        "url": "(hidden: it holds a password)" if holds_password(url) else url,
        "username": settings.username,
        "ca_file": settings.ca_file,
        "fingerprint": settings.fingerprint,
        "password": None if settings.password is None else f"in {settings.password}",
    }


def _print_table(rows: list[list[str]]) -> None:
    shown = [[printable(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    for row in shown:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        sys.stdout.write(f"{'  '.join(cells).rstrip()}\n")


# ---------------------------------------------------------------- add and remove


def _add(
    file: Path, name: str, given: Mapping[str, _Text], places: Mapping[str, _Text]
) -> Exit:
    values: dict[str, str | Mapping[str, str]] = {
        key: value for key, value in given.items() if value
    }
    if missing := [key for key in ("url", "username") if key not in values]:
        raise Refusal(
            f"a new profile needs {' and '.join(f'--{key}' for key in missing)}"
        )
    if values.get("ca_file") and values.get("fingerprint"):
        raise Refusal("--ca-file and --fingerprint contradict each other: give one")
    if (text := given["fingerprint"]) is not None:
        values["fingerprint"] = Fingerprint(text).sha256
    places = {place: value for place, value in places.items() if value}
    if len(places) > 1:
        named = " and ".join(f"--password-{place}" for place in places)
        raise Refusal(f"{named} contradict each other: give one")
    if places:
        values["password"] = {key: value or "" for key, value in places.items()}
    add_profile(file, name, values)
    say(f"profile {name} is in {file}")
    say(_how_to_give(values))
    say(f"then try it: {as_called('doctor', '--profile', name)}")
    return Exit.DONE


def _how_to_give(values: Values) -> str:
    """A sentence on how to provide the password."""
    places = values.get("password")
    if not isinstance(places, Mapping):
        return (
            "it does not say where the password is: set VEEAM_PASSWORD, or type it "
            "when you are asked"
        )
    ((place, value),) = places.items()
    told: dict[str, Callable[[], str]] = {
        "env": lambda: f"set {value} to the password",
        "file": lambda: f"put the password into {value}, for you alone to read",
        "keyring": lambda: (
            'put the password into the keyring: pip install "veeam-async[keyring]", '
            f"then keyring set {value} '{values['username']}'"
        ),
        "command": lambda: f"see that this prints the password: {value}",
    }
    return told[place]()


def _remove(file: Path, name: str) -> Exit:
    remove_profile(file, name)
    say(f"profile {name} is no longer in {file}")
    return Exit.DONE
