"""What a handler is given and what it hands back: requests, responses, refusals.

Neither knows of a socket: `dispatch` makes requests of what arrives and renders the
responses.
"""

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from urllib.parse import unquote, unquote_plus

import attrs

from veeam_async.simulator.builder import EntityBuilder
from veeam_async.simulator.documents import Error
from veeam_async.simulator.runs import Operation
from veeam_async.simulator.world import World


@attrs.frozen
class Page:
    """Body that is none of Enterprise Manager's documents."""

    body: bytes
    media: str = "text/html; charset=utf-8"


@attrs.frozen
class Response:
    """A response before it is rendered; without `document` it has no body."""

    status: int = 200
    document: object | None = None
    headers: Mapping[str, str] = attrs.field(factory=dict)


class RefusalError(Exception):
    """Refused with this status, in Enterprise Manager's own words."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message

    def response(self, headers: Mapping[str, str] | None = None) -> Response:
        """The error document, with `headers` beside it."""
        headers = dict(headers or {})
        if self.status == HTTPStatus.UNAUTHORIZED:
            headers["WWW-Authenticate"] = "Basic Realm=RestSvc"
        document = Error(message=self.message, status_code=self.status)
        return Response(self.status, document, headers)


@attrs.frozen
class Request:
    """A request with all that its handler needs to answer it."""

    params: Mapping[str, str]
    headers: Mapping[str, str]
    ids: tuple[str, ...]
    """What stands for `{id}` in the route."""
    world: World
    builder: EntityBuilder
    tasks: dict[str, Operation]
    """Operations of the logon session by their tasks' ids; empty without a logon."""

    @property
    def now(self) -> datetime:
        """The moment at which the world is looked at, one for the whole response."""
        return self.builder.now

    @property
    def base(self) -> str:
        """Start of every Href, up to and with `/api`."""
        return self.builder.base

    def param(self, name: str) -> str | None:
        """The query parameter of this name, whatever its case."""
        for key, value in self.params.items():
            if key.lower() == name.lower():
                return value
        return None

    @property
    def is_entity(self) -> bool:
        """Whether the whole entity is asked for, not the reference.

        Raises:
            RefusalError: 400, for any other format.
        """
        name = self.param("format")
        if name is None or name.lower() == "reference":
            return False
        # Clients write `entity` too, so its case cannot matter.
        if name.lower() != "entity":
            raise RefusalError(400, f"Format '{name}' is unknown.")
        return True


def parse_target(raw: str) -> tuple[tuple[str, ...] | None, dict[str, str]]:
    """Split a raw request target into segments below `/api` and parameters.

    The segments are None for a path outside of `/api`. In the query a `+` is a space.
    """
    path, _, query = raw.partition("?")
    # A proxy sends the whole URL.
    if "://" in path:
        path = "/" + path.partition("://")[2].partition("/")[2]
    # Empty segments are dropped: `//` in a path was seen to reach the handler.
    segments = [unquote(segment) for segment in path.split("/") if segment]
    # Split before decoding: an escaped & belongs to a value.
    pairs = [pair.partition("=") for pair in query.split("&") if pair]
    params = {unquote_plus(name): unquote_plus(value) for name, _, value in pairs}
    if not segments or segments[0].lower() != "api":
        return None, params
    return tuple(segments[1:]), params
