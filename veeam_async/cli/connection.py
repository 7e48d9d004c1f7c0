"""Which server, as whom, and whom to trust: options and environment to a connection."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from getpass import getpass
from typing import Annotated, Literal

import attrs
from cyclopts import Group, Parameter

from veeam_async import EnterpriseManager, Fingerprint, RequestDone, Retry, Timeout
from veeam_async.cli.exits import Refusal
from veeam_async.cli.given import read_text

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

    proxy: Annotated[str | None, Parameter(env_var="VEEAM_PROXY")] = None
    """The URL of an HTTP proxy."""

    def server(self) -> Server:
        """Complete what is missing, from the environment or by asking.

        Done before the event loop runs, so that Ctrl-C ends a question at once.
        """
        if not self.url:
            raise Refusal(
                "no server is given: set VEEAM_URL, VEEAM_USERNAME and VEEAM_PASSWORD, "
                "or give --url, --username and --password-file"
            )
        if not self.username:
            raise Refusal("no user is given: set VEEAM_USERNAME, or give --username")
        return Server(connection=self, password=self._password())

    def _password(self) -> str:
        if self.password_file is not None:
            return _password_in(self.password_file)
        if (password := os.environ.get("VEEAM_PASSWORD")) is not None:
            return password
        if not sys.stdin.isatty():
            raise Refusal(
                "no password is given: set VEEAM_PASSWORD, or give --password-file"
            )
        return getpass(f"Password of {self.username}: ")

    def tls(self) -> str | Fingerprint | bool:
        """Give whom to trust; Refusal where two answers are given."""
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


@attrs.frozen(kw_only=True)
class Server:
    """A connection that lacks nothing any more; `connect` as often as needed."""

    connection: Connection
    password: str = attrs.field(repr=False)

    @property
    def url(self) -> str:
        """Where it is."""
        return self.connection.url or ""

    def connect(
        self,
        *,
        max_connections: int | None = None,
        retry: Retry | None = None,
        on_request: Callable[[RequestDone], object] | None = None,
    ) -> EnterpriseManager:
        """Make a manager; entering it logs on."""
        given = self.connection
        return EnterpriseManager(
            self.url,
            username=given.username or "",
            password=self.password,
            tls=given.tls(),
            accept=given.accept,
            max_connections=max_connections or given.max_connections,
            timeout=_timeout(given.request_timeout),
            retry=retry,
            proxy=given.proxy,
            on_request=on_request,
        )


def _password_in(file: str) -> str:
    """Give the first line; nothing is sent where it is empty, since accounts lock."""
    lines = read_text(file).splitlines()
    if not lines or not lines[0]:
        raise Refusal(f"the password file {file} is empty")
    return lines[0]


def _timeout(seconds: float) -> Timeout:
    """Give a connect time that is no longer than the whole request's."""
    return Timeout(connect=min(Timeout().connect, seconds), request=seconds)
