"""The options that commands share: the server, ids, the kind of session, the output."""

from __future__ import annotations

import os
from collections.abc import Callable
from getpass import getpass
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

import attrs
from cyclopts import Group, Parameter

from veeam_async import (
    BackupJobSession,
    EnterpriseManager,
    Fingerprint,
    JobSessions,
    ReplicaJobSession,
    RequestDone,
    RestoreSession,
    Retry,
    Timeout,
)
from veeam_async.cli.exits import Refusal, exit_code_of, explain
from veeam_async.cli.inputs import read_text
from veeam_async.cli.interrupts import asking
from veeam_async.cli.logs import show
from veeam_async.cli.passwords import SECRET_VARIABLES
from veeam_async.cli.render.output import Format
from veeam_async.cli.render.streams import is_asked_at_terminal, warn
from veeam_async.cli.render.words import AnySession
from veeam_async.secret import Secret

if TYPE_CHECKING:
    from veeam_async.profiles import PasswordSource, ServerSettings

Output: TypeAlias = Annotated[Format | None, Parameter(name=["--output", "-o"])]

ColumnNames: TypeAlias = Annotated[str | None, Parameter(name="--columns")]
"""Which fields to show, separated by commas."""

# ---------------------------------------------------------------- the server

_GROUP = Group("Connection", sort_key=9)


@Parameter(name="*", group=_GROUP)
@attrs.frozen(kw_only=True)
class Connection:
    """How to reach a server. There is no --password: VEEAM_PASSWORD, or a file."""

    url: Annotated[str | None, Parameter(env_var="VEEAM_URL")] = None
    """The server, such as https://em.example.com:9398."""

    username: Annotated[str | None, Parameter(env_var="VEEAM_USERNAME")] = None
    r"""DOMAIN\user or user@domain."""

    password_file: Annotated[
        str | None,
        Parameter(env_var="VEEAM_PASSWORD_FILE", allow_leading_hyphen=True),
    ] = None
    """A file with the password, or - for standard input. Else: VEEAM_PASSWORD."""

    ca_file: Annotated[str | None, Parameter(env_var="VEEAM_CA_FILE")] = None
    """A PEM file with the certificates to trust."""

    fingerprint: Annotated[str | None, Parameter(env_var="VEEAM_FINGERPRINT")] = None
    """SHA-256 of the one certificate to trust."""

    insecure: Annotated[
        bool, Parameter(env_var="VEEAM_INSECURE", negative="", show_default=False)
    ] = False
    """Trust any certificate: whoever is on the way can read the password."""

    accept: Literal["json", "xml"] = "json"
    """What to ask the server for."""

    max_connections: int = 16
    """How many requests at once."""

    request_timeout: float = 60.0
    """Seconds that one request may take."""

    # Kept out of the repr: it may hold a password.
    proxy: Annotated[str | None, Parameter(env_var="VEEAM_PROXY")] = attrs.field(
        default=None, repr=False
    )
    """The URL of an HTTP proxy; one with a password in VEEAM_PROXY alone."""

    profile: Annotated[str | None, Parameter(env_var="VEEAM_PROFILE")] = None
    """A profile, for what no option and no variable gives: `veeam-async profile`."""

    verbose: Annotated[
        int,
        Parameter(
            name=["--verbose", "-v"], count=True, negative="", show_default=False
        ),
    ] = 0
    """Tell what is tried again on standard error; -vv: each request."""

    def server(self) -> Server:
        """Resolve the password, by asking for it where nothing else gives it.

        Raises Refusal where the URL, the user or the password is missing.
        """
        show(self.verbose)
        # Called before the event loop runs, so that Ctrl-C ends the question at once.
        profile = self._loaded()
        if profile is not None:
            _warn_of_variables(self, profile)
        known, source = self._over(profile)
        if not known.url:
            raise Refusal(
                "no server is given: set VEEAM_URL, VEEAM_USERNAME and VEEAM_PASSWORD, "
                "or give --url, --username and --password-file, or --profile"
            )
        if not known.username:
            raise Refusal("no user is given: set VEEAM_USERNAME, or give --username")
        return Server(connection=known, password=self._password(source, known.username))

    def known(self) -> Connection:
        """These options with what their profile adds, without any password."""
        return self._over(self._loaded())[0]

    def _loaded(self) -> ServerSettings | None:
        """The profile, if one is named."""
        if not self.profile:
            return None
        # Here, since only who names a profile needs what reads it.
        from veeam_async.profiles import load  # noqa: PLC0415 - see above

        return load(self.profile)

    def _over(
        self, profile: ServerSettings | None
    ) -> tuple[Connection, PasswordSource | None]:
        """With what *profile* adds, and where that has the password of this user."""
        if profile is None:
            return self, None
        given = attrs.evolve(
            profile,
            url=self.url,
            username=self.username,
            password=None,
            ca_file=self.ca_file,
            fingerprint=self.fingerprint,
            insecure=self.insecure,
        )
        whole = given.over(profile)
        known = attrs.evolve(
            self,
            url=whole.url,
            username=whole.username,
            ca_file=whole.ca_file,
            fingerprint=whole.fingerprint,
        )
        return known, whole.password

    def _password(self, source: PasswordSource | None, username: str) -> str:
        if self.password_file is not None:
            return _password_in(self.password_file)
        if password := os.environ.get("VEEAM_PASSWORD"):
            return password
        if source is not None:
            return _password_of(source)
        if not is_asked_at_terminal():
            raise Refusal(
                "no password is given: set VEEAM_PASSWORD, or give --password-file, or "
                "a --profile that says where it is"
            )
        with asking():
            return getpass(f"Password of {username}: ")

    def tls(self) -> str | Fingerprint | bool:
        """Whom to trust; Refusal where two options contradict each other."""
        given = [
            name
            for name, value in (
                ("--ca-file", self.ca_file),
                ("--fingerprint", self.fingerprint),
                ("--insecure", self.insecure),
            )
            if value
        ]
        if given[1:]:
            raise Refusal(f"{' and '.join(given)} contradict each other: give one")
        if self.fingerprint:
            return Fingerprint(self.fingerprint)
        return self.ca_file or not self.insecure

    def timeout(self) -> Timeout:
        """How long a request may take, and its connection."""
        # Who gives a request two seconds does not mean to wait ten for its connection.
        limit = self.request_timeout
        return Timeout(connect=min(Timeout().connect, limit), request=limit)


NO_CONNECTION = Connection()
"""The default of each command: nothing but what the environment holds."""


@attrs.frozen(kw_only=True)
class Server:
    """A server with the password to it; `connect` as often as needed."""

    connection: Connection
    # Kept out of the repr, which a traceback or a debugger would show.
    password: str = attrs.field(repr=False)

    @property
    def url(self) -> str:
        """The URL as it was given."""
        return self.connection.url or ""

    @property
    def request_timeout(self) -> float:
        """Seconds that one request may take."""
        return self.connection.request_timeout

    def connect(
        self,
        *,
        max_connections: int | None = None,
        retry: Retry | None = None,
        on_request: Callable[[RequestDone], object] | None = None,
    ) -> EnterpriseManager:
        """Build a manager from the options; entering it logs on."""
        connection = self.connection
        return EnterpriseManager(
            self.url,
            username=connection.username or "",
            password=self.password,
            tls=connection.tls(),
            accept=connection.accept,
            max_connections=max_connections or connection.max_connections,
            timeout=connection.timeout(),
            retry=retry,
            proxy=connection.proxy,
            on_request=on_request,
        )


def _warn_of_variables(given: Connection, profile: ServerSettings) -> None:
    """Say which variables win over what the profile says, as nobody might expect."""
    winning = [
        f"VEEAM_{key.upper()}"
        for key in ("url", "username")
        if (value := os.environ.get(f"VEEAM_{key.upper()}"))
        and getattr(given, key) == value
        and getattr(profile, key) not in (None, value)
    ]
    if profile.password is not None and os.environ.get("VEEAM_PASSWORD"):
        winning.append("VEEAM_PASSWORD")
    if winning:
        named = " and ".join(winning)
        warn(f"warning: the environment goes before profile {given.profile}: {named}")


def _password_of(source: PasswordSource) -> str:
    """The password that a profile leads to; Refusal that says what is missing there."""
    from veeam_async.profiles import InVariable  # noqa: PLC0415 - as above

    if isinstance(source, InVariable):
        SECRET_VARIABLES.add(source.name.upper())
    try:
        return source.read().reveal()
    except (OSError, RuntimeError, ValueError) as error:
        raise Refusal(explain(error), exit_code_of(error)) from error


def _password_in(file: str) -> str:
    """The first line of a file; Refusal where it is empty."""
    password = _first_line(file)
    # An empty password is not even tried: Windows locks accounts that fail to log on.
    if not password.reveal():
        raise Refusal(f"the password file {file} is empty")
    return password.reveal()


def _first_line(file: str) -> Secret[str]:
    # No variable: some tools show those of each frame that an error passes.
    return Secret(next(iter(read_text(file).splitlines()), ""))


# ---------------------------------------------------------------- the kind of session

Resource: TypeAlias = Literal["backup", "replica", "restore"]
Sessions: TypeAlias = JobSessions[Any]

SESSION_MODELS: dict[Resource, type[AnySession]] = {
    "backup": BackupJobSession,
    "replica": ReplicaJobSession,
    "restore": RestoreSession,
}


def sessions_of(em: EnterpriseManager, resource: Resource) -> Sessions:
    """The manager's collection of sessions of the kind *resource*."""
    if resource == "replica":
        return em.replica_sessions
    if resource == "restore":
        return em.restore_sessions
    return em.backup_sessions


# ---------------------------------------------------------------- which sessions

Where: TypeAlias = Annotated[str | None, Parameter(name=["--where", "--filter"])]
"""A filter's text."""

Jobs: TypeAlias = Annotated[
    list[str] | None, Parameter(name="--job", negative="", allow_leading_hyphen=True)
]
"""Names of jobs, or patterns of names; the option is given once for each."""

# ---------------------------------------------------------------- ids

Ids = Annotated[str, Parameter(allow_leading_hyphen=True)]
"""An id as an argument, or - for standard input."""

File = Annotated[
    str | None, Parameter(name=["--file", "-f"], allow_leading_hyphen=True)
]
"""A file of ids, or - for standard input."""
