"""The logons of a scripted server, each of which gives a token of its own."""

from __future__ import annotations

from base64 import b64encode

from tests.support.bodies import GONE, SESSION_ID, behind_logon, logon
from tests.support.fault_server import Act, Answer, Asked, Script, played

REFUSED = Answer(
    status=401, body=b"", headers={"WWW-Authenticate": "Basic Realm=RestSvc"}
)


class Tokens:
    """A script that answers by another one what comes with a token that is alive.

    *acts* answer the logons in turn, the last again and again; None logs on. All else,
    and what has one of *refusing* in its target, meets the *refusal*; *alive* are the
    tokens that are taken, *session_ids* those that were given, *logons* and *refused*
    count.
    """

    def __init__(
        self, script: Script, *acts: Act | None, refusal: Act = REFUSED
    ) -> None:
        self.alive: set[str] = set()
        self.refusing: set[str] = set()
        self.session_ids: list[str] = []
        self.logons = self.refused = 0
        self._acts, self._then, self._refusal = [*acts], played(script), refusal
        self._script = behind_logon(
            self._checked, logons=self._log_on, logouts=self._log_out
        )

    def __call__(self, asked: Asked) -> Act:
        """Answer a request."""
        return self._script(asked)

    def expire(self) -> None:
        """Let no token be alive."""
        self.alive.clear()

    def _log_on(self, _asked: Asked) -> Act:
        self.logons += 1
        if self._acts:
            act = self._acts.pop(0) if len(self._acts) > 1 else self._acts[0]
            if act is not None:
                return act
        session_id = f"{SESSION_ID[:24]}{self.logons:012}"
        self.session_ids.append(session_id if self.session_ids else SESSION_ID)
        token = token_of(self.session_ids[-1])
        self.alive.add(token)
        return logon(token, self.session_ids[-1])

    def _log_out(self, asked: Asked) -> Act:
        self.alive.discard(asked.headers["x-restsvcsessionid"])
        return GONE

    def _checked(self, asked: Asked) -> Act:
        refuses = any(each in asked.target for each in self.refusing)
        if refuses or asked.headers["x-restsvcsessionid"] not in self.alive:
            self.refused += 1
            return self._refusal
        return self._then(asked)


def token_of(session_id: str) -> str:
    """The token of a logon session."""
    return b64encode(session_id.encode()).decode()
