r"""Where a server is and who logs on to it: from the environment, and from profiles.

Library and command line read both by this module alone. A profile is a table of
`profiles.toml`, and holds no password but the place where one is:

    [profile.prod]
    url = "https://em.example.com:9398"
    username = 'DOMAIN\svc'           # single quotes leave a backslash alone
    fingerprint = "6c…"               # or ca_file = "em.pem"
    password = {env = "EM_PASSWORD"}  # or {file = …}, {keyring = …}, {command = …}

A file is named from the folder of `profiles.toml`, `~` is the user's home. In the
keyring the entry of that service and of the username is taken. A command, a text or a
list, prints the password as its first line; no shell reads it.

Whatever makes no sense is a ValueError that says where it stands and what would do.
"""

from __future__ import annotations

import asyncio
import codecs
import os
import shlex
import subprocess
import sys
import tomllib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, TypeAlias

import attrs

from veeam_async.errors import PasswordUnavailable
from veeam_async.secret import Secret
from veeam_async.transport.exchange import Fingerprint

# ---------------------------------------------------------------- where a password is


class PasswordSource(ABC):
    """Where a password is: `read` it, or have a manager ask for it at each logon."""

    @abstractmethod
    def read(self) -> Secret[str]:
        """The password, which is not empty.

        Raises ValueError, RuntimeError or OSError that says what to do.
        """

    async def __call__(self) -> str:
        """The same, in a thread: a disk, a keyring or a program may take a while.

        Raises PasswordUnavailable with the sentence that says what to do.
        """
        try:
            return (await asyncio.to_thread(self.read)).reveal()
        except (OSError, RuntimeError, ValueError) as error:
            raise PasswordUnavailable(str(error)) from error


@attrs.frozen
class InVariable(PasswordSource):
    """A password in the environment variable *name*."""

    name: str

    def read(self) -> Secret[str]:
        """The value of the variable."""
        self.check()
        return Secret(os.environ[self.name])

    def check(self) -> None:
        """Raise ValueError where the variable is not set, or empty."""
        if not os.environ.get(self.name):
            raise ValueError(f"{self.name} is not set: it is to hold the password")

    def __str__(self) -> str:
        return f"the variable {self.name}"


@attrs.frozen
class InFile(PasswordSource):
    """A password in the first line of the file at *path*."""

    path: Path

    def read(self) -> Secret[str]:
        """The first line of the file, whatever encoding Windows gave it."""
        return _first_line(Secret(self.path.read_bytes()), f"the file {self.path}")

    def __str__(self) -> str:
        return f"the file {self.path}"


@attrs.frozen
class InKeyring(PasswordSource):
    """The password of *username* for *service* in the keyring of the platform."""

    service: str
    username: str

    def read(self) -> Secret[str]:
        """The entry of the keyring; never anything else where there is none."""
        try:
            keyring: Any = import_module("keyring")
        except ModuleNotFoundError:
            raise RuntimeError(
                "the password is in the keyring, which needs an extra: pip install "
                '"veeam-async[keyring]"'
            ) from None
        try:
            found = Secret(keyring.get_password(self.service, self.username))
        except keyring.errors.KeyringError as error:
            raise RuntimeError(
                f"the keyring cannot be read ({type(error).__name__}): a server "
                "without a desktop has none, keep the password in a file there"
            ) from None
        if not found.reveal():
            raise RuntimeError(
                f"the keyring has no password of {self.username} for {self.service}: "
                f"keyring set {self.service} '{self.username}'"
            )
        return found

    def __str__(self) -> str:
        return f"the keyring, service {self.service}"


@attrs.frozen
class FromCommand(PasswordSource):
    """A password that a program prints; *command* is its line, or its words."""

    command: str | tuple[str, ...]

    def read(self) -> Secret[str]:
        """The first line that the program prints; its messages go to our own."""
        try:
            ended = Secret(
                subprocess.run(self._words(), stdout=subprocess.PIPE, check=False)  # noqa: S603 - the user's own command
            )
        except OSError as error:
            raise RuntimeError(
                f"{self} could not be started: {error.strerror or error}"
            ) from None
        if code := ended.reveal().returncode:
            raise RuntimeError(f"{self} ended with exit code {code}")
        return _first_line(Secret(ended.reveal().stdout), f"what {self} printed")

    def _words(self) -> str | list[str]:
        if isinstance(self.command, tuple):
            return list(self.command)
        # Windows programs take their line apart by themselves.
        return self.command if sys.platform == "win32" else shlex.split(self.command)

    def __str__(self) -> str:
        # Its arguments are the user's own business: one may be a secret.
        first = (
            self.command[0]
            if isinstance(self.command, tuple)
            else self.command.partition(" ")[0]
        )
        return f"the command {first}"


def _first_line(data: Secret[bytes], place: str) -> Secret[str]:
    """The first line of *data*; ValueError where it is empty or no text."""
    line = _decoded(data)
    if line is None:
        raise ValueError(f"{place} is no text in UTF-8")
    password = Secret(next(iter(line.reveal().splitlines()), ""))
    # An empty password is not even tried: Windows locks accounts that fail to log on.
    if not password.reveal():
        raise ValueError(f"{place} is empty: its first line is to be the password")
    return password


def _decoded(data: Secret[bytes]) -> Secret[str] | None:
    # What PowerShell writes into a file begins with a mark of its encoding. No error
    # here: it would quote all of it.
    is_wide = data.reveal()[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    text = Secret(data.reveal().decode("utf-16" if is_wide else "utf-8-sig", "replace"))
    return None if "\ufffd" in text.reveal() else text


# ---------------------------------------------------------------- what is known


@attrs.frozen(kw_only=True)
class ServerSettings:
    """How to reach a server, as far as one place tells it.

    Of *ca_file*, *fingerprint* and *insecure* there is one at most.
    """

    # Kept out of the repr: either may hold a password by mistake.
    url: str | None = attrs.field(default=None, repr=False)
    username: str | None = None
    password: PasswordSource | None = None
    ca_file: str | None = None
    fingerprint: str | None = None
    insecure: bool = False
    proxy: str | None = attrs.field(default=None, repr=False)

    def over(self, lower: ServerSettings) -> ServerSettings:
        """These settings, and what they do not tell from *lower*.

        Whom to trust is one setting. A password goes with its username: another user's
        is not tried, since accounts lock.
        """
        username = self.username or lower.username
        is_same_user = lower.username in (None, username)
        trusting = self if self.trusts else lower
        return ServerSettings(
            url=self.url or lower.url,
            username=username,
            password=self.password or (lower.password if is_same_user else None),
            ca_file=trusting.ca_file,
            fingerprint=trusting.fingerprint,
            insecure=trusting.insecure,
            proxy=self.proxy or lower.proxy,
        )

    @property
    def trusts(self) -> bool:
        """Whether it tells whom to trust."""
        return bool(self.ca_file or self.fingerprint or self.insecure)

    def tls(self) -> str | Fingerprint | bool:
        """Whom to trust, as `EnterpriseManager` takes it."""
        if self.fingerprint:
            return Fingerprint(self.fingerprint)
        return self.ca_file or not self.insecure


# ---------------------------------------------------------------- the environment

VARIABLES = {
    "url": "VEEAM_URL",
    "username": "VEEAM_USERNAME",
    "password": "VEEAM_PASSWORD",
    "password_file": "VEEAM_PASSWORD_FILE",
    "ca_file": "VEEAM_CA_FILE",
    "fingerprint": "VEEAM_FINGERPRINT",
    "insecure": "VEEAM_INSECURE",
    "proxy": "VEEAM_PROXY",
    "profile": "VEEAM_PROFILE",
}
"""What the environment calls each setting; the command line reads the same."""

_YES = frozenset(("1", "true", "t", "yes", "y"))
_NO = frozenset(("0", "false", "f", "no", "n", ""))


def in_environment() -> ServerSettings:
    """What the environment tells, but for what a profile that it names adds."""
    settings = ServerSettings(
        url=_variable("url"),
        username=_variable("username"),
        password=_password_variable(),
        ca_file=_variable("ca_file"),
        fingerprint=_variable("fingerprint"),
        insecure=_is_yes(VARIABLES["insecure"]),
        proxy=_variable("proxy"),
    )
    given = [
        VARIABLES[name]
        for name in ("ca_file", "fingerprint", "insecure")
        if getattr(settings, name)
    ]
    if given[1:]:
        raise ValueError(f"{' and '.join(given)} contradict each other: set one")
    return settings


def _variable(name: str) -> str | None:
    # A variable that is set to nothing is how some shells and services unset one.
    return os.environ.get(VARIABLES[name]) or None


def _password_variable() -> PasswordSource | None:
    file = _variable("password_file")
    if file is not None:
        return InFile(Path(file))
    name = VARIABLES["password"]
    return InVariable(name) if os.environ.get(name) else None


def _is_yes(variable: str) -> bool:
    value = os.environ.get(variable, "").lower()
    if value not in _YES | _NO:
        raise ValueError(f"{variable} is 1 or 0")
    return value in _YES


# ---------------------------------------------------------------- the file

_KEYS = ("url", "username", "ca_file", "fingerprint", "password")
_PLACES = ("env", "file", "keyring", "command")

Table: TypeAlias = Mapping[str, object]
"""A table of TOML, of which nothing is known."""


def profiles_file() -> Path:
    """Where this platform keeps the profiles of its user."""
    # Here, since only who names a profile needs it.
    from platformdirs import user_config_path  # noqa: PLC0415 - see above

    return user_config_path("veeam-async", appauthor=False) / "profiles.toml"


def load(name: str, file: Path | None = None) -> ServerSettings:
    """The profile *name* of *file*, else of the user's own.

    Raises ValueError where there is none of that name, or it makes no sense.
    """
    file = file or profiles_file()
    tables = tables_of(file)
    if name not in tables:
        raise ValueError(_missing(name, tables, file))
    return settings_of(name, tables[name], file)


def tables_of(file: Path) -> dict[str, Table]:
    """The profiles of *file* by their names, unchecked; none where there is no file."""
    return parsed(text_of(file), file)


def text_of(file: Path) -> Secret[str]:
    """The text of *file*, in whichever encoding; empty where there is no file."""
    try:
        data = Secret(file.read_bytes())
    except FileNotFoundError:
        return Secret("")
    text = _decoded(data)
    if text is None:
        raise ValueError(f"{file} is no text in UTF-8")
    return text


def parsed(text: Secret[str], file: Path) -> dict[str, Table]:
    """The profiles in the *text* of *file*, by their names."""
    # A password that somebody has written there must not be shown by an error.
    try:
        whole = Secret(tomllib.loads(text.reveal()))
    except tomllib.TOMLDecodeError as error:
        hint = ": write a backslash in 'single quotes'" if "\\" in str(error) else ""
        fault = f"{file} is no TOML: {error}{hint}"
    else:
        return _profiles(whole, file)
    raise ValueError(fault)


def _profiles(whole: Secret[dict[str, Any]], file: Path) -> dict[str, Table]:
    if others := sorted(whole.reveal().keys() - {"profile"}):
        raise ValueError(
            f"{file}: {others[0]!r} is nothing that stands in it: a profile begins "
            "with [profile.NAME]"
        )
    found = Secret(whole.reveal().get("profile", {}))
    if not isinstance(found.reveal(), dict) or not all(
        isinstance(each, dict) for each in found.reveal().values()
    ):
        raise ValueError(f"{file}: a profile begins with [profile.NAME]")
    return {name: _Hiding(table) for name, table in found.reveal().items()}


class _Hiding(dict[str, object]):
    """A table that does not show its values: one may be a password, by mistake."""

    def __repr__(self) -> str:
        return f"<{', '.join(map(repr, self))}>"


def settings_of(name: str, table: Table, file: Path) -> ServerSettings:
    """What the *table* of profile *name* tells; ValueError where it makes no sense."""
    reader = _Reader(table, f"{file}, profile {name!r}", file.parent)
    reader.known(table, _KEYS)
    ca_file, fingerprint = reader.path("ca_file"), reader.text("fingerprint")
    if ca_file and fingerprint:
        raise ValueError(f"{reader.place}: give ca_file or fingerprint, not both")
    username = reader.text("username")
    return ServerSettings(
        url=reader.text("url"),
        username=username,
        password=reader.password(username),
        ca_file=None if ca_file is None else str(ca_file),
        fingerprint=fingerprint,
    )


def _entries(value: object) -> Table:
    """The entries of what is a table, none of anything else."""
    return value if isinstance(value, dict) else {}


@attrs.frozen
class _Reader:
    """Reads the values of a profile's *table*; *place* is how errors call it."""

    table: Table = attrs.field(repr=False)
    place: str
    folder: Path

    def known(self, table: Table, keys: Iterable[str], where: str = "") -> None:
        """Raise ValueError where *table* has another key than *keys*."""
        if others := [key for key in table if key not in keys]:
            raise ValueError(
                f"{self.place}: unknown key {others[0]!r}{where}; there are "
                f"{', '.join(keys)}"
            )

    def text(self, key: str) -> str | None:
        """A text that is not empty, None where there is none."""
        return self._text(self.table.get(key), key)

    def _text(self, value: object, key: str) -> str | None:
        if value is None or (isinstance(value, str) and value):
            return value
        raise ValueError(f"{self.place}: {key} is a text that is not empty")

    def path(self, key: str) -> Path | None:
        """A file, named from the folder of the profiles."""
        value = self.text(key)
        return None if value is None else self._path(value)

    def _path(self, value: str) -> Path:
        return self.folder / Path(value).expanduser()

    def password(self, username: str | None) -> PasswordSource | None:
        """Where the password is; a password itself is refused."""
        # It may be the password itself, which no error is to show.
        value = Secret(self.table.get("password"))
        if value.reveal() is None:
            return None
        given = _Hiding(_entries(value.reveal()))
        if len(given) != 1:
            raise ValueError(
                f"{self.place}: password says where the password is, as in "
                'password = {env = "EM_PASSWORD"}; there are '
                f"{', '.join(_PLACES)}"
            )
        self.known(given, _PLACES, " in password")
        ((place, where),) = given.items()
        if place == "command" and isinstance(where, list):
            return FromCommand(tuple(self._words(where)))
        text = self._text(where, f"password.{place}") or ""
        return self._source(place, text, username)

    def _words(self, given: list[object]) -> Iterable[str]:
        for each in given or [""]:
            yield self._text(each, "each word of password.command") or ""

    def _source(self, place: str, text: str, username: str | None) -> PasswordSource:
        if place == "keyring":
            if username is None:
                raise ValueError(f"{self.place}: a keyring needs the username")
            return InKeyring(text, username)
        make: dict[str, Callable[[str], PasswordSource]] = {
            "env": InVariable,
            "file": lambda path: InFile(self._path(path)),
            "command": FromCommand,
        }
        return make[place](text)


def _missing(name: str, there: Iterable[str], file: Path) -> str:
    if names := ", ".join(sorted(there)):
        return f"there is no profile {name!r} in {file}, but {names}"
    return (
        f"there is no profile {name!r}, since there is none in {file}: `veeam-async "
        f"profile add {name} --url URL --username USER` makes it"
    )


# ---------------------------------------------------------------- a manager's arguments


def from_environment(overrides: Mapping[str, Any]) -> dict[str, Any]:
    """A manager's arguments: *overrides*, then the environment, then its profile."""
    settings = in_environment()
    settings = attrs.evolve(
        settings, username=overrides.get("username", settings.username)
    )
    profile = _variable("profile")
    if profile is not None:
        settings = settings.over(load(profile))
    found = _arguments(settings, overrides)
    if missing := _missing_in(found):
        names = _listed([_NAMES[key] for key in missing])
        are, them = ("is", "it") if len(missing) == 1 else ("are", "them")
        raise ValueError(
            f"{names} {are} not set: set {them}, or give {_as_arguments(missing)}"
        )
    return _checked(found)


def from_file(
    name: str, file: str | os.PathLike[str] | None, overrides: Mapping[str, Any]
) -> dict[str, Any]:
    """A manager's arguments: *overrides*, then the profile *name* of *file*."""
    path = profiles_file() if file is None else Path(file)
    profile = load(name, path)
    settings = ServerSettings(username=overrides.get("username")).over(profile)
    found = _arguments(settings, overrides)
    if missing := _missing_in(found):
        # It may have one, but of its own user.
        whose = f" of {settings.username}" if profile.password is not None else ""
        raise ValueError(
            f"the profile {name!r} in {path} has no {_listed(missing)}{whose}: add it "
            f"there, or give {_as_arguments(missing)}"
        )
    return _checked(found)


_NAMES = {
    "url": "VEEAM_URL",
    "username": "VEEAM_USERNAME",
    "password": "VEEAM_PASSWORD (or VEEAM_PASSWORD_FILE)",
}
"""The arguments that cannot be left out, and what the environment calls them."""


def _missing_in(found: Mapping[str, Any]) -> list[str]:
    return [key for key in _NAMES if key not in found]


def _listed(names: list[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def _as_arguments(names: list[str]) -> str:
    return _listed([f"{name}=…" for name in names])


def _arguments(
    settings: ServerSettings, overrides: Mapping[str, Any]
) -> dict[str, Any]:
    """The arguments that *settings* make, under *overrides*."""
    given: dict[str, Any] = {
        "url": Secret(settings.url) if settings.url else None,
        "username": settings.username,
        "password": settings.password,
        "proxy": Secret(settings.proxy) if settings.proxy else None,
    }
    found = {name: value for name, value in given.items() if value is not None}
    if "tls" not in overrides:
        found["tls"] = settings.tls()
    return {**found, **overrides}


def _checked(found: dict[str, Any]) -> dict[str, Any]:
    """The same; ValueError where the password is in a variable that is not set."""
    if isinstance(found["password"], InVariable):
        found["password"].check()
    return found
