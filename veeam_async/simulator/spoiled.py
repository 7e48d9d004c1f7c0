"""Answers that are wrong in themselves: of something else, with nulls, unreadable."""

import random
import re
import uuid
from typing import Any

import attrs

from veeam_async.simulator.documents import (
    Collection,
    EntityLists,
    Null,
    QueryResult,
    Resources,
)
from veeam_async.simulator.request import Request, Response
from veeam_async.simulator.runs import Kind, Operation

_KINDS: tuple[Kind, ...] = ("BackupJobSession", "ReplicaJobSession", "RestoreSession")
_NAMES = re.compile(rb'"(?:job)?name":"|<JobName>| Name="', re.IGNORECASE)
_BAD = {
    # Half a surrogate, as .NET escapes it; a control character; no UTF-8.
    b"{": (rb"\ud83d", b"\x1b", b"\xff"),
    # A reference to what XML 1.0 forbids, which .NET's serializers write.
    b"<": (b"&#x1F;", b"\x1b", b"\xff"),
}


# ------------------------------------------------------- other questions


def mixed_up(request: Request, fault: str | None, rng: random.Random) -> Request:
    """Request that is answered in place of `request`; itself without such a fault."""
    change = _MIXUPS.get(fault or "")
    return change(request, rng) if change else request


def _other_session(request: Request, rng: random.Random) -> Request:
    try:
        asked = uuid.UUID(request.ids[0])
    except ValueError:
        return request
    now = request.now
    kinds = [kind for kind in _KINDS if request.world.run(kind, asked, now)]
    others = [
        run.id
        for kind in kinds
        for run in request.world.runs(kind, now)
        if run.id != asked
    ]
    return attrs.evolve(request, ids=(str(rng.choice(others)),)) if others else request


def _other_page(request: Request, _rng: random.Random) -> Request:
    text = request.param("page") or "1"
    params = {k: v for k, v in request.params.items() if k.lower() != "page"}
    # What is no number is refused as it stands.
    page = str(int(text) + 1) if text.isascii() and text.isdigit() else text
    return attrs.evolve(request, params={**params, "page": page})


def _other_task(request: Request, rng: random.Random) -> Request:
    asked = request.ids[0]
    known = request.tasks.get(asked)
    if known is None:
        return request
    others = [task for task in request.tasks.values() if task is not known]
    other = rng.choice(others) if others else _next_number(known)
    return attrs.evolve(request, tasks={asked: other})


def _next_number(operation: Operation) -> Operation:
    return attrs.evolve(operation, number=operation.number + 1)


_MIXUPS = {
    "other_session": _other_session,
    "other_page": _other_page,
    "other_task": _other_task,
}


# ------------------------------------------------------------------ nulls


def with_null_row(
    response: Response, fault: str | None, rng: random.Random
) -> Response:
    """List of `response` with a null in place of a row, where the fault is that."""
    if fault != "null_rows":
        return response
    return attrs.evolve(response, document=_without_row(response.document, rng))


def _without_row(document: Any, rng: random.Random) -> Any:
    if isinstance(document, QueryResult):
        return attrs.evolve(
            document,
            refs=_without_row(document.refs, rng),
            entities=_without_row(document.entities, rng),
            resources=_without_row(document.resources, rng),
        )
    if isinstance(document, Resources):
        return attrs.evolve(document, tasks=_without_row(document.tasks, rng))
    if isinstance(document, EntityLists):
        return attrs.evolve(document, held=_without_row(document.held, rng))
    if not isinstance(document, Collection) or not document.items:
        return document
    items = [*document.items]
    place = rng.randrange(len(items))
    items[place] = Null(items[place])
    return attrs.evolve(document, items=tuple(items))


# ------------------------------------------------------------- characters


def with_bad_characters(body: bytes, rng: random.Random) -> bytes:
    """Document whose names begin with what no name can hold, a kind for all of them."""
    kinds = _BAD.get(body[:1])
    if kinds is None:
        return body
    bad = rng.choice(kinds)
    return _NAMES.sub(lambda match: match[0] + bad, body)
