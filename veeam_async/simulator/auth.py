"""Logon sessions: opened with a password, known by their token, ended by idleness.

The registry of them, and the handlers that open, show and end them.
"""

import base64
import binascii
import random
import uuid
from collections.abc import Callable, Mapping

import attrs

from veeam_async.simulator.documents import (
    Collection,
    EnterpriseManager,
    LogonSession,
    SupportedVersion,
)
from veeam_async.simulator.entities import Link
from veeam_async.simulator.request import RefusalError, Request, Response
from veeam_async.simulator.resources import EMPTY, SERVED
from veeam_async.simulator.runs import Operation
from veeam_async.simulator.wire import Product

HEADER = "X-RestSvcSessionId"

_VERSIONS: dict[Product, tuple[str, ...]] = {
    "11": ("v1_4", "v1_5", "v1_6"),
    "12": ("v1_5", "v1_6", "v1_7"),
    "13": ("v1_5", "v1_6", "v1_7"),
}
_LINKED = (
    *("backupSessions", "replicaSessions", "restoreSessions", "backupTaskSessions"),
    *("replicaTaskSessions", "jobs", "backupServers", "repositories"),
    *("managedServers", "failoverPlans", "hierarchyRoots", "backups", "restorePoints"),
    *("vmRestorePoints", "vAppRestorePoints", "replicas", "vmReplicaPoints"),
    *("catalog/vms", "wanAccelerators", "backupFiles", "externalRepositories"),
    "agents/discoveredComputers",
)
"""Collections that the logon links to; jobs apart are linked to by their services."""
_SERVICES = (
    ("TaskList", "tasks"),
    ("QueryService", "querySvc"),
    ("AgentsService", "agents"),
    ("NasService", "nas"),
)


# ---------------------------------------------------------------- registry


@attrs.define(eq=False)
class Logon:
    """A living logon session; its tasks end with it."""

    # As secret as the token, which is made of it.
    id: uuid.UUID = attrs.field(repr=False)
    user: str
    used: float
    """When it was last used, in seconds of the registry's clock."""
    tasks: dict[str, Operation] = attrs.field(factory=dict, repr=False)
    """Operations it has ordered, by the ids of their tasks."""

    @property
    def token(self) -> str:
        """Base64 of the id's text, as recorded: scripts compute it themselves."""
        return base64.b64encode(str(self.id).encode()).decode()


class LogonRegistry:
    """Every logon session of one server.

    Args:
        username: Who may log on; without a domain in it, with any domain.
        password: The password.
        seed: Decides the ids, and so the tokens.
        idle_seconds: How long an unused token lives.
        time: A clock in real seconds. Idleness is never counted in simulated ones:
            at sixty times the speed a token would be dead after fifteen seconds.
    """

    def __init__(
        self,
        *,
        username: str,
        password: str,
        seed: int,
        idle_seconds: float,
        time: Callable[[], float],
    ) -> None:
        self._username = username
        self._password = password
        self._idle_seconds = idle_seconds
        self._time = time
        self._rng = random.Random(f"{seed} logons")
        self._by_token: dict[str, Logon] = {}
        self.opened: int = 0
        self.closed: int = 0

    def open(self, authorization: str | None) -> Logon:
        """Log on with a Basic `authorization` header.

        Raises:
            RefusalError: 401, when it is missing, not readable or wrong.
        """
        user, password = _credentials(authorization)
        if not self._is_user(user) or password != self._password:
            raise RefusalError(401, "Unauthorized: wrong user name or password.")
        id_ = uuid.UUID(int=self._rng.getrandbits(128), version=4)
        logon = Logon(id_, user, self._time())
        self._by_token[logon.token] = logon
        self.opened += 1
        return logon

    def _is_user(self, user: str) -> bool:
        # A user configured without a domain may log on with any: DOMAIN\user or UPN.
        bare = user.rpartition("\\")[2].partition("@")[0]
        accepted = self._username.casefold()
        return accepted in {user.casefold(), bare.casefold()}

    def authenticate(self, token: str | None) -> Logon:
        """The logon session of `token`, which counts as used from now.

        Raises:
            RefusalError: 401, when there is no such token, or no longer.
        """
        logon = self._living().get(token or "")
        if logon is None:
            message = f"{HEADER} is expected but not found or has expired."
            raise RefusalError(401, message)
        logon.used = self._time()
        return logon

    def living(self) -> list[Logon]:
        """Living logon sessions, the oldest first."""
        return list(self._living().values())

    def find(self, logon_id: str) -> Logon:
        """The living logon session with this id.

        Raises:
            RefusalError: 500 when there is none: no 404, which is the real answer.
        """
        for logon in self.living():
            if str(logon.id) == logon_id.lower():
                return logon
        raise RefusalError(500, f"There is no logon session with id [{logon_id}].")

    def close(self, logon_id: str) -> None:
        """Log out the session with this id."""
        del self._by_token[self.find(logon_id).token]
        self.closed += 1

    def expire(self, token: str) -> None:
        """End the session of `token`, if there is one, as idleness would."""
        self._by_token.pop(token, None)

    def expire_all(self) -> None:
        """End all sessions, as idleness would."""
        self._by_token.clear()

    def _living(self) -> dict[str, Logon]:
        oldest = self._time() - self._idle_seconds
        # Looked at with each request, so a new dict is made only where one has died.
        if any(logon.used <= oldest for logon in self._by_token.values()):
            self._by_token = {
                token: logon
                for token, logon in self._by_token.items()
                if logon.used > oldest
            }
        return self._by_token


def token_of(headers: Mapping[str, str], cookies: Mapping[str, str]) -> str | None:
    """Token that a request was sent with."""
    # Where both are sent the cookie wins: a client with a cookie jar trips over it.
    return cookies.get(HEADER) or headers.get(HEADER)


def _credentials(authorization: str | None) -> tuple[str, str]:
    scheme, _, encoded = (authorization or "").partition(" ")
    if scheme.lower() != "basic":
        raise RefusalError(401, "Unauthorized: Basic authentication is expected.")
    try:
        pair = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise RefusalError(
            401, "Unauthorized: the credentials cannot be read."
        ) from None
    # Only a password can contain colons.
    user, _, password = pair.partition(":")
    return user, password


# ---------------------------------------------------------------- handlers


def root(request: Request) -> Response:
    """Root document: API versions and where to log on."""
    versions = tuple(
        SupportedVersion(links=(_logon_link(request.base, name),), name=name)
        for name in _VERSIONS[request.builder.product]
    )
    listing = Link(
        rel="Down", href=f"{request.base}/logonSessions", type="LogonSessionList"
    )
    document = EnterpriseManager(
        supported_versions=Collection(
            root="SupportedVersions", key="SupportedVersions", items=versions
        ),
        links=(listing, _logon_link(request.base, "latest")),
    )
    return Response(document=document)


def _logon_link(base: str, version: str) -> Link:
    href = f"{base}/sessionMngr/?v={version}"
    return Link(rel="Create", href=href, type="LogonSession")


@attrs.frozen
class LogonHandlers:
    """Handlers that open, show and end the logon sessions of one registry."""

    logons: LogonRegistry

    def log_on(self, request: Request) -> Response:
        """Log on: 201, the token as a header and as a cookie."""
        # Monitoring scripts leave the version out, which works.
        version = request.param("v") or "latest"
        if version.lower() not in {"latest", *_VERSIONS[request.builder.product]}:
            raise RefusalError(400, f"Version '{version}' is not supported.")
        logon = self.logons.open(request.headers.get("Authorization"))
        headers = {
            HEADER: logon.token,
            "Set-Cookie": f"{HEADER}={logon.token}; Path=/api;",
        }
        return Response(201, _document(logon, request, is_full=True), headers)

    def index(self, request: Request) -> Response:
        """Every living logon session, other people's too, as the real server does."""
        items = tuple(_document(logon, request) for logon in self.logons.living())
        collection = Collection(root="LogonSessions", key="LogonSessions", items=items)
        return Response(document=collection)

    def show(self, request: Request) -> Response:
        """Single logon session."""
        return Response(document=_document(self.logons.find(request.ids[0]), request))

    def log_out(self, request: Request) -> Response:
        """End one logon session: 204."""
        self.logons.close(request.ids[0])
        return Response(204)


def _document(logon: Logon, request: Request, *, is_full: bool = False) -> LogonSession:
    here = f"{request.base}/logonSessions/{logon.id}"
    # Only the answer to the logon itself links to all that can be read.
    links = _collection_links(request.base) if is_full else ()
    return LogonSession(
        user_name=logon.user,
        session_id=str(logon.id),
        links=(*links, Link(rel="Delete", href=here)),
        href=here,
    )


def _collection_links(base: str) -> tuple[Link, ...]:
    up = Link(rel="Up", href=f"{base}/", type="EnterpriseManager")
    types = {path: each.type for path, each in SERVED.items()}
    types |= {path: plural.removesuffix("s") for path, plural in EMPTY.items()}
    lists = {path: types[path] for path in _LINKED}
    references = [
        Link(rel="Down", href=f"{base}/{path}", type=f"{type_}ReferenceList")
        for path, type_ in lists.items()
    ]
    services = [
        Link(rel="Down", href=f"{base}/{path}", type=type_) for type_, path in _SERVICES
    ]
    report = Link(
        rel="Down", href=f"{base}/reports/summary", name="Summary", type="Report"
    )
    entities = [
        Link(rel="Down", href=f"{base}/{path}?format=Entity", type=f"{type_}List")
        for path, type_ in lists.items()
    ]
    return (up, *references, *services, report, *entities)
