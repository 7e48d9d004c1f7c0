"""The faults: what each does, and the nature by which its expectations are found."""

from __future__ import annotations

from enum import StrEnum

import attrs

from tests.faults.proxy import Act, ConnectAct


class Nature(StrEnum):
    """What a fault is to the client that meets it, whatever it does to the bytes."""

    HARMLESS = "harmless"
    BROKEN = "broken"
    UNSENT = "unsent"
    SILENT = "silent"
    SLOW_TO_CONNECT = "no connection in time"
    UNREADABLE = "unreadable"
    TOO_LARGE = "too large"
    HALF = "the head alone"
    PART_OF_HEAD = "perhaps enough of the head"
    STRANGE = "another's answer"
    STATUS = "status"
    UNAUTHORIZED = "401"
    CERTIFICATE = "certificate"
    FOREIGN = "not Enterprise Manager"
    UNSTABLE = "rows that move"
    EMPTY = "an empty list"
    PARTIAL = "part of what was promised"


@attrs.frozen(kw_only=True, eq=False)
class Fault:
    """A fault: *act* has requests, *connect* new connections, *idle* goes to idle ones.

    *kind* groups faults on the page, *says* is its sentence there. *plain* is the
    nature over plain TCP, *aiohttp* that over aiohttp where it differs, *natures* those
    for some operations, by their names. *status* and *error* are those of an answer,
    *wait* the seconds that it asks for, *accept* is what is asked for. *unseen*: it is
    answered as by the server, which never sees the request. It strikes once unless it
    is *lasting*.
    """

    name: str
    kind: str
    says: str
    nature: Nature
    act: Act | None = None
    connect: ConnectAct | None = None
    idle: bytes = b""
    plain: Nature | None = None
    aiohttp: Nature | None = None
    natures: dict[str, Nature] = attrs.field(factory=dict)
    status: int | None = None
    error: str | None = None
    wait: float = 0.0
    accept: str = "json"
    unseen: bool = False
    lasting: bool = False

    def nature_for(self, operation: str, *, is_tls: bool, transport: str) -> Nature:
        """What it is to an operation over TLS, or plain TCP, and by a transport."""
        if not is_tls and self.plain is not None:
            return self.plain
        if operation in self.natures:
            return self.natures[operation]
        if transport == "aiohttp" and self.aiohttp is not None:
            return self.aiohttp
        return self.nature
