"""What a handler gives back: a status, a document to render, and headers."""

from collections.abc import Mapping
from http import HTTPStatus

import attrs

from veeam_async.simulator.documents import Error
from veeam_async.simulator.refusals import RefusalError


@attrs.frozen
class Answer:
    """An answer before it is rendered; without *document* it has no body."""

    status: int = 200
    document: object | None = None
    headers: Mapping[str, str] = attrs.field(factory=dict)


def refused(refusal: RefusalError) -> Answer:
    """Word *refusal* as an error document."""
    headers = {}
    if refusal.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Basic Realm=RestSvc"
    document = Error(message=refusal.message, status_code=refusal.status)
    return Answer(refusal.status, document, headers)
