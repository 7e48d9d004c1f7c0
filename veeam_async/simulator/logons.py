"""Credentials in, tokens out: the logon sessions and when they end.

Idleness is counted in real seconds (the event loop's), never in simulated
ones: at sixty times the speed a token would be dead after fifteen seconds.
"""

import asyncio
import base64
import binascii
import random
import uuid
from collections.abc import Mapping

import attrs

from veeam_async.simulator.refusals import RefusalError
from veeam_async.simulator.tasks import Tasks

HEADER = "X-RestSvcSessionId"


@attrs.define(eq=False)
class Logon:
    """A logon session; its tasks live and die with it."""

    id: uuid.UUID = attrs.field(repr=False)
    user: str
    used: float
    tasks: Tasks = attrs.field(factory=Tasks, repr=False)

    @property
    def token(self) -> str:
        """The token: base64 of the id's text."""
        return base64.b64encode(str(self.id).encode()).decode()


class Logons:
    """All logon sessions of one server."""

    def __init__(
        self, *, username: str, password: str, seed: int, idle_seconds: float
    ) -> None:
        self._username = username
        self._password = password
        self._idle_seconds = idle_seconds
        self._rng = random.Random(f"{seed} logons")
        self._alive: dict[str, Logon] = {}
        self._loop = asyncio.get_running_loop()
        self.opened = 0
        self.closed = 0

    def open(self, authorization: str | None) -> Logon:
        """Log on with a Basic *authorization* header.

        Raises:
            RefusalError: 401, when it is missing, not readable or wrong.
        """
        user, password = _basic(authorization)
        if not self._is_user(user) or password != self._password:
            raise RefusalError(401, "Unauthorized: wrong user name or password.")
        id_ = uuid.UUID(int=self._rng.getrandbits(128), version=4)
        logon = Logon(id_, user, self._loop.time())
        self._alive[logon.token] = logon
        self.opened += 1
        return logon

    def _is_user(self, user: str) -> bool:
        # A user configured without a domain may log on with any.
        bare = user.rpartition("\\")[2].partition("@")[0]
        accepted = self._username.casefold()
        return accepted in {user.casefold(), bare.casefold()}

    def authorise(self, token: str | None) -> Logon:
        """Find the logon session of *token* and count it as used.

        Raises:
            RefusalError: 401, when there is no such token or not any more.
        """
        logon = self._living().get(token or "")
        if logon is None:
            message = f"{HEADER} is expected but not found or has expired."
            raise RefusalError(401, message)
        logon.used = self._loop.time()
        return logon

    def list(self) -> list[Logon]:
        """List the living logon sessions, the oldest first."""
        return list(self._living().values())

    def find(self, id_: str) -> Logon:
        """Find a logon session by id.

        Raises:
            RefusalError: 500 when there is none: the real server's answer.
        """
        for logon in self.list():
            if str(logon.id) == id_.lower():
                return logon
        raise RefusalError(500, f"There is no logon session with id [{id_}].")

    def close(self, id_: str) -> None:
        """Log out the session with that id."""
        del self._alive[self.find(id_).token]
        self.closed += 1

    def expire(self, token: str | None = None) -> None:
        """End the session of *token*, or all of them, as idleness would."""
        if token is None:
            self._alive.clear()
        else:
            self._alive.pop(token, None)

    def _living(self) -> dict[str, Logon]:
        oldest = self._loop.time() - self._idle_seconds
        if any(logon.used <= oldest for logon in self._alive.values()):
            self._alive = {
                token: logon
                for token, logon in self._alive.items()
                if logon.used > oldest
            }
        return self._alive


def token_of(headers: Mapping[str, str], cookies: Mapping[str, str]) -> str | None:
    """Take the token of a request: where both are sent the cookie wins."""
    return cookies.get(HEADER) or headers.get(HEADER)


def _basic(authorization: str | None) -> tuple[str, str]:
    scheme, _, encoded = (authorization or "").partition(" ")
    if scheme.lower() != "basic":
        raise RefusalError(401, "Unauthorized: Basic authentication is expected.")
    try:
        pair = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise RefusalError(
            401, "Unauthorized: the credentials cannot be read."
        ) from None
    user, _, password = pair.partition(":")
    return user, password
