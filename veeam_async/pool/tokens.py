"""A token and its death: what a logon gives, and when a 401 is believed."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping

import attrs

TOKEN_HEADER = "X-RestSvcSessionId"  # noqa: S105 - a header's name

_MOST_UNPROVEN, _MOST_DEAD = 2, 10
_SHORTEST_SECRET = 8


@attrs.define(eq=False)
class Token:
    """A token, told apart by identity.

    *headers* are those of a request that carries it, *delete* is the path of the link
    that ends it, *alive_at* when the server last took it, on the clock of whoever uses
    it, *worked* whether a request was ever answered with it.
    """

    headers: Mapping[str, str] = attrs.field(repr=False)
    delete: str | None = attrs.field(repr=False)
    alive_at: float = float("inf")
    worked: bool = False

    def hidden_in(self, body: bytes) -> bytes:
        """Give *body* without the token and its logon session's id.

        A server that repeats what it was sent must not bring a secret into an error.
        """
        for secret in self._secrets():
            body = body.replace(secret, b"(hidden)")
        return body

    def _secrets(self) -> list[bytes]:
        """Give the token and, as it is the base64 of it, the logon session's id."""
        token = self.headers[TOKEN_HEADER].encode("latin-1")
        try:
            secrets = [token, b64decode(token, validate=True)]
        except ValueError:
            secrets = [token]
        return [secret for secret in secrets if len(secret) >= _SHORTEST_SECRET]


@attrs.define
class Dead:
    """The dead tokens that one request has met."""

    tokens: int = 0
    unproven: int = 0

    def counts(self, token: Token) -> bool:
        """Count *token*; tell whether the next one deserves a try.

        A server that refuses its fresh tokens is believed sooner than one whose good
        tokens die.
        """
        self.tokens += 1
        self.unproven += not token.worked
        return self.unproven <= _MOST_UNPROVEN and self.tokens <= _MOST_DEAD
