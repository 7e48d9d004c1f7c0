"""A token as requests carry it, and how often one request may have it renewed."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Mapping

import attrs

_MOST_UNPROVEN, _MOST_RENEWALS = 2, 10
_CHOICES, _SHORT = 8, 4096
"""How often a token's rare character is chosen anew, by bodies of so many bytes."""

_SESSION_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


@attrs.define(eq=False)
class Token:
    """A token, told apart by identity.

    *text* is its own, *headers* are those of a request that carries it, *delete* is the
    path of the link that ends it, *alive_at* when the server last took it, on the clock
    of whoever uses it, *worked* whether a request was ever answered with it, *carried*
    by how many requests in flight, *given_up* whether no other will carry it. *rare* is
    one of its characters, which stands in few answers.
    """

    text: bytes = attrs.field(repr=False)
    headers: Mapping[str, str] = attrs.field(repr=False)
    delete: str | None = attrs.field(default=None, repr=False)
    alive_at: float = float("inf")
    worked: bool = False
    carried: int = 0
    given_up: bool = False
    rare: bytes = attrs.field(default=b"", init=False, repr=False)
    _choices: int = attrs.field(default=_CHOICES, init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self.rare = self.text[:1]

    def look_for_another(self, body: bytes) -> None:
        """Choose the character that stands least often in *body*, which holds the last.

        An answer without it holds no token, which is found out in no time.
        """
        if self._choices and len(body) <= _SHORT:
            self._choices -= 1
            self.rare = bytes((min(self.text, key=body.count, default=0),))

    def secrets(self) -> list[str]:
        """The token and the logon session's id, whose base64 the token is."""
        token = self.text.decode("latin-1")
        try:
            return [token, b64decode(token, validate=True).decode()]
        except ValueError:
            return [token]

    def path(self) -> str | None:
        """The path that ends the logon session, by the id that the token is of."""
        session_id = self.secrets()[-1]
        return (
            f"/logonSessions/{session_id}"
            if _SESSION_ID.fullmatch(session_id)
            else None
        )


@attrs.define
class RenewalBudget:
    """How often one request may have its token renewed, and how often it was."""

    renewals: int = 0
    unproven: int = 0

    def allows(self, token: Token) -> bool:
        """Count a dead *token*; True where another one may be tried."""
        self.renewals += 1
        # A server that refuses fresh tokens will go on so; one whose tokens worked, and
        # died, deserves more tries.
        self.unproven += not token.worked
        return self.unproven <= _MOST_UNPROVEN and self.renewals <= _MOST_RENEWALS
